"""Role resignation: a user's own roles, or a role that a service provider has.

In the second case a representative resigns for the service provider.
"""

from dataclasses import dataclass

from sinetti.database.access import queries, role_assignments
from sinetti.database.access.queries import OwnRole
from sinetti.database.access.role_assignments import LastSignatory
from sinetti.domain.access.roles import Permission
from sinetti.services.access.act_transaction import Act, acting
from sinetti.services.access.permissions import (
    Actor,
    PermissionDenied,
    Permissions,
    is_external_signatory,
    load_permissions,
)
from sinetti.services.context import ServiceContext

__all__ = ["LastSignatory", "OwnRole"]


@dataclass(frozen=True)
class ResignationReport:
    """Counts of resigned and kept roles; the last representative keeps the role."""

    done: int
    kept: int


def own(
    actor: Actor, permissions: Permissions, ctx: ServiceContext, start: int = 0, *, ending: bool = False
) -> tuple[OwnRole, ...]:
    """Return the user's direct roles by role assignments, by organisation name.

    Only of organisations that the user may see. From row `start` on: one page and one more row. `ending`: only those
    that end within 60 days.
    """
    earlier = permissions.organisations(Permission.SEE)
    load = queries.ending_of_user if ending else queries.mandates_of_user
    return load(ctx.db, actor.user_id, earlier, ctx.now(), start)


def preview_resignation(mandate_ids: tuple[str, ...], ctx: ServiceContext, actor: Actor) -> tuple[OwnRole, ...]:
    """Return those of these roles that are in force and would end.

    Raises PermissionDenied at the first role of another user.
    """
    who, now = load_permissions(actor, ctx), ctx.now()
    for one in mandate_ids:
        _theirs(role_assignments.holder_of(ctx.db, one, now), actor, who)
    return queries.roles_in_force(ctx.db, mandate_ids, now)


def resign(mandate_ids: tuple[str, ...], ctx: ServiceContext, actor: Actor, request_id: str) -> ResignationReport:
    """Resign from these roles in one transaction; skip roles that have ended.

    The other signatories get a message. Raises PermissionDenied at the first role of another user; nothing is changed
    then.
    """
    who, done, kept = load_permissions(actor, ctx), 0, 0
    now = ctx.now()
    holders = [role_assignments.holder_of(ctx.db, mandate_id, now) for mandate_id in mandate_ids]
    for holder in holders:
        _theirs(holder, actor, who)
    about = {holder.organisation_id for holder in holders} | {holder.agent_id for holder in holders if holder.agent_id}
    with acting(about, ctx, actor, request_id) as act:
        # Each is read as it is now: an earlier one of these, or the end of another role, may have ended it too.
        for mandate_id in mandate_ids:
            went = _given_up(mandate_id, act, ctx, actor)
            done, kept = done + bool(went), kept + (went is None)
    return ResignationReport(done, kept)


def _given_up(mandate_id: str, act: Act, ctx: ServiceContext, actor: Actor) -> bool | None:
    """Resign from one role. Raises PermissionDenied.

    Returns False if it has ended, and None if the last signatory must keep it.
    """
    holder = role_assignments.holder_of(ctx.db, mandate_id, act.audit.at)
    _theirs(holder, actor, act.permissions)
    stays = is_external_signatory(holder.organisation_id, actor, ctx)
    try:
        return role_assignments.withdraw(ctx.db, mandate_id, act.audit, last_may_go=stays, given_up=True)
    except LastSignatory:
        return None


def _theirs(holder: role_assignments.GrantHolder, actor: Actor, permissions: Permissions) -> None:
    if holder.agent_id:
        permissions.require(Permission.GRANT, holder.agent_id)
    elif holder.user_id != actor.user_id:
        raise PermissionDenied(Permission.SEE, None)
    elif not holder.ended:
        # A role that was given up or has expired gives no access.
        permissions.require(Permission.SEE, holder.organisation_id)
