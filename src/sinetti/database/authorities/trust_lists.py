"""Signed trust lists, and the gateways and programs that read them.

See docs/operators/succession.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef

from sinetti.database import models
from sinetti.database.certificates import usage
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import status_feed
from sinetti.domain.authorities.readiness import ReaderKind, TrustReader
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.usage import TrustListNumbers
from sinetti.wire.json_api.status_events import StatusEvent, StatusEventKind

_LIVE = (CertificateState.ISSUED, CertificateState.RETRIEVED)
_AT_ONCE = 2000


@dataclass(frozen=True)
class StoredTrustList:
    """A signed list as it is served."""

    number: int
    octets: bytes = field(repr=False)


def find_newest_list(db: Database, kind: str) -> StoredTrustList | None:
    """Return the newest list of a kind, or None before the first."""
    rows = db.rows(models.TrustList).filter(kind=kind).order_by("-number")
    row = rows.values_list("number", "octets").first()
    return None if row is None else StoredTrustList(row[0], bytes(row[1]))


def insert_list(db: Database, kind: str, new: StoredTrustList, before: int, audit: AuditContext) -> bool:
    """Store a list that follows the one numbered `before`; 0 stands for none.

    Return False if another list was stored meanwhile. The same list again is in order.
    """
    with transaction.atomic(using=db.alias):
        # A concurrent call waits here and compares afterwards. SQLite's transactions are serial anyway.
        db.rows(models.Instance).update(environment=F("environment"))
        newest = find_newest_list(db, kind)
        if newest == new:
            return True
        if (newest.number if newest else 0) != before or new.number <= before:
            return False
        rows = db.rows(models.TrustList)
        rows.create(kind=kind, number=new.number, octets=new.octets, created=audit.at)
        audit_log.write(db, audit, "trust-list-stored", f"trust-list:{kind}", number=new.number)
        status_feed.insert_events(db, [StatusEvent(StatusEventKind.TRUST, str(kind), new.number)], audit.at)
    return True


def list_gateways(db: Database) -> Iterator[TrustReader]:
    """Yield the gateways that may report, by name."""
    for gateway in usage.list_all(db):
        if gateway.withdrawn is None:
            yield TrustReader(ReaderKind.GATEWAY, gateway.name, None, gateway.last_report, gateway.numbers)


def list_programs(db: Database, now: datetime) -> Iterator[TrustReader]:
    """Yield a reader for each certificate in force without a successor, oldest first."""
    renewals = models.Certificate.objects.filter(predecessor=OuterRef("pk"), revoked_at__isnull=True, state__in=_LIVE)
    rows = db.rows(models.Certificate).filter(
        ~Exists(renewals), revoked_at__isnull=True, state__in=_LIVE, not_after__gte=now
    )
    facts = rows.order_by("pk").values_list(
        "serial",
        "lineage__organisation__customer_id",
        "hint_request__at",
        "hint_request__anchors_number",
        "hint_request__distrust_number",
    )
    for serial, customer_id, instant, anchors, distrust in facts.iterator(_AT_ONCE):
        numbers = TrustListNumbers.of_columns(anchors, distrust)
        yield TrustReader(ReaderKind.PROGRAM, serial, customer_id, instant, numbers)
