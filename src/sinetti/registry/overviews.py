"""How much of each state there is to see to for some organisations: one statement for each kind of it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Count, Model, QuerySet

from sinetti.domain.invitations import REQUEST_LIVES
from sinetti.domain.lifecycle import CertificateState, OrderState
from sinetti.domain.listing import Rank, State
from sinetti.registry import courses, models
from sinetti.registry.eservice_models import RightRequest
from sinetti.registry.opening import Register


def certificates(register: Register, organisations: Collection[str], now: datetime) -> Mapping[State, int]:
    """How many certificates that nobody has seen to are in each state."""
    rows = models.Certificate.objects.using(register.alias).exclude(state=CertificateState.VOID)
    rows = rows.filter(holding__organisation__in=organisations)
    rows = rows.annotate(**courses.course(), state_n=courses.state_number(now)).annotate(
        rank_n=courses.rank_number(now)
    )
    return _counted(rows.filter(rank_n=courses.RANKS.index(Rank.OPEN)))


def orders(register: Register, organisations: Collection[str], now: datetime) -> Mapping[State, int]:
    """How many orders whose certificate was not fetched are in each state."""
    rows = models.Order.objects.using(register.alias)
    rows = rows.filter(state=OrderState.OPEN, holding__organisation__in=organisations)
    rows = rows.annotate(expires=courses.expires(), opened=courses.opened())
    return _counted(rows.annotate(state_n=courses.order_state_number(now)))


def requests(register: Register, organisations: Collection[str], now: datetime) -> int:
    """How many requests for a role wait for the answer of these organisations."""
    own = models.Organisation.objects.using(register.alias).filter(pk__in=organisations).values("folded")
    rows = RightRequest.objects.using(register.alias).filter(folded__in=own, answered_at__isnull=True)
    return rows.filter(created__gte=now - REQUEST_LIVES).count()


def _counted(rows: "QuerySet[Model]") -> Mapping[State, int]:
    counted = rows.order_by().values("state_n").annotate(count=Count("pk")).values_list("state_n", "count")
    return {courses.STATES[number]: count for number, count in counted}
