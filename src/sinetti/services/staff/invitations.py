"""Requests of clerks to invite a signatory, which a second person confirms.

See docs/e-service/authorisations.md.
"""

from sinetti.database.access import accounts, pending_invitations, role_assignments
from sinetti.database.access.role_assignments import (
    AlreadyHasOtherRole,
    InvitationLimitReached,
    InvitationResult,
    PersonGrant,
)
from sinetti.database.organisations import organisations
from sinetti.database.organisations.contacts import OrganisationClosed
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.persons import is_same_person
from sinetti.domain.access.roles import Role
from sinetti.domain.organisations.applications import PersonErrorReason
from sinetti.domain.validation import LONGEST_PERSON, check_unlinked
from sinetti.services.access.invitations import SelfInvitation, reject_self_invitation
from sinetti.services.access.permissions import Actor
from sinetti.services.context import ServiceContext
from sinetti.services.organisations.people import PeopleError
from sinetti.services.staff.session import clerk_act, require_staff

__all__ = ["AlreadyHasOtherRole", "InvitationLimitReached", "InvitationResult", "OrganisationClosed", "SelfInvitation"]


def invite_signatory(
    customer_id: str, person: ContactDetails, ctx: ServiceContext, actor: Actor, request_id: str
) -> InvitationResult:
    """Request the invitation of a signatory.

    It is sent once it is confirmed. The returned id is that of the pending invitation. None is made if the same one is
    pending, or if this address has a valid link or has used one; the id is then that of the role assignment. Raises
    NotStaff and LinkError. Raises PeopleError if no organisation has this id, and OrganisationClosed if it is closed.
    Raises AlreadyHasOtherRole if this address has another role for it, SelfInvitation if the address is the clerk's
    own, and InvitationLimitReached if clerks requested ten today.
    """
    require_staff(actor)
    check_unlinked("name", person.name, LONGEST_PERSON)
    organisation = organisations.find_organisation(ctx.db, customer_id)
    if organisation is None:
        raise PeopleError(PersonErrorReason.UNKNOWN, f"no organisation has the ID {customer_id}")
    invited = accounts.get_identity_of_address(ctx.db, person.email)
    if is_same_person(invited, accounts.get_identity(ctx.db, actor.user_id)):
        reject_self_invitation(organisation.organisation_id, ctx, actor, request_id)
    with clerk_act(actor, ctx, request_id, {organisation.organisation_id}) as audit:
        to = PersonGrant(organisation.organisation_id, person, Role.SIGNATORY)
        if (there := role_assignments.find_invited(ctx.db, to, audit.at)) is not None:
            return InvitationResult(there, made=False)
        return InvitationResult(
            *pending_invitations.add(ctx.db, organisation.organisation_id, person, actor.user_id, audit)
        )
