"""Who may act for whom, as it stands in mandates: read at each request of somebody who is signed in."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import CharField, DateTimeField, QuerySet, Value

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.notifications.recipients import active_assignments
from sinetti.domain.access.roles import Role, RoleGrant
from sinetti.domain.identifiers import normalise


def for_user(db: Database, user_id: str, now: datetime) -> tuple[RoleGrant, ...]:
    """The roles that an account was given directly, and those that others gave to the organisations of these (`via`).

    Those in force, of organisations that are open. One statement of two parts, each of which an index serves.
    """
    counting = _counting(db, now)
    direct = counting.filter(user=user_id, agent__isnull=True)
    return _grants(_values(direct).union(_values(counting.filter(agent__in=direct.values("organisation"))), all=True))


def for_firms(
    db: Database, customer_ids: Collection[str], now: datetime
) -> tuple[dict[str, str], tuple[RoleGrant, ...]]:
    """The ids of open organisations by their customer ids as they were given, and the roles that others gave to these.

    Unknown ones are left out; roles are those in force. One statement: it is asked at each request.
    """
    if not customer_ids:
        return {}, ()
    by_folded: dict[str, list[str]] = {}
    for one in customer_ids:
        by_folded.setdefault(normalise(one), []).append(one)
    known = models.Organisation.objects.using(db.alias).filter(normalised_id__in=by_folded, closed_at__isnull=True)
    given = _values(_counting(db, now).filter(agent__in=known.values("pk")))
    # An organisation stands among the roles with its normalised_id id as the role, and no agent: each of these has one.
    nobody, never = Value(None, CharField()), Value(None, DateTimeField())
    rows = list(given.union(known.values_list("pk", "normalised_id", nobody, never), all=True))
    ids = {way: organisation_id for organisation_id, one, agent, _ in rows if agent is None for way in by_folded[one]}
    return ids, _grants(one for one in rows if one[2] is not None)


def _counting(db: Database, now: datetime) -> "QuerySet[models.RoleAssignment]":
    rows = models.RoleAssignment.objects.using(db.alias)
    return rows.filter(active_assignments(now), organisation__closed_at__isnull=True)


def _values(rows: "QuerySet[models.RoleAssignment]") -> "QuerySet[models.RoleAssignment, Any]":
    return rows.values_list("organisation", "role", "agent", "valid_until")


def _grants(rows: Iterable[Any]) -> tuple[RoleGrant, ...]:
    return tuple(RoleGrant(organisation_id, Role(role), via, until) for organisation_id, role, via, until in rows)
