"""Readers of the trust lists: those with the newest ones, and the others."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sinetti.domain.usage import TrustListNumbers


class ReaderKind(StrEnum):
    """Kind of a reader: a gateway of a relying service, or the program of a holder."""

    GATEWAY = "gateway"
    PROGRAM = "program"


class ReaderState(StrEnum):
    """Knowledge about a reader's lists.

    `UNKNOWN`: it never sent the numbers of its lists. Not every program does. `BEHIND`: it has other numbers than the
    newest lists, also higher ones, which a thief of a key has signed.
    """

    NEWEST = "newest"
    BEHIND = "behind"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class TrustReader:
    """A reader of the lists, and the numbers that it sent last.

    `name` is that of a gateway, or the serial number of a certificate, whose organisation is `customer_id`. `seen` is
    its last report or request, with or without numbers.
    """

    kind: ReaderKind
    name: str
    customer_id: str | None
    seen: datetime | None
    numbers: TrustListNumbers | None

    def state(self, newest: TrustListNumbers) -> ReaderState:
        """Return the state of the reader, by the numbers of the newest lists."""
        if self.numbers is None:
            return ReaderState.UNKNOWN
        return ReaderState.NEWEST if self.numbers == newest else ReaderState.BEHIND
