"""How long people's data is kept, and what stands around it (docs/retention.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORTEST = timedelta(days=30)
LONGEST = timedelta(days=36_500)

UNCONFIRMED = timedelta(days=7)
"""How long an account is kept whose address nobody has confirmed: the link for it works for three days."""


@dataclass(frozen=True, slots=True)
class Periods:
    """How long each is kept.

    People: after the end of the last certificate, order, mandate or organisation that they were named for. Refusals:
    after they were given. Messages: after they were sent or given up, and their certificate has ended.
    """

    people: timedelta = timedelta(days=730)
    refusals: timedelta = timedelta(days=730)
    messages: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The instants before which each is past its period."""

    people: datetime
    refusals: datetime
    messages: datetime
    unconfirmed: datetime


def cutoffs(periods: Periods, now: datetime) -> Cutoffs:
    """Before which instants things are past their periods now."""
    return Cutoffs(now - periods.people, now - periods.refusals, now - periods.messages, now - UNCONFIRMED)
