"""A clerk sees which invitations of signatories wait, makes one, and ends one (docs/clerks.md)."""

from sinetti.actions.staff.clerk import Clerk, look_for
from sinetti.actions.staff.invitations import Invited, invite_signatory
from sinetti.domain.looking import Place
from sinetti.registry import mandating, open_invitations
from sinetti.registry.open_invitations import OpenInvitation
from sinetti.registry.parties import Person

__all__ = ["OpenInvitation", "Person", "end", "invite", "listed"]


def listed(start: int, most: int, clerk: Clerk) -> tuple[OpenInvitation, ...]:
    """Some that wait, the newest first; the look is written down."""
    look_for(Place.INVITATIONS, "", clerk)
    return open_invitations.listed(clerk.office.register, clerk.office.now(), start, most)


def invite(customer_id: str, person: Person, clerk: Clerk) -> Invited:
    """Invite a signatory. Raises PeopleError, Closed, Otherwise, OwnInvitation and TooMany (`invite_signatory`)."""
    return invite_signatory(customer_id, person, clerk.office, clerk.actor, clerk.request_id)


def end(invitation_id: str, clerk: Clerk) -> bool:
    """End one that waits: its link works no more, and gives nothing; whether there was one.

    Whom an operator has named is a signatory without it, and stays one.
    """
    office = clerk.office
    found = open_invitations.find(office.register, invitation_id, office.now())
    if found is None:
        return False
    return mandating.end_invitation(office.register, found.mandate_id, invitation_id, clerk.deed())
