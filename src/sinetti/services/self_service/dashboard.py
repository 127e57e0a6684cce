"""Dashboard: totals of certificates and orders, requests and staff applications."""

from dataclasses import dataclass

from sinetti.database.access import queries
from sinetti.database.certificates import list_query
from sinetti.database.organisations import applications as organisations_applications
from sinetti.domain.access.roles import Permission
from sinetti.domain.certificates.listing import CertificateListItem, ListKey
from sinetti.domain.certificates.overview import NO_CERTIFICATES, CertificateTotals
from sinetti.services.access.permissions import Actor, Permissions
from sinetti.services.context import ServiceContext


@dataclass(frozen=True)
class Overview:
    """Content of the dashboard.

    `organisations` counts those of which the user may see anything, `clients` those of them through another
    organisation. `only` is the user's only certificate or order, if there is just one.
    """

    organisations: int
    totals: CertificateTotals
    clients: int = 0
    only: CertificateListItem | None = None
    requests: int = 0
    applications: int = 0


def overview(actor: Actor, permissions: Permissions, ctx: ServiceContext) -> Overview:
    """Count the dashboard's items in at most three statements, or five with `only`.

    Each statement covers the organisations for which the user has the permission.
    """
    now, texts, granting = (
        ctx.now(),
        permissions.organisations(Permission.SEE),
        permissions.organisations(Permission.GRANT),
    )
    totals = list_query.totals(ctx.db, texts, now) if texts else NO_CERTIFICATES
    only = list_query.load_rows(ctx.db, [ListKey(*totals.only)], now) if totals.only else ()
    return Overview(
        len(texts),
        totals,
        sum(permissions.held[organisation_id].via is not None for organisation_id in texts),
        only[0] if only else None,
        queries.requests(ctx.db, granting, now) if granting else 0,
        organisations_applications.count_open(ctx.db) if actor.staff and actor.second_factor else 0,
    )
