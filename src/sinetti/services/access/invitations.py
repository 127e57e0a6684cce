"""Invitations: links, offers and confirmation (docs/e-service/authorisations.md).

The link alone grants nothing; the signed-in user accepts the role with a button. Links are made from the server key
and sent by e-mail. The database keeps only the SHA-256 of each.

No user can assign a role to themselves by an invitation.

A clerk's invitation is confirmed by a signatory or by a second clerk. These are helpers of
`self_service/pending_invitations.py` and `staff/open_invitations.py`; both open the transaction first.
"""

from dataclasses import dataclass
from datetime import datetime

from sinetti.database import sql
from sinetti.database.access import accounts, invitations, pending_invitations, role_assignments
from sinetti.database.access.invitations import InvitationOffer
from sinetti.database.access.pending_invitations import PendingView
from sinetti.database.access.role_assignments import InvitationLink, PersonGrant
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.organisations import signatory_namings
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.invitations import INVITATION_LIVES, InvitationState
from sinetti.domain.access.pending_invitations import (
    InvitationConfirmation,
    InvitationProposal,
    PendingFault,
    PendingInvitationRefused,
    check_confirmation,
)
from sinetti.domain.access.persons import Identity
from sinetti.domain.access.roles import NEEDS_SECOND_FACTOR, Permission, Role
from sinetti.domain.approvals.acts import TwoPersonAct
from sinetti.domain.link_tokens import INVITATION, link_token, token_hash
from sinetti.domain.secret_keys import SecretPurpose
from sinetti.services.access.act_transaction import acting
from sinetti.services.access.permissions import Actor, PermissionDenied, load_permissions
from sinetti.services.access.signatory_namings import is_other_address, new_naming
from sinetti.services.context import ServiceContext

__all__ = ["InvitationOffer", "InvitationState"]


class SelfInvitation(Exception):
    """Raised when a user assigns a role to themselves; another user must invite them."""


def create_link(ctx: ServiceContext, now: datetime) -> InvitationLink:
    """Return a link that is valid for 14 days, in the form that the database takes."""
    ring = ctx.keyring
    invitation_id = ring.new_row_id(SecretPurpose.LINKS, sql.random_id())
    token = link_token(ring.of_row(SecretPurpose.LINKS, invitation_id), INVITATION, invitation_id)
    return InvitationLink(invitation_id, token_hash(token), now + INVITATION_LIVES)


def is_self_invitation(organisation_id: str, invitation_id: str, actor: Actor, ctx: ServiceContext) -> bool:
    """Return True if this user requested, confirmed or made this invitation.

    All accounts of the user count. Clerks request invitations for every organisation. Representatives cannot give
    themselves a permission that they lack, so their invitations do not count.
    """
    about, fact = f"organisation:{organisation_id}", ("invitation", invitation_id)
    made = audit_log.actors(ctx.db, "invited", about, fact)
    users = {one.removeprefix(_USER) for one in made if one.startswith(_USER)}
    users.update(pending_invitations.makers(ctx.db, invitation_id))
    theirs = [user for user in users if accounts.are_same_person(ctx.db, user, actor.user_id)]
    may = (
        load_permissions(one, ctx).may(Permission.GRANT, organisation_id)
        for one in (actor, *map(_as_signed_in, theirs))
    )
    return bool(theirs) and not any(may)


def reject_self_invitation(
    organisation_id: str, ctx: ServiceContext, actor: Actor, request_id: str, **facts: str
) -> None:
    """Record in the audit log that a user tried to assign a role to themselves.

    Always raises SelfInvitation.
    """
    audit = ctx.audit_entry(actor.name, request_id)
    audit_log.note(ctx.db, audit, _REFUSED, f"organisation:{organisation_id}", **facts)
    raise SelfInvitation


def _as_signed_in(user_id: str) -> Actor:
    return Actor(user_id, second_factor=True)


_REFUSED = "own-invitation-refused"
_USER = "user:"
"""Prefix of the names of accounts in audit rows (`Actor.name`)."""


def offered(token: str, actor: Actor, ctx: ServiceContext) -> InvitationOffer | None:
    """Return the offer behind a link for the signed-in user.

    Returns None if the link is no longer valid or another user has accepted it.
    """
    offer = invitations.find_offer(ctx.db, token_hash(token), ctx.now())
    if offer is None or (offer.state is InvitationState.USED and offer.used_by != actor.user_id):
        return None
    return offer if offer.state in {InvitationState.WAITING, InvitationState.USED} else None


def made_by(actor: Actor, offer: InvitationOffer, ctx: ServiceContext) -> bool:
    """Return True if the actor made this invitation, as a clerk does.

    The maker of an invitation cannot accept it.
    """
    return is_self_invitation(offer.organisation_id, offer.invitation_id, actor, ctx)


def take_up(token: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Accept the role for this account; False if the link is no longer valid.

    A repeated call changes nothing. Raises PermissionDenied if the role needs a missing second factor, and
    SelfInvitation if the user made the invitation.
    """
    offer = offered(token, actor, ctx)
    if offer is None:
        return False
    if offer.role in NEEDS_SECOND_FACTOR and not actor.second_factor:
        raise PermissionDenied(Permission.GRANT, None, second_factor=True)
    with acting({offer.organisation_id}, ctx, actor, request_id) as act:
        own = offer.state is InvitationState.WAITING and made_by(actor, offer, ctx)
        done = not own and invitations.accept(ctx.db, token_hash(token), actor.user_id, act.audit)
    if own:
        reject_self_invitation(offer.organisation_id, ctx, actor, request_id, invitation=offer.invitation_id)
    return done


@dataclass(frozen=True)
class Confirmer:
    """Account that confirms an invitation.

    A clerk also enters the organisation's e-mail address from the trade register's extract, if it has one.
    """

    user_id: str
    by_clerk: bool = False
    address: str = ""


def confirm_locked(pending_id: str, by: Confirmer, ctx: ServiceContext, audit: AuditContext) -> None:
    """Make the pending invitation, in a transaction that locks its organisation.

    A first signatory's role counts after a time (docs/e-service/authorisations.md). If it raises
    PendingInvitationRefused, OrganisationClosed, AlreadyHasOtherRole or InvitationLimitReached, nothing is changed.
    """
    db = ctx.db
    pending = pending_invitations.find(db, pending_id, audit.at)
    if pending is None:
        raise PendingInvitationRefused(PendingFault.OVER)
    asked = _asked(pending, by, ctx, audit)
    if (fault := check_confirmation(asked)) is not None:
        raise PendingInvitationRefused(fault)
    if by.address and not is_other_address(by.address, (asked.asker, asked.invited, asked.confirmer)):
        raise PendingInvitationRefused(PendingFault.ADDRESS)
    pending_invitations.decide(db, pending_id, InvitationProposal.CONFIRMED, by.user_id, audit)
    person = ContactDetails(pending.name, pending.email, "", pending.language)
    link = create_link(ctx, audit.at)
    address = ContactDetails(pending.organisation, by.address, "", pending.language) if by.address else None
    to = PersonGrant(pending.organisation_id, person, Role.SIGNATORY, naming=new_naming(ctx, address))
    made = role_assignments.invite(db, to, link, audit)
    pending_invitations.set_invitation(db, pending_id, link.invitation_id if made.made else None)


def _asked(pending: PendingView, by: Confirmer, ctx: ServiceContext, audit: AuditContext) -> InvitationConfirmation:
    db = ctx.db
    return InvitationConfirmation(
        state=pending.state,
        asker=accounts.get_identity(db, pending.asker_id) if pending.asker_id else Identity(),
        # Erased in the meantime: the account could be the confirmer's.
        invited=accounts.get_identity_of_address(db, pending.email) if pending.email else Identity(),
        confirmer=accounts.get_identity(db, by.user_id),
        by_clerk=by.by_clerk,
        has_signatory=signatory_namings.has_signatory(db, pending.organisation_id, audit.at),
        asker_is_clerk=pending_invitations.is_clerk(db, pending.asker_id),
        takes_one=by.by_clerk and ctx.approvals.people_for(TwoPersonAct.SIGNATORY) == 1,
        lacks_person=accounts.lacks_person(db, (pending.asker_id, by.user_id)),
    )
