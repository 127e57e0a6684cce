"""Audit log: one row for every change of state, in the same transaction.

Rows contain no addresses or free text, and no names but those of officers and users of the machine. Some decisions read
them: how often an act happened lately, where its frequency is limited, and which actors did it.
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet

from sinetti.database import models
from sinetti.database.common.obeyed_rows import UNCHANGED, read_row
from sinetti.database.connection import Database
from sinetti.database.models import AuditEvent
from sinetti.database.obeyed_tables import PREFIXES
from sinetti.domain.daily_limits import LimitContext
from sinetti.wire.transparency.entries import INSTANT, ROW, Facts, format_entry
from sinetti.wire.transparency.merkle import leaf_hash

LOOKED = "looked"
"""Action of rows about what a clerk views.

They are the only ones that are written while the database takes no writes.
"""

ADDRESS_SIZE = 45
"""Longest network address: IPv6 with an embedded IPv4 address."""


@dataclass(frozen=True, slots=True)
class AuditContext:
    """The actor (an opaque id), the time on the office's clock, and the request.

    `limit_context` has the limits in 24 hours for this actor. It is None without limits, as for operators. `caller` is
    the network address of a request over HTTP, else empty.
    """

    actor: str
    at: datetime
    request_id: str
    limit_context: LimitContext | None = None
    caller: str = ""


def row_of(audit: AuditContext, action: str, subject: str, facts: Facts) -> tuple[bytes, str]:
    """Return the octets of a row's entry in the log, and their SHA-256."""
    octets = format_entry(action, subject, (audit.actor, audit.at, audit.request_id), facts)
    return octets, hashlib.sha256(octets).hexdigest()


def write(db: Database, audit: AuditContext, action: str, subject: str, **facts: str | int | None) -> bytes:
    """Write one audit row.

    Call it inside the transaction that changes the state, after the change. The entry has the rows about an object that
    the service obeys (obeyed_rows.py). Returns the hash of its entry in the log.
    """
    if subject.startswith(PREFIXES) and action not in UNCHANGED:
        facts[ROW] = read_row(db, subject)
    (leaf,) = write_each(db, audit, action, [subject], **facts)
    return leaf


def write_each(
    db: Database, audit: AuditContext, action: str, subjects: Iterable[str], **facts: str | int | None
) -> list[bytes]:
    """Write one audit row for each subject, in their order, as `write` does."""
    if action != LOOKED:
        db.require_writable()
    rows = []
    for subject in subjects:
        octets, sha256 = row_of(audit, action, subject, facts)
        rows.append(
            AuditEvent(
                at=audit.at,
                actor=audit.actor,
                action=action,
                object=subject,
                request_id=audit.request_id,
                octets=octets,
                sha256=sha256,
            )
        )
    db.rows(AuditEvent).bulk_create(rows)
    note_caller(db, audit)
    return [leaf_hash(bytes(row.octets)) for row in rows]


def find_entry(db: Database, subject: str, *actions: str) -> bytes | None:
    """Return the hash of the last entry about this object, or None.

    It has one of these actions.
    """
    octets = _newest(db, subject, actions).values_list("octets", flat=True).first()
    return None if octets is None else leaf_hash(bytes(octets))


def find_actor(db: Database, subject: str, *actions: str) -> str | None:
    """Return who did the last of these actions on this object, or None."""
    return _newest(db, subject, actions).values_list("actor", flat=True).first()


def _newest(db: Database, subject: str, actions: Collection[str]) -> "QuerySet[AuditEvent]":
    rows = db.rows(AuditEvent)
    return rows.filter(object=subject, action__in=actions).order_by("-sequence")


def is_sound(row: AuditEvent) -> bool:
    """Return True if a row's columns agree with its octets.

    The octets must have their digest, too.
    """
    octets = bytes(row.octets)
    try:
        stored = json.loads(octets)
        written = [stored[name] for name in ("at", "actor", "action", "object", "request")]
    except (ValueError, KeyError, TypeError):
        return False
    columns = [row.at.astimezone(UTC).strftime(INSTANT), row.actor, row.action, row.object, row.request_id]
    return columns == written and hashlib.sha256(octets).hexdigest() == row.sha256


def note_caller(db: Database, audit: AuditContext) -> None:
    """Store the network address of the request, once; it is erased before the rows."""
    if audit.caller:
        row = models.CallerAddress(request_id=audit.request_id, address=audit.caller[:ADDRESS_SIZE], at=audit.at)
        db.rows(models.CallerAddress).bulk_create([row], ignore_conflicts=True)


def count(db: Database, subject: str, action: str, since: datetime) -> int:
    """Count the rows of this action on this object since an instant.

    The instant is on the office's clock.
    """
    rows = db.rows(models.AuditEvent).filter(object=subject, action=action, at__gt=since)
    return rows.count()


def actors(db: Database, action: str, subject: str, fact: tuple[str, str]) -> frozenset[str]:
    """Return the actors of this action on this object whose row has this fact.

    The fact is a name and a value.
    """
    rows = db.rows(models.AuditEvent).filter(object=subject, action=action)
    name, value = fact
    queryset = rows.values_list("actor", "octets")
    return frozenset(actor for actor, octets in queryset if json.loads(bytes(octets))["facts"].get(name) == value)


def note(db: Database, audit: AuditContext, action: str, subject: str, **facts: str | int | None) -> None:
    """Write a row in its own transaction, for an act without other changes."""
    with transaction.atomic(using=db.alias):
        write(db, audit, action, subject, **facts)
