"""Limits of 24 hours on letters to one address, and on orders.

Orders count for an account and for a firm. The time is the machine's, so that moving the office's clock opens no door.
Each 24 hours begin with the act itself: a calendar day would let twice as many pass around midnight.
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
"""The instant for an amount that is over the limit by itself."""
_AHEAD: Final = timedelta(hours=1)
"""What was counted later than so far from now was counted by a clock that was ahead: it counts no more."""


class LimitKind(StrEnum):
    """The kinds of acts that have a limit."""

    LETTERS = "letters"
    ORDERS = "orders"
    FIRM_ORDERS = "firm-orders"


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """The largest count of each kind within 24 hours: 1 or more."""

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
    """There were as many in 24 hours as there may be. Nothing was written."""

    def __init__(self, what: LimitKind, limit: int, again_at: datetime) -> None:
        """`again_at` is when the next one is possible, on the machine's clock."""
        super().__init__(f"{limit} {what} in 24 hours, the next at {again_at:%Y-%m-%dT%H:%M:%SZ}")
        self.what, self.limit, self.again_at = what, limit, again_at


@dataclass(frozen=True, slots=True)
class LimitContext:
    """The limits that an act keeps to, and when it is done, on the machine's clock."""

    limits: DailyLimits
    at: datetime


def mailbox(address: str) -> str:
    """Return the mailbox of an address, by which letters are counted and people compared.

    It ignores case, and a tag after a plus sign (RFC 5233). The domain is as DNS has it: a name in letters of a
    language equals its A-labels (RFC 5890, 2.3.2.1).
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
    return tuple(sorted(one for one in times if since < one <= until))


def again_at(counts: Sequence[int], limit: int, amount: int) -> datetime | None:
    """Return when so many more are possible; None if they are possible now.

    The instants count, and are sorted, the oldest first. NEVER where there are never so many at once.
    """
    if amount > limit:
        return NEVER
    over = len(counts) + amount - limit
    return datetime.fromtimestamp(counts[over - 1], UTC) + WINDOW if over > 0 else None
