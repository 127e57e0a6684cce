"""Revoking certificates, and the lists that operators and the bench look at."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications import outbox, reminders
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.identifiers import normalise
from sinetti.domain.values import Channel, Serial


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of each kind a register holds."""

    organisations: int
    open_orders: int
    certificates: int
    revoked: int
    reserved: int


def renewals(db: Database, lineage_id: str) -> dict[Serial, tuple[Serial, ...]]:
    """Which certificates of a lineage were renewed from which, voided and reserved ones too."""
    rows = models.Certificate.objects.using(db.alias).filter(lineage_id=lineage_id, predecessor__isnull=False)
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
    """Revoke, oldest first, what is not revoked yet of these of one lineage; `why` is reason and invalidity date."""
    return revoke_lineages(db, {lineage_id: serials}, why, audit)


def revoke_lineages(
    db: Database,
    serials_of: Mapping[str, Collection[Serial]],
    why: tuple[RevocationReason, datetime | None],
    audit: AuditContext,
) -> tuple[Serial, ...]:
    """As `revoke`, of several lineages in one transaction: all of them or none.

    At most some hundred certificates.
    """
    reason, invalidity_date = why
    lineages = models.Lineage.objects.using(db.alias).filter(pk__in=list(serials_of))
    wanted = [serial for serials in serials_of.values() for serial in serials]
    certificates = models.Certificate.objects.using(db.alias)
    with transaction.atomic(using=db.alias):
        # Locked in one order, so that two who revoke at once do not wait for each other for ever. Without the keys, so
        # that whoever owes messages about these lineages, and points to them, need not wait either.
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
        # What these had taken the place of is to be reminded of again, if it is near its end.
        before = {pk for row in found for pk in (row.predecessor_id, row.replaces_id) if pk is not None}
        reminders.look_again_behind(db, before)
    return tuple(Serial(row.serial) for row in found)


def revocation_of(db: Database, serial: Serial) -> tuple[datetime, RevocationReason]:
    """When and why a certificate was revoked, which it was."""
    rows = models.Certificate.objects.using(db.alias).filter(serial=serial, revoked_at__isnull=False)
    row = rows.get()
    return row.revoked_at or row.not_before, RevocationReason(row.revocation_reason)


def list_certificates(db: Database, customer_id: str | None = None) -> tuple[Certificate, ...]:
    """Certificates, newest first, of one organisation or of all."""
    rows = mappers.certificates(db).order_by("-reserved_at", "-pk")
    if customer_id is not None:
        rows = rows.filter(lineage__organisation__normalised_id=normalise(customer_id))
    return tuple(mappers.certificate(db, row) for row in rows)


def in_force(db: Database, channel: Channel, now: datetime) -> Iterator[tuple[Serial, bytes]]:
    """Serial and DER of each certificate of a channel that was issued and is neither revoked nor expired."""
    rows = models.CertificateDer.objects.using(db.alias).filter(
        certificate__lineage__type__channel=channel,
        certificate__state__in=(CertificateState.ISSUED, CertificateState.FETCHED),
        certificate__revoked_at__isnull=True,
        certificate__not_after__gte=now,
    )
    for serial, der in rows.values_list("certificate__serial", "der").iterator(chunk_size=1000):
        # Issued is what has its octets: written in one commit (docs/issuance.md, 11).
        yield Serial(serial), bytes(der or b"")


def count(db: Database) -> Counts:
    """What a register holds."""
    certificates = models.Certificate.objects.using(db.alias)
    return Counts(
        organisations=models.Organisation.objects.using(db.alias).count(),
        open_orders=models.Order.objects.using(db.alias).filter(state="open").count(),
        certificates=certificates.count(),
        revoked=certificates.filter(revoked_at__isnull=False).count(),
        reserved=certificates.filter(state="reserved").count(),
    )
