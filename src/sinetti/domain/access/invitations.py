"""Invitations and requests for a right: how long they wait, how many there may be, and the ids that a firm asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sinetti.domain.identifiers import is_identifier, normalise
from sinetti.domain.values import Environment

INVITATION_LIVES: Final = timedelta(days=14)
"""How long the link of an invitation works, as that to transfer IDs does."""
REQUEST_LIVES: Final = timedelta(days=60)
"""How long a request waits for its answer."""

ASKED_AT_ONCE: Final = 500
"""Organisations that a firm asks at once."""
ASKED_A_DAY: Final = 10
"""Requests of one person in 24 hours."""
ASKED_BY_A_FIRM_A_DAY: Final = 1000
TOLD_A_DAY: Final = 10
"""Requests that signatories are written to about in 24 hours; later ones stand on their page alone."""
INVITED_A_DAY: Final = 50
"""Invitations that leave for one organisation in 24 hours."""
MISSED_A_DAY: Final = 20
"""How often somebody may name an organisation that is not in the register, in 24 hours."""
A_DAY: Final = timedelta(days=1)


class InvitationState(StrEnum):
    """Where an invitation stands."""

    WAITING = "waiting"
    USED = "used"
    ENDED = "ended"
    LAPSED = "lapsed"


def invitation(
    expires: datetime, used_at: datetime | None, ended_at: datetime | None, now: datetime
) -> InvitationState:
    """Where an invitation stands now; its link works up to its last second."""
    if used_at is not None:
        return InvitationState.USED
    if ended_at is not None:
        return InvitationState.ENDED
    return InvitationState.WAITING if now <= expires else InvitationState.LAPSED


class RoleRequestState(StrEnum):
    """What has come of a request, as whoever asked is told it."""

    WAITING = "waiting"
    GIVEN = "given"
    DECLINED = "declined"
    LAPSED = "lapsed"


def role_request_state(
    created: datetime, answered_at: datetime | None, now: datetime, *, given: bool
) -> RoleRequestState:
    """What has come of a request that was made at `created`."""
    if answered_at is not None:
        return RoleRequestState.GIVEN if given else RoleRequestState.DECLINED
    return RoleRequestState.WAITING if now <= created + REQUEST_LIVES else RoleRequestState.LAPSED


@dataclass(frozen=True, slots=True)
class ParsedIdentifiers:
    """Ids as somebody listed them: each once, in their order; and what is none, by the number of its line from 1."""

    found: tuple[str, ...]
    wrong: tuple[tuple[int, str], ...]


def parse_identifiers(listed: str, environment: Environment) -> ParsedIdentifiers:
    """Read a list of ids of organisations: one on each line, or several with commas, semicolons or spaces between."""
    found: dict[str, str] = {}
    wrong: list[tuple[int, str]] = []
    for number, one in _words(listed):
        if is_identifier(one, environment):
            found.setdefault(normalise(one), one)
        else:
            wrong.append((number, one))
    return ParsedIdentifiers(tuple(found.values()), tuple(wrong))


def _words(listed: str) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(listed.splitlines(), 1):
        for one in line.replace(",", " ").replace(";", " ").split():
            yield number, one
