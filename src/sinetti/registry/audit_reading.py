"""Audit rows that are counted: how often something happened lately, where that limits how often it may."""

from datetime import datetime

from django.db import transaction

from sinetti.registry import audit, models
from sinetti.registry.audit import Deed
from sinetti.registry.opening import Register


def count(register: Register, subject: str, action: str, since: datetime) -> int:
    """How many rows there are of this action on this object since then, by the office's clock."""
    rows = models.AuditRow.objects.using(register.alias).filter(object=subject, action=action, at__gt=since)
    return rows.count()


def note(register: Register, deed: Deed, action: str, subject: str) -> None:
    """Write a row in a transaction of its own: of what changed nothing else."""
    with transaction.atomic(using=register.alias):
        audit.write(register, deed, action, subject)
