"""Signatories confirm or reject an invitation that a clerk asked for.

See docs/mandates.md.
"""

from sinetti.database.access import pending_invitations
from sinetti.database.access.pending_invitations import PendingView
from sinetti.domain.access.pending_invitations import Pending, PendingFault, PendingRefused
from sinetti.domain.access.roles import Right
from sinetti.services.access.act_transaction import act_on
from sinetti.services.access.objects import may_look
from sinetti.services.access.pending_invitations import confirm_locked
from sinetti.services.access.permissions import Actor, Standing
from sinetti.services.context import Office

__all__ = ["Pending", "PendingFault", "PendingRefused", "PendingView", "confirm", "look", "reject", "waiting"]


def waiting(organisation_id: str, who: Standing, office: Office) -> tuple[PendingView, ...]:
    """List those of an organisation that wait. Raises NotAllowed."""
    who.require(Right.GRANT, organisation_id)
    return pending_invitations.list_waiting(office.register, organisation_id, office.now())


def look(pending_id: str, who: Standing, office: Office) -> PendingView:
    """Return one. Raises NotAllowed; one that is not there is like one of others."""
    found = pending_invitations.find(office.register, pending_id, office.now())
    may_look(Right.GRANT, None if found is None else found.organisation_id, who)
    assert found is not None  # noqa: S101 - without one the right is lacking
    return found


def confirm(pending_id: str, office: Office, actor: Actor, request_id: str) -> None:
    """Confirm the invitation, and send it.

    Raises NotAllowed, PendingRefused, Otherwise and TooMany.
    """
    with act_on(Right.GRANT, _organisation_of(pending_id, office), office, actor, request_id) as act:
        confirm_locked(pending_id, actor.user_id, office, act.deed, by_clerk=False)


def reject(pending_id: str, office: Office, actor: Actor, request_id: str) -> None:
    """Reject the invitation. Raises NotAllowed and PendingRefused."""
    with act_on(Right.GRANT, _organisation_of(pending_id, office), office, actor, request_id) as act:
        pending_invitations.decide(office.register, pending_id, Pending.REJECTED, actor.user_id, act.deed)


def _organisation_of(pending_id: str, office: Office) -> str | None:
    found = pending_invitations.find(office.register, pending_id, office.now())
    return None if found is None else found.organisation_id
