"""Sample data of messages about roles: an organisation, its roles and requests.

It also has applications, whose decisions are stored texts.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import AccessApplication, Invitation, PendingInvitation, RoleRequest, User
from sinetti.domain.access.invitations import INVITATION_LIVES
from sinetti.domain.access.pending_invitations import PENDING_LIVES, InvitationProposal
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.values import Channel, IdentifierType, Language, normalise

OFFERED: Final = f"{0x31:032x}"
OFFERED_TO_SIGN: Final = f"{0x32:032x}"
JOINED: Final = f"{0x33:032x}"
CHANGED: Final = f"{0x34:032x}"
FIRMS: Final = f"{0x35:032x}"
WITHDRAWN: Final = f"{0x36:032x}"
FIRMS_WITHDRAWN: Final = f"{0x37:032x}"
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
NAME: Final = "Malli Oy"
CUSTOMER_ID: Final = "1234567-1"

_ORGANISATION = "0" * 31 + "3"
_MADE = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
_UNTIL = datetime(2029, 3, 3, 21, 59, 59, tzinfo=UTC)


def add(db: Database, language: Language, person: str, firm: str) -> None:
    """Add these rows to the samples' database.

    `person` has and requests the roles of people, `firm` those of firms.
    """
    organisation = models.Organisation.objects.using(db.alias).create(
        organisation_id=_ORGANISATION,
        customer_id=CUSTOMER_ID,
        normalised_id=normalise(CUSTOMER_ID),
        kind=IdentifierType.ARTIFICIAL,
        name=NAME,
        language=language,
        created=_MADE,
    )
    for mandate_id, role, terms in (
        (OFFERED, Role.MANAGER, {"person_id": person, "waiting": True, "valid_until": _UNTIL}),
        (OFFERED_TO_SIGN, Role.SIGNATORY, {"person_id": person, "waiting": True}),
        (JOINED, Role.SIGNATORY, {"person_id": person}),
        (CHANGED, Role.VIEWER, {"person_id": person}),
        (FIRMS, Role.MANAGER, {"agent_id": firm, "valid_until": _UNTIL}),
        (WITHDRAWN, Role.MANAGER, {"person_id": person, "withdrawn_at": _MADE}),
        (FIRMS_WITHDRAWN, Role.MANAGER, {"agent_id": firm, "withdrawn_at": _MADE}),
    ):
        models.RoleAssignment.objects.using(db.alias).create(
            mandate_id=mandate_id, organisation=organisation, role=role, valid_from=_MADE, **terms
        )
    for mandate_id in (OFFERED, OFFERED_TO_SIGN):
        Invitation.objects.using(db.alias).create(
            invitation_id=mandate_id,
            mandate_id=mandate_id,
            token_sha256=mandate_id * 2,
            vouched=True,
            created=_MADE,
            expires=_MADE + INVITATION_LIVES,
        )
    _requests(db, language, firm)
    for state, pending_id in PENDING.items():
        PendingInvitation.objects.using(db.alias).create(
            pending_id=pending_id,
            organisation=organisation,
            person_id=person,
            state=state,
            created=_MADE,
            expires=_MADE + PENDING_LIVES,
        )


def decide(db: Database, state: ApplicationState, language: Language, decision: str) -> str:
    """Insert a decided application with this text and language; return its id."""
    values = {
        "case_number": CASES[state],
        "organisation_id": _ORGANISATION,
        "channels": [Channel.WS],
        "language": language,
        "state": state,
        "created": APPLIED,
        "decided_at": _MADE,
        "decision": decision,
    }
    rows = AccessApplication.objects.using(db.alias)
    row, _ = rows.update_or_create(application_id=f"{0x51 + list(CASES).index(state):032x}", defaults=values)
    return row.application_id


def _requests(db: Database, language: Language, firm: str) -> None:
    user = User.objects.using(db.alias).create(
        email="uusi@malli.example", name="Uusi Nimetty", language=language, created=_MADE - timedelta(days=1)
    )
    for request_id, role, terms in (
        (ASKED_BY_FIRM, Role.MANAGER, {"agent_id": firm, "until": _UNTIL}),
        (ASKED_BY_PERSON, Role.VIEWER, {}),
        (GRANTED, Role.VIEWER, {"answered_at": _MADE, "mandate_id": CHANGED}),
        (DECLINED, Role.MANAGER, {"answered_at": _MADE}),
        (DECLINED_TO_FIRM, Role.MANAGER, {"answered_at": _MADE, "agent_id": firm, "until": _UNTIL}),
    ):
        RoleRequest.objects.using(db.alias).create(
            request_id=request_id,
            customer_id=CUSTOMER_ID,
            normalised_id=normalise(CUSTOMER_ID),
            user=user,
            role=role,
            created=_MADE,
            **terms,
        )
