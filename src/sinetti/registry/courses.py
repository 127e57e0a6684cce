"""What became of certificates and of orders, as `domain/listing.py` wants to know it; and its rule said in SQL.

Lists are filtered and sorted by the rule where the rows are; tests hold both against each other, case by case.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, IntegerField, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from sinetti.domain.digests import IN_TIME, STAYS
from sinetti.domain.lifecycle import CertificateState
from sinetti.domain.listing import FOR_GOOD, HANDS, OF_ORDERS, SEEN_TO, CertificateFacts, Hand, Rank, State
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.use import LATELY, Reporting
from sinetti.domain.values import Span
from sinetti.registry import models
from sinetti.registry.notice_models import SecureMessage
from sinetti.registry.officer_models import Gateway, Sighting

STATES, RANKS, HAND_ORDER = tuple(State), tuple(Rank), tuple(Hand)


def facts_of(row: Any) -> CertificateFacts:  # noqa: ANN401 - a row with what was annotated
    """What the rules look at, of a certificate that was read with `annotated`."""
    return CertificateFacts(
        span=Span(row.not_before, row.not_after),
        renewable_from=row.renewable_from,
        issued=row.state != CertificateState.RESERVED,
        fetched_at=row.first_fetched_at,
        revoked_at=row.revoked_at,
        reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        let_end_at=row.holding.let_end_at,
        by_renewal=row.origin == "renewal",
        approved=row.approved,
        succeeded=row.succeeded,
        taken_at=row.taken_at,
        seen=row.seen,
        new_seen=row.new_seen,
    )


def annotated(certificates: "QuerySet[models.Certificate]", now: datetime) -> "QuerySet[models.Certificate]":
    """Certificates with what the rules want to know beside the row, and since when gateways look."""
    looking = Gateway.objects.filter(withdrawn__isnull=True, last_report__gte=now - LATELY).values("withdrawn")
    return with_course(certificates).annotate(
        looking=Subquery(looking.annotate(first=Min("first_report")).values("first")),
    )


def with_course(certificates: "QuerySet[models.Certificate]") -> "QuerySet[models.Certificate]":
    """Certificates with what the rules want to know beside the row."""
    return certificates.annotate(**course(), approved=approved("holding__"))


def looking_since(row: Any, now: datetime) -> Reporting | None:  # noqa: ANN401 - as above
    """Since when a gateway has looked that looks now, as `domain/use.py` has it."""
    return None if row.looking is None else Reporting(row.looking, now)


def _successors() -> "QuerySet[models.Certificate]":
    """What renewed or replaced a certificate, and stands."""
    found = models.Certificate.objects.filter(revoked_at__isnull=True).exclude(state=CertificateState.VOID)
    return found.filter(Q(predecessor=OuterRef("pk")) | Q(replaces=OuterRef("pk"))).order_by()


def course() -> dict[str, Any]:
    """What became of a certificate, each read only where it is asked for."""
    fetched = _successors().filter(first_fetched_at__isnull=False)
    seen = Sighting.objects.filter(certificate=OuterRef("pk")).values("certificate")
    new = Sighting.objects.filter(
        Q(certificate__predecessor=OuterRef("pk")) | Q(certificate__replaces=OuterRef("pk")),
        certificate__revoked_at__isnull=True,
        certificate__first_fetched_at__isnull=False,
    )
    return {
        "succeeded": Exists(_successors()),
        "taken_at": Subquery(fetched.order_by("first_fetched_at").values("first_fetched_at")[:1]),
        "seen": Subquery(seen.annotate(last=Max("last_seen")).values("last")),
        "new_seen": Subquery(new.order_by("-last_seen").values("last_seen")[:1]),
    }


def state_number(now: datetime) -> Case:
    """The place of `domain.listing.state_of` in the list of states."""
    changed = Q(new_seen__isnull=True) | Q(new_seen__lte=F("seen")) | Q(seen__gte=now - LATELY)
    held: Mapping[State, Q] = {
        State.REVOKED: Q(revoked_at__isnull=False),
        State.EXPIRED: Q(not_after__lt=now),
        State.ISSUING: Q(state=CertificateState.RESERVED),
        State.OLD_IN_USE: Q(succeeded=True) & Q(taken_at__isnull=False) & Q(seen__gt=F("taken_at")) & changed,
        State.RENEWED: Q(succeeded=True) & Q(taken_at__isnull=False),
        State.NEW_WAITS: Q(succeeded=True),
        State.NOT_FETCHED: Q(first_fetched_at__isnull=True),
        State.LET_END: Q(holding__let_end_at__isnull=False) & Q(not_before__lte=F("holding__let_end_at")),
        State.ENDS_SOON: Q(not_after__lte=now + IN_TIME),
        State.RENEWAL_OPEN: Q(renewable_from__lte=now),
    }
    whens = (When(terms, then=Value(STATES.index(one))) for one, terms in held.items())
    return Case(*whens, default=Value(STATES.index(State.VALID)), output_field=IntegerField())


def order_state_number(now: datetime) -> Case:
    """The same of `domain.listing.order_state`, of orders; `expires` and `opened` are there."""
    return Case(
        When(Q(expires__isnull=True) | Q(expires__lt=now), then=Value(STATES.index(State.IDS_LAPSED))),
        When(opened=True, then=Value(STATES.index(State.IDS_OPENED))),
        default=Value(STATES.index(State.IDS_SENT)),
        output_field=IntegerField(),
    )


def rank_number(now: datetime) -> Case:
    """The place of `domain.listing.rank_of` in the list of ranks; `state_n` is there."""
    gone = Q(state_n__in=[STATES.index(State.REVOKED), STATES.index(State.EXPIRED)])
    long_ago = Q(revoked_at__lt=now - STAYS) | Q(revoked_at__isnull=True, not_after__lt=now - STAYS)
    for_good = Q(revocation_reason__in=[one.value for one in FOR_GOOD])
    seen_to = [STATES.index(one) for one in SEEN_TO]
    return Case(
        When(gone & (long_ago | for_good | Q(succeeded=True)), then=Value(RANKS.index(Rank.OVER))),
        When(Q(state_n__in=seen_to), then=Value(RANKS.index(Rank.SEEN_TO))),
        default=Value(RANKS.index(Rank.OPEN)),
        output_field=IntegerField(),
    )


def hands_by_state(states: Iterable[State]) -> list[When]:
    """In whose hands each of these states is; `state_n` is there."""
    return [When(state_n=STATES.index(one), then=Value(HAND_ORDER.index(HANDS[one]))) for one in states]


def hand_number() -> Case:
    """The place of `domain.listing.hand_of` in the list of hands; `state_n` and `rank_n` are there."""
    near = Q(state_n__in=[STATES.index(State.ENDS_SOON), STATES.index(State.RENEWAL_OPEN)])
    by_itself = Q(state_n=STATES.index(State.RENEWAL_OPEN), origin="renewal")
    return Case(
        When(~Q(rank_n=RANKS.index(Rank.OPEN)), then=Value(HAND_ORDER.index(Hand.NOBODY))),
        When(near & ~Q(approved("holding__")), then=Value(HAND_ORDER.index(Hand.REPRESENTATIVE))),
        When(by_itself, then=Value(HAND_ORDER.index(Hand.PROGRAM))),
        *hands_by_state(State),
        default=Value(HAND_ORDER.index(Hand.NOBODY)),
        output_field=IntegerField(),
    )


def order_hand_number() -> Case:
    """The same of orders; `state_n` is there."""
    return Case(*hands_by_state(OF_ORDERS), default=Value(0), output_field=IntegerField())


def approved(path: str) -> Exists:
    """Whether the organisation of a holding, along this path, is approved for its type."""
    return Exists(
        models.ApprovedType.objects.filter(
            organisation=OuterRef(f"{path}organisation"), type=OuterRef(f"{path}type"), withdrawn_at__isnull=True
        )
    )


def expires() -> Subquery:
    """Until when an order's transfer ids are valid."""
    pairs = models.TransferIdPair.objects.filter(order=OuterRef("pk"), ended_at__isnull=True)
    return Subquery(pairs.order_by("-expires").values("expires")[:1])


def opened() -> Exists:
    """Whether an order's transfer ids were shown."""
    return Exists(SecureMessage.objects.filter(order=OuterRef("pk"), ended_at__isnull=True, shown_at__isnull=False))
