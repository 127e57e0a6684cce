"""How much waits for some organisations that is no certificate: requests for a role."""

from collections.abc import Collection
from datetime import datetime

from sinetti.domain.invitations import REQUEST_LIVES
from sinetti.registry import models
from sinetti.registry.eservice_models import RightRequest
from sinetti.registry.opening import Register


def requests(register: Register, organisations: Collection[str], now: datetime) -> int:
    """How many requests for a role wait for the answer of these organisations."""
    own = models.Organisation.objects.using(register.alias).filter(pk__in=organisations).values("folded")
    rows = RightRequest.objects.using(register.alias).filter(folded__in=own, answered_at__isnull=True)
    return rows.filter(created__gte=now - REQUEST_LIVES).count()
