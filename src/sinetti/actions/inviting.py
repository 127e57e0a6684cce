"""Links of invitations: made from the server key, owed by mail, and of each the SHA-256 alone is kept."""

from datetime import datetime

from sinetti.actions.office import Office
from sinetti.domain.invitations import INVITATION_LIVES
from sinetti.domain.tokens import INVITATION, link_token, token_hash
from sinetti.registry import ids
from sinetti.registry.mandating import Link


def new_link(office: Office, now: datetime) -> Link:
    """A link that works for 14 days, as the register takes it."""
    invitation_id = ids.random_id()
    token = link_token(office.transfer_key, INVITATION, invitation_id)
    return Link(invitation_id, token_hash(token), now + INVITATION_LIVES)
