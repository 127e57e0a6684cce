"""Each certificate of the store, thoroughly: set, chain, dates, what the service has said, what is under way."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sinetti.client import renewal_window
from sinetti.client.agent import hooks
from sinetti.client.doctor import messages as doctor_messages
from sinetti.client.doctor.findings import Check, Finding, Level, ok, warn
from sinetti.client.messages import error_reasons, messages, words
from sinetti.client.messages.messages import Message, say
from sinetti.client.model import Stage
from sinetti.client.renewal_window import Phase
from sinetti.client.reporting import required_actions, status
from sinetti.client.reporting.required_actions import Todo
from sinetti.client.reporting.status import NameState, Row
from sinetti.client.results import ExitCode
from sinetti.client.store import event_log, files, generations, settings, snapshot
from sinetti.client.store.event_log import Event
from sinetti.client.store.generations import Held
from sinetti.client.store.settings import Settings
from sinetti.pki import chain


def look(store: Path, name: str, now: datetime) -> Iterator[Finding]:
    """Check one name as every view does, then as thoroughly as a renewal."""
    folder = store / name
    row = status.of(snapshot.look(folder), now)
    if row.state is NameState.DAMAGED and row.seen.trouble is not None:
        yield _wrong(name, row.seen.trouble, say(words.RUN_REPAIRS) if row.seen.repairable else None)
        return
    try:
        kept = settings.load(folder)
        held = generations.live(folder)
    except files.StoreError as bad:
        yield _wrong(name, bad.message, None)
        return
    except OSError as bad:
        told = say(doctor_messages.UNREADABLE, path=str(bad.filename or folder), why=error_reasons.of(bad))
        yield _wrong(name, told, say(doctor_messages.STORE_STEP))
        return
    if held is None:
        state = row.shown or say(status.SAID[row.state])
        yield _by_need(row, say(doctor_messages.CERTIFICATE_NONE, state=state))
        return
    yield from _misfits(folder, kept, held)
    yield _dates(name, row, held, now)
    yield from _deployment(folder, row)


def _misfits(folder: Path, kept: Settings, held: Held) -> Iterator[Finding]:
    path = str(folder / settings.FILE)
    anchors = chain.load_bundle(kept.trust_holders.encode())
    if not chain.trusted_ways(held.certificate, anchors):
        yield _wrong(
            folder.name,
            say(doctor_messages.CERTIFICATE_FOREIGN),
            say(doctor_messages.CERTIFICATE_FOREIGN_STEP, path=path),
        )


def _dates(name: str, row: Row, held: Held, now: datetime) -> Finding:
    until = held.span.not_after
    match row.state:
        case NameState.REVOKED:
            return _by_need(row, say(doctor_messages.CERTIFICATE_REVOKED))
        case NameState.EXPIRED:
            return _by_need(row, say(doctor_messages.CERTIFICATE_ENDED, until=until))
    match renewal_window.phase(held.span, now):
        case Phase.RENEWAL_OPEN:
            return _by_need(
                row, say(doctor_messages.CERTIFICATE_OPEN, until=until), say(doctor_messages.RENEW_STEP, name=name)
            )
        case Phase.VALID if now + generations.CLOCK_SKEW < held.span.not_before:
            told = say(doctor_messages.CERTIFICATE_EARLY, at=held.span.not_before)
            return _wrong(name, told, say(doctor_messages.CERTIFICATE_EARLY_STEP))
    return _by_need(row, say(doctor_messages.CERTIFICATE_GOOD, until=until, at=renewal_window.renew_from(held.span)))


def _by_need(row: Row, told: Message, step: Message | None = None) -> Finding:
    """Build the finding of a name from the action that a person has to take.

    `sinetti status --check` judges it the same way.
    """
    code, what = required_actions.EXIT_CODES[required_actions.of(row)], required_actions.words(row) or step
    if required_actions.of(row) is Todo.DEPLOY:
        code, what = ExitCode.DONE, step  # it has a finding of its own
    if code:
        return Finding(Check.CERTIFICATE, Level.FAIL, told, row.name, what, code)
    return ok(Check.CERTIFICATE, told, row.name) if what is None else warn(Check.CERTIFICATE, told, what, row.name)


def _deployment(folder: Path, row: Row) -> Iterator[Finding]:
    """Name the hook that failed to bring the certificate into use, and how it ended."""
    if not required_actions.not_deployed(row) or row.seen.deployment is None:
        return
    step = say(doctor_messages.DEPLOY_STEP, log=str(folder / hooks.FOLDER / f"{Stage.DEPLOY.value}.log"))
    told = say(
        doctor_messages.DEPLOY_FAILED,
        program=_program(folder),
        serial=row.seen.serial or "",
        tries=row.seen.deployment.tries,
    )
    yield Finding(Check.HOOKS, Level.FAIL, told, row.name, step, ExitCode.AGAIN)


def _program(folder: Path) -> str:
    """Give the program that was last run as `deploy`, by the log."""
    with contextlib.suppress(OSError):
        for one in reversed(list(event_log.read(folder))):
            if one.event is Event.HOOK and one.facts.get("stage") == Stage.DEPLOY.value:
                return messages.plain(one.facts.get("program", "?"))
    return "?"


def _wrong(name: str, told: Message, step: Message | None) -> Finding:
    return Finding(Check.CERTIFICATE, Level.FAIL, told, name, step, ExitCode.STORE)
