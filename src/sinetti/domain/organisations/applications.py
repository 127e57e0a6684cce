"""Applications for the technical interface: states, content and decisions.

The rules are described in docs/e-service/clerks.md. The module also has the reasons for which a person cannot be named,
or a certificate cannot be excluded from renewal. Each interface words them itself.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sinetti.domain.validation import ValidationError, check_text_or_none, is_visible
from sinetti.domain.values import Channel, Language

LONGEST_PURPOSE: Final = 1000
LONGEST_SOFTWARE: Final = 200
LONGEST_REASON: Final = 2000
SHORTEST_REASON: Final = 20
"""Least number of characters of a refusal's reason, so that it is a sentence."""

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, whose characters are not mistaken for each other."""
_CASE_OCTETS: Final = 7
_CASE_LETTERS: Final = 10
_CASE = re.compile(rf"SI-[{_LETTERS}]{{5}}-[{_LETTERS}]{{5}}")


class ApplicationState(StrEnum):
    """State of an application, which is decided once or withdrawn before."""

    OPEN = "open"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


DECIDED = frozenset({ApplicationState.APPROVED, ApplicationState.REFUSED})


class ApplicationErrorReason(StrEnum):
    """Reason why an application, or a decision on one, is rejected. A closed list."""

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
    """The deciding clerk may act for the party, so another clerk has to decide."""


class ApplicationError(ValueError):
    """Application or decision that is rejected, with the reason; nothing was changed."""

    def __init__(self, fault: ApplicationErrorReason) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True)
class NewApplication:
    """Application of an organisation: channels, purpose, software, and language.

    The language is that of the case.
    """

    channels: frozenset[Channel]
    purpose: str = field(repr=False)
    software: str = field(repr=False)
    language: Language


@dataclass(frozen=True)
class ApplicationDecision:
    """Decision of a clerk.

    `reason` is in the party's language. A refusal has a reason and instructions for appeal.
    """

    state: ApplicationState
    reason: str = field(default="", repr=False)
    appeal: str = field(default="", repr=False)


def check_application(
    new: NewApplication, approved: Collection[Channel], offered: Collection[Channel]
) -> NewApplication:
    """Return the application with trimmed texts.

    `approved` are the channels that the organisation has already; the application must include another one. `offered`
    are the channels for which this authority issues. Raises ApplicationError if a field is not acceptable.
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
    """Return the decision with trimmed texts.

    Raises ApplicationError if it is no decision, or if a refusal lacks its reason or the instructions for appeal.
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
    """Return a case number like SI-7K3M2-Q9PXW from seven random octets.

    It contains 50 of their bits. A random number discloses no count of cases. Raises ValueError for another number of
    octets.
    """
    if len(octets) != _CASE_OCTETS:
        raise ValueError(f"a case number is made of {_CASE_OCTETS} octets")
    number = int.from_bytes(octets)
    letters = "".join(_LETTERS[number >> 5 * place & 31] for place in range(_CASE_LETTERS))
    return f"SI-{letters[:5]}-{letters[5:]}"


def read_case_number(text: str) -> str | None:
    """Return a typed case number in its stored form, or None if it is none."""
    found = text.strip().upper()
    return found if _CASE.fullmatch(found) else None


def paragraphs(text: str) -> str:
    """Return a text with trimmed lines and at most one empty line between two."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip()


def _is_readable(text: str) -> bool:
    return all(is_visible(line) for line in text.split("\n"))


class PersonErrorReason(StrEnum):
    """Reason why a person cannot be named, or a certificate cannot be excluded."""

    UNKNOWN = "unknown"
    NOT_NAMED = "nobody"
    CLOSED = "closed"
    ITSELF = "itself"
    OTHER_ROLE = "other-role"
    TOO_MANY = "too-many"
    NOT_IN_FORCE = "not-in-force"
    NOT_NEWEST = "not-newest"
