"""Signatories confirm or reject an invitation that a clerk asked for.

See docs/mandates.md.
"""

from sinetti.database.access import pending_invitations
from sinetti.database.access.pending_invitations import PendingView
from sinetti.domain.access.pending_invitations import InvitationProposal, PendingFault, PendingInvitationRefused
from sinetti.domain.access.roles import Permission
from sinetti.services.access.act_transaction import act_on
from sinetti.services.access.objects import check_can_view
from sinetti.services.access.pending_invitations import confirm_locked
from sinetti.services.access.permissions import Actor, Permissions
from sinetti.services.context import ServiceContext

__all__ = [
    "InvitationProposal",
    "PendingFault",
    "PendingInvitationRefused",
    "PendingView",
    "confirm",
    "get_for_confirmation",
    "reject",
    "waiting",
]


def waiting(organisation_id: str, who: Permissions, office: ServiceContext) -> tuple[PendingView, ...]:
    """List those of an organisation that wait. Raises NotAllowed."""
    who.require(Permission.GRANT, organisation_id)
    return pending_invitations.list_waiting(office.register, organisation_id, office.now())


def get_for_confirmation(pending_id: str, who: Permissions, office: ServiceContext) -> PendingView:
    """Return one. Raises NotAllowed; one that is not there is like one of others."""
    found = pending_invitations.find(office.register, pending_id, office.now())
    check_can_view(Permission.GRANT, None if found is None else found.organisation_id, who)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def confirm(pending_id: str, office: ServiceContext, actor: Actor, request_id: str) -> None:
    """Confirm the invitation, and send it.

    Raises NotAllowed, PendingRefused, Otherwise and TooMany.
    """
    with act_on(Permission.GRANT, _organisation_of(pending_id, office), office, actor, request_id) as act:
        confirm_locked(pending_id, actor.user_id, office, act.deed, by_clerk=False)


def reject(pending_id: str, office: ServiceContext, actor: Actor, request_id: str) -> None:
    """Reject the invitation. Raises NotAllowed and PendingRefused."""
    with act_on(Permission.GRANT, _organisation_of(pending_id, office), office, actor, request_id) as act:
        pending_invitations.decide(office.register, pending_id, InvitationProposal.REJECTED, actor.user_id, act.deed)


def _organisation_of(pending_id: str, office: ServiceContext) -> str | None:
    found = pending_invitations.find(office.register, pending_id, office.now())
    return None if found is None else found.organisation_id
