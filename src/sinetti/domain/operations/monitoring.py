"""What the watchdog calls wrong: lists and answers that age, lists that say otherwise than the register, ends.

What comes to its end, told in time: CAs that will issue no more, and lists that need a key from off line.

How long people's data is kept, and what stands around it (docs/retention.md).
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.values import Serial

OWN_ALARM_BEFORE_END = timedelta(days=30)
"""A certificate of our own that has no more to go, or no more than a quarter of its life, is due to be replaced."""


ANSWERS_LATE = timedelta(hours=1)
"""Stored OCSP answers are signed anew from half their life on: some are a little older as long as that goes on."""


class FindingKind(StrEnum):
    """What can be found. A closed list; the values stand in JSON."""

    LIST_MISSING = "list-missing"
    LIST_OLD = "list-old"
    LIST_WRONG = "list-wrong"
    LIST_LACKS = "list-lacks"
    LIST_HAS_MORE = "list-has-more"
    OFFLINE_LIST_ENDS = "offline-list-ends"
    ANSWER_OLD = "answer-old"
    ANSWER_WRONG = "answer-wrong"
    NOT_SERVED = "not-served"
    CERTIFICATE_ENDS = "certificate-ends"
    ISSUING_CA_ENDS = "issuing-ca-ends"
    BULK_UNFINISHED = "bulk-unfinished"
    EARLY_UNFINISHED = "early-unfinished"
    JOURNAL_AHEAD = "journal-ahead"


@dataclass(frozen=True, slots=True)
class MonitoringFinding:
    """One thing that is wrong, what it is about (a name, an address, an id), and a sentence that says what to do."""

    kind: FindingKind
    about: str
    sentence: str


@dataclass(frozen=True, slots=True)
class CrlMismatch:
    """Where a list and the register differ: what the list lacks, and what it has that the register does not revoke."""

    lacking: AbstractSet[Serial]
    surplus: AbstractSet[Serial]


def is_past_half_life(this_update: datetime, next_update: datetime, now: datetime) -> bool:
    """Whether half the life of a list or an answer is over: the service signs anew long before."""
    return now - this_update >= (next_update - this_update) / 2


def is_near_expiry(begins: datetime, ends: datetime, now: datetime) -> bool:
    """Whether a certificate of our own should have been replaced: thirty days before its end, or a quarter of its life.

    What lives for ninety days only is replaced by itself for its last thirty.
    """
    return now >= ends - min(OWN_ALARM_BEFORE_END, (ends - begins) / 4)


def crl_mismatch(listed: AbstractSet[Serial], in_force: AbstractSet[Serial], ever: AbstractSet[Serial]) -> CrlMismatch:
    """Compare a list with the register.

    Everything that is revoked and had not ended when the list was made has to stand on it (`in_force`); what had ended
    may (RFC 5280, 3.3); nothing may that the register does not call revoked (`ever`).
    """
    return CrlMismatch(in_force - listed, listed - ever)


def counts_agree(listed: int, in_force: int, ever: int) -> bool:
    """Whether a list of this length may be right, where it is too long to be compared one by one."""
    return in_force <= listed <= ever


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
