"""Applications for the technical interface: the states of one, what it says, and what a decision has to say.

The rules are docs/clerks.md.

Why somebody cannot be named, or a certificate not be let end: reasons that each door says in its own words.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sinetti.domain.validation import ValidationError, check_text_or_none
from sinetti.domain.values import Channel, Language

LONGEST_PURPOSE: Final = 1000
LONGEST_SOFTWARE: Final = 200
LONGEST_REASON: Final = 2000
SHORTEST_REASON: Final = 20
"""Characters: a refusal says why in a sentence, not in a word."""

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: nobody takes one of these for another."""
_CASE_OCTETS: Final = 7
_CASE_LETTERS: Final = 10
_CASE = re.compile(rf"SI-[{_LETTERS}]{{5}}-[{_LETTERS}]{{5}}")


class ApplicationState(StrEnum):
    """Where an application stands."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


MOVES: Mapping[ApplicationState, frozenset[ApplicationState]] = MappingProxyType(
    {
        ApplicationState.OPEN: frozenset(
            {ApplicationState.APPROVED, ApplicationState.REFUSED, ApplicationState.WITHDRAWN}
        ),
        ApplicationState.APPROVED: frozenset(),
        ApplicationState.REFUSED: frozenset(),
        ApplicationState.WITHDRAWN: frozenset(),
    }
)
"""What an application may become: it is decided once, or withdrawn before; another one may be made afterwards."""

DECIDED = frozenset({ApplicationState.APPROVED, ApplicationState.REFUSED})


class ApplicationErrorReason(StrEnum):
    """Why an application, or a decision on one, is not taken. A closed list."""

    CHANNELS = "channels"
    NOTHING_NEW = "nothing-new"
    PURPOSE = "purpose"
    SOFTWARE = "software"
    ONE_OPEN = "one-open"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    NOT_OPEN = "not-open"
    VERDICT = "verdict"
    REASON = "reason"
    APPEAL = "appeal"
    OWN = "own"
    """Whoever decides may act for the party: somebody else decides."""


class ApplicationError(ValueError):
    """What was asked is not taken, and why; nothing was changed."""

    def __init__(self, fault: ApplicationErrorReason) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class NewApplication:
    """What an organisation applies for: the channels, what for, with which software, and the language of its case."""

    channels: frozenset[Channel]
    purpose: str = field(repr=False)
    software: str = field(repr=False)
    language: Language


@dataclass(frozen=True, slots=True)
class ApplicationDecision:
    """What a clerk decided.

    `reason` is in the party's language; a refusal has one and tells how to appeal.
    """

    state: ApplicationState
    reason: str = field(default="", repr=False)
    appeal: str = field(default="", repr=False)


def may_move(before: ApplicationState, after: ApplicationState) -> bool:
    """Whether an application may go from one state to another."""
    return after in MOVES[before]


def check_application(
    new: NewApplication, approved: Collection[Channel], offered: Collection[Channel]
) -> NewApplication:
    """Give the application trimmed. Raises ApplicationError.

    `approved` are the channels that the organisation has already: one of those asked for has to be new. `offered` are
    those that this authority issues for.
    """
    if not new.channels or not new.channels <= frozenset(offered):
        raise ApplicationError(ApplicationErrorReason.CHANNELS)
    if new.channels <= frozenset(approved):
        raise ApplicationError(ApplicationErrorReason.NOTHING_NEW)
    purpose = paragraphs(new.purpose)
    if not 0 < len(purpose) <= LONGEST_PURPOSE or not _is_readable(purpose):
        raise ApplicationError(ApplicationErrorReason.PURPOSE)
    try:
        software = check_text_or_none("software", new.software, LONGEST_SOFTWARE)
    except ValidationError:
        raise ApplicationError(ApplicationErrorReason.SOFTWARE) from None
    return NewApplication(new.channels, purpose, software, new.language)


def check_verdict(verdict: ApplicationDecision) -> ApplicationDecision:
    """Give the decision trimmed.

    A refusal says why, and how to appeal. Raises ApplicationError.
    """
    if verdict.state not in DECIDED:
        raise ApplicationError(ApplicationErrorReason.VERDICT)
    reason, appeal = paragraphs(verdict.reason), paragraphs(verdict.appeal)
    least = SHORTEST_REASON if verdict.state is ApplicationState.REFUSED else 0
    if not least <= len(reason) <= LONGEST_REASON or not _is_readable(reason):
        raise ApplicationError(ApplicationErrorReason.REASON)
    if verdict.state is ApplicationState.REFUSED and not appeal:
        raise ApplicationError(ApplicationErrorReason.APPEAL)
    return ApplicationDecision(verdict.state, reason, appeal)


def case_number(octets: bytes) -> str:
    """The number of a case, like SI-7K3M2-Q9PXW, made of seven random octets: it counts nothing, so it tells nothing.

    50 bits of it count. Raises ValueError for another number of octets.
    """
    if len(octets) != _CASE_OCTETS:
        sentence = f"a case number is made of {_CASE_OCTETS} octets"
        raise ValueError(sentence)
    number = int.from_bytes(octets)
    letters = "".join(_LETTERS[number >> 5 * place & 31] for place in range(_CASE_LETTERS))
    return f"SI-{letters[:5]}-{letters[5:]}"


def read_case_number(text: str) -> str | None:
    """A case number as it is kept, of what somebody typed; None where it is none."""
    found = text.strip().upper()
    return found if _CASE.fullmatch(found) else None


def paragraphs(text: str) -> str:
    """A text of several lines, without white space around lines and with one empty line at most between two."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip()


def _is_readable(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


class PersonErrorReason(StrEnum):
    """What stands in the way."""

    UNKNOWN = "unknown"
    NOBODY = "nobody"
    CLOSED = "closed"
    ITSELF = "itself"
    OTHER_ROLE = "other-role"
    TOO_MANY = "too-many"
    NOT_IN_FORCE = "not-in-force"
    NOT_NEWEST = "not-newest"
