"""Links of invitations: made from the server key, owed by mail, and of each the SHA-256 alone is kept.

Nobody gives themselves a role by one (docs/mandates.md).
"""

from datetime import datetime

from sinetti.actions.authority import Actor, standing
from sinetti.actions.office import Office
from sinetti.domain.invitations import INVITATION_LIVES
from sinetti.domain.mandates import Right
from sinetti.domain.tokens import INVITATION, link_token, token_hash
from sinetti.registry import audit_reading, ids
from sinetti.registry.mandating import Link


class OwnInvitation(Exception):
    """Somebody would give a role to themselves: another one has to invite them."""


def new_link(office: Office, now: datetime) -> Link:
    """A link that works for 14 days, as the register takes it."""
    invitation_id = ids.random_id()
    token = link_token(office.transfer_key, INVITATION, invitation_id)
    return Link(invitation_id, token_hash(token), now + INVITATION_LIVES)


def is_own(organisation_id: str, invitation_id: str, actor: Actor, office: Office) -> bool:
    """Whether this account made this invitation, and may give nobody a role for the organisation but by it.

    A clerk invites for every organisation. A representative who takes up a link of theirs gets nothing that they lack.
    """
    about, fact = f"organisation:{organisation_id}", ("invitation", invitation_id)
    if not audit_reading.has_done(office.register, actor.name, "invited", about, fact):
        return False
    return not standing(actor, office).may(Right.GRANT, organisation_id)


def refuse_own(organisation_id: str, office: Office, actor: Actor, request_id: str, **facts: str) -> None:
    """Write down that somebody tried to give a role to themselves. Raises OwnInvitation."""
    deed = office.deed(actor.name, request_id)
    audit_reading.note(office.register, deed, _REFUSED, f"organisation:{organisation_id}", **facts)
    raise OwnInvitation


_REFUSED = "own-invitation-refused"
