"""Confirmation or rejection, by signatories, of an invitation by a clerk.

See docs/e-service/authorisations.md.
"""

from sinetti.database.access import pending_invitations
from sinetti.database.access.pending_invitations import PendingView
from sinetti.domain.access.pending_invitations import InvitationProposal, PendingFault, PendingInvitationRefused
from sinetti.domain.access.roles import Permission
from sinetti.services.access.act_transaction import act_on
from sinetti.services.access.invitations import Confirmer, confirm_locked
from sinetti.services.access.permissions import Actor, Permissions, check_can_view
from sinetti.services.context import ServiceContext

__all__ = ["InvitationProposal", "PendingFault", "PendingInvitationRefused", "PendingView"]


def waiting(organisation_id: str, permissions: Permissions, ctx: ServiceContext) -> tuple[PendingView, ...]:
    """Return the pending invitations of an organisation. Raises PermissionDenied."""
    permissions.require(Permission.GRANT, organisation_id)
    return pending_invitations.list_waiting(ctx.db, organisation_id, ctx.now())


def get_for_confirmation(pending_id: str, permissions: Permissions, ctx: ServiceContext) -> PendingView:
    """Return a pending invitation.

    Raises PermissionDenied, for a missing one as for another organisation's.
    """
    pending = pending_invitations.find(ctx.db, pending_id, ctx.now())
    check_can_view(Permission.GRANT, None if pending is None else pending.organisation_id, permissions)
    assert pending is not None  # noqa: S101 - without one the right is lacking
    return pending


def confirm(pending_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> None:
    """Confirm the invitation, and send it.

    Raises PermissionDenied, PendingInvitationRefused, AlreadyHasOtherRole and InvitationLimitReached.
    """
    with act_on(Permission.GRANT, _organisation_of(pending_id, ctx), ctx, actor, request_id) as act:
        confirm_locked(pending_id, Confirmer(actor.user_id), ctx, act.audit)


def reject(pending_id: str, ctx: ServiceContext, actor: Actor, request_id: str) -> None:
    """Reject the invitation.

    Raises PermissionDenied and PendingInvitationRefused.
    """
    with act_on(Permission.GRANT, _organisation_of(pending_id, ctx), ctx, actor, request_id) as act:
        pending_invitations.decide(ctx.db, pending_id, InvitationProposal.REJECTED, actor.user_id, act.audit)


def _organisation_of(pending_id: str, ctx: ServiceContext) -> str | None:
    pending = pending_invitations.find(ctx.db, pending_id, ctx.now())
    return None if pending is None else pending.organisation_id
