"""Statements of the main path: reads before a decision, and the two commits.

SQLite cannot lock rows for update. On both databases every decision is therefore a conditional UPDATE with a check of
the row count, or a unique constraint. `Lineage.version` increases with every change, so a decision on an older version
fails.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F

from sinetti.database import models, sql
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import statements
from sinetti.database.issuance.ocsp_responses import OcspResponsePair
from sinetti.database.notifications import outbox
from sinetti.database.sql import Row, Values, instant
from sinetti.domain.certificates.enrolment import WRONG_PASSWORDS_ALLOWED
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState, order_predecessors, predecessors
from sinetti.domain.certificates.models import Certificate, IssuanceApproval, Lineage, TransferIds
from sinetti.domain.certificates.ocsp_status import CertIdHash
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import KeyId, Serial, Sha256, normalise
from sinetti.pki.encoding import signed_part
from sinetti.wire.transparency.merkle import leaf_hash


class ConcurrentUpdate(Exception):
    """The state has changed since it was read; read it again and decide again.

    Nothing was written.
    """


class AuthorityClosed(Exception):
    """The CA of a reservation issues no more; take the one that issues now.

    Nothing was written.
    """


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CertificateReservation:
    """Input of commit 1: serial, ids and exactly the octets to be signed.

    `reserved_machine_time` is on the machine's clock.
    """

    approval: IssuanceApproval
    authority: str
    serial: Serial
    retrieval_id: str
    renewable_from: datetime
    crl_shard: int
    to_be_signed: bytes = field(repr=False)
    reserved_machine_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedCertificate:
    """Input of commit 2: the certificate and its OCSP responses.

    `recorded_at` is on the machine's clock.
    """

    der: bytes = field(repr=False)
    sha256: Sha256
    recorded_at: datetime
    answers: OcspResponsePair | None = None


def find_passwords(db: Database, transfer_ids: Sequence[str]) -> list[bytes | None]:
    """Return the stored HMAC of the password of each of these ids, or None.

    No other data is read before the password has been verified.
    """
    rows = db.rows(models.TransferIds).filter(pk__in=transfer_ids)
    stored = {transfer_id: bytes(mac) for transfer_id, mac in rows.values_list("transfer_id", "password_mac")}
    return [stored.get(transfer_id) for transfer_id in transfer_ids]


def find_transfer_ids(db: Database, transfer_ids: Sequence[str]) -> list[TransferIds | None]:
    """Return transfer ids with order, lineage and certificate, or None for each."""
    rows = db.rows(models.TransferIds).select_related(
        "order__lineage__organisation",
        "order__lineage__type",
        "order__lineage__contact",
        "order__replaces",
    )
    found = {ids.transfer_id: ids for ids in mappers.transfer_ids(db, list(rows.filter(pk__in=transfer_ids)))}
    return [found.get(transfer_id) for transfer_id in transfer_ids]


def find_by_retrieval_id(db: Database, retrieval_id: str, customer_id: str) -> Certificate | None:
    """Return this customer's certificate with a retrieval id, or None.

    Certificates of other customers are not read, since the response time would reveal that one exists.
    """
    own = mappers.certificates(db).filter(lineage__organisation__normalised_id=normalise(customer_id))
    row = own.filter(retrieval_id=retrieval_id).first()
    return mappers.certificate(db, row) if row else None


def find_certificate(db: Database, serial: Serial) -> Certificate | None:
    """Return the certificate with this serial, or None."""
    row = mappers.certificates(db).filter(serial=serial).first()
    return mappers.certificate(db, row) if row else None


def renewable_from(db: Database, serial: Serial) -> datetime:
    """Return the instant from which an existing certificate may be renewed."""
    rows = db.rows(models.Certificate).filter(serial=serial)
    return rows.values_list("renewable_from", flat=True).get()


def voided_renewals(db: Database, predecessor: Serial) -> tuple[tuple[Serial, datetime], ...]:
    """Return issued renewals of a certificate that were voided, and when."""
    rows = db.rows(models.Certificate).filter(
        predecessor__serial=predecessor,
        state=CertificateState.SUPERSEDED,
        sha256__isnull=False,
        revoked_at__isnull=False,
    )
    found = rows.order_by("reserved_at", "pk").values_list("serial", "revoked_at")
    return tuple((Serial(serial), at) for serial, at in found if at is not None)


def known_keys(db: Database, keys: Sequence[KeyId]) -> frozenset[KeyId]:
    """Return those of these keys that earlier certificates or requests have."""
    rows = db.rows(models.UsedKey).filter(pk__in=keys)
    return frozenset(KeyId(key) for key in rows.values_list("pk", flat=True))


def check_version(db: Database, lineage: Lineage) -> None:
    """Raise ConcurrentUpdate if the lineage has changed since it was read."""
    rows = db.rows(models.Lineage).filter(pk=lineage.lineage_id, version=lineage.version)
    if not rows.exists():
        raise ConcurrentUpdate


def get_der(db: Database, certificate: Certificate) -> tuple[bytes, bytes | None]:
    """Return the octets to be signed and None, or empty octets and the issued DER."""
    # A lineage has few rows.
    row = db.rows(models.CertificateDer).get(
        certificate__lineage_id=certificate.lineage.lineage_id, certificate__serial=certificate.serial
    )
    return bytes(row.to_be_signed), bytes(row.der) if row.der is not None else None


def get_to_be_signed(db: Database, certificate: Certificate) -> bytes:
    """Return the octets to be signed, also if another process has issued meanwhile."""
    reserved, der = get_der(db, certificate)
    return reserved if der is None else signed_part(der)


def reserve_certificate(db: Database, reservation: CertificateReservation, audit: AuditContext) -> Certificate:
    """Commit 1: store serial, key and octets; spend the ids or void the old renewal.

    Only a renewal that was not retrieved is voided. Raises ConcurrentUpdate, and AuthorityClosed.
    """
    approval, values = reservation.approval, _reserved_values(reservation, audit)
    try:
        if approval.supersedes is None and sql.takes_ctes_that_write(db):
            if not statements.reserve_in_one_statement(db, [values]):
                raise _conflict(db, values)
            return _reserved(reservation)
        with sql.transaction(db):
            if not statements.lock_for_reservation(db, values):
                raise _conflict(db, values)
            if approval.supersedes is not None:
                _void_row(db, _row(db, approval.supersedes), RevocationReason.SUPERSEDED, audit)
            if approval.order_id is not None:
                orders = db.rows(models.Order).filter(
                    pk=approval.order_id, state__in=order_predecessors(OrderState.FULFILLED)
                )
                if not orders.update(state=OrderState.FULFILLED):
                    raise ConcurrentUpdate
            statements.reserve(db, values)
    except IntegrityError as conflict:
        raise ConcurrentUpdate from conflict
    return _reserved(reservation)


def reserve_certificates(
    db: Database, wave: Sequence[tuple[CertificateReservation, AuditContext]]
) -> list[Certificate | None]:
    """Commit 1 of a wave in one statement; None for each one to reserve alone.

    Those are all where a statement is no transaction of its own, as on SQLite, and after any fault.
    """
    if not wave or not sql.takes_ctes_that_write(db):
        return [None] * len(wave)
    try:
        made = statements.reserve_in_one_statement(db, [_reserved_values(*pair) for pair in wave])
    except DatabaseError:
        _log.warning("a wave of %s reservations goes on one by one", len(wave), exc_info=True)
        return [None] * len(wave)
    return [_reserved(reservation) if reservation.serial in made else None for reservation, _ in wave]


def _conflict(db: Database, values: Values) -> ConcurrentUpdate | AuthorityClosed:
    """Return the reason that commit 1 wrote nothing."""
    return ConcurrentUpdate() if statements.is_issuing(db, values) else AuthorityClosed()


def store_certificate(
    db: Database, certificate: Certificate, signed: SignedCertificate, audit: AuditContext
) -> Certificate:
    """Commit 2: store the signed certificate and return the row's content.

    It does nothing if a certificate is stored already or the reservation was voided. If the predecessor was revoked
    between the two commits, the reservation is voided. A revocation changes the lineage's version, so an unchanged
    version makes further checks unnecessary.
    """
    values = _issued_values(certificate, signed, audit)
    if sql.takes_ctes_that_write(db):
        row = statements.issue_in_one_statement(db, [values]).get(certificate.serial)
        if row is not None:
            return _issued(certificate, row, values)
    with sql.transaction(db):
        if not sql.takes_ctes_that_write(db) and statements.lock_version(db, values):
            row = statements.issue(db, values)
            if row is not None:
                return _issued(certificate, row, values)
        _record_after_all(db, certificate, values, audit)
    return _certificate(db, certificate)


def store_certificates(
    db: Database, wave: Sequence[tuple[Certificate, SignedCertificate, AuditContext]]
) -> list[Certificate | None]:
    """Commit 2 of a wave in one statement; None for each one to store alone."""
    if not sql.takes_ctes_that_write(db):
        return [None] * len(wave)
    values = [_issued_values(*row) for row in wave]
    try:
        rows = statements.issue_in_one_statement(db, values)
    except DatabaseError:
        _log.warning("a wave of %s certificates goes on one by one", len(wave), exc_info=True)
        return [None] * len(wave)
    return [
        _issued(certificate, rows[certificate.serial], given) if certificate.serial in rows else None
        for (certificate, _, _), given in zip(wave, values, strict=True)
    ]


def _record_after_all(db: Database, certificate: Certificate, values: Values, audit: AuditContext) -> None:
    """Lock the lineage regardless of its version and check the reservation again."""
    _lock(db, certificate.lineage.lineage_id)
    row = _row(db, certificate)
    waiting = row.state == CertificateState.RESERVED and row.revoked_at is None
    if waiting and row.predecessor and row.predecessor.revoked_at is not None:
        _void_row(db, row, RevocationReason(row.predecessor.revocation_reason), audit)
    elif waiting:
        statements.issue(db, values)


def mark_retrieved(db: Database, certificate: Certificate, audit: AuditContext) -> Certificate:
    """Commit the first retrieval under the lineage's lock.

    Call it before the response is sent. Returns the row's content after the commit.
    """
    entry = None
    with transaction.atomic(using=db.alias):
        _lock(db, certificate.lineage.lineage_id)
        rows = db.rows(models.Certificate).filter(
            lineage_id=certificate.lineage.lineage_id,
            serial=certificate.serial,
            state__in=predecessors(CertificateState.RETRIEVED),
        )
        if rows.update(state=CertificateState.RETRIEVED, first_fetched_at=audit.at):
            entry = audit_log.write(db, audit, "certificate-fetched", f"certificate:{certificate.serial}")
            outbox.notify_contact(db, "fetched", _row(db, certificate), audit.at)
    return replace(_certificate(db, certificate), entry=entry)


def count_wrong_password(db: Database, transfer_id: str, audit: AuditContext) -> None:
    """Count a wrong password for these ids and in total, in a commit of its own.

    The statements are the same for an unknown id, so the response time is the same. Spent ids are not counted, because
    no guess is useful any more and a lock would prevent repeated requests of their holder.
    """
    with transaction.atomic(using=db.alias):
        # The subquery covers the order alone. Conditions on the row itself are evaluated again once its lock is free.
        waiting = db.rows(models.Order).filter(state=OrderState.OPEN).values("pk")
        pairs = db.rows(models.TransferIds).filter(pk=transfer_id, order_id__in=waiting)
        counted = pairs.filter(wrong_passwords__lt=WRONG_PASSWORDS_ALLOWED).update(
            wrong_passwords=F("wrong_passwords") + 1
        )
        locked = pairs.filter(wrong_passwords=WRONG_PASSWORDS_ALLOWED).values_list("order_id", flat=True).first()
        counter, _ = db.rows(models.Counter).get_or_create(name="wrong-passwords")
        db.rows(models.Counter).filter(pk=counter.pk).update(value=F("value") + 1)
        if counted and locked:
            audit_log.write(db, audit, "transfer-ids-locked", f"order:{locked}")


def _certificate(db: Database, certificate: Certificate) -> Certificate:
    return mappers.certificate(db, _row(db, certificate))


def _row(db: Database, certificate: Certificate) -> models.Certificate:
    return mappers.certificates(db).get(lineage_id=certificate.lineage.lineage_id, serial=certificate.serial)


def _lock(db: Database, lineage_id: str) -> None:
    """Lock the lineage's row by incrementing its version."""
    mappers.move_versions(db.rows(models.Lineage).filter(pk=lineage_id))


def _void_row(db: Database, row: models.Certificate, reason: RevocationReason, audit: AuditContext) -> None:
    """Void a certificate that was never retrieved; its retrieval id answers PKI022.

    The certificate is revoked too. Raises ConcurrentUpdate if it was retrieved or revoked meanwhile.
    """
    rows = db.rows(models.Certificate).filter(
        pk=row.pk,
        state__in=predecessors(CertificateState.SUPERSEDED),
        revoked_at__isnull=True,
    )
    if not rows.update(state=CertificateState.SUPERSEDED, revoked_at=audit.at, revocation_reason=reason):
        raise ConcurrentUpdate
    audit_log.write(db, audit, "certificate-voided", f"certificate:{row.serial}", reason=reason)


def _reserved(reservation: CertificateReservation) -> Certificate:
    """Return the certificate that was just reserved, without reading the row."""
    approval = reservation.approval
    return Certificate(
        serial=reservation.serial,
        authority=reservation.authority,
        lineage=_moved_on(approval.lineage),
        state=CertificateState.RESERVED,
        key=approval.key,
        span=approval.span,
        renewable_from=reservation.renewable_from,
        retrieval_id=reservation.retrieval_id,
        crl_shard=reservation.crl_shard,
        order_id=approval.order_id,
        predecessor=approval.predecessor,
    )


def _issued(certificate: Certificate, row: Row, values: Values) -> Certificate:
    state, sha256, recorded_at = row
    return replace(
        certificate,
        lineage=_moved_on(certificate.lineage),
        state=CertificateState(state),
        sha256=Sha256(sha256),
        recorded_at=instant(recorded_at),
        entry=leaf_hash(cast("bytes", values["audited"])),
    )


def _moved_on(lineage: Lineage) -> Lineage:
    return replace(lineage, version=lineage.version + 1)


def _reserved_values(reservation: CertificateReservation, audit: AuditContext) -> Values:
    approval, action = reservation.approval, "certificate-reserved"
    subject = f"certificate:{reservation.serial}"
    facts: dict[str, str | int | None] = {
        "holding": approval.lineage.lineage_id,
        "key": approval.key,
        "order": approval.order_id,
        "predecessor": approval.predecessor,
        "voids": approval.supersedes.serial if approval.supersedes else None,
        # A separate signer compares it with what it is to sign.
        "tbs": hashlib.sha256(reservation.to_be_signed).hexdigest(),
    }
    return {
        "lineage": approval.lineage.lineage_id,
        "version": approval.lineage.version,
        "key": approval.key,
        "serial": reservation.serial,
        "authority": reservation.authority,
        "origin": "renewal" if approval.predecessor else "order",
        "order": approval.order_id,
        "predecessor": approval.predecessor,
        "retrieval_id": reservation.retrieval_id,
        "not_before": approval.span.not_before,
        "not_after": approval.span.not_after,
        "renewable_from": reservation.renewable_from,
        "crl_shard": reservation.crl_shard,
        "reserved_machine_time": reservation.reserved_machine_time,
        "to_be_signed": reservation.to_be_signed,
        **({"caller": audit.caller[: audit_log.ADDRESS_SIZE]} if audit.caller else {}),
        **_audited(audit, action, subject, facts),
    }


def _issued_values(certificate: Certificate, signed: SignedCertificate, audit: AuditContext) -> Values:
    action, subject = "certificate-issued", f"certificate:{certificate.serial}"
    return {
        "lineage": certificate.lineage.lineage_id,
        "version": certificate.lineage.version,
        "serial": certificate.serial,
        "sha256": signed.sha256,
        "recorded_at": signed.recorded_at,
        "der": signed.der,
        "message_id": sql.random_id(),
        "kind": "renewed",
        **_audited(audit, action, subject, {"sha256": signed.sha256}),
        **_answered(signed.answers),
    }


def _answered(answers: OcspResponsePair | None) -> Values:
    if answers is None:
        return {}
    return {
        "authority": answers.authority,
        "this_update": answers.response.this_update,
        "next_update": answers.response.next_update,
        "answer_sha1": answers.ders[CertIdHash.SHA1],
        "answer_sha256": answers.ders[CertIdHash.SHA256],
    }


def _audited(audit: AuditContext, action: str, subject: str, facts: dict[str, str | int | None]) -> Values:
    octets, sha256 = audit_log.row_of(audit, action, subject, facts)
    return {
        "at": audit.at,
        "actor": audit.actor,
        "action": action,
        "subject": subject,
        "request_id": audit.request_id,
        "audited": octets,
        "audited_sha256": sha256,
    }
