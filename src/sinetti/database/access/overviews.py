"""How much waits for some organisations that is no certificate: requests for a role."""

from collections.abc import Collection
from datetime import datetime

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import RoleRequest
from sinetti.domain.access.invitations import REQUEST_LIVES


def requests(db: Database, organisations: Collection[str], now: datetime) -> int:
    """How many requests for a role wait for the answer of these organisations."""
    own = models.Organisation.objects.using(db.alias).filter(pk__in=organisations).values("normalised_id")
    rows = RoleRequest.objects.using(db.alias).filter(normalised_id__in=own, answered_at__isnull=True)
    return rows.filter(created__gte=now - REQUEST_LIVES).count()
