"""Permission checks for one organisation, made at each use case.

Roles come from sources of one shape: our own role assignments, and the claims of a sign-in
(docs/e-service/authorisations.md). `domain/access/roles.py` combines them.

The check uses the organisation of the object itself. A missing object and another organisation's object are rejected
alike.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sinetti.database.access import queries
from sinetti.domain.access import roles
from sinetti.domain.access.roles import EffectiveRole, OrganisationLabel, Permission, Role, RoleGrant
from sinetti.services.context import ServiceContext


@dataclass(frozen=True)
class ExternalRole:
    """A role for an organisation, by its customer id, from the claims of a sign-in.

    It is valid for that session.
    """

    customer_id: str
    role: Role


@dataclass(frozen=True)
class Actor:
    """The signed-in user and the authentication.

    `staff` marks a clerk of the authority.
    """

    user_id: str
    second_factor: bool = False
    outside: tuple[ExternalRole, ...] = ()
    staff: bool = False

    @property
    def name(self) -> str:
        """The opaque name in audit rows."""
        return f"user:{self.user_id}"


class PermissionDenied(Exception):
    """Raised if a user lacks a permission or a second factor.

    It says nothing about the organisation, which may belong to others.
    """

    def __init__(self, right: Permission, organisation_id: str | None, *, second_factor: bool = False) -> None:
        """Create the exception.

        `second_factor` says that the actor has the permission after signing in with one. Without an id there is no
        object.
        """
        super().__init__(right)
        self.right, self.organisation_id, self.second_factor = right, organisation_id, second_factor


class RoleSource(Protocol):
    """A source of role grants."""

    def grants(self, actor: Actor, ctx: ServiceContext) -> tuple[RoleGrant, ...]:
        """Return the actor's direct roles, and roles granted to their organisations.

        The latter name the organisation through which the actor has them (`via`).
        """


@dataclass(frozen=True)
class DatabaseRoles:
    """Role assignments in the database."""

    def grants(self, actor: Actor, ctx: ServiceContext) -> tuple[RoleGrant, ...]:
        """Return the roles of the account, and those granted to its organisations."""
        return queries.for_user(ctx.db, actor.user_id, ctx.now())


@dataclass(frozen=True)
class ExternalRoles:
    """Roles in the claims of a sign-in, such as a national authorisation service."""

    def grants(self, actor: Actor, ctx: ServiceContext) -> tuple[RoleGrant, ...]:
        """Return the roles of this session and those granted to their organisations.

        Only organisations in the database count.
        """
        known, handed = queries.for_firms(
            ctx.db, {external_role.customer_id for external_role in actor.outside}, ctx.now()
        )
        own = (
            (known[external_role.customer_id], external_role.role)
            for external_role in actor.outside
            if external_role.customer_id in known
        )
        named = ((ref, OrganisationLabel(ref.customer_id, ref.name), role) for ref, role in own)
        return tuple(RoleGrant(ref.organisation_id, role, name=name) for ref, name, role in named) + handed


SOURCES: tuple[RoleSource, ...] = (DatabaseRoles(), ExternalRoles())


@dataclass(frozen=True)
class Permissions:
    """Effective role per organisation, and roles that need a second factor."""

    held: Mapping[str, EffectiveRole]
    waiting: frozenset[str] = field(default=frozenset())
    """Organisations for which the actor has more permissions with a second factor."""
    names: Mapping[str, OrganisationLabel] = field(default_factory=dict)
    """Names of the organisations of `held` and `waiting`, read with the roles."""

    def may(self, right: Permission, organisation_id: str) -> bool:
        """Return True if the actor has a permission for the organisation."""
        effective_role = self.held.get(organisation_id)
        return effective_role is not None and roles.has_permission(effective_role.role, right)

    def require(self, right: Permission, organisation_id: str) -> EffectiveRole:
        """Return the role that gives the actor a permission, for read-only pages.

        Raises PermissionDenied.
        """
        effective_role = self.held.get(organisation_id)
        if effective_role is None or not roles.has_permission(effective_role.role, right):
            raise PermissionDenied(right, organisation_id, second_factor=organisation_id in self.waiting)
        return effective_role

    def organisations(self, right: Permission) -> frozenset[str]:
        """Return the ids of all organisations for which the actor has a permission."""
        return frozenset(organisation_id for organisation_id in self.held if self.may(right, organisation_id))

    def narrowed(self, organisation_id: str) -> "Permissions":
        """Return the part of the permissions that concerns one organisation."""
        held = {key: role for key, role in self.held.items() if key == organisation_id}
        return Permissions(held, self.waiting & {organisation_id}, self.names)


def load_permissions(actor: Actor, ctx: ServiceContext) -> Permissions:
    """Load the actor's permissions.

    Takes one statement, or two if the sign-in brought roles.
    """
    now = ctx.now()
    role_grants = _grants(actor, ctx)
    direct, handed = (
        [role_grant for role_grant in role_grants if (role_grant.via is None) is own] for own in (True, False)
    )
    held = roles.effective_roles(direct, handed, now, second_factor=actor.second_factor)
    whole = roles.effective_roles(direct, handed, now, second_factor=True)
    waiting = frozenset(key for key, role in whole.items() if held.get(key) != role)
    names = {
        role_grant.organisation_id: role_grant.name for role_grant in role_grants if role_grant.organisation_id in whole
    }
    return Permissions(held, waiting, names)


def ways(organisation_ids: Collection[str], actor: Actor, ctx: ServiceContext) -> frozenset[str]:
    """Return the organisations through which the actor may have a role for these."""
    role_grants = _grants(actor, ctx)
    return frozenset(
        role_grant.via
        for role_grant in role_grants
        if role_grant.via is not None and role_grant.organisation_id in organisation_ids
    )


def require_permission(right: Permission, organisation_id: str, actor: Actor, ctx: ServiceContext) -> EffectiveRole:
    """Return the role that gives the actor a permission for an organisation.

    Raises PermissionDenied. An organisation that does not exist is treated like one without the permission.
    """
    return load_permissions(actor, ctx).require(right, organisation_id)


def is_external_signatory(organisation_id: str, actor: Actor, ctx: ServiceContext) -> bool:
    """Return True if the claims of the sign-in make the actor a signatory.

    The actor stays a signatory regardless of our own role assignments.
    """
    role_grants = ExternalRoles().grants(actor, ctx)
    return any(
        role_grant.organisation_id == organisation_id and role_grant.role is Role.SIGNATORY and role_grant.via is None
        for role_grant in role_grants
    )


def _grants(actor: Actor, ctx: ServiceContext) -> list[RoleGrant]:
    return [grant for source in SOURCES for grant in source.grants(actor, ctx)]


def check_can_view(right: Permission, organisation_id: str | None, permissions: Permissions) -> None:
    """Raise PermissionDenied if this permission is missing; for read-only pages.

    A user who may not see an organisation's certificates does not even learn that the organisation exists.
    """
    if organisation_id is None or not permissions.may(right, organisation_id):
        raise _refused(right, organisation_id, permissions)


def check_can_modify(
    right: Permission, organisation_id: str | None, actor: Actor, ctx: ServiceContext
) -> EffectiveRole:
    """Check the permission in the database before a change, and return the role.

    Raises PermissionDenied as `check_can_view` does.
    """
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
