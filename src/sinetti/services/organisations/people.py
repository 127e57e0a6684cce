"""People who act for an organisation (docs/e-service/recipients.md).

Signatories, its contact person, and its service providers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sinetti.database.access import role_assignments
from sinetti.database.access.role_assignments import (
    AlreadyHasOtherRole,
    InvitationLimitReached,
    InvitationResult,
    PersonGrant,
)
from sinetti.database.issuance import unrestored_people
from sinetti.database.notifications import recipients
from sinetti.database.notifications.recipients import Roles
from sinetti.database.organisations import contacts, organisations
from sinetti.database.organisations.contacts import OrganisationClosed, ServiceProviders
from sinetti.database.organisations.organisations import ContactDetails, OrganisationInfo
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.services.access.invitations import create_link
from sinetti.services.access.signatory_namings import new_naming
from sinetti.services.context import ServiceContext


class PeopleError(ValueError):
    """A person who cannot be assigned.

    `why` is the reason for all endpoints; the message tells operators what to do.
    """

    def __init__(self, why: PersonErrorReason, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why


@dataclass(frozen=True)
class OrganisationPeople:
    """An organisation and all people who act for it now."""

    organisation: OrganisationInfo
    roles: Roles
    looked: ServiceProviders


def add_signatory(customer_id: str, person: ContactDetails, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Assign a signatory; return False if the same one is assigned already.

    A signatory with the same address is replaced. The first one may act only after a time
    (docs/e-service/authorisations.md). Raises PeopleError.
    """
    organisation = _organisation(customer_id, ctx)
    with _says_closed():
        audit = ctx.audit_entry(actor, request_id)
        return contacts.add_signatory(ctx.db, organisation.organisation_id, person, audit, new_naming(ctx))


def invite_signatory(
    customer_id: str, person: ContactDetails, ctx: ServiceContext, actor: str, request_id: str
) -> InvitationResult:
    """Assign a signatory and queue an invitation link to them.

    See docs/e-service/authorisations.md.

    An assigned signatory gets only the link. One who has a valid link, or has used one, gets none. Raises PeopleError.
    """
    organisation = _organisation(customer_id, ctx)
    audit = ctx.audit_entry(actor, request_id)
    to = PersonGrant(organisation.organisation_id, person, Role.SIGNATORY, at_once=True, naming=new_naming(ctx))
    try:
        with _says_closed():
            return role_assignments.invite(ctx.db, to, create_link(ctx, audit.at), audit)
    except AlreadyHasOtherRole:
        why = PersonErrorReason.OTHER_ROLE
        sentence = (
            f"a person with the address {person.email} already has another authorisation for "
            f"{customer_id}: withdraw it first"
        )
    except InvitationLimitReached:
        why = PersonErrorReason.TOO_MANY
        sentence = f"today's limit of invitations for {customer_id} has been reached: try again tomorrow"
    raise PeopleError(why, sentence)


def remove_signatory(customer_id: str, email: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Remove a signatory by their address; return False if there is none.

    Raises PeopleError.
    """
    organisation = _organisation(customer_id, ctx)
    return contacts.remove_signatory(ctx.db, organisation.organisation_id, email, ctx.audit_entry(actor, request_id))


def set_contact_person(
    customer_id: str, person: ContactDetails | None, ctx: ServiceContext, actor: str, request_id: str
) -> bool:
    """Set or remove the contact person of the organisation; False if unchanged.

    Raises PeopleError.
    """
    organisation = _organisation(customer_id, ctx)
    with _says_closed():
        return contacts.set_contact_person(
            ctx.db, organisation.organisation_id, person, ctx.audit_entry(actor, request_id)
        )


def add_service_provider(customer_id: str, agent_id: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Add another organisation as service provider; False if it already is one.

    Raises PeopleError.
    """
    organisation, agent = _organisation(customer_id, ctx), _organisation(agent_id, ctx)
    if organisation.organisation_id == agent.organisation_id:
        raise PeopleError(
            PersonErrorReason.ITSELF, "an organisation cannot look after itself: name the other organisation"
        )
    with _says_closed():
        audit = ctx.audit_entry(actor, request_id)
        return contacts.add_agent(ctx.db, organisation.organisation_id, agent.organisation_id, audit)


def remove_service_provider(customer_id: str, agent_id: str, ctx: ServiceContext, actor: str, request_id: str) -> bool:
    """Remove another organisation as service provider; False if it is none.

    Raises PeopleError.
    """
    organisation, agent = _organisation(customer_id, ctx), _organisation(agent_id, ctx)
    audit = ctx.audit_entry(actor, request_id)
    return contacts.withdraw_agent(ctx.db, organisation.organisation_id, agent.organisation_id, audit)


def who_is_who(customer_id: str, ctx: ServiceContext) -> OrganisationPeople:
    """Return all people who act for an organisation now. Raises PeopleError."""
    organisation, now = _organisation(customer_id, ctx), ctx.now()
    roles = recipients.roles(ctx.db, [organisation.organisation_id], now)[organisation.organisation_id]
    return OrganisationPeople(
        organisation, roles, contacts.service_providers(ctx.db, organisation.organisation_id, now)
    )


def _organisation(customer_id: str, ctx: ServiceContext) -> OrganisationInfo:
    organisation = organisations.find_organisation(ctx.db, customer_id)
    if organisation is None:
        raise PeopleError(
            PersonErrorReason.UNKNOWN,
            f"no organisation has the ID {customer_id}: add it first (sinetti authority organisation add)",
        )
    return organisation


@contextmanager
def _says_closed() -> Iterator[None]:
    """Turn the error about a closed organisation into a message for operators."""
    try:
        yield
    except OrganisationClosed as closed:
        raise PeopleError(
            PersonErrorReason.CLOSED, f"{closed} has ended: no person can be named for it any more"
        ) from None


def settle_people(holdings: Sequence[str], ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Record that holdings lack no people, so that they are no longer reported.

    Raises PeopleError for a holding that is not reported; the others are recorded.
    """
    unknown = [
        holding
        for holding in holdings
        if not unrestored_people.settle(ctx.db, holding, ctx.audit_entry(actor, request_id))
    ]
    if unknown:
        raise PeopleError(
            PersonErrorReason.UNKNOWN,
            f"no people are reported missing for the holding {unknown[0]}: run the command without --settle",
        )
