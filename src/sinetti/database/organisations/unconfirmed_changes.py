"""Renames and ends of one organisation by one clerk alone (docs/clerks.md).

They are counted for a day, so that many need two clerks.
"""

from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import QuerySet

from sinetti.database.common.audit_log import Deed
from sinetti.database.common.locks import take_turn
from sinetti.database.connection import Register
from sinetti.database.models import LoneAct
from sinetti.database.organisations import administration
from sinetti.domain.organisations.csv_import import Change
from sinetti.domain.organisations.import_confirmation import COUNTED_FOR, needs_second_clerk, takes_two

_TURN = "lone-acts"


class AlterResult(StrEnum):
    """The result of a change to one organisation."""

    DONE = "done"
    MOVED = "moved"
    SECOND_CLERK = "second-clerk"


def alter_alone(register: Register, change: Change, clerk: str, deed: Deed) -> AlterResult:
    """Make one change by one clerk alone, up to the limit of a day.

    Above the limit a second clerk is needed. Such acts take turns, so that two at once are not each the last one alone.
    """
    counts = needs_second_clerk([change])
    with transaction.atomic(using=register.alias):
        if counts:
            take_turn(register, _TURN)
        if counts and takes_two(1, count_lately(register, clerk, deed.at)):
            return AlterResult.SECOND_CLERK
        if not administration.alter(register, change, deed):
            return AlterResult.MOVED
        if counts:
            _all(register).filter(at__lte=deed.at - COUNTED_FOR).delete()
            _all(register).create(clerk=clerk, at=deed.at)
    return AlterResult.DONE


def count_lately(register: Register, clerk: str, now: datetime) -> int:
    """Return how many organisations the clerk changed alone within 24 hours."""
    return _all(register).filter(clerk=clerk, at__gt=now - COUNTED_FOR).count()


def _all(register: Register) -> "QuerySet[LoneAct]":
    return LoneAct.objects.using(register.alias)
