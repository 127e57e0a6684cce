"""Gateways and their last observation of each certificate, which never goes back."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connections, transaction
from django.db.models import Max, Q

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import acquire_lock
from sinetti.database.connection import Database
from sinetti.database.models import CertificateObservation, Gateway
from sinetti.domain.usage import ReportingPeriod, TrustListNumbers
from sinetti.domain.values import Serial, Sha256

_TURN = "gateways"
_CHUNK = 300
"""Rows in one statement, three values each; older SQLite builds accept 999 values."""


@dataclass(frozen=True, slots=True)
class GatewayInfo:
    """A gateway as it is stored. `public_key` is PEM."""

    name: str
    public_key: str
    added: datetime
    withdrawn: datetime | None
    first_report: datetime | None
    last_report: datetime | None
    numbers: TrustListNumbers | None = None


def add(
    db: Database, name: str, public_key: str, in_the_way: Callable[[GatewayInfo], bool], audit: AuditContext
) -> GatewayInfo | None:
    """Add a gateway, or return an existing one that conflicts with it.

    `in_the_way` decides about each present or former gateway. A lock serialises calls, so that two commands cannot
    both find no conflict.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        for gateway in list_all(db):
            if in_the_way(gateway):
                return gateway
        db.rows(Gateway).create(name=name, public_key=public_key, added=audit.at)
        audit_log.write(db, audit, "gateway-added", f"gateway:{name}")
    return None


def withdraw(db: Database, name: str, audit: AuditContext) -> bool:
    """Withdraw a gateway permanently; return False if none of this name is in use."""
    with transaction.atomic(using=db.alias):
        rows = db.rows(Gateway).filter(name=name, withdrawn__isnull=True)
        if not rows.update(withdrawn=audit.at):
            return False
        audit_log.write(db, audit, "gateway-withdrawn", f"gateway:{name}")
    return True


def find(db: Database, name: str) -> GatewayInfo | None:
    """Return the gateway of this name, or None."""
    row = db.rows(Gateway).filter(name=name).first()
    return _found(row) if row else None


def list_all(db: Database) -> tuple[GatewayInfo, ...]:
    """Return every present or former gateway, by name."""
    return tuple(_found(row) for row in db.rows(Gateway).order_by("name"))


def reports(db: Database) -> tuple[ReportingPeriod, ...]:
    """Return the first and last report of each gateway that ever reported."""
    rows = db.rows(Gateway).filter(first_report__isnull=False, last_report__isnull=False)
    return tuple(
        ReportingPeriod(row.first_report, row.last_report, withdrawn=row.withdrawn is not None)
        for row in rows
        if row.first_report is not None and row.last_report is not None
    )


def store_report(
    db: Database, name: str, instants: Mapping[Sha256, datetime], now: datetime, numbers: TrustListNumbers | None = None
) -> int:
    """Store a gateway's report; return the number of certificates that are known.

    A repetition changes no row.
    """
    with transaction.atomic(using=db.alias):
        gateway = db.rows(Gateway).get(name=name)
        mine = db.rows(Gateway).filter(pk=gateway.pk)
        mine.filter(first_report__isnull=True).update(first_report=now)
        mine.filter(Q(last_report__isnull=True) | Q(last_report__lt=now)).update(last_report=now)
        if numbers is not None:
            mine.update(anchors_number=numbers.anchors, distrust_number=numbers.distrust)
        known: dict[int, datetime] = {}
        digests = sorted(instants)
        for at in range(0, len(digests), _CHUNK):
            rows = db.rows(models.Certificate).filter(sha256__in=digests[at : at + _CHUNK])
            known |= {pk: instants[Sha256(sha256)] for pk, sha256 in rows.values_list("pk", "sha256") if sha256}
        _move_forward(db, gateway.pk, known)
    return len(known)


def last_seen(db: Database, serials: Collection[Serial]) -> dict[Serial, datetime]:
    """Return the time when a gateway last saw each certificate.

    Certificates that no gateway ever saw are omitted.
    """
    found: dict[Serial, datetime] = {}
    asked = sorted(serials)
    for at in range(0, len(asked), _CHUNK):
        rows = db.rows(CertificateObservation).filter(certificate__serial__in=asked[at : at + _CHUNK])
        newest = rows.values_list("certificate__serial").annotate(seen=Max("last_seen"))
        found |= {Serial(serial): seen for serial, seen in newest if seen is not None}
    return found


def _move_forward(db: Database, gateway: int, known: Mapping[int, datetime]) -> None:
    """Store observations, unless a later time is stored already.

    A concurrent report therefore never sets an earlier time.
    """
    connection = connections[db.alias]
    adapt = connection.ops.adapt_datetimefield_value
    # In one order, so that concurrent reports cannot deadlock.
    rows = sorted(known.items())
    for at in range(0, len(rows), _CHUNK):
        part = rows[at : at + _CHUNK]
        places = ", ".join(["(%s, %s, %s)"] * len(part))
        values: list[int | str | datetime | None] = []
        for pk, instant in part:
            values += [pk, gateway, adapt(instant)]
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO sinetti_certificateobservation (certificate_id, gateway_id, last_seen) VALUES {places} "  # noqa: S608 - places only
                "ON CONFLICT (certificate_id, gateway_id) DO UPDATE SET last_seen = excluded.last_seen "
                "WHERE sinetti_certificateobservation.last_seen < excluded.last_seen",
                values,
            )


def _found(row: Gateway) -> GatewayInfo:
    numbers = TrustListNumbers.of_columns(row.anchors_number, row.distrust_number)
    return GatewayInfo(row.name, row.public_key, row.added, row.withdrawn, row.first_report, row.last_report, numbers)
