"""Limits in 24 hours on messages to one address, and on orders.

Orders count for an account and for a firm. The machine's clock applies, so that a change of the authority's clock
lifts no limit. Each 24 hours begin with the act itself. A calendar day would allow twice as many around midnight.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

WINDOW: Final = timedelta(hours=24)
"""Time for which an act counts."""
NEVER: Final = datetime.max.replace(microsecond=0, tzinfo=UTC)
"""Result for an amount that exceeds the limit by itself."""
_AHEAD: Final = timedelta(hours=1)
"""Tolerance for counts in the future.

An instant beyond it was recorded by a fast clock and is ignored.
"""


class LimitKind(StrEnum):
    """Kinds of acts that have a limit."""

    LETTERS = "letters"
    ORDERS = "orders"
    FIRM_ORDERS = "firm-orders"


@dataclass(frozen=True)
class DailyLimits:
    """Largest count of each kind within 24 hours: 1 or more."""

    letters: int = 20
    orders: int = 50
    firm_orders: int = 1000

    def of(self, what: LimitKind) -> int:
        """Return the limit of this kind."""
        return {
            LimitKind.LETTERS: self.letters,
            LimitKind.ORDERS: self.orders,
            LimitKind.FIRM_ORDERS: self.firm_orders,
        }[what]


class LimitReached(Exception):
    """Limit of 24 hours that is reached. Nothing was written."""

    def __init__(self, what: LimitKind, limit: int, again_at: datetime) -> None:
        """Store the limit; `again_at` is when the next act is possible.

        It is an instant of the machine's clock.
        """
        super().__init__(f"{limit} {what} in 24 hours, the next at {again_at:%Y-%m-%dT%H:%M:%SZ}")
        self.what, self.limit, self.again_at = what, limit, again_at


@dataclass(frozen=True)
class LimitContext:
    """Limits of an act, and its time on the machine's clock."""

    limits: DailyLimits
    at: datetime


def mailbox(address: str) -> str:
    """Return the mailbox of an address, the key for message limits and for equality.

    It ignores case, and a tag after a plus sign (RFC 5233). The domain has the form of DNS: a U-label equals its
    A-label (RFC 5890, 2.3.2.1).
    """
    local, _, domain = unicodedata.normalize("NFKC", address.strip()).casefold().rpartition("@")
    return f"{local.partition('+')[0] or local}@{_as_dns_has_it(domain)}"


def _as_dns_has_it(domain: str) -> str:
    try:
        return domain.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return domain


def count_key(what: LimitKind, whose: str) -> str:
    """Return the key of a mailbox, an account or a firm: 64 hex digits.

    The key does not disclose the name.
    """
    return sha256(f"{what}\0{whose}".encode()).hexdigest()


def counted(times: Iterable[int], now: datetime) -> tuple[int, ...]:
    """Return the instants that count at `now`, in seconds since 1970, oldest first."""
    since, until = (now - WINDOW).timestamp(), (now + _AHEAD).timestamp()
    return tuple(sorted(time for time in times if since < time <= until))


def again_at(counts: Sequence[int], limit: int, amount: int) -> datetime | None:
    """Return when `amount` further acts are possible, or None if they are now.

    `counts` are the instants that count, the oldest first. The result is NEVER if `amount` exceeds the limit.
    """
    if amount > limit:
        return NEVER
    over = len(counts) + amount - limit
    return datetime.fromtimestamp(counts[over - 1], UTC) + WINDOW if over > 0 else None
