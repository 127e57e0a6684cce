"""Limits of what people's acts may send in 24 hours: letters to one address, orders of one account and of one firm.

The time is the machine's, so that moving the office's clock opens no door. Each 24 hours begin with the act itself:
a calendar day would let twice as many pass around midnight.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

WINDOW: Final = timedelta(hours=24)
"""How long an act counts."""
NEVER: Final = datetime.max.replace(microsecond=0, tzinfo=UTC)
"""When more are possible at once than there may be in 24 hours."""
_AHEAD: Final = timedelta(hours=1)
"""What was counted later than so far from now was counted by a clock that was ahead: it counts no more."""


class Limited(StrEnum):
    """What is counted."""

    LETTERS = "letters"
    ORDERS = "orders"
    FIRM_ORDERS = "firm-orders"


@dataclass(frozen=True, slots=True)
class DailyLimits:
    """How many there may be in 24 hours, of each that is counted: 1 or more."""

    letters: int = 20
    orders: int = 50
    firm_orders: int = 1000

    def of(self, what: Limited) -> int:
        """How many of these there may be."""
        return {
            Limited.LETTERS: self.letters,
            Limited.ORDERS: self.orders,
            Limited.FIRM_ORDERS: self.firm_orders,
        }[what]


class LimitReached(Exception):
    """There were as many in 24 hours as there may be. Nothing was written."""

    def __init__(self, what: Limited, limit: int, again_at: datetime) -> None:
        """`again_at` is when the next one is possible, on the machine's clock."""
        super().__init__(f"{limit} {what} in 24 hours, the next at {again_at:%Y-%m-%dT%H:%M:%SZ}")
        self.what, self.limit, self.again_at = what, limit, again_at


@dataclass(frozen=True, slots=True)
class Counting:
    """The limits that an act keeps to, and when it is done, on the machine's clock."""

    limits: DailyLimits
    at: datetime


def mailbox(address: str) -> str:
    """The mailbox behind an address, for comparing: without case, and without a tag behind a plus sign (RFC 5233).

    The domain is as DNS has it: a name in letters of a language is the same as its A-labels (RFC 5890, 2.3.2.1).
    """
    local, _, domain = unicodedata.normalize("NFKC", address.strip()).casefold().rpartition("@")
    return f"{local.partition('+')[0] or local}@{_as_dns_has_it(domain)}"


def _as_dns_has_it(domain: str) -> str:
    try:
        return domain.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return domain


def count_key(what: Limited, whose: str) -> str:
    """The key under which a mailbox, an account or a firm is counted: 64 hex digits, which name nobody."""
    return sha256(f"{what}\0{whose}".encode()).hexdigest()


def counted(times: Iterable[int], now: datetime) -> tuple[int, ...]:
    """Those of these instants, seconds since 1970, that count at `now`, the oldest first."""
    since, until = (now - WINDOW).timestamp(), (now + _AHEAD).timestamp()
    return tuple(sorted(one for one in times if since < one <= until))


def again_at(counts: Sequence[int], limit: int, amount: int) -> datetime | None:
    """When so many more are possible, by the instants that count, the oldest first; None where they are possible now.

    NEVER where there are never so many at once.
    """
    if amount > limit:
        return NEVER
    over = len(counts) + amount - limit
    return datetime.fromtimestamp(counts[over - 1], UTC) + WINDOW if over > 0 else None
