"""Revoking certificates, and the lists that operators and the bench look at."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from sinetti.domain.customers import folded
from sinetti.domain.lifecycle import CertificateState
from sinetti.domain.records import Certificate
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import Channel, Serial
from sinetti.registry import audit, models, outbox, reading
from sinetti.registry.audit import Deed
from sinetti.registry.opening import Register


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of each kind a register holds."""

    organisations: int
    open_orders: int
    certificates: int
    revoked: int
    reserved: int


def renewals(register: Register, holding_id: str) -> dict[Serial, tuple[Serial, ...]]:
    """Which certificates of a holding were renewed from which, voided and reserved ones too."""
    rows = models.Certificate.objects.using(register.alias).filter(holding_id=holding_id, predecessor__isnull=False)
    result: dict[Serial, tuple[Serial, ...]] = {}
    for serial, predecessor in rows.order_by("reserved_at").values_list("serial", "predecessor__serial"):
        result[Serial(predecessor)] = (*result.get(Serial(predecessor), ()), Serial(serial))
    return result


def revoke(
    register: Register,
    holding_id: str,
    serials: Collection[Serial],
    why: tuple[RevocationReason, datetime | None],
    deed: Deed,
) -> tuple[Serial, ...]:
    """Revoke, oldest first, what is not revoked yet of these of one holding; `why` is reason and invalidity date."""
    return revoke_lines(register, {holding_id: serials}, why, deed)


def revoke_lines(
    register: Register,
    serials_of: Mapping[str, Collection[Serial]],
    why: tuple[RevocationReason, datetime | None],
    deed: Deed,
) -> tuple[Serial, ...]:
    """As `revoke`, of several holdings in one transaction: all of them or none."""
    done: list[Serial] = []
    with transaction.atomic(using=register.alias):
        # In one order, so that two who revoke at once do not wait for each other.
        for holding_id in sorted(serials_of):
            reading.move_versions(models.Holding.objects.using(register.alias).filter(pk=holding_id))
            done.extend(_revoke_line(register, holding_id, serials_of[holding_id], why, deed))
    return tuple(done)


def _revoke_line(
    register: Register,
    holding_id: str,
    serials: Collection[Serial],
    why: tuple[RevocationReason, datetime | None],
    deed: Deed,
) -> Iterator[Serial]:
    reason, invalidity_date = why
    rows = reading.certificates(register).filter(holding_id=holding_id, serial__in=serials, revoked_at__isnull=True)
    for row in rows.order_by("reserved_at", "pk"):
        models.Certificate.objects.using(register.alias).filter(pk=row.pk).update(
            revoked_at=deed.at,
            revocation_reason=reason,
            invalidity_date=invalidity_date,
        )
        audit.write(register, deed, "certificate-revoked", f"certificate:{row.serial}", reason=reason)
        outbox.owe(register, "revoked", row, deed.at)
        yield Serial(row.serial)


def list_certificates(register: Register, customer_id: str | None = None) -> tuple[Certificate, ...]:
    """Certificates, newest first, of one organisation or of all."""
    rows = reading.certificates(register).order_by("-reserved_at", "-pk")
    if customer_id is not None:
        rows = rows.filter(holding__organisation__folded=folded(customer_id))
    return tuple(reading.certificate(register, row) for row in rows)


def in_force(register: Register, channel: Channel, now: datetime) -> Iterator[tuple[Serial, bytes]]:
    """Serial and DER of each certificate of a channel that was issued and is neither revoked nor expired."""
    rows = models.CertificateOctets.objects.using(register.alias).filter(
        certificate__holding__type__channel=channel,
        certificate__state__in=(CertificateState.ISSUED, CertificateState.FETCHED),
        certificate__revoked_at__isnull=True,
        certificate__not_after__gte=now,
    )
    for serial, der in rows.values_list("certificate__serial", "der").iterator(chunk_size=1000):
        # Issued is what has its octets: written in one commit (docs/issuance.md, 11).
        yield Serial(serial), bytes(der or b"")


def count(register: Register) -> Counts:
    """What a register holds."""
    certificates = models.Certificate.objects.using(register.alias)
    return Counts(
        organisations=models.Organisation.objects.using(register.alias).count(),
        open_orders=models.Order.objects.using(register.alias).filter(state="open").count(),
        certificates=certificates.count(),
        revoked=certificates.filter(revoked_at__isnull=False).count(),
        reserved=certificates.filter(state="reserved").count(),
    )
