"""Sample organisation with roles, requests of roles, invitations and applications."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sinetti.database.access.pending_invitations import PendingView
from sinetti.database.notifications.access_ends import EndItem
from sinetti.database.notifications.access_messages import AccessMessageData
from sinetti.domain.access.invitations import INVITATION_LIVES, REQUEST_LIVES
from sinetti.domain.access.pending_invitations import PENDING_LIVES, InvitationProposal, state_of
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.values import Language
from sinetti.notifications.previews.certificates import FIRM, FIRM_CUSTOMER_ID, PEOPLE

OFFERED: Final = f"{0x31:032x}"
OFFERED_TO_SIGN: Final = f"{0x32:032x}"
JOINED: Final = f"{0x33:032x}"
CHANGED: Final = f"{0x34:032x}"
FIRMS: Final = f"{0x35:032x}"
WITHDRAWN: Final = f"{0x36:032x}"
FIRMS_WITHDRAWN: Final = f"{0x37:032x}"
NAMED: Final = f"{0x38:032x}"
ASKED_BY_FIRM: Final = f"{0x41:032x}"
ASKED_BY_PERSON: Final = f"{0x42:032x}"
GRANTED: Final = f"{0x43:032x}"
DECLINED: Final = f"{0x44:032x}"
DECLINED_TO_FIRM: Final = f"{0x45:032x}"

PENDING: Final = {
    one: f"{0x61 + number:032x}"
    for number, one in enumerate(InvitationProposal)
    if one is not InvitationProposal.LAPSED
}
"""Ids of a clerk's proposals by state; the waiting one lapses by itself."""

APPLIED: Final = datetime(2027, 2, 15, 8, 12, tzinfo=UTC)
CASES: Final = {ApplicationState.APPROVED: "SI-7K3M2-Q9PXW", ApplicationState.REFUSED: "SI-4D8HT-V6NRC"}
"""Case numbers, by decision."""
ORGANISATION_ID: Final = "0" * 31 + "3"
NAME: Final = "Malli Oy"
CUSTOMER_ID: Final = "1234567-1"
MADE: Final = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
UNTIL: Final = datetime(2029, 3, 3, 21, 59, 59, tzinfo=UTC)


def _of_person(
    role: Role, until: datetime | None = None, *, expires: datetime | None = None, is_in_force: bool = True
) -> AccessMessageData:
    person = PEOPLE["newcomer"]
    return AccessMessageData(
        NAME, CUSTOMER_ID, role, until, person.name, person.email, is_in_force=is_in_force, expires=expires
    )


def _of_firm(until: datetime | None = None, *, is_in_force: bool = True) -> AccessMessageData:
    return AccessMessageData(
        NAME, CUSTOMER_ID, Role.MANAGER, until, firm=FIRM, firm_id=FIRM_CUSTOMER_ID, is_in_force=is_in_force
    )


def _request(role: Role, until: datetime | None = None, *, firm: bool = False, is_in_force: bool) -> AccessMessageData:
    person = PEOPLE["newcomer"]
    return AccessMessageData(
        NAME,
        CUSTOMER_ID,
        role,
        until,
        person.name,
        person.email,
        FIRM if firm else "",
        FIRM_CUSTOMER_ID if firm else "",
        is_in_force=is_in_force,
        expires=MADE + REQUEST_LIVES,
    )


ROLES: Final[Mapping[str, AccessMessageData]] = {
    OFFERED: _of_person(Role.MANAGER, UNTIL, expires=MADE + INVITATION_LIVES),
    OFFERED_TO_SIGN: _of_person(Role.SIGNATORY, expires=MADE + INVITATION_LIVES),
    JOINED: _of_person(Role.SIGNATORY),
    CHANGED: _of_person(Role.VIEWER),
    FIRMS: _of_firm(UNTIL),
    WITHDRAWN: _of_person(Role.MANAGER, is_in_force=False),
    FIRMS_WITHDRAWN: _of_firm(is_in_force=False),
    NAMED: replace(_of_person(Role.SIGNATORY), begins=MADE + timedelta(days=1)),
    ASKED_BY_FIRM: _request(Role.MANAGER, UNTIL, firm=True, is_in_force=True),
    ASKED_BY_PERSON: _request(Role.VIEWER, is_in_force=True),
    GRANTED: _request(Role.VIEWER, is_in_force=True),
    DECLINED: _request(Role.MANAGER, is_in_force=False),
    DECLINED_TO_FIRM: _request(Role.MANAGER, UNTIL, firm=True, is_in_force=False),
}
"""Roles and requests of roles by id."""


ENDED: Final = f"{0x51:032x}"
ENDS_IN_DAYS: Final = f"{0x52:032x}"
ENDS_IN_WEEKS: Final = f"{0x53:032x}"
PERSONS_END: Final = f"{0x54:032x}"
KORHONEN: Final = ("Kahvila Korhonen Oy", "1618033-3")
_ENDS_SOON: Final = datetime(2027, 3, 16, 21, 59, 59, tzinfo=UTC)

ENDS: Final[Mapping[str, EndItem]] = {
    ENDED: EndItem(*KORHONEN, Role.MANAGER, datetime(2027, 3, 2, 21, 59, 59, tzinfo=UTC), FIRM, FIRM_CUSTOMER_ID),
    ENDS_IN_DAYS: EndItem("Ström Bygg Ab", "1414213-0", Role.MANAGER, _ENDS_SOON, FIRM, FIRM_CUSTOMER_ID),
    ENDS_IN_WEEKS: EndItem(
        "Kukka Virtanen",
        "1732050-2",
        Role.VIEWER,
        datetime(2027, 4, 30, 20, 59, 59, tzinfo=UTC),
        FIRM,
        FIRM_CUSTOMER_ID,
    ),
    PERSONS_END: EndItem(*KORHONEN, Role.MANAGER, _ENDS_SOON, PEOPLE["newcomer"].name, PEOPLE["newcomer"].email),
}
"""Roles that end, of clients of the firm."""


def find_pending(pending_id: str, language: Language, now: datetime) -> PendingView | None:
    """Return a clerk's proposal in its state at `now`, or None."""
    person = PEOPLE["newcomer"]
    for state, one in PENDING.items():
        if one == pending_id:
            return PendingView(
                pending_id=one,
                organisation_id=ORGANISATION_ID,
                customer_id=CUSTOMER_ID,
                organisation=NAME,
                organisation_open=True,
                name=person.name,
                email=person.email,
                language=language,
                asker_id="",
                asker_name="",
                asker_email="",
                created=MADE,
                expires=MADE + PENDING_LIVES,
                state=state_of(state, MADE + PENDING_LIVES, now),
                decided_at=None,
                decider_id="",
            )
    return None
