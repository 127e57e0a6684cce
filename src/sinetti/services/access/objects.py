"""May they, for the organisation of this very object? What is not there and what is others' are refused alike."""

from sinetti.domain.access.roles import EffectiveRole, Permission
from sinetti.services.access.permissions import (
    Actor,
    PermissionDenied,
    Permissions,
    load_permissions,
    require_permission,
)
from sinetti.services.context import ServiceContext


def check_can_view(right: Permission, organisation_id: str | None, permissions: Permissions) -> None:
    """Raise NotAllowed where this right is lacking; for pages that only show.

    Of an organisation whose certificates they may not even see nothing is told, not even that it is there.
    """
    if organisation_id is None or not permissions.may(right, organisation_id):
        raise _refused(right, organisation_id, permissions)


def check_can_modify(
    right: Permission, organisation_id: str | None, actor: Actor, ctx: ServiceContext
) -> EffectiveRole:
    """Ask the register, before an act. Raises PermissionDenied as `check_can_view` does."""
    if organisation_id is None:
        raise PermissionDenied(right, None)
    try:
        return require_permission(right, organisation_id, actor, ctx)
    except PermissionDenied:
        raise _refused(right, organisation_id, load_permissions(actor, ctx)) from None


def _refused(right: Permission, organisation_id: str | None, permissions: Permissions) -> PermissionDenied:
    waiting = organisation_id in permissions.waiting
    seen = organisation_id is not None and permissions.may(Permission.SEE, organisation_id)
    return PermissionDenied(right, organisation_id if waiting or seen else None, second_factor=waiting)
