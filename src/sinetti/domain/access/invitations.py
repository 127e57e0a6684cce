"""Invitations and requests for a role: lifetimes, limits and lists of identifiers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sinetti.domain.values import Environment, is_identifier, normalise

INVITATION_LIVES: Final = timedelta(days=14)
"""Lifetime of an invitation link, equal to that of a link to transfer IDs."""
REQUEST_LIVES: Final = timedelta(days=60)
"""Time for which a request waits for its answer."""

ASKED_AT_ONCE: Final = 500
"""Organisations that a firm may name in one request."""
ASKED_A_DAY: Final = 10
"""Requests that one person may make in 24 hours."""
ASKED_BY_A_FIRM_A_DAY: Final = 1000
NOTIFIED_A_DAY: Final = 10
"""Requests in 24 hours that signatories get a message about.

Later requests appear on the signatories' page only.
"""
INVITED_A_DAY: Final = 50
"""Invitations that may be sent for one organisation in 24 hours."""
MISSED_A_DAY: Final = 20
"""Attempts in 24 hours of one user to name an unknown organisation."""
A_DAY: Final = timedelta(days=1)


class InvitationState(StrEnum):
    """State of an invitation."""

    WAITING = "waiting"
    USED = "used"
    ENDED = "ended"
    LAPSED = "lapsed"


def invitation(
    expires: datetime, used_at: datetime | None, ended_at: datetime | None, now: datetime
) -> InvitationState:
    """Return the state of an invitation; its link works up to its last second."""
    if used_at is not None:
        return InvitationState.USED
    if ended_at is not None:
        return InvitationState.ENDED
    return InvitationState.WAITING if now <= expires else InvitationState.LAPSED


class RoleRequestState(StrEnum):
    """State of a request, as the requester sees it."""

    WAITING = "waiting"
    GIVEN = "given"
    DECLINED = "declined"
    LAPSED = "lapsed"


def role_request_state(
    created: datetime, answered_at: datetime | None, now: datetime, *, given: bool
) -> RoleRequestState:
    """Return the state of a request that was made at `created`."""
    if answered_at is not None:
        return RoleRequestState.GIVEN if given else RoleRequestState.DECLINED
    return RoleRequestState.WAITING if now <= created + REQUEST_LIVES else RoleRequestState.LAPSED


@dataclass(frozen=True)
class ParsedIdentifiers:
    """Identifiers from a list that a user typed, and the lines that contain none.

    Each identifier appears once, in the order of the list. Faulty lines are named by their number, from 1.
    """

    found: tuple[str, ...]
    wrong: tuple[tuple[int, str], ...]


def parse_identifiers(listed: str, environment: Environment) -> ParsedIdentifiers:
    """Parse a list of identifiers of organisations.

    Identifiers stand on lines of their own, or are separated by commas, semicolons or spaces.
    """
    found: dict[str, str] = {}
    wrong: list[tuple[int, str]] = []
    for number, text in _words(listed):
        if is_identifier(text, environment):
            found.setdefault(normalise(text), text)
        else:
            wrong.append((number, text))
    return ParsedIdentifiers(tuple(found.values()), tuple(wrong))


def _words(listed: str) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(listed.splitlines(), 1):
        for word in line.replace(",", " ").replace(";", " ").split():
            yield number, word
