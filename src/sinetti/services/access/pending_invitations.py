"""Confirms an invitation that a clerk asked for (docs/mandates.md).

A signatory confirms it, or a second clerk. Helpers of `behalf/pending_invitations.py` and `staff/open_invitations.py`:
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
    pending_id: str, confirmer_id: str, office: ServiceContext, deed: AuditContext, *, by_clerk: bool
) -> None:
    """Make the pending invitation, in a transaction that locks its organisation.

    Raises PendingInvitationRefused, Closed, Otherwise and TooMany; nothing is changed then.
    """
    register = office.register
    found = pending_invitations.find(register, pending_id, deed.at)
    if found is None:
        raise PendingInvitationRefused(PendingFault.OVER)
    if (fault := check_confirmation(_asked(found, confirmer_id, office, deed, by_clerk=by_clerk))) is not None:
        raise PendingInvitationRefused(fault)
    pending_invitations.decide(register, pending_id, InvitationProposal.CONFIRMED, confirmer_id, deed)
    person = ContactDetails(found.name, found.email, "", found.language)
    link = create_link(office, deed.at)
    made = role_assignments.invite(register, PersonGrant(found.organisation_id, person, Role.SIGNATORY), link, deed)
    pending_invitations.set_invitation(register, pending_id, link.invitation_id if made.made else None)


def _asked(
    found: PendingView, confirmer_id: str, office: ServiceContext, deed: AuditContext, *, by_clerk: bool
) -> InvitationConfirmation:
    register = office.register
    return InvitationConfirmation(
        state=found.state,
        asker=persons.get_identity(register, found.asker_id) if found.asker_id else Identity(),
        # Erased meanwhile: they could be the confirmer.
        invited=persons.get_identity_of_address(register, found.email) if found.email else Identity(),
        confirmer=persons.get_identity(register, confirmer_id),
        by_clerk=by_clerk,
        has_signatory=pending_invitations.has_signatory(register, found.organisation_id, deed.at),
        asker_is_clerk=pending_invitations.is_clerk(register, found.asker_id),
    )
