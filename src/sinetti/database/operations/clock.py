"""Database clock and newest stored instant, to check the machine's clock."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.db.models import Max

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.infra.clock import format_instant

OVERLAP = 5_000
"""Number of audit rows that are read again.

A transaction may commit a lower sequence number after a higher one was seen.
"""

MOVED_AFTER = 5_000
"""Number of audit rows after which the checkpoint advances.

A check reads no more than these rows and the overlap.
"""

_MARK, _UNCONFIRMED = "clock", "ahead"


@dataclass(frozen=True)
class StoredClock:
    """Newest instant that counts (None in an empty database), and the accepted rows.

    Rows up to `accepted_sequence` no longer count. `unconfirmed_since` is the newest instant when the clock was found
    far ahead of it.
    """

    newest: datetime | None
    sequence: int
    accepted_sequence: int
    accepted_at: datetime | None
    unconfirmed_since: datetime | None = None


def database_now(db: Database) -> datetime | None:
    """Return the database's clock in UTC, or None for SQLite, which has no own clock."""
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    at: datetime = now
    return at


def stored(db: Database) -> StoredClock:
    """Return the newest stored instant, and advance the checkpoint if it is due.

    Every change of state has an audit row with its instant, so only audit rows are read.
    """
    marks = db.rows(models.ClockCheckpoint).in_bulk()
    mark, unconfirmed = marks.get(_MARK), marks.get(_UNCONFIRMED)
    since = max(mark.sequence - OVERLAP, mark.accepted_sequence) if mark else 0
    rows = db.rows(models.AuditEvent).filter(sequence__gt=since)
    totals = rows.aggregate(newest=Max("at"), last=Max("sequence"))
    known = [at for at in (totals["newest"], mark.newest if mark else None) if at is not None]
    now = StoredClock(
        newest=max(known, default=None),
        sequence=totals["last"] or (mark.sequence if mark else 0),
        accepted_sequence=mark.accepted_sequence if mark else 0,
        accepted_at=mark.accepted_at if mark else None,
        unconfirmed_since=unconfirmed.newest if unconfirmed else None,
    )
    if now.newest is not None and now.sequence - (mark.sequence if mark else 0) >= MOVED_AFTER:
        _move(db, now, there=mark is not None)
    return now


def accept(db: Database, set_aside: datetime | None, audit: AuditContext) -> None:
    """Ignore all instants stored before now, so that the present clock is accepted.

    The decision is audited.
    """
    with transaction.atomic(using=db.alias):
        before = format_instant(set_aside) if set_aside else None
        audit_log.write(db, audit, "clock-accepted", "clock", newest=before)
        last = db.rows(models.AuditEvent).latest("sequence").sequence
        values = {"newest": audit.at, "sequence": last, "accepted_at": audit.at, "accepted_sequence": last}
        db.rows(models.ClockCheckpoint).update_or_create(pk=_MARK, defaults=values)
        db.rows(models.ClockCheckpoint).filter(pk=_UNCONFIRMED).delete()


def doubt(db: Database, known: StoredClock) -> None:
    """Store that nothing confirms a clock that is far ahead of the newest instant."""
    values = {"newest": known.newest, "sequence": known.sequence}
    db.rows(models.ClockCheckpoint).get_or_create(pk=_UNCONFIRMED, defaults=values)


def confirm(db: Database, now: datetime, known: StoredClock) -> None:
    """Store a time of day that is trusted, and end a doubt about it."""
    rows = db.rows(models.ClockCheckpoint)
    with transaction.atomic(using=db.alias):
        rows.filter(pk=_UNCONFIRMED).delete()
        rows.get_or_create(pk=_MARK, defaults={"newest": now, "sequence": known.sequence})
        rows.filter(pk=_MARK, newest__lt=now).update(newest=now)


def _move(db: Database, now: StoredClock, *, there: bool) -> None:
    """Advance the checkpoint.

    It stays if it has advanced or the clock was accepted meanwhile.
    """
    values = {"newest": now.newest, "sequence": now.sequence}
    if not there:
        db.rows(models.ClockCheckpoint).get_or_create(pk=_MARK, defaults=values)
        return
    rows = db.rows(models.ClockCheckpoint).filter(
        pk=_MARK, sequence__lt=now.sequence, accepted_sequence=now.accepted_sequence
    )
    rows.update(**values)
