"""Links of invitations: made from the server key, owed by mail, and of each the SHA-256 alone is kept.

Nobody gives themselves a role by one (docs/mandates.md).
"""

from datetime import datetime

from sinetti.database import ids
from sinetti.database.access import pending_invitations, persons
from sinetti.database.access.role_assignments import InvitationLink
from sinetti.database.common import audit_reading
from sinetti.domain.access.invitations import INVITATION_LIVES
from sinetti.domain.access.roles import Permission
from sinetti.domain.link_tokens import INVITATION, link_token, token_hash
from sinetti.services.access.permissions import Actor, load_permissions
from sinetti.services.context import ServiceContext


class SelfInvitation(Exception):
    """Somebody would give a role to themselves: another one has to invite them."""


def create_link(ctx: ServiceContext, now: datetime) -> InvitationLink:
    """A link that works for 14 days, as the register takes it."""
    invitation_id = ids.random_id()
    token = link_token(ctx.transfer_key, INVITATION, invitation_id)
    return InvitationLink(invitation_id, token_hash(token), now + INVITATION_LIVES)


def is_self_invitation(organisation_id: str, invitation_id: str, actor: Actor, ctx: ServiceContext) -> bool:
    """Return whether this person asked for, confirmed or made this invitation.

    Every account of theirs counts. A clerk asks for every organisation. Representatives give themselves nothing that
    they lack, so theirs do not count.
    """
    about, fact = f"organisation:{organisation_id}", ("invitation", invitation_id)
    made = audit_reading.actors(ctx.db, "invited", about, fact)
    users = {one.removeprefix(_USER) for one in made if one.startswith(_USER)}
    users.update(pending_invitations.makers(ctx.db, invitation_id))
    theirs = [one for one in users if persons.are_same_person(ctx.db, one, actor.user_id)]
    may = (
        load_permissions(one, ctx).may(Permission.GRANT, organisation_id)
        for one in (actor, *map(_as_signed_in, theirs))
    )
    return bool(theirs) and not any(may)


def reject_self_invitation(
    organisation_id: str, ctx: ServiceContext, actor: Actor, request_id: str, **facts: str
) -> None:
    """Write down that somebody tried to give a role to themselves. Raises SelfInvitation."""
    audit = ctx.audit_entry(actor.name, request_id)
    audit_reading.note(ctx.db, audit, _REFUSED, f"organisation:{organisation_id}", **facts)
    raise SelfInvitation


def _as_signed_in(user_id: str) -> Actor:
    return Actor(user_id, second_factor=True)


_REFUSED = "own-invitation-refused"
_USER = "user:"
"""Prefix of the names of accounts in audit rows (`Actor.name`)."""
