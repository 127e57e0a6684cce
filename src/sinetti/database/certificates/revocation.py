"""Revocation of certificates, and lists for operators and the test bench."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import status_feed
from sinetti.database.notifications import outbox, reminders
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Serial, normalise


@dataclass(frozen=True, slots=True)
class Counts:
    """Number of rows of each kind in a database."""

    organisations: int
    open_orders: int
    certificates: int
    revoked: int
    reserved: int


def renewals(db: Database, lineage_id: str) -> dict[Serial, tuple[Serial, ...]]:
    """Map the serials of a lineage's predecessors to those of their renewals.

    Voided and reserved certificates are included.
    """
    rows = db.rows(models.Certificate).filter(lineage_id=lineage_id, predecessor__isnull=False)
    result: dict[Serial, tuple[Serial, ...]] = {}
    for serial, predecessor in rows.order_by("reserved_at").values_list("serial", "predecessor__serial"):
        result[Serial(predecessor)] = (*result.get(Serial(predecessor), ()), Serial(serial))
    return result


def revoke(
    db: Database,
    lineage_id: str,
    serials: Collection[Serial],
    why: tuple[RevocationReason, datetime | None],
    audit: AuditContext,
) -> tuple[Serial, ...]:
    """Revoke certificates of one lineage that are not revoked yet, oldest first.

    `why` is reason and invalidity date. Returns the serials that were revoked.
    """
    return revoke_lineages(db, {lineage_id: serials}, why, audit)


def revoke_lineages(
    db: Database,
    serials_of: Mapping[str, Collection[Serial]],
    why: tuple[RevocationReason, datetime | None],
    audit: AuditContext,
) -> tuple[Serial, ...]:
    """Revoke certificates of several lineages in one transaction: all or none.

    It works as `revoke` and takes at most some hundred certificates.
    """
    reason, invalidity_date = why
    lineages = db.rows(models.Lineage).filter(pk__in=list(serials_of))
    wanted = [serial for serials in serials_of.values() for serial in serials]
    certificates = db.rows(models.Certificate)
    with transaction.atomic(using=db.alias):
        # Locked in one order, so that concurrent revocations cannot deadlock. FOR NO KEY UPDATE does not block
        # transactions that insert messages with references to these lineages.
        list(lineages.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        mappers.move_versions(lineages)
        rows = certificates.filter(lineage__in=lineages, serial__in=wanted, revoked_at__isnull=True)
        found = tuple(rows.select_related("lineage").order_by("reserved_at", "pk"))
        certificates.filter(pk__in=[row.pk for row in found]).update(
            revoked_at=audit.at,
            revocation_reason=reason,
            invalidity_date=invalidity_date,
        )
        audit_log.write_each(
            db, audit, "certificate-revoked", (f"certificate:{row.serial}" for row in found), reason=reason
        )
        outbox.notify_contacts(db, "revoked", found, audit.at)
        # The predecessors of these certificates need reminders again if they are near expiry.
        before = {pk for row in found for pk in (row.predecessor_id, row.replaces_id) if pk is not None}
        reminders.look_again_behind(db, before)
        if not outbox.is_rehearsal():  # other revocations would wait for its end
            status_feed.insert_revocations(db, _by_authority(found), audit.at)
    return tuple(Serial(row.serial) for row in found)


def _by_authority(rows: Collection[models.Certificate]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.authority_id, []).append(row.serial)
    return found


def revocation_of(db: Database, serial: Serial) -> tuple[datetime, RevocationReason]:
    """Return the time and reason of a revoked certificate's revocation."""
    rows = db.rows(models.Certificate).filter(serial=serial, revoked_at__isnull=False)
    row = rows.get()
    return row.revoked_at or row.not_before, RevocationReason(row.revocation_reason)


def list_certificates(db: Database, customer_id: str | None = None) -> tuple[Certificate, ...]:
    """Return certificates, newest first, of one organisation or of all."""
    rows = mappers.certificates(db).order_by("-reserved_at", "-pk")
    if customer_id is not None:
        rows = rows.filter(lineage__organisation__normalised_id=normalise(customer_id))
    return tuple(mappers.certificate(db, row) for row in rows)


def in_force(db: Database, channel: Channel, now: datetime) -> Iterator[tuple[Serial, bytes]]:
    """Yield serial and DER of each certificate of a channel that is in force.

    They are issued, not revoked and not expired.
    """
    rows = db.rows(models.CertificateDer).filter(
        certificate__lineage__type__channel=channel,
        certificate__state__in=(CertificateState.ISSUED, CertificateState.RETRIEVED),
        certificate__revoked_at__isnull=True,
        certificate__not_after__gte=now,
    )
    for serial, der in rows.values_list("certificate__serial", "der").iterator(chunk_size=1000):
        # An issued certificate has its DER, because one commit writes both (docs/contributors/issuance.md, 11).
        yield Serial(serial), bytes(der or b"")


def count(db: Database) -> Counts:
    """Count the rows of a database."""
    certificates = db.rows(models.Certificate)
    return Counts(
        organisations=db.rows(models.Organisation).count(),
        open_orders=db.rows(models.Order).filter(state="open").count(),
        certificates=certificates.count(),
        revoked=certificates.filter(revoked_at__isnull=False).count(),
        reserved=certificates.filter(state="reserved").count(),
    )
