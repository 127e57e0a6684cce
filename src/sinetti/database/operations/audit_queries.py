"""Queries of the audit trail by object, actor and time, newest rows first."""

import json
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext, is_sound
from sinetti.database.connection import Database
from sinetti.database.models import AuditEvent
from sinetti.wire.transparency.entries import ROW, Facts

LOOKED_THROUGH = 100_000
"""Maximum number of rows scanned by one query without an index.

Further rows need another query.
"""


_ROWS = frozenset({ROW, "octets"})
"""Facts for programs.

Those of adopted rows have the name of an object, with a colon.
"""


@dataclass(frozen=True)
class AuditQuery:
    """Criteria for audit rows; a row must meet all that are not empty.

    `before` is a sequence number; only older rows match.
    """

    object: str = ""
    actor: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


@dataclass(frozen=True)
class AuditEntry:
    """One audit row with decoded content.

    `sound` is True if the content matches its digest.
    """

    sequence: int
    at: datetime
    actor: str
    action: str
    object: str
    request_id: str
    facts: Facts
    sound: bool


@dataclass(frozen=True)
class AuditPage:
    """A page of audit rows; `before` selects the next page, None if there is none."""

    entries: tuple[AuditEntry, ...]
    before: int | None


def entries(db: Database, asked: AuditQuery, most: int) -> AuditPage:
    """Read audit rows, newest first.

    It takes two statements at most, and one if the object's index is used.
    """
    rows = db.rows(AuditEvent).order_by("-sequence")
    begins, ends = asked.before, 0
    if not asked.object:
        if begins is None:
            newest = rows.values_list("sequence", flat=True).first()
            begins = 1 if newest is None else newest + 1
        ends = max(begins - 1 - LOOKED_THROUGH, 0)
        rows = rows.filter(sequence__gt=ends)
    if begins is not None:
        rows = rows.filter(sequence__lt=begins)
    equal = {"object": asked.object, "actor": asked.actor, "action": asked.action}
    rows = rows.filter(**{name: value for name, value in equal.items() if value})
    if asked.since is not None:
        rows = rows.filter(at__gte=asked.since)
    if asked.until is not None:
        rows = rows.filter(at__lt=asked.until)
    audit_events = list(rows[: most + 1])
    if len(audit_events) > most:
        return AuditPage(tuple(_entry(row) for row in audit_events[:most]), audit_events[most - 1].sequence)
    return AuditPage(tuple(_entry(row) for row in audit_events), ends + 1 if ends else None)


def note_look(db: Database, audit: AuditContext, subject: str, **facts: str) -> None:
    """Record that a clerk views an object, in a transaction before it is shown."""
    with transaction.atomic(using=db.alias):
        audit_log.write(db, audit, audit_log.LOOKED, subject, **facts)


def _entry(row: AuditEvent) -> AuditEntry:
    octets = bytes(row.octets)
    sound = is_sound(row)
    facts = {
        name: value for name, value in json.loads(octets)["facts"].items() if name not in _ROWS and ":" not in name
    }
    return AuditEntry(row.sequence, row.at, row.actor, row.action, row.object, row.request_id, facts, sound)
