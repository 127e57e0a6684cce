"""Who may act for whom, as it stands in mandates: read at each request of somebody who is signed in."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from sinetti.domain.customers import folded
from sinetti.domain.mandates import Grant, Role
from sinetti.registry import models
from sinetti.registry.opening import Register
from sinetti.registry.roles import standing


def of_user(register: Register, user_id: str, now: datetime) -> tuple[Grant, ...]:
    """The roles that an account has been given directly, those in force, of organisations that are open."""
    rows = models.Mandate.objects.using(register.alias).filter(standing(now), user=user_id, agent__isnull=True)
    return _grants(rows.filter(organisation__closed_at__isnull=True))


def of_agents(register: Register, agents: Collection[str], now: datetime) -> tuple[Grant, ...]:
    """The roles that other organisations gave to these, by the ids of these, those in force."""
    if not agents:
        return ()
    rows = models.Mandate.objects.using(register.alias).filter(standing(now), agent__in=agents)
    return _grants(rows.filter(organisation__closed_at__isnull=True))


def organisation_ids(register: Register, customer_ids: Collection[str]) -> dict[str, str]:
    """The ids of open organisations by their customer ids as they were given; unknown ones are left out."""
    if not customer_ids:
        return {}
    by_folded = {folded(one): one for one in customer_ids}
    rows = models.Organisation.objects.using(register.alias).filter(folded__in=by_folded, closed_at__isnull=True)
    return {by_folded[one]: organisation_id for one, organisation_id in rows.values_list("folded", "pk")}


def _grants(rows: "QuerySet[models.Mandate]") -> tuple[Grant, ...]:
    return tuple(
        Grant(organisation_id, Role(role), via, until)
        for organisation_id, role, via, until in rows.values_list("organisation", "role", "agent", "valid_until")
    )
