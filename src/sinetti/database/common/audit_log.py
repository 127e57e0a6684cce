"""One row for every change of state, in the transaction that makes the change.

No names, addresses or free text.

Audit rows that decide: how often something happened lately, where that limits how often it may; and by whom.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import AuditEvent
from sinetti.domain.daily_limits import LimitContext


@dataclass(frozen=True, slots=True)
class AuditContext:
    """The actor (an opaque id), the time by the office's clock, and the request.

    `limit_context` has the limits in 24 hours that it keeps to; None where it has none, as what operators do.
    """

    actor: str
    at: datetime
    request_id: str
    limit_context: LimitContext | None = None


def canonical(audit: AuditContext, action: str, subject: str, facts: dict[str, str | int | None]) -> bytes:
    """The octets that are hashed: JSON with sorted keys, no white space, ASCII only."""
    row = {
        "action": action,
        "actor": audit.actor,
        "at": audit.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "facts": facts,
        "object": subject,
        "request": audit.request_id,
    }
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def row_of(audit: AuditContext, action: str, subject: str, facts: dict[str, str | int | None]) -> tuple[bytes, str]:
    """What a row keeps of its content: the canonical octets and their SHA-256."""
    octets = canonical(audit, action, subject, facts)
    return octets, hashlib.sha256(octets).hexdigest()


def write(db: Database, audit: AuditContext, action: str, subject: str, **facts: str | int | None) -> None:
    """Write one audit row. Call it inside the transaction that changes the state."""
    write_each(db, audit, action, [subject], **facts)


def write_each(
    db: Database, audit: AuditContext, action: str, subjects: Iterable[str], **facts: str | int | None
) -> None:
    """Write one audit row for each of these, in their order, as `write` does."""
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
    AuditEvent.objects.using(db.alias).bulk_create(rows)


def count(db: Database, subject: str, action: str, since: datetime) -> int:
    """How many rows there are of this action on this object since then, by the office's clock."""
    rows = models.AuditEvent.objects.using(db.alias).filter(object=subject, action=action, at__gt=since)
    return rows.count()


def actors(db: Database, action: str, subject: str, fact: tuple[str, str]) -> frozenset[str]:
    """Return the actors of this act on this object whose row has this fact.

    The fact is a name and a value.
    """
    rows = models.AuditEvent.objects.using(db.alias).filter(object=subject, action=action)
    name, value = fact
    found = rows.values_list("actor", "octets")
    return frozenset(actor for actor, octets in found if json.loads(bytes(octets))["facts"].get(name) == value)


def note(db: Database, audit: AuditContext, action: str, subject: str, **facts: str) -> None:
    """Write a row in a transaction of its own: of what changed nothing else."""
    with transaction.atomic(using=db.alias):
        write(db, audit, action, subject, **facts)
