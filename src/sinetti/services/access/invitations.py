"""Following an invitation: the link alone opens nothing; whoever is signed in takes the role up by a button."""

from sinetti.database.access import invitations
from sinetti.database.access.invitations import Offered
from sinetti.domain.access.invitations import Invitation
from sinetti.domain.access.roles import NEEDS_SECOND_FACTOR, Right
from sinetti.domain.link_tokens import token_hash
from sinetti.services.access.act_transaction import acting
from sinetti.services.access.inviting import OwnInvitation, is_own, refuse_own
from sinetti.services.access.permissions import Actor, NotAllowed
from sinetti.services.context import Office

__all__ = ["Invitation", "Offered", "OwnInvitation", "made_by", "offered", "take_up"]


def offered(token: str, actor: Actor, office: Office) -> Offered | None:
    """What a link gives whoever is signed in; None where it works no more, or was used by somebody else."""
    found = invitations.offered(office.register, token_hash(token), office.now())
    if found is None or (found.state is Invitation.USED and found.used_by != actor.user_id):
        return None
    return found if found.state in {Invitation.WAITING, Invitation.USED} else None


def made_by(actor: Actor, found: Offered, office: Office) -> bool:
    """Whether somebody made this invitation themselves, as a clerk does: they do not take it up."""
    return is_own(found.organisation_id, found.invitation_id, actor, office)


def take_up(token: str, office: Office, actor: Actor, request_id: str) -> bool:
    """Have a role counted for this account; False where the link works no more. Pressed twice it is done once.

    Raises NotAllowed where the role needs a second factor, which is not there, and OwnInvitation where they made it
    themselves.
    """
    found = offered(token, actor, office)
    if found is None:
        return False
    if found.role in NEEDS_SECOND_FACTOR and not actor.second_factor:
        raise NotAllowed(Right.GRANT, None, second_factor=True)
    with acting({found.organisation_id}, office, actor, request_id) as act:
        own = found.state is Invitation.WAITING and made_by(actor, found, office)
        done = not own and invitations.take_up(office.register, token_hash(token), actor.user_id, act.deed)
    if own:
        refuse_own(found.organisation_id, office, actor, request_id, invitation=found.invitation_id)
    return done
