"""Who may act for whom, as it stands in mandates: read at each request of somebody who is signed in."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from sinetti.domain.customers import folded
from sinetti.domain.mandates import Grant, Role
from sinetti.registry import models
from sinetti.registry.opening import Register
from sinetti.registry.roles import standing


def of_user(register: Register, user_id: str, now: datetime) -> tuple[Grant, ...]:
    """The roles that an account was given directly, and those that others gave to the organisations of these (`via`).

    Those in force, of organisations that are open. One statement of two parts, each of which an index serves.
    """
    counting = _counting(register, now)
    direct = counting.filter(user=user_id, agent__isnull=True)
    return _grants(_values(direct).union(_values(counting.filter(agent__in=direct.values("organisation"))), all=True))


def of_agents(register: Register, agents: Collection[str], now: datetime) -> tuple[Grant, ...]:
    """The roles that other organisations gave to these, by the ids of these, those in force."""
    return _grants(_values(_counting(register, now).filter(agent__in=agents))) if agents else ()


def organisation_ids(register: Register, customer_ids: Collection[str]) -> dict[str, str]:
    """The ids of open organisations by their customer ids as they were given; unknown ones are left out."""
    if not customer_ids:
        return {}
    by_folded = {folded(one): one for one in customer_ids}
    rows = models.Organisation.objects.using(register.alias).filter(folded__in=by_folded, closed_at__isnull=True)
    return {by_folded[one]: organisation_id for one, organisation_id in rows.values_list("folded", "pk")}


def _counting(register: Register, now: datetime) -> "QuerySet[models.Mandate]":
    rows = models.Mandate.objects.using(register.alias)
    return rows.filter(standing(now), organisation__closed_at__isnull=True)


def _values(rows: "QuerySet[models.Mandate]") -> "QuerySet[models.Mandate, Any]":
    return rows.values_list("organisation", "role", "agent", "valid_until")


def _grants(rows: "QuerySet[models.Mandate, Any]") -> tuple[Grant, ...]:
    return tuple(Grant(organisation_id, Role(role), via, until) for organisation_id, role, via, until in rows)
