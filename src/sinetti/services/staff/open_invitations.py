"""Invitations of signatories for clerks: list, request and decide.

See docs/e-service/clerks.md.
"""

from dataclasses import dataclass

from sinetti.database.access import invitations, pending_invitations, role_assignments
from sinetti.database.access.invitations import OpenInvitation
from sinetti.database.access.pending_invitations import PendingView
from sinetti.database.organisations import signatory_namings
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.domain.access.pending_invitations import (
    InvitationProposal,
    NamingView,
    PendingFault,
    PendingInvitationRefused,
)
from sinetti.services.access.invitations import Confirmer, confirm_locked
from sinetti.services.staff.invitations import InvitationResult, invite_signatory
from sinetti.services.staff.session import StaffSession, log_access, log_search

__all__ = [
    "ContactDetails",
    "InvitationProposal",
    "NamingView",
    "OpenInvitation",
    "PendingFault",
    "PendingInvitationRefused",
    "PendingView",
]


@dataclass(frozen=True)
class InvitationLists:
    """One page of invitations that clerks requested, and of unused links."""

    asked: tuple[PendingView, ...]
    links: tuple[OpenInvitation, ...]


def listed(start: int, most: int, clerk: StaffSession) -> InvitationLists:
    """Return some invitations of both lists, the newest first; logs the access."""
    log_search(SearchScope.INVITATIONS, "", clerk)
    db, now = clerk.ctx.db, clerk.ctx.now()
    asked = pending_invitations.list_newest(db, now, start, most)
    return InvitationLists(asked, invitations.listed(db, now, start, most))


def pending(pending_id: str, clerk: StaffSession) -> PendingView | None:
    """Return an invitation that a clerk requested, or None.

    Logs the access if there is one.
    """
    found = pending_invitations.find(clerk.ctx.db, pending_id, clerk.ctx.now())
    if found is not None:
        log_access(f"pending-invitation:{pending_id}", clerk)
    return found


def has_signatory(organisation_id: str, clerk: StaffSession) -> bool:
    """Return True if there is an active signatory, who must then confirm."""
    return signatory_namings.has_signatory(clerk.ctx.db, organisation_id, clerk.ctx.now())


def invite(customer_id: str, person: ContactDetails, clerk: StaffSession) -> InvitationResult:
    """Request an invitation, like `invite_signatory`.

    Raises PeopleError, OrganisationClosed, AlreadyHasOtherRole, SelfInvitation and InvitationLimitReached.
    """
    return invite_signatory(customer_id, person, clerk.ctx, clerk.actor, clerk.request_id)


def confirm(pending_id: str, clerk: StaffSession, address: str = "") -> None:
    """Confirm another clerk's invitation as the second clerk.

    `address` is the organisation's e-mail address in the trade register's extract, if the extract has one. The
    organisation must have no signatory. Raises PendingInvitationRefused, OrganisationClosed, AlreadyHasOtherRole and
    InvitationLimitReached.
    """
    pending = _asked(pending_id, clerk)
    with clerk.act({pending.organisation_id}, beside=pending.asker_id) as audit:
        by = Confirmer(clerk.actor.user_id, by_clerk=True, address=address)
        confirm_locked(pending_id, by, clerk.ctx, audit)


def find_naming(pending: PendingView, clerk: StaffSession) -> NamingView | None:
    """Return the naming of a confirmed first representative, if it waits or waited."""
    if not pending.invitation_id:
        return None
    return signatory_namings.find_of_invitation(clerk.ctx.db, pending.invitation_id)


def reject(pending_id: str, clerk: StaffSession) -> None:
    """Reject an invitation that another clerk requested.

    Raises PendingInvitationRefused.
    """
    pending = _asked(pending_id, clerk)
    with clerk.act({pending.organisation_id}) as audit:
        pending_invitations.decide(clerk.ctx.db, pending_id, InvitationProposal.REJECTED, clerk.actor.user_id, audit)


def withdraw(pending_id: str, clerk: StaffSession) -> None:
    """Withdraw this clerk's request. Raises PendingInvitationRefused."""
    pending = _asked(pending_id, clerk)
    if pending.asker_id != clerk.actor.user_id:
        raise PendingInvitationRefused(PendingFault.NOT_ASKER)
    with clerk.act({pending.organisation_id}) as audit:
        pending_invitations.decide(clerk.ctx.db, pending_id, InvitationProposal.WITHDRAWN, clerk.actor.user_id, audit)


def find_link(invitation_id: str, clerk: StaffSession) -> OpenInvitation | None:
    """Return an invitation with an unused link, or None; logs the access."""
    invitation = invitations.find(clerk.ctx.db, invitation_id, clerk.ctx.now())
    if invitation is not None:
        log_access(f"organisation:{invitation.organisation_id}", clerk)
    return invitation


def end(invitation_id: str, clerk: StaffSession) -> bool:
    """End an invitation with an unused link; return False if there is none.

    The link is then no longer valid. A signatory assigned by an operator stays one without it.
    """
    ctx = clerk.ctx
    invitation = invitations.find(ctx.db, invitation_id, ctx.now())
    if invitation is None:
        return False
    with clerk.act({invitation.organisation_id}) as audit:
        return role_assignments.end_invitation(ctx.db, invitation.mandate_id, invitation_id, audit)


def _asked(pending_id: str, clerk: StaffSession) -> PendingView:
    pending = pending_invitations.find(clerk.ctx.db, pending_id, clerk.ctx.now())
    if pending is None:
        raise PendingInvitationRefused(PendingFault.OVER)
    return pending
