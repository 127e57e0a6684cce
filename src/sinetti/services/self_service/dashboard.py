"""Dashboard: counts of certificates, orders, requests and staff applications."""

from collections.abc import Mapping
from dataclasses import dataclass

from sinetti.database.access import queries
from sinetti.database.certificates import list_query
from sinetti.database.organisations import applications as organisations_applications
from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.display_status import DisplayStatus
from sinetti.services.access.permissions import Actor, Permissions
from sinetti.services.context import ServiceContext


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of the dashboard.

    `states` leaves out valid certificates; `organisations` counts those of which the user may see anything.
    """

    organisations: int
    states: Mapping[DisplayStatus, int]
    requests: int = 0
    applications: int = 0


def overview(actor: Actor, permissions: Permissions, ctx: ServiceContext) -> Overview:
    """Count the dashboard's items in at most three statements.

    Each statement covers the organisations for which the user has the permission.
    """
    now, seen, granting = (
        ctx.now(),
        permissions.organisations(Permission.SEE),
        permissions.organisations(Permission.GRANT),
    )
    states = list_query.counts(ctx.db, seen, now) if seen else {}
    states.pop(DisplayStatus.VALID, None)
    return Overview(
        len(seen),
        states,
        queries.requests(ctx.db, granting, now) if granting else 0,
        organisations_applications.count_open(ctx.db) if actor.staff and actor.second_factor else 0,
    )
