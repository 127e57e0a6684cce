"""Who may do what for which organisation: roles, the rights that each has, and what is handed on (docs/mandates.md)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.business_days import FINNISH_TIME


class Role(StrEnum):
    """What a person, or another organisation, may do for an organisation."""

    SIGNATORY = "signatory"
    MANAGER = "manager"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What one has to have the right to: each act of the e-service asks for one of these, on one organisation."""

    SEE = "see"
    ORDER = "order"
    FETCH = "fetch"
    CONTACT = "contact"
    REVOKE = "revoke"
    APPLY = "apply"
    ASK = "ask"
    """Asking other organisations for a role, for this one."""
    GRANT = "grant"
    """Giving and withdrawing authorisations, and seeing who has them."""


RIGHTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.SIGNATORY: frozenset(Permission),
        Role.MANAGER: frozenset(
            {Permission.SEE, Permission.ORDER, Permission.FETCH, Permission.CONTACT, Permission.REVOKE, Permission.ASK}
        ),
        Role.VIEWER: frozenset({Permission.SEE}),
    }
)
"""Each role has all rights of those after it."""

_SMALLEST_FIRST = (Role.VIEWER, Role.MANAGER, Role.SIGNATORY)

GIVEN_TO_AGENTS = frozenset({Role.MANAGER, Role.VIEWER})
"""What an organisation may give to another one."""

AGENTS_AT_MOST = timedelta(days=731)
"""How long another organisation may have a role at a time: two years, one of which may be a leap year."""

NEEDS_SECOND_FACTOR = frozenset({Role.SIGNATORY})
"""Roles that count only for who has signed in with a second factor."""


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role for an organisation, held by a person directly (`via` is None) or by an organisation that they act for.

    Ids are the register's. `until` is None where it has no end.
    """

    organisation_id: str
    role: Role
    via: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EffectiveRole:
    """The greatest role that somebody has for an organisation, and through which one they have it, if not directly."""

    role: Role
    via: str | None = None


def smaller(one: Role, other: Role) -> Role:
    """The role with fewer rights."""
    return min(one, other, key=_SMALLEST_FIRST.index)


def greater(one: Role, other: Role) -> Role:
    """The role with more rights."""
    return max(one, other, key=_SMALLEST_FIRST.index)


def has_permission(role: Role | None, right: Permission) -> bool:
    """Whether a role has a right; no role has none."""
    return role is not None and right in RIGHTS[role]


def minimum_role_for(right: Permission) -> Role:
    """The smallest role that has a right."""
    return next(role for role in _SMALLEST_FIRST if right in RIGHTS[role])


def roles_up_to(role: Role) -> tuple[Role, ...]:
    """This role and those with fewer rights, the greatest first."""
    return tuple(reversed(_SMALLEST_FIRST[: _SMALLEST_FIRST.index(role) + 1]))


def last_second(day: date) -> datetime:
    """The end of what is valid until a day: its last second on a Finnish clock, in UTC."""
    return datetime.combine(day, time(23, 59, 59), FINNISH_TIME).astimezone(UTC)


def check_firm_grant(role: Role, until: datetime | None, now: datetime) -> bool:
    """Whether another organisation may be given this role with this end: it has one, within two years."""
    return role in GIVEN_TO_AGENTS and until is not None and now < until <= now + AGENTS_AT_MOST


def outlasts(gone: datetime | None, others: Iterable[datetime | None]) -> bool:
    """Whether one of the other signatories, by their ends, stays at least as long as the one who goes.

    Without one the organisation would be left with nobody who may give authorisations.
    """
    return any(one is None or (gone is not None and gone <= one) for one in others)


def effective_roles(
    direct: Iterable[RoleGrant], handed: Iterable[RoleGrant], now: datetime, *, second_factor: bool
) -> dict[str, EffectiveRole]:
    """What somebody holds now, by organisation.

    `direct` are the person's own grants; `handed` are those that organisations gave to other organisations (`via`).
    Through an organisation one has the smaller of the role in it and the role that it was given; what was handed on
    once is not handed on again, since only direct grants count there. Without a second factor the roles that need one
    count as nothing. A grant counts up to its last second.
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
