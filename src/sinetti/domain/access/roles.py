"""Roles, the permissions of each role, and delegation between organisations.

The rules are described in docs/e-service/authorisations.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.business_days import FINNISH_TIME


class Role(StrEnum):
    """Role of a person, or of another organisation, for an organisation."""

    SIGNATORY = "signatory"
    MANAGER = "manager"
    VIEWER = "viewer"


class Permission(StrEnum):
    """Permission that an act of the e-service requires on one organisation."""

    SEE = "see"
    ORDER = "order"
    FETCH = "fetch"
    CONTACT = "contact"
    REVOKE = "revoke"
    APPLY = "apply"
    ASK = "ask"
    """Requesting a role from other organisations, for this one."""
    GRANT = "grant"
    """Giving, withdrawing and listing authorisations."""


RIGHTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.SIGNATORY: frozenset(Permission),
        Role.MANAGER: frozenset(
            {Permission.SEE, Permission.ORDER, Permission.FETCH, Permission.CONTACT, Permission.REVOKE, Permission.ASK}
        ),
        Role.VIEWER: frozenset({Permission.SEE}),
    }
)
"""Permissions by role; each role has all permissions of those after it."""

_SMALLEST_FIRST = (Role.VIEWER, Role.MANAGER, Role.SIGNATORY)

GIVEN_TO_AGENTS = frozenset({Role.MANAGER, Role.VIEWER})
"""Roles that an organisation may grant to another organisation."""

AGENTS_AT_MOST = timedelta(days=731)
"""Longest time for which another organisation may have a role.

It is two years, one of which may be a leap year.
"""

NEEDS_SECOND_FACTOR = frozenset({Role.SIGNATORY})
"""Roles that require a sign-in with a second factor."""


@dataclass(frozen=True)
class OrganisationLabel:
    """Customer id and name of an organisation."""

    customer_id: str
    name: str


@dataclass(frozen=True)
class RoleGrant:
    """Role for an organisation, held by a person directly or through an organisation.

    `via` is the organisation for which the person acts, or None for a direct grant. The ids are those of the database.
    `until` is None if the role has no end. `name` is the organisation's, for pages.
    """

    organisation_id: str
    role: Role
    via: str | None = None
    until: datetime | None = None
    name: OrganisationLabel = field(default=OrganisationLabel("", ""), compare=False)


@dataclass(frozen=True)
class EffectiveRole:
    """Greatest role of a person for an organisation, and its source.

    `via` is the organisation through which the person has the role, or None.
    """

    role: Role
    via: str | None = None


def smaller(role: Role, other: Role) -> Role:
    """Return the role with fewer permissions."""
    return min(role, other, key=_SMALLEST_FIRST.index)


def greater(role: Role, other: Role) -> Role:
    """Return the role with more permissions."""
    return max(role, other, key=_SMALLEST_FIRST.index)


def has_permission(role: Role | None, right: Permission) -> bool:
    """Return True if a role has a permission; no role has none."""
    return role is not None and right in RIGHTS[role]


def minimum_role_for(right: Permission) -> Role:
    """Return the smallest role that has a permission."""
    return next(role for role in _SMALLEST_FIRST if right in RIGHTS[role])


def roles_up_to(role: Role) -> tuple[Role, ...]:
    """Return this role and those with fewer permissions, the greatest first."""
    return tuple(reversed(_SMALLEST_FIRST[: _SMALLEST_FIRST.index(role) + 1]))


def last_second(day: date) -> datetime:
    """Return the last second of a Finnish day, in UTC.

    A grant that is valid until a day ends then.
    """
    return datetime.combine(day, time(23, 59, 59), FINNISH_TIME).astimezone(UTC)


def check_firm_grant(role: Role, until: datetime | None, now: datetime) -> bool:
    """Return True if another organisation may be granted this role with this end.

    Such a grant must have an end, within two years.
    """
    return role in GIVEN_TO_AGENTS and until is not None and now < until <= now + AGENTS_AT_MOST


def outlasts(gone: datetime | None, others: Iterable[datetime | None]) -> bool:
    """Return True if another signatory's grant lasts at least as long.

    `gone` is the end of the removed grant, `others` are the ends of the other signatories' grants. Without another
    signatory the organisation would have no person left with the right to give authorisations.
    """
    return any(instant is None or (gone is not None and gone <= instant) for instant in others)


def effective_roles(
    direct: Iterable[RoleGrant], handed: Iterable[RoleGrant], now: datetime, *, second_factor: bool
) -> dict[str, EffectiveRole]:
    """Return the effective roles of a person now, by organisation.

    `direct` are the person's own grants. `handed` are the grants of organisations to other organisations (`via`).

    Through an organisation a person has the smaller of two roles: the person's role in it, and the role that was
    granted to it. A granted role cannot be granted further, since only direct grants count there. Without a second
    factor, roles that require one are ignored. A grant counts up to its last second.
    """
    found: dict[str, EffectiveRole] = {}
    own: dict[str, Role] = {}
    for grant in direct:
        if _counts(grant, now) and (second_factor or grant.role not in NEEDS_SECOND_FACTOR):
            role = greater(grant.role, own.get(grant.organisation_id, grant.role))
            own[grant.organisation_id] = role
            found[grant.organisation_id] = EffectiveRole(role)
    for grant in handed:
        if grant.via not in own or grant.role not in GIVEN_TO_AGENTS or not _counts(grant, now):
            continue
        role, before = smaller(own[grant.via], grant.role), found.get(grant.organisation_id)
        if before is None or greater(role, before.role) != before.role:
            found[grant.organisation_id] = EffectiveRole(role, grant.via)
    return found


def _counts(grant: RoleGrant, now: datetime) -> bool:
    return grant.until is None or now <= grant.until
