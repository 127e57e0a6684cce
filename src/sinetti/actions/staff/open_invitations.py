"""A clerk sees which invitations of signatories wait, asks for one, and decides on one (docs/clerks.md)."""

from dataclasses import dataclass

from sinetti.actions.pending_invitations import confirm_locked
from sinetti.actions.staff.clerk import Clerk, look, look_for
from sinetti.actions.staff.invitations import Invited, invite_signatory
from sinetti.domain.looking import Place
from sinetti.domain.pending_invitations import Pending, PendingFault, PendingRefused
from sinetti.registry import mandating, open_invitations, pending_invitations
from sinetti.registry.open_invitations import OpenInvitation
from sinetti.registry.parties import Person
from sinetti.registry.pending_invitations import PendingView

__all__ = [
    "Listed",
    "OpenInvitation",
    "Pending",
    "PendingFault",
    "PendingRefused",
    "PendingView",
    "Person",
    "confirm",
    "end",
    "has_signatory",
    "invite",
    "listed",
    "pending",
    "reject",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of what clerks asked for, with what came of it, and of the links that wait to be used."""

    asked: tuple[PendingView, ...]
    links: tuple[OpenInvitation, ...]


def listed(start: int, most: int, clerk: Clerk) -> Listed:
    """Some of both, the newest first; the look is written down."""
    look_for(Place.INVITATIONS, "", clerk)
    register, now = clerk.office.register, clerk.office.now()
    asked = pending_invitations.list_newest(register, now, start, most)
    return Listed(asked, open_invitations.listed(register, now, start, most))


def pending(pending_id: str, clerk: Clerk) -> PendingView | None:
    """One that a clerk asked for; the look is written down, where there is one."""
    found = pending_invitations.find(clerk.office.register, pending_id, clerk.office.now())
    if found is not None:
        look(f"pending-invitation:{pending_id}", clerk)
    return found


def has_signatory(organisation_id: str, clerk: Clerk) -> bool:
    """Whether the organisation has a signatory who counts: then one of them confirms, and no clerk does."""
    return pending_invitations.has_signatory(clerk.office.register, organisation_id, clerk.office.now())


def invite(customer_id: str, person: Person, clerk: Clerk) -> Invited:
    """Ask for an invitation. Raises PeopleError, Closed, Otherwise, OwnInvitation and TooMany (`invite_signatory`)."""
    return invite_signatory(customer_id, person, clerk.office, clerk.actor, clerk.request_id)


def confirm(pending_id: str, clerk: Clerk) -> None:
    """Confirm, as the second clerk, what another one asked for an organisation without a signatory.

    Raises PendingRefused, Closed, Otherwise and TooMany.
    """
    found = _asked(pending_id, clerk)
    with clerk.act({found.organisation_id}, beside=found.asker_id) as deed:
        confirm_locked(pending_id, clerk.actor.user_id, clerk.office, deed, by_clerk=True)


def reject(pending_id: str, clerk: Clerk) -> None:
    """Have nothing come of what another clerk asked. Raises PendingRefused."""
    found = _asked(pending_id, clerk)
    with clerk.act({found.organisation_id}) as deed:
        pending_invitations.decide(clerk.office.register, pending_id, Pending.REJECTED, clerk.actor.user_id, deed)


def withdraw(pending_id: str, clerk: Clerk) -> None:
    """Take back what this clerk asked. Raises PendingRefused."""
    found = _asked(pending_id, clerk)
    if found.asker_id != clerk.actor.user_id:
        raise PendingRefused(PendingFault.NOT_ASKER)
    with clerk.act({found.organisation_id}) as deed:
        pending_invitations.decide(clerk.office.register, pending_id, Pending.WITHDRAWN, clerk.actor.user_id, deed)


def end(invitation_id: str, clerk: Clerk) -> bool:
    """End one whose link waits: it works no more, and gives nothing; whether there was one.

    Whom an operator has named is a signatory without it, and stays one.
    """
    office = clerk.office
    found = open_invitations.find(office.register, invitation_id, office.now())
    if found is None:
        return False
    with clerk.act({found.organisation_id}) as deed:
        return mandating.end_invitation(office.register, found.mandate_id, invitation_id, deed)


def _asked(pending_id: str, clerk: Clerk) -> PendingView:
    found = pending_invitations.find(clerk.office.register, pending_id, clerk.office.now())
    if found is None:
        raise PendingRefused(PendingFault.OVER)
    return found
