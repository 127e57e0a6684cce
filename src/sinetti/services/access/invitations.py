"""Following an invitation: the link alone opens nothing; whoever is signed in takes the role up by a button."""

from sinetti.database.access import invitations
from sinetti.database.access.invitations import InvitationOffer
from sinetti.domain.access.invitations import InvitationState
from sinetti.domain.access.roles import NEEDS_SECOND_FACTOR, Permission
from sinetti.domain.link_tokens import token_hash
from sinetti.services.access.act_transaction import acting
from sinetti.services.access.inviting import SelfInvitation, is_self_invitation, reject_self_invitation
from sinetti.services.access.permissions import Actor, PermissionDenied
from sinetti.services.context import ServiceContext

__all__ = ["InvitationOffer", "InvitationState", "SelfInvitation", "made_by", "offered", "take_up"]


def offered(token: str, actor: Actor, ctx: ServiceContext) -> InvitationOffer | None:
    """What a link gives whoever is signed in; None where it works no more, or was used by somebody else."""
    found = invitations.find_offer(ctx.db, token_hash(token), ctx.now())
    if found is None or (found.state is InvitationState.USED and found.used_by != actor.user_id):
        return None
    return found if found.state in {InvitationState.WAITING, InvitationState.USED} else None


def made_by(actor: Actor, found: InvitationOffer, ctx: ServiceContext) -> bool:
    """Whether somebody made this invitation themselves, as a clerk does: they do not take it up."""
    return is_self_invitation(found.organisation_id, found.invitation_id, actor, ctx)


def take_up(token: str, ctx: ServiceContext, actor: Actor, request_id: str) -> bool:
    """Have a role counted for this account; False where the link works no more. Pressed twice it is done once.

    Raises PermissionDenied where the role needs a second factor, which is not there, and OwnInvitation where they made
    it themselves.
    """
    found = offered(token, actor, ctx)
    if found is None:
        return False
    if found.role in NEEDS_SECOND_FACTOR and not actor.second_factor:
        raise PermissionDenied(Permission.GRANT, None, second_factor=True)
    with acting({found.organisation_id}, ctx, actor, request_id) as act:
        own = found.state is InvitationState.WAITING and made_by(actor, found, ctx)
        done = not own and invitations.accept(ctx.db, token_hash(token), actor.user_id, act.audit)
    if own:
        reject_self_invitation(found.organisation_id, ctx, actor, request_id, invitation=found.invitation_id)
    return done
