"""Rows of the previews' organisation: roles, role requests and applications."""

from datetime import timedelta

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import AccessApplication, Invitation, PendingInvitation, RoleRequest, User
from sinetti.domain.access.invitations import INVITATION_LIVES
from sinetti.domain.access.pending_invitations import PENDING_LIVES
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import ApplicationState
from sinetti.domain.values import Channel, IdentifierType, Language, normalise
from sinetti.notifications.previews.roles import (
    APPLIED,
    ASKED_BY_FIRM,
    ASKED_BY_PERSON,
    CASES,
    CHANGED,
    CUSTOMER_ID,
    DECLINED,
    DECLINED_TO_FIRM,
    ENDS,
    FIRMS,
    FIRMS_WITHDRAWN,
    GRANTED,
    JOINED,
    MADE,
    NAME,
    NAMED,
    OFFERED,
    OFFERED_TO_SIGN,
    ORGANISATION_ID,
    PENDING,
    PERSONS_END,
    UNTIL,
    WITHDRAWN,
)


def add(db: Database, language: Language, person: str, firm: str) -> None:
    """Add these rows to the samples' database.

    `person` has and requests the roles of people, `firm` those of firms.
    """
    organisation = models.Organisation.objects.using(db.alias).create(
        organisation_id=ORGANISATION_ID,
        customer_id=CUSTOMER_ID,
        normalised_id=normalise(CUSTOMER_ID),
        kind=IdentifierType.ARTIFICIAL,
        name=NAME,
        language=language,
        created=MADE,
    )
    for mandate_id, role, terms in (
        (OFFERED, Role.MANAGER, {"person_id": person, "waiting": True, "valid_until": UNTIL}),
        (OFFERED_TO_SIGN, Role.SIGNATORY, {"person_id": person, "waiting": True}),
        (JOINED, Role.SIGNATORY, {"person_id": person}),
        (NAMED, Role.SIGNATORY, {"person_id": person, "valid_from": MADE + timedelta(days=1)}),
        (CHANGED, Role.VIEWER, {"person_id": person}),
        (FIRMS, Role.MANAGER, {"agent_id": firm, "valid_until": UNTIL}),
        (WITHDRAWN, Role.MANAGER, {"person_id": person, "withdrawn_at": MADE}),
        (FIRMS_WITHDRAWN, Role.MANAGER, {"agent_id": firm, "withdrawn_at": MADE}),
    ):
        models.RoleAssignment.objects.using(db.alias).create(
            mandate_id=mandate_id, organisation=organisation, role=role, **{"valid_from": MADE, **terms}
        )
    _ends(db, language, person, firm)
    for mandate_id in (OFFERED, OFFERED_TO_SIGN):
        Invitation.objects.using(db.alias).create(
            invitation_id=mandate_id,
            mandate_id=mandate_id,
            token_sha256=mandate_id * 2,
            vouched=True,
            created=MADE,
            expires=MADE + INVITATION_LIVES,
        )
    _requests(db, language, firm)
    for state, pending_id in PENDING.items():
        PendingInvitation.objects.using(db.alias).create(
            pending_id=pending_id,
            organisation=organisation,
            person_id=person,
            state=state,
            created=MADE,
            expires=MADE + PENDING_LIVES,
        )


def _ends(db: Database, language: Language, person: str, firm: str) -> None:
    rows = models.Organisation.objects.using(db.alias)
    for mandate_id, one in ENDS.items():
        known = {
            "normalised_id": normalise(one.customer_id),
            "kind": IdentifierType.ARTIFICIAL,
            "name": one.organisation,
            "language": language,
            "created": MADE - timedelta(days=700),
        }
        organisation, _ = rows.get_or_create(customer_id=one.customer_id, defaults=known)
        holder = {"agent_id": firm} if mandate_id != PERSONS_END else {"person_id": person}
        models.RoleAssignment.objects.using(db.alias).create(
            mandate_id=mandate_id, organisation=organisation, role=one.role, valid_from=organisation.created,
            valid_until=one.until, **holder,
        )  # fmt: skip


def decide(db: Database, application_id: str, state: ApplicationState, language: Language, decision: str) -> None:
    """Insert a decided application with this text and language."""
    values = {
        "case_number": CASES[state],
        "organisation_id": ORGANISATION_ID,
        "channels": [Channel.WS],
        "language": language,
        "state": state,
        "created": APPLIED,
        "decided_at": MADE,
        "decision": decision,
    }
    rows = AccessApplication.objects.using(db.alias)
    rows.update_or_create(application_id=application_id, defaults=values)


def _requests(db: Database, language: Language, firm: str) -> None:
    user = User.objects.using(db.alias).create(
        email="uusi@malli.example", name="Uusi Nimetty", language=language, created=MADE - timedelta(days=1)
    )
    for request_id, role, terms in (
        (ASKED_BY_FIRM, Role.MANAGER, {"agent_id": firm, "until": UNTIL}),
        (ASKED_BY_PERSON, Role.VIEWER, {}),
        (GRANTED, Role.VIEWER, {"answered_at": MADE, "mandate_id": CHANGED}),
        (DECLINED, Role.MANAGER, {"answered_at": MADE}),
        (DECLINED_TO_FIRM, Role.MANAGER, {"answered_at": MADE, "agent_id": firm, "until": UNTIL}),
    ):
        RoleRequest.objects.using(db.alias).create(
            request_id=request_id,
            customer_id=CUSTOMER_ID,
            normalised_id=normalise(CUSTOMER_ID),
            user=user,
            role=role,
            created=MADE,
            **terms,
        )
