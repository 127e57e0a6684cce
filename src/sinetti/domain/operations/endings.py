"""What comes to its end, told in time: CAs that will issue no more, and lists that need a key from off line."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

ALARM_BEFORE_END = timedelta(days=3 * 365)
"""A year before an issuing CA stops, as a rule: its successor takes a ceremony, and has to get to relying parties."""

LIST_ALARM_BEFORE_END = timedelta(days=60)
"""A list whose signing key is off line takes somebody to fetch it."""


@dataclass(frozen=True, slots=True)
class IssuingEnd:
    """An issuing CA: `stops` is the last second at which it begins a certificate, `ends` its own last second."""

    name: str
    stops: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class ListEnd:
    """The newest list of a CA whose key is off line; `ends` is its nextUpdate, None where there is no list."""

    name: str
    ends: datetime | None


def issuing_ca_alarms(issuing: Iterable[IssuingEnd], now: datetime) -> tuple[IssuingEnd, ...]:
    """Give the issuing CAs that need a successor: three years before their end, and before they stop in any case."""
    return tuple(one for one in issuing if now >= min(one.ends - ALARM_BEFORE_END, one.stops))


def list_alarms(lists: Iterable[ListEnd], now: datetime) -> tuple[ListEnd, ...]:
    """Give the lists that have to be renewed with the key that is off line, sixty days before their end."""
    return tuple(one for one in lists if one.ends is None or now >= one.ends - LIST_ALARM_BEFORE_END)
