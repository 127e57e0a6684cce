"""Each certificate of the store, thoroughly: set, chain, dates, what the service has said, what is under way."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sinetti.holder import (
    files,
    generations,
    glance,
    hooks,
    log,
    messages,
    reasons,
    settings,
    status,
    todo,
    when,
)
from sinetti.holder import words as holder_words
from sinetti.holder.config.values import Stage
from sinetti.holder.doctor import words
from sinetti.holder.doctor.findings import Check, Finding, Level, ok, warn
from sinetti.holder.generations import Held
from sinetti.holder.log import Event
from sinetti.holder.messages import Message, say
from sinetti.holder.outcome import ExitCode
from sinetti.holder.settings import Settings
from sinetti.holder.status import NameState, Row
from sinetti.holder.todo import Todo
from sinetti.holder.when import Phase
from sinetti.pki import chain


def look(store: Path, name: str, now: datetime) -> Iterator[Finding]:
    """Check one name as every view does, then as thoroughly as a renewal."""
    folder = store / name
    row = status.of(glance.look(folder), now)
    if row.state is NameState.DAMAGED and row.seen.trouble is not None:
        yield _wrong(name, row.seen.trouble, say(holder_words.RUN_REPAIRS) if row.seen.repairable else None)
        return
    try:
        kept = settings.load(folder)
        held = generations.live(folder)
    except files.StoreError as bad:
        yield _wrong(name, bad.message, None)
        return
    except OSError as bad:
        told = say(words.UNREADABLE, path=str(bad.filename or folder), why=reasons.of(bad))
        yield _wrong(name, told, say(words.STORE_STEP))
        return
    if held is None:
        state = row.shown or say(status.SAID[row.state])
        yield _by_need(row, say(words.CERTIFICATE_NONE, state=state))
        return
    yield from _misfits(folder, kept, held)
    yield _dates(name, row, held, now)
    yield from _deployment(folder, row)


def _misfits(folder: Path, kept: Settings, held: Held) -> Iterator[Finding]:
    path = str(folder / settings.FILE)
    anchors = chain.load_bundle(kept.trust_holders.encode())
    if not chain.trusted_ways(held.certificate, anchors):
        yield _wrong(folder.name, say(words.CERTIFICATE_FOREIGN), say(words.CERTIFICATE_FOREIGN_STEP, path=path))


def _dates(name: str, row: Row, held: Held, now: datetime) -> Finding:
    until = held.span.not_after
    match row.state:
        case NameState.REVOKED:
            return _by_need(row, say(words.CERTIFICATE_REVOKED))
        case NameState.EXPIRED:
            return _by_need(row, say(words.CERTIFICATE_ENDED, until=until))
    match when.phase(held.span, now):
        case Phase.RENEWAL_OPEN:
            return _by_need(row, say(words.CERTIFICATE_OPEN, until=until), say(words.RENEW_STEP, name=name))
        case Phase.VALID if now + generations.CLOCK_SKEW < held.span.not_before:
            told = say(words.CERTIFICATE_EARLY, at=held.span.not_before)
            return _wrong(name, told, say(words.CERTIFICATE_EARLY_STEP))
    return _by_need(row, say(words.CERTIFICATE_GOOD, until=until, at=when.renew_from(held.span)))


def _by_need(row: Row, told: Message, step: Message | None = None) -> Finding:
    """Build the finding of a name from the action that a person has to take.

    `sinetti status --check` judges it the same way.
    """
    code, what = todo.EXIT_CODES[todo.of(row)], todo.words(row) or step
    if todo.of(row) is Todo.DEPLOY:
        code, what = ExitCode.DONE, step  # it has a finding of its own
    if code:
        return Finding(Check.CERTIFICATE, Level.FAIL, told, row.name, what, code)
    return ok(Check.CERTIFICATE, told, row.name) if what is None else warn(Check.CERTIFICATE, told, what, row.name)


def _deployment(folder: Path, row: Row) -> Iterator[Finding]:
    """Name the hook that failed to bring the certificate into use, and how it ended."""
    if not todo.not_deployed(row) or row.seen.deployment is None:
        return
    step = say(words.DEPLOY_STEP, log=str(folder / hooks.FOLDER / f"{Stage.DEPLOY.value}.log"))
    told = say(
        words.DEPLOY_FAILED,
        program=_program(folder),
        serial=row.seen.serial or "",
        tries=row.seen.deployment.tries,
    )
    yield Finding(Check.HOOKS, Level.FAIL, told, row.name, step, ExitCode.AGAIN)


def _program(folder: Path) -> str:
    """Give the program that was last run as `deploy`, by the log."""
    with contextlib.suppress(OSError):
        for one in reversed(list(log.read(folder))):
            if one.event is Event.HOOK and one.facts.get("stage") == Stage.DEPLOY.value:
                return messages.plain(one.facts.get("program", "?"))
    return "?"


def _wrong(name: str, told: Message, step: Message | None) -> Finding:
    return Finding(Check.CERTIFICATE, Level.FAIL, told, name, step, ExitCode.STORE)
