"""Audit rows that decide: how often something happened lately, where that limits how often it may; and by whom."""

import json
from datetime import datetime

from django.db import transaction

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database


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
        audit_log.write(db, audit, action, subject, **facts)
