"""Locks for decisions that two processes may not take at the same time.

Further locks protect the account and organisations of an act, from start to end. On SQLite the transaction itself is
the lock, since it begins IMMEDIATE (docs/e-service/authorisations.md, "Asked again").
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import User


def claim_interval(db: Database, name: str, every: timedelta, now: datetime) -> bool:
    """Return True if no caller got True for this name within an interval.

    The interval `every` applies to all nodes. True is recorded at the same time.
    """
    counter, _ = db.rows(models.Counter).get_or_create(name=name)
    longer_ago = int((now - every).timestamp())
    rows = db.rows(models.Counter).filter(pk=counter.pk, value__lte=longer_ago)
    return rows.update(value=int(now.timestamp())) > 0


def acquire_lock(db: Database, name: str) -> None:
    """Take a named lock until the end of the caller's transaction."""
    counter, _ = db.rows(models.Counter).get_or_create(name=name)
    db.rows(models.Counter).filter(pk=counter.pk).update(value=F("value") + 1)


@dataclass(frozen=True, slots=True)
class AccountState:
    """State of a locked account.

    A missing account is neither active nor a clerk's.
    """

    is_active: bool = False
    is_staff: bool = False


@contextmanager
def locked(
    db: Database, user_id: str, organisation_ids: Collection[str] = (), beside: str = ""
) -> Iterator[AccountState]:
    """Open a transaction, lock the account and organisations, yield the account.

    All acts that end an account or withdraw a role update one of these rows. They therefore wait for this act, or this
    act waits for them. Accounts are locked first, then organisations, each in the order of their ids, before all other
    rows. `beside` is the id of a second account whose state the act depends on, such as the proposer's.
    """
    with transaction.atomic(using=db.alias):
        accounts = db.rows(User).filter(pk__in={user_id, beside}).select_for_update(no_key=True)
        states = {row[0]: row[1:] for row in accounts.order_by("pk").values_list("pk", "is_active", "is_staff")}
        found = states.get(user_id)
        organisations = db.rows(models.Organisation).filter(pk__in=set(organisation_ids))
        list(organisations.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        yield AccountState() if found is None else AccountState(*found)
