"""Counts of messages and orders within 24 hours (docs/e-service/ordering.md).

Each is written in the transaction of its act. The row of a count is locked until the transaction ends. Two concurrent
acts therefore cannot both be the last one within the limit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db.models import QuerySet

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import DailyCount
from sinetti.domain.daily_limits import (
    WINDOW,
    LimitContext,
    LimitKind,
    LimitReached,
    again_at,
    count_key,
    counted,
    mailbox,
)

_USER = "user:"


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount to count for a mailbox, an account or a firm."""

    what: LimitKind
    whose: str
    amount: int = 1

    @property
    def key(self) -> str:
        """Key of the row."""
        return count_key(self.what, self.whose)


def count_letters(db: Database, audit: AuditContext, address: str, amount: int = 1) -> None:
    """Count messages to an address that the actor has entered.

    The actor's own confirmed address has no limit. Call it inside the transaction that queues the messages. Raises
    LimitReached.
    """
    if audit.limit_context is not None and (to := mailbox(address)) not in own_mailboxes(db, audit.actor):
        _count(db, audit.limit_context, [Charge(LimitKind.LETTERS, to, amount)])


def count_order(db: Database, audit: AuditContext, firm: str) -> None:
    """Count an order of an account and of its firm. Raises LimitReached."""
    if audit.limit_context is not None:
        _count(db, audit.limit_context, [Charge(LimitKind.ORDERS, audit.actor), Charge(LimitKind.FIRM_ORDERS, firm)])


def own_mailboxes(db: Database, actor: str) -> frozenset[str]:
    """Return the confirmed mailboxes of the actor; empty without an account."""
    rows = db.rows(apps.get_model("account", "EmailAddress"))
    user_id = actor.removeprefix(_USER) if actor.startswith(_USER) else None
    return frozenset(mailbox(one) for one in rows.filter(user=user_id, verified=True).values_list("email", flat=True))


def counts(db: Database, charges: Iterable[Charge], now: datetime) -> Mapping[Charge, int]:
    """Return the present count of each charge, on the machine's clock.

    Pages show it before an act.
    """
    return {charge: len(used) for charge, used in times(db, charges, now).items()}


def times(db: Database, charges: Iterable[Charge], now: datetime) -> Mapping[Charge, tuple[int, ...]]:
    """Return the counting instants of each charge, oldest first (Unix time)."""
    by_key = {charge.key: charge for charge in charges}
    found: dict[Charge, tuple[int, ...]] = dict.fromkeys(by_key.values(), ())
    for row in _rows(db).filter(key__in=list(by_key)):
        found[by_key[row.key]] = counted(row.times, now)
    return found


def forget(db: Database, now: datetime) -> int:
    """Delete counts that have ended, on the machine's clock; return their number."""
    gone, _ = _rows(db).filter(newest__lt=now - WINDOW).delete()
    return gone


def _count(db: Database, limit_context: LimitContext, charges: list[Charge]) -> None:
    # In the order of their keys, so that concurrent acts cannot deadlock.
    for charge in sorted(charges, key=lambda charge: charge.key):
        _rows(db).get_or_create(key=charge.key, defaults={"times": [], "newest": limit_context.at})
        row = _rows(db).select_for_update().get(key=charge.key)
        limit, times = limit_context.limits.of(charge.what), counted(row.times, limit_context.at)
        if (again := again_at(times, limit, charge.amount)) is not None:
            raise LimitReached(charge.what, limit, again)
        row.times = [*times, *[int(limit_context.at.timestamp())] * charge.amount]
        row.newest = limit_context.at
        row.save(update_fields=["times", "newest"])


def _rows(db: Database) -> "QuerySet[DailyCount]":
    return db.rows(DailyCount)
