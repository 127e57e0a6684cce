"""Confirms an invitation that a clerk asked for (docs/mandates.md).

A signatory confirms it, or a second clerk. Helpers of `self_service/pending_invitations.py` and `staff/open_invitations.py`:
both open the act's transaction first.
"""

from sinetti.database.access import pending_invitations, persons, role_assignments
from sinetti.database.access.pending_invitations import PendingView
from sinetti.database.access.role_assignments import PersonGrant
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.organisations.organisations import ContactDetails
from sinetti.domain.access.pending_invitations import (
    InvitationConfirmation,
    InvitationProposal,
    PendingFault,
    PendingInvitationRefused,
    check_confirmation,
)
from sinetti.domain.access.persons import Identity
from sinetti.domain.access.roles import Role
from sinetti.services.access.inviting import create_link
from sinetti.services.context import ServiceContext


def confirm_locked(
    pending_id: str, confirmer_id: str, ctx: ServiceContext, audit: AuditContext, *, by_clerk: bool
) -> None:
    """Make the pending invitation, in a transaction that locks its organisation.

    Raises PendingInvitationRefused, Closed, Otherwise and TooMany; nothing is changed then.
    """
    db = ctx.db
    found = pending_invitations.find(db, pending_id, audit.at)
    if found is None:
        raise PendingInvitationRefused(PendingFault.OVER)
    if (fault := check_confirmation(_asked(found, confirmer_id, ctx, audit, by_clerk=by_clerk))) is not None:
        raise PendingInvitationRefused(fault)
    pending_invitations.decide(db, pending_id, InvitationProposal.CONFIRMED, confirmer_id, audit)
    person = ContactDetails(found.name, found.email, "", found.language)
    link = create_link(ctx, audit.at)
    made = role_assignments.invite(db, PersonGrant(found.organisation_id, person, Role.SIGNATORY), link, audit)
    pending_invitations.set_invitation(db, pending_id, link.invitation_id if made.made else None)


def _asked(
    found: PendingView, confirmer_id: str, ctx: ServiceContext, audit: AuditContext, *, by_clerk: bool
) -> InvitationConfirmation:
    db = ctx.db
    return InvitationConfirmation(
        state=found.state,
        asker=persons.get_identity(db, found.asker_id) if found.asker_id else Identity(),
        # Erased meanwhile: they could be the confirmer.
        invited=persons.get_identity_of_address(db, found.email) if found.email else Identity(),
        confirmer=persons.get_identity(db, confirmer_id),
        by_clerk=by_clerk,
        has_signatory=pending_invitations.has_signatory(db, found.organisation_id, audit.at),
        asker_is_clerk=pending_invitations.is_clerk(db, found.asker_id),
    )
