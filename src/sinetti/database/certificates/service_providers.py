"""Service providers of certificates: a firm whose person is contact or deputy.

Rows of lists, and the page of one certificate, name the firm. It has the role of certificate manager.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.notifications.recipients import active_assignments
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.listing import ServiceProvider

_CONTACT, _DEPUTY = "organisation__lineages__contact__email", "organisation__lineages__deputy__email"


def service_providers(db: Database, lineages: Collection[str], now: datetime) -> dict[str, ServiceProvider]:
    """Return the firm of each of these lineages that has one, in one statement.

    Of several firms the one with the earliest role counts. The statement begins at the firms' roles: from the side of
    the certificates, and without statistics of the roles, PostgreSQL read all people (8 to 20 s of a million).
    """
    given = db.rows(models.RoleAssignment).filter(
        active_assignments(now),
        role=Role.MANAGER,
        agent__closed_at__isnull=True,
        organisation__lineages__in=list(lineages),
    )
    address = Lower(OuterRef(_CONTACT)), Lower(OuterRef(_DEPUTY))
    contacts = models.Organisation.objects.filter(pk=OuterRef("agent")).annotate(address=Lower("contact__email"))
    acting = models.RoleAssignment.objects.filter(active_assignments(now), organisation=OuterRef("agent"))
    acting = acting.annotate(address=Lower("person__email"))
    ours = Exists(contacts.filter(address__in=address)) | Exists(acting.filter(address__in=address))
    rows = given.filter(ours, agent__isnull=False).order_by("-valid_from", "-pk")
    queryset = rows.values_list("organisation__lineages", "agent", "agent__name")
    return {lineage: ServiceProvider(agent, name) for lineage, agent, name in queryset}
