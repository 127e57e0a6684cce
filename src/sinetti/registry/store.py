"""The main path's statements: what is read before a decision, and the two commits around a signature.

On SQLite nothing can be locked for update, so on both databases every decision is a conditional UPDATE whose row count
is looked at, or a unique constraint. `Holding.version` moves with every change: who decided on an older one is told so.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from sinetti.domain.approvals import Approval
from sinetti.domain.enrolment import WRONG_PASSWORDS_ALLOWED
from sinetti.domain.lifecycle import CertificateState, OrderState, order_sources, sources
from sinetti.domain.records import Certificate, Holding, TransferIds
from sinetti.domain.refusals import Reason
from sinetti.domain.revocation import RevocationReason
from sinetti.domain.values import KeyId, Serial, Sha256
from sinetti.registry import audit, models, outbox, reading
from sinetti.registry.audit import Deed
from sinetti.registry.opening import Register


class Moved(Exception):
    """The state that was decided on has moved meanwhile: read it again and decide anew. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What commit 1 stores: the serial, the ids and exactly the octets to be signed; `waits_since` is machine time."""

    approval: Approval
    authority: str
    serial: Serial
    retrieval_id: str
    renewable_from: datetime
    crl_shard: int
    to_be_signed: bytes = field(repr=False)
    waits_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """What commit 2 stores: the certificate, and when it was there by the machine's clock."""

    der: bytes = field(repr=False)
    sha256: Sha256
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Renewals:
    """What came of a certificate: its renewal with this key, its live one with another, and how many were given up."""

    same_key: Certificate | None
    successor: Certificate | None
    made_again: int


def find_password(register: Register, transfer_id: str) -> bytes | None:
    """The stored HMAC of these ids' password, or None: all that is read before the password fits."""
    rows = models.TransferIdPair.objects.using(register.alias).filter(pk=transfer_id)
    stored = rows.values_list("password_mac", flat=True).first()
    return bytes(stored) if stored is not None else None


def find_transfer_ids(register: Register, transfer_id: str) -> TransferIds | None:
    """The ids with their order, its holding and what it was spent on, or None."""
    rows = models.TransferIdPair.objects.using(register.alias).select_related(
        "order__holding__organisation",
        "order__holding__type",
        "order__holding__contact",
        "order__replaces",
    )
    row = rows.filter(pk=transfer_id).first()
    return reading.transfer_ids(register, row) if row else None


def find_signer(register: Register, sha256: Sha256) -> Certificate | None:
    """The holder's certificate with exactly this DER, or None."""
    row = reading.certificates(register).filter(sha256=sha256).first()
    return reading.certificate(register, row) if row else None


def find_by_retrieval_id(register: Register, retrieval_id: str) -> Certificate | None:
    """The certificate of a retrieval id, or None."""
    row = reading.certificates(register).filter(retrieval_id=retrieval_id).first()
    return reading.certificate(register, row) if row else None


def find_certificate(register: Register, serial: Serial) -> Certificate | None:
    """The holder's certificate with this serial, or None."""
    row = reading.certificates(register).filter(serial=serial).first()
    return reading.certificate(register, row) if row else None


def find_renewals(register: Register, signer: Certificate, key: KeyId) -> Renewals:
    """What came of this certificate so far."""
    rows = reading.certificates(register).filter(predecessor__serial=signer.serial)
    live = rows.exclude(state=CertificateState.VOID).filter(revoked_at__isnull=True)
    same_key = rows.filter(key_id=key).order_by("-reserved_at").first()
    successor = live.exclude(key_id=key).first()
    return Renewals(
        same_key=reading.certificate(register, same_key) if same_key else None,
        successor=reading.certificate(register, successor) if successor else None,
        made_again=rows.filter(state=CertificateState.VOID).count(),
    )


def voided_renewals(register: Register, predecessor: Serial) -> tuple[tuple[Serial, datetime], ...]:
    """The issued renewals of a certificate that gave way to another, and when."""
    rows = models.Certificate.objects.using(register.alias).filter(
        predecessor__serial=predecessor, state=CertificateState.VOID, sha256__isnull=False, revoked_at__isnull=False
    )
    found = rows.order_by("reserved_at", "pk").values_list("serial", "revoked_at")
    return tuple((Serial(serial), at) for serial, at in found if at is not None)


def key_known(register: Register, key: KeyId) -> bool:
    """Whether this key is in an earlier certificate or accepted request."""
    return models.UsedKey.objects.using(register.alias).filter(pk=key).exists()


def expect_unmoved(register: Register, holding: Holding) -> None:
    """Raise Moved where the holding has moved since it was read."""
    rows = models.Holding.objects.using(register.alias).filter(pk=holding.holding_id, version=holding.version)
    if not rows.exists():
        raise Moved


def octets_of(register: Register, serial: Serial) -> tuple[bytes, bytes | None]:
    """The octets reserved to be signed, and the DER once it is issued."""
    row = models.CertificateOctets.objects.using(register.alias).get(certificate__serial=serial)
    return bytes(row.to_be_signed), bytes(row.der) if row.der is not None else None


def reserve(register: Register, reservation: Reservation, deed: Deed) -> Certificate:
    """Commit 1: serial, key, octets; ids spent or the unfetched renewal voided. Raises Moved."""
    approval = reservation.approval
    try:
        with transaction.atomic(using=register.alias):
            _lock(register, approval.holding.holding_id, approval.holding.version)
            models.UsedKey.objects.using(register.alias).create(key_id=approval.key, first_seen=deed.at)
            if approval.voids is not None:
                _void(register, approval.voids, deed)
            if approval.order_id is not None:
                _spend(register, approval.order_id)
            _insert(register, reservation, deed)
            audit.write(
                register,
                deed,
                "certificate-reserved",
                f"certificate:{reservation.serial}",
                holding=approval.holding.holding_id,
                key=approval.key,
                order=approval.order_id,
                predecessor=approval.predecessor,
                voids=approval.voids.serial if approval.voids else None,
            )
    except IntegrityError as conflict:
        raise Moved from conflict
    return _certificate(register, reservation.serial)


def record(register: Register, serial: Serial, signed: Signed, deed: Deed) -> Certificate:
    """Commit 2: the signed certificate, unless one is stored or the reservation was voided. Returns what the row says.

    A predecessor that was revoked between the two commits takes the reservation with it.
    """
    with transaction.atomic(using=register.alias):
        row = reading.certificates(register).get(serial=serial)
        _lock(register, row.holding_id)
        row.refresh_from_db(using=register.alias)
        waiting = row.state == CertificateState.RESERVED and row.revoked_at is None
        if waiting and row.predecessor and row.predecessor.revoked_at is not None:
            _void_row(register, row, RevocationReason(row.predecessor.revocation_reason), deed)
        elif waiting:
            changed = models.Certificate.objects.using(register.alias).filter(
                pk=row.pk,
                state__in=sources(CertificateState.ISSUED),
            )
            changed.update(state=CertificateState.ISSUED, sha256=signed.sha256, recorded_at=signed.recorded_at)
            models.CertificateOctets.objects.using(register.alias).filter(pk=row.pk).update(der=signed.der)
            audit.write(register, deed, "certificate-issued", f"certificate:{serial}", sha256=signed.sha256)
            if row.predecessor_id:
                outbox.owe(register, "renewed", row, deed.at)
    return _certificate(register, serial)


def mark_fetched(register: Register, certificate: Certificate, deed: Deed) -> Certificate:
    """Commit "fetched" under the holding's lock, before the certificate leaves. Returns what the row says then."""
    with transaction.atomic(using=register.alias):
        _lock(register, certificate.holding.holding_id)
        rows = models.Certificate.objects.using(register.alias).filter(
            serial=certificate.serial,
            state__in=sources(CertificateState.FETCHED),
        )
        if rows.update(state=CertificateState.FETCHED, first_fetched_at=deed.at):
            audit.write(register, deed, "certificate-fetched", f"certificate:{certificate.serial}")
            outbox.owe(register, "fetched", reading.certificates(register).get(serial=certificate.serial), deed.at)
    return _certificate(register, certificate.serial)


def count_wrong_password(register: Register, transfer_id: str, deed: Deed) -> None:
    """Count a wrong password, in a commit of its own: for these ids, if there are such, and among all.

    The statements are the same for an unknown id, so that it takes as long. Ids that are spent are not counted on:
    nothing is left to guess for, and a lock would keep their holder from asking again.
    """
    with transaction.atomic(using=register.alias):
        # A subquery on the order alone: conditions on the row itself are looked at again once its lock is free.
        waiting = models.Order.objects.using(register.alias).filter(state=OrderState.OPEN).values("pk")
        pairs = models.TransferIdPair.objects.using(register.alias).filter(pk=transfer_id, order_id__in=waiting)
        counted = pairs.filter(wrong_passwords__lt=WRONG_PASSWORDS_ALLOWED).update(
            wrong_passwords=F("wrong_passwords") + 1
        )
        locked = pairs.filter(wrong_passwords=WRONG_PASSWORDS_ALLOWED).values_list("order_id", flat=True).first()
        counter, _ = models.Counter.objects.using(register.alias).get_or_create(name="wrong-passwords")
        models.Counter.objects.using(register.alias).filter(pk=counter.pk).update(value=F("value") + 1)
        if counted and locked:
            audit.write(register, deed, "transfer-ids-locked", f"order:{locked}")


def note_refusal(register: Register, holding_id: str, reason: Reason, operation: str, deed: Deed) -> None:
    """Keep a refusal whose caller was proven: reason and time, nothing of the request."""
    models.RefusalRow.objects.using(register.alias).create(
        holding_id=holding_id,
        reason=reason,
        operation=operation,
        at=deed.at,
        request_id=deed.request_id,
    )


def _certificate(register: Register, serial: Serial) -> Certificate:
    return reading.certificate(register, reading.certificates(register).get(serial=serial))


def _lock(register: Register, holding_id: str, version: int | None = None) -> None:
    """Take the holding's row lock by moving its version on; raise Moved if it is not the one that was decided on."""
    rows = models.Holding.objects.using(register.alias).filter(pk=holding_id)
    if version is not None:
        rows = rows.filter(version=version)
    if not reading.move_versions(rows):
        raise Moved


def _spend(register: Register, order_id: str) -> None:
    orders = models.Order.objects.using(register.alias).filter(pk=order_id, state__in=order_sources(OrderState.SPENT))
    if not orders.update(state=OrderState.SPENT):
        raise Moved


def _void(register: Register, certificate: Certificate, deed: Deed) -> None:
    row = reading.certificates(register).get(serial=certificate.serial)
    _void_row(register, row, RevocationReason.SUPERSEDED, deed)


def _void_row(register: Register, row: models.Certificate, reason: RevocationReason, deed: Deed) -> None:
    """Void a certificate that nobody has fetched: it is revoked, and its retrieval id answers PKI022."""
    rows = models.Certificate.objects.using(register.alias).filter(
        pk=row.pk,
        state__in=sources(CertificateState.VOID),
        revoked_at__isnull=True,
    )
    if not rows.update(state=CertificateState.VOID, revoked_at=deed.at, revocation_reason=reason):
        raise Moved
    audit.write(register, deed, "certificate-voided", f"certificate:{row.serial}", reason=reason)


def _insert(register: Register, reservation: Reservation, deed: Deed) -> None:
    approval, using = reservation.approval, models.Certificate.objects.using(register.alias)
    row = using.create(
        serial=reservation.serial,
        authority_id=reservation.authority,
        holding_id=approval.holding.holding_id,
        state=CertificateState.RESERVED,
        origin="renewal" if approval.predecessor else "order",
        order_id=approval.order_id,
        predecessor=using.get(serial=approval.predecessor) if approval.predecessor else None,
        replaces=using.get(serial=approval.replaces) if approval.replaces else None,
        key_id=approval.key,
        retrieval_id=reservation.retrieval_id,
        not_before=approval.span.not_before,
        not_after=approval.span.not_after,
        renewable_from=reservation.renewable_from,
        crl_shard=reservation.crl_shard,
        reserved_at=deed.at,
        waits_since=reservation.waits_since,
    )
    models.CertificateOctets.objects.using(register.alias).create(
        certificate=row,
        to_be_signed=reservation.to_be_signed,
    )
