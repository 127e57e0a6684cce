"""Columns with the progress of certificates and orders, for domain/certificates/display_status.py."""

from datetime import datetime
from typing import Any

from django.db.models import Case, DateTimeField, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from sinetti.database import models
from sinetti.database.models import CertificateObservation, Gateway, SecureMessage
from sinetti.domain.certificates.display_status import CertificateFacts
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.usage import LATELY, ReportingPeriod
from sinetti.domain.values import ValidityPeriod


def facts_of(row: Any) -> CertificateFacts:  # noqa: ANN401 - a row with what was annotated
    """What the rules look at, of a certificate that was read with `with_display_columns`."""
    return CertificateFacts(
        span=ValidityPeriod(row.not_before, row.not_after),
        renewable_from=row.renewable_from,
        issued=row.state != CertificateState.RESERVED,
        fetched_at=row.first_fetched_at,
        revoked_at=row.revoked_at,
        reason=RevocationReason(row.revocation_reason) if row.revocation_reason else None,
        renewal_opt_out_at=row.holding.renewal_opt_out_at,
        by_renewal=row.origin == "renewal",
        approved=row.approved,
        succeeded=row.succeeded,
        taken_at=row.taken_at,
        seen=row.seen,
        new_seen=row.new_seen,
    )


def with_display_columns(certificates: "QuerySet[models.Certificate]", now: datetime) -> "QuerySet[models.Certificate]":
    """Certificates with what the rules want to know beside the row, and since when gateways look."""
    looking = Gateway.objects.filter(withdrawn__isnull=True, last_report__gte=now - LATELY).values("withdrawn")
    return with_progress(certificates).annotate(
        looking=Subquery(looking.annotate(first=Min("first_report")).values("first")),
    )


def with_progress(certificates: "QuerySet[models.Certificate]") -> "QuerySet[models.Certificate]":
    """Certificates with what the rules want to know beside the row."""
    return certificates.annotate(**progress_columns(), approved=approved("holding__"))


def looking_since(row: Any, now: datetime) -> ReportingPeriod | None:  # noqa: ANN401 - as above
    """Since when a gateway has looked that looks now, as `domain/usage.py` has it."""
    return None if row.looking is None else ReportingPeriod(row.looking, now)


def _successors() -> "QuerySet[models.Certificate]":
    """What renewed or replaced a certificate, and stands."""
    found = models.Certificate.objects.filter(revoked_at__isnull=True).exclude(state=CertificateState.VOID)
    return found.filter(Q(predecessor=OuterRef("pk")) | Q(replaces=OuterRef("pk"))).order_by()


def progress_columns() -> dict[str, Any]:
    """What became of a certificate, each read only where it is asked for."""
    fetched = _successors().filter(first_fetched_at__isnull=False)
    new = CertificateObservation.objects.filter(
        Q(certificate__predecessor=OuterRef("pk")) | Q(certificate__replaces=OuterRef("pk")),
        certificate__revoked_at__isnull=True,
        certificate__first_fetched_at__isnull=False,
    )
    succeeded = Exists(_successors())
    return {
        "succeeded": succeeded,
        # Mostly there is none, and then nothing more is looked for.
        "taken_at": _where(succeeded, fetched.order_by("first_fetched_at").values("first_fetched_at")[:1]),
        "seen": seen(),
        "new_seen": _where(succeeded, new.order_by("-last_seen").values("last_seen")[:1]),
    }


def seen() -> Subquery:
    """When a gateway saw a certificate last."""
    sightings = CertificateObservation.objects.filter(certificate=OuterRef("pk")).values("certificate")
    return Subquery(sightings.annotate(last=Max("last_seen")).values("last"))


def _where(terms: Exists, instants: "QuerySet[Any, Any]") -> Case:
    return Case(When(terms, then=Subquery(instants)), default=Value(None), output_field=DateTimeField())


def approved(path: str) -> Exists:
    """Whether the organisation of a holding, along this path, is approved for its type."""
    return Exists(
        models.ApprovedChannel.objects.filter(
            organisation=OuterRef(f"{path}organisation"), type=OuterRef(f"{path}type"), withdrawn_at__isnull=True
        )
    )


def expires() -> Subquery:
    """Until when an order's transfer ids are valid."""
    pairs = models.TransferIds.objects.filter(order=OuterRef("pk"), ended_at__isnull=True)
    return Subquery(pairs.order_by("-expires").values("expires")[:1])


def opened() -> Exists:
    """Whether an order's transfer ids were shown."""
    return Exists(SecureMessage.objects.filter(order=OuterRef("pk"), ended_at__isnull=True, shown_at__isnull=False))
