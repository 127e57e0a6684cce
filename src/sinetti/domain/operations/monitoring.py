"""What the watchdog calls wrong: lists and answers that age, lists that say otherwise than the register, ends."""

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
