"""Gateways and programs of holders, with the numbers of their trust lists."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Exists, OuterRef

from sinetti.database import models
from sinetti.database.certificates import usage
from sinetti.database.connection import Database
from sinetti.domain.authorities.readiness import ReaderKind, TrustReader
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.usage import TrustListNumbers

_LIVE = (CertificateState.ISSUED, CertificateState.RETRIEVED)
_AT_ONCE = 2000


def list_gateways(db: Database) -> Iterator[TrustReader]:
    """Return the gateways that may report, by name."""
    for one in usage.list_all(db):
        if one.withdrawn is None:
            yield TrustReader(ReaderKind.GATEWAY, one.name, None, one.last_report, one.numbers)


def list_programs(db: Database, now: datetime) -> Iterator[TrustReader]:
    """Return a reader for each certificate in force without a successor, oldest first."""
    renewals = models.Certificate.objects.filter(predecessor=OuterRef("pk"), revoked_at__isnull=True, state__in=_LIVE)
    rows = models.Certificate.objects.using(db.alias).filter(
        ~Exists(renewals), revoked_at__isnull=True, state__in=_LIVE, not_after__gte=now
    )
    facts = rows.order_by("pk").values_list(
        "serial",
        "lineage__organisation__customer_id",
        "hint_request__at",
        "hint_request__anchors_number",
        "hint_request__distrust_number",
    )
    for serial, customer_id, seen, anchors, distrust in facts.iterator(_AT_ONCE):
        numbers = None if anchors is None or distrust is None else TrustListNumbers(anchors, distrust)
        yield TrustReader(ReaderKind.PROGRAM, serial, customer_id, seen, numbers)
