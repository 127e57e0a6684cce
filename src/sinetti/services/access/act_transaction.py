"""Transaction of each action of a representative.

Rows are locked first, then the actor's permissions are read again. A permission that was withdrawn before the action
could lock the organisation no longer counts. All actions in `services/self_service` use this module and take their
audit data from it (tests/house/test_acts.py, tests/services/test_withdrawn_meanwhile.py).
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import locked
from sinetti.domain.access.roles import Permission
from sinetti.services.access.permissions import (
    Actor,
    PermissionDenied,
    Permissions,
    check_can_modify,
    check_can_view,
    load_permissions,
    require_permission,
    ways,
)
from sinetti.services.context import ServiceContext


@dataclass(frozen=True)
class Act:
    """An action in progress: its audit data and the actor's permissions.

    The permissions were read under the locks.
    """

    audit: AuditContext
    permissions: Permissions


@contextmanager
def acting(organisation_ids: Collection[str], ctx: ServiceContext, actor: Actor, request_id: str) -> Iterator[Act]:
    """Open the transaction of an action on these organisations, and lock them.

    Organisations through which the actor has a role for them are locked too, so that neither link is withdrawn in the
    meantime. The caller asks `Act.permissions` for the permission. Raises PermissionDenied if the account has been
    deactivated.
    """
    held = {*organisation_ids, *ways(organisation_ids, actor, ctx)}
    with locked(ctx.db, actor.user_id, held) as account:
        if not account.is_active:
            raise PermissionDenied(Permission.SEE, None)
        yield Act(ctx.audit_entry(actor.name, request_id), load_permissions(actor, ctx))


@contextmanager
def act_for(
    right: Permission, organisation_id: str, ctx: ServiceContext, actor: Actor, request_id: str
) -> Iterator[Act]:
    """Open the transaction of an action on an organisation that needs a permission.

    Raises PermissionDenied, before or after the rows are locked.
    """
    require_permission(right, organisation_id, actor, ctx)
    with acting({organisation_id}, ctx, actor, request_id) as act:
        act.permissions.require(right, organisation_id)
        yield act


@contextmanager
def act_on(
    right: Permission, organisation_id: str | None, ctx: ServiceContext, actor: Actor, request_id: str
) -> Iterator[Act]:
    """Open the transaction of an action on an object of an organisation.

    `organisation_id` is None if there is no such object. Raises PermissionDenied as `check_can_modify` does, for a
    missing object as for another organisation's.
    """
    check_can_modify(right, organisation_id, actor, ctx)
    with acting({organisation_id} if organisation_id else (), ctx, actor, request_id) as act:
        check_can_view(right, organisation_id, act.permissions)
        yield act


def guarded(
    right: Permission, organisation_id: str | None, ctx: ServiceContext, actor: Actor, request_id: str
) -> ServiceContext:
    """Return a context whose every transaction is an `act_on`.

    For use cases that open transactions of their own. Raises PermissionDenied at once if the permission is missing
    now.
    """
    check_can_modify(right, organisation_id, actor, ctx)
    return replace(ctx, guard=lambda: act_on(right, organisation_id, ctx, actor, request_id))
