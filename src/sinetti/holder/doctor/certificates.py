"""Each certificate of the store, thoroughly: set, chain, dates, what the service has said, what is under way."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sinetti.domain.customers import same_customer
from sinetti.holder import files, generations, glance, journal, reasons, settings, status, todo, when
from sinetti.holder.doctor import words
from sinetti.holder.doctor.findings import Check, Finding, Level, ok, warn
from sinetti.holder.generations import Held
from sinetti.holder.journal import Kind
from sinetti.holder.messages import Message, say
from sinetti.holder.outcome import ExitCode
from sinetti.holder.settings import Settings
from sinetti.holder.when import Phase
from sinetti.pki import chain


def look(store: Path, name: str, now: datetime) -> Iterator[Finding]:
    """Look at one name as thoroughly as a renewal would."""
    folder = store / name
    try:
        kept = settings.load(folder)
        held = generations.live(folder)
        generations.notes(folder)
        for kind in Kind:
            journal.load(journal.folder_of(folder, kind))
    except files.StoreError as bad:
        yield Finding(Check.CERTIFICATE, Level.FAIL, bad.message, name, None, ExitCode.STORE)
        return
    except OSError as bad:
        told = say(words.UNREADABLE, path=str(bad.filename or folder), why=reasons.of(bad))
        yield Finding(Check.CERTIFICATE, Level.FAIL, told, name, say(words.STORE_STEP), ExitCode.STORE)
        return
    row = status.of(glance.look(folder), now)
    if held is None:
        state = row.shown or say(status.SAID[row.state])
        told = say(words.CERTIFICATE_NONE, state=state)
        yield Finding(Check.CERTIFICATE, Level.WARN, told, name, todo.words(row))
        return
    yield from _misfits(folder, kept, held)
    yield _dates(name, row, held, now)


def _misfits(folder: Path, kept: Settings, held: Held) -> Iterator[Finding]:
    path = str(folder / settings.FILE)
    anchors = chain.load_bundle(kept.trust_holders.encode())
    if not chain.issuers_of(held.certificate, anchors):
        yield _wrong(folder.name, say(words.CERTIFICATE_FOREIGN), say(words.CERTIFICATE_FOREIGN_STEP, path=path))
    try:
        named = generations.common_name(held.certificate)
    except ValueError:
        named = None
    if named is None or not same_customer(named, kept.customer_id):
        told = say(words.CERTIFICATE_OTHER, customer_id=kept.customer_id, path=path)
        yield _wrong(folder.name, told, say(words.CERTIFICATE_OTHER_STEP, path=path))


def _dates(name: str, row: status.Row, held: Held, now: datetime) -> Finding:
    until, what = held.span.not_after, todo.words(row)
    if row.seen.notes.revoked == held.serial:
        return _ended(name, say(words.CERTIFICATE_REVOKED), what)
    match when.phase(held.span, now):
        case Phase.EXPIRED:
            return _ended(name, say(words.CERTIFICATE_ENDED, until=until), what)
        case Phase.RENEWAL_OPEN:
            step = what or say(words.RENEW_STEP, name=name)
            return warn(Check.CERTIFICATE, say(words.CERTIFICATE_OPEN, until=until), step, name)
        case Phase.VALID if now + generations.CLOCK_SKEW < held.span.not_before:
            told = say(words.CERTIFICATE_EARLY, at=held.span.not_before)
            return _wrong(name, told, say(words.CERTIFICATE_EARLY_STEP))
        case Phase.VALID:
            told = say(words.CERTIFICATE_GOOD, until=until, at=when.renew_from(held.span))
            return ok(Check.CERTIFICATE, told, name) if what is None else warn(Check.CERTIFICATE, told, what, name)


def _wrong(name: str, told: Message, step: Message) -> Finding:
    return Finding(Check.CERTIFICATE, Level.FAIL, told, name, step, ExitCode.STORE)


def _ended(name: str, told: Message, step: Message | None) -> Finding:
    return Finding(Check.CERTIFICATE, Level.FAIL, told, name, step, ExitCode.REFUSED)
