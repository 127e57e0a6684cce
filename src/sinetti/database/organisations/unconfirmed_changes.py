"""Renames and ends of one organisation by one clerk alone (docs/clerks.md).

They are counted for a day, so that many need two clerks.
"""

from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import acquire_lock
from sinetti.database.connection import Database
from sinetti.database.models import LoneAct
from sinetti.database.organisations import administration
from sinetti.domain.organisations.csv_import import ImportChange
from sinetti.domain.organisations.import_confirmation import COUNTED_FOR, needs_second_approver, needs_second_clerk

_TURN = "lone-acts"


class AlterResult(StrEnum):
    """The result of a change to one organisation."""

    DONE = "done"
    MOVED = "moved"
    SECOND_CLERK = "second-clerk"


def alter_alone(db: Database, change: ImportChange, clerk: str, audit: AuditContext) -> AlterResult:
    """Make one change by one clerk alone, up to the limit of a day.

    Above the limit a second clerk is needed. Such acts take turns, so that two at once are not each the last one alone.
    """
    counts = needs_second_clerk([change])
    with transaction.atomic(using=db.alias):
        if counts:
            acquire_lock(db, _TURN)
        if counts and needs_second_approver(1, count_lately(db, clerk, audit.at)):
            return AlterResult.SECOND_CLERK
        if not administration.alter(db, change, audit):
            return AlterResult.MOVED
        if counts:
            _all(db).filter(at__lte=audit.at - COUNTED_FOR).delete()
            _all(db).create(clerk=clerk, at=audit.at)
    return AlterResult.DONE


def count_lately(db: Database, clerk: str, now: datetime) -> int:
    """Return how many organisations the clerk changed alone within 24 hours."""
    return _all(db).filter(clerk=clerk, at__gt=now - COUNTED_FOR).count()


def _all(db: Database) -> "QuerySet[LoneAct]":
    return LoneAct.objects.using(db.alias)
