"""The database's clock, and the newest instant that is stored: what the machine's clock is judged by."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.db.models import Max

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance.journal_records import instant

OVERLAP = 5_000
"""Audit rows that are looked at again: a transaction may commit a lower number after a higher one was seen."""

MOVED_AFTER = 5_000
"""The mark moves on after this many audit rows, so that a look reads no more than these and the overlap."""

_MARK = "clock"


@dataclass(frozen=True, slots=True)
class StoredClock:
    """The newest instant that counts (None in a register without any), and which rows count no more."""

    newest: datetime | None
    sequence: int
    accepted_sequence: int
    accepted_at: datetime | None


def database_now(db: Database) -> datetime | None:
    """The database's own clock, UTC; None for SQLite, which has none but the machine's."""
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    at: datetime = now
    return at


def stored(db: Database) -> StoredClock:
    """What is stored now.

    Every change of state has an audit row with its instant, so these are all that is read.
    """
    mark = models.ClockCheckpoint.objects.using(db.alias).filter(pk=_MARK).first()
    since = max(mark.sequence - OVERLAP, mark.accepted_sequence) if mark else 0
    rows = models.AuditEvent.objects.using(db.alias).filter(sequence__gt=since)
    found = rows.aggregate(newest=Max("at"), last=Max("sequence"))
    known = [at for at in (found["newest"], mark.newest if mark else None) if at is not None]
    now = StoredClock(
        newest=max(known, default=None),
        sequence=found["last"] or (mark.sequence if mark else 0),
        accepted_sequence=mark.accepted_sequence if mark else 0,
        accepted_at=mark.accepted_at if mark else None,
    )
    if now.newest is not None and now.sequence - (mark.sequence if mark else 0) >= MOVED_AFTER:
        _move(db, now, there=mark is not None)
    return now


def accept(db: Database, set_aside: datetime | None, audit: AuditContext) -> None:
    """Let nothing count that was stored before now: the clock is taken as it is.

    Audited.
    """
    with transaction.atomic(using=db.alias):
        before = instant(set_aside) if set_aside else None
        audit_log.write(db, audit, "clock-accepted", "clock", newest=before)
        last = models.AuditEvent.objects.using(db.alias).latest("sequence").sequence
        values = {"newest": audit.at, "sequence": last, "accepted_at": audit.at, "accepted_sequence": last}
        models.ClockCheckpoint.objects.using(db.alias).update_or_create(pk=_MARK, defaults=values)


def _move(db: Database, now: StoredClock, *, there: bool) -> None:
    """Move the mark on, unless somebody else did or the clock was accepted meanwhile."""
    values = {"newest": now.newest, "sequence": now.sequence}
    if not there:
        models.ClockCheckpoint.objects.using(db.alias).get_or_create(pk=_MARK, defaults=values)
        return
    rows = models.ClockCheckpoint.objects.using(db.alias).filter(
        pk=_MARK, sequence__lt=now.sequence, accepted_sequence=now.accepted_sequence
    )
    rows.update(**values)
