"""Recovery: restores facts from journals and voids abandoned reservations."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from sinetti.database import models
from sinetti.database.common import audit_log, mappers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import status_feed, unrestored_people
from sinetti.database.issuance.journal_records import JournalState
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial, normalise


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """Result of a recovery: certificates restored, and certificates that failed.

    `lost_entries` names the log's entries whose content is lost, by their number.
    """

    done: tuple[Serial, ...]
    failed: tuple[Serial, ...]
    lost_entries: dict[int, str] = field(default_factory=dict)


def restore(db: Database, known: Mapping[Serial, JournalState], audit: AuditContext) -> RestoreReport:
    """Restore certificates, revocations, spent ids, used keys and retrievals.

    Older certificates come first, each in its own transaction. A reservation in the database for the same order or
    renewal is voided, because its holder never got an answer.
    """
    done: list[Serial] = []
    # Existing certificates come first, because a voided one blocks the certificate that took its place.
    waiting = sorted(known, key=lambda serial: _order_of(db, serial, known[serial]))
    while waiting:
        held_up = []
        for serial in waiting:
            try:
                with transaction.atomic(using=db.alias):
                    _put_back(db, serial, known[serial], audit)
                    audit_log.write(db, audit, "certificate-restored", f"certificate:{serial}", **_by(known[serial]))
                    if known[serial].revoked is not None:
                        status_feed.insert_revocations(db, _placed(db, serial), audit.at)
            except (IntegrityError, models.Certificate.DoesNotExist):
                held_up.append(serial)
            else:
                done.append(serial)
        if len(held_up) == len(waiting):
            break
        waiting = held_up
    return RestoreReport(tuple(done), tuple(waiting))


def _placed(db: Database, serial: Serial) -> dict[str, list[str]]:
    """Return the serial of a certificate by its CA."""
    rows = db.rows(models.Certificate).filter(serial=serial)
    return {rows.values_list("authority_id", flat=True).get(): [serial]}


def _by(known: JournalState) -> dict[str, str | None]:
    """Return digest and revocation of a certificate, for the row of its restoration."""
    digest = {} if known.issued is None else {"sha256": known.issued["sha256"]}
    if known.revoked is None:
        return digest
    by = {"revoked_by": known.revoked["by"]} if known.revoked.get("by") is not None else {}
    return {**digest, **by, "revoked_at": known.revoked["at"], "reason": known.revoked["reason"]}


def raise_crl_number(db: Database, authority: str, number: int) -> None:
    """Raise a CA's CRL number to this one, which was published already."""
    rows = db.rows(models.CertificateAuthority).filter(pk=authority, crl_number__lt=number)
    rows.update(crl_number=number)


def raise_open_shard(db: Database, authority: str, shard: int) -> None:
    """Raise a CA's open shard to this one, which was open before the data loss."""
    rows = db.rows(models.CertificateAuthority).filter(pk=authority, open_shard__lt=shard)
    rows.update(open_shard=shard, shard_places=None)


def crl_number(db: Database, authority: str) -> int | None:
    """Return the last CRL number of a CA in the database, or None for an unknown CA."""
    return db.rows(models.CertificateAuthority).filter(pk=authority).values_list("crl_number", flat=True).first()


def waiting_reservations(db: Database, before: datetime, after: datetime) -> tuple[Certificate, ...]:
    """Return reservations without a certificate that are overdue, oldest first.

    They were made before `before` on the machine's clock. Reservations after `after`, an instant in the future, are
    included, because a wrong clock made them.
    """
    rows = mappers.certificates(db).annotate(since=Coalesce("reserved_machine_time", "reserved_at"))
    rows = rows.filter(
        Q(since__lt=before) | Q(since__gt=after), state=CertificateState.RESERVED, revoked_at__isnull=True
    )
    return tuple(mappers.certificate(db, row) for row in rows.order_by("since", "pk")[:500])


def void_reservation(db: Database, certificate: Certificate, audit: AuditContext) -> bool:
    """Void a reservation that cannot be finished, and free its ids.

    The order is open again and the key counts as unused, so the same request can be sent again. Returns False if the
    reservation does not exist any more.
    """
    with transaction.atomic(using=db.alias):
        mappers.move_versions(db.rows(models.Lineage).filter(pk=certificate.lineage.lineage_id))
        rows = db.rows(models.Certificate).filter(
            serial=certificate.serial, state=CertificateState.RESERVED, revoked_at__isnull=True
        )
        given_up, _ = db.rows(models.UsedKey).get_or_create(
            key_id=f"given-up-{certificate.serial}", defaults={"first_seen": audit.at}
        )
        if not rows.update(state=CertificateState.SUPERSEDED, key=given_up):
            return False
        db.rows(models.UsedKey).filter(pk=certificate.key).delete()
        if certificate.order_id is not None:
            orders = db.rows(models.Order).filter(pk=certificate.order_id, state=OrderState.FULFILLED)
            orders.update(state=OrderState.OPEN)
        audit_log.write(
            db, audit, "reservation-given-up", f"certificate:{certificate.serial}", order=certificate.order_id
        )
    return True


def _order_of(db: Database, serial: Serial, known: JournalState) -> tuple[bool, str]:
    there = db.rows(models.Certificate).filter(serial=serial).exists()
    return not there, known.issued["not_before"] if known.issued else ""


def _put_back(db: Database, serial: Serial, known: JournalState, audit: AuditContext) -> None:
    row = db.rows(models.Certificate).filter(serial=serial).first()
    if known.issued is not None and (row is None or row.sha256 is None):
        _make_way(db, serial, known.issued)
        row = _issue(db, known, row, audit.at)
    if row is None or (row.sha256 is None and _was_issued(known)):
        raise models.Certificate.DoesNotExist  # the journal with its `issued` line is missing
    _finish_row(db, row, known)
    mappers.move_versions(db.rows(models.Lineage).filter(pk=row.lineage_id))
    if known.issued is not None and known.issued["order"]:
        _spend(db, row.lineage_id, known.issued["order"], audit)


def _was_issued(known: JournalState) -> bool:
    """Return True if the journal shows that the certificate had been signed.

    Journals of earlier code do not record this for revocations.
    """
    return known.fetched is not None or (known.revoked is not None and known.revoked.get("issued", False))


def _finish_row(db: Database, row: models.Certificate, known: JournalState) -> None:
    """Mark a certificate as retrieved and revoked, as the journal says."""
    changes: dict[str, Any] = {}
    if known.fetched is not None and row.state != CertificateState.RETRIEVED:
        changes |= {"state": CertificateState.RETRIEVED, "first_fetched_at": _instant(known.fetched["at"])}
    if known.revoked is not None and row.revoked_at is None:
        changes |= _revocation(known.revoked)
        if known.revoked["void"]:
            changes["state"] = CertificateState.SUPERSEDED
    if changes:
        db.rows(models.Certificate).filter(pk=row.pk).update(**changes)


def _revocation(revocation: dict[str, Any]) -> dict[str, Any]:
    return {
        "revoked_at": _instant(revocation["at"]),
        "revocation_reason": RevocationReason(revocation["reason"]),
        "invalidity_date": _instant(revocation["invalidity_date"]) if revocation["invalidity_date"] else None,
    }


def _make_way(db: Database, serial: Serial, issued: dict[str, Any]) -> None:
    """Void reservations of the older database for the same order or renewal."""
    order = issued["order"]["order_id"] if issued["order"] else None
    same = Q(order_id=order) if order else Q(predecessor__serial=issued["predecessor"])
    rows = db.rows(models.Certificate).filter(same, state=CertificateState.RESERVED)
    rows.exclude(serial=serial).update(state=CertificateState.SUPERSEDED)


def _issue(db: Database, known: JournalState, row: models.Certificate | None, now: datetime) -> models.Certificate:
    """Insert a certificate with its key and lineage, or complete its reservation."""
    issued = known.issued or {}
    using, der = db.alias, b64decode(issued["der"])
    models.UsedKey.objects.using(using).get_or_create(
        key_id=issued["key"], defaults={"first_seen": _instant(issued["not_before"])}
    )
    news: dict[str, Any] = {
        "state": CertificateState.ISSUED,
        "key_id": issued["key"],
        "sha256": issued["sha256"],
        "recorded_at": _instant(issued["recorded_at"]),
    }
    # Set the revocation in the same step, because only one renewal of a certificate may be live.
    news |= _revocation(known.revoked) if known.revoked else {}
    if row is not None:
        models.Certificate.objects.using(using).filter(pk=row.pk).update(**news)
        models.CertificateDer.objects.using(using).filter(pk=row.pk).update(der=der, to_be_signed=b"")
        row.refresh_from_db(using=using)
        return row
    if known.revoked and known.revoked["void"]:
        news["state"] = CertificateState.SUPERSEDED
    raise_open_shard(db, issued["authority"], issued["crl_shard"])
    lineage = _lineage(db, issued, now)
    order, certificates = issued["order"], models.Certificate.objects.using(using)
    if order:
        _order_row(db, lineage.lineage_id, order)
    made = certificates.create(
        serial=issued["serial"],
        authority_id=issued["authority"],
        lineage=lineage,
        origin="order" if order else "renewal",
        order_id=order["order_id"] if order else None,
        predecessor=certificates.get(serial=issued["predecessor"]) if issued["predecessor"] else None,
        replaces=certificates.get(serial=order["replaces"]) if order and order["replaces"] else None,
        retrieval_id=issued["retrieval_id"],
        not_before=_instant(issued["not_before"]),
        not_after=_instant(issued["not_after"]),
        renewable_from=_instant(issued["renewable_from"]),
        crl_shard=issued["crl_shard"],
        reserved_at=_instant(issued["not_before"]),
        **news,
    )
    octets = models.CertificateDer(certificate=made, to_be_signed=b"", der=der)
    octets.save(using=using, force_insert=True)
    return made


def _lineage(db: Database, issued: dict[str, Any], now: datetime) -> models.Lineage:
    """Return the certificate's lineage; create it without its people if it is missing."""
    using, holding = db.alias, issued["holding"]
    row = models.Lineage.objects.using(using).filter(pk=holding["holding_id"]).first()
    if row is not None:
        return row
    if not issued["order"]:
        raise models.Certificate.DoesNotExist  # its first certificate, which names the organisation, must come first
    ours = issued["order"]["organisation"]
    organisations = models.Organisation.objects.using(using)
    known = organisations.filter(
        Q(pk=ours["organisation_id"]) | Q(normalised_id=normalise(ours["customer_id"]))
    ).first()
    organisation = known or organisations.create(
        **{**ours, "created": _instant(ours["created"])}, normalised_id=normalise(ours["customer_id"])
    )
    made = models.Lineage.objects.using(using).create(
        lineage_id=holding["holding_id"],
        organisation=organisation,
        type=models.CertificateType.objects.using(using).get(channel=holding["channel"]),
        subject_serial=holding["subject_serial"],
        created=_instant(issued["order"]["created"]),
    )
    unrestored_people.insert_row(db, made.lineage_id, now, has_new_organisation=known is None)
    return made


def _order_row(db: Database, lineage_id: str, order: dict[str, Any]) -> None:
    certificates = db.rows(models.Certificate)
    db.rows(models.Order).get_or_create(
        order_id=order["order_id"],
        defaults={
            "lineage_id": lineage_id,
            "state": OrderState.FULFILLED,
            "created": _instant(order["created"]),
            "replaces": certificates.get(serial=order["replaces"]) if order["replaces"] else None,
        },
    )


def _spend(db: Database, lineage_id: str, order: dict[str, Any], audit: AuditContext) -> None:
    """Mark the order and its transfer ids as spent; insert missing transfer ids."""
    _order_row(db, lineage_id, order)
    orders = db.rows(models.Order).filter(pk=order["order_id"])
    if orders.filter(state=OrderState.OPEN).update(state=OrderState.FULFILLED):
        audit_log.write(db, audit, "order-spent-again", f"order:{order['order_id']}")
    for pair in order["transfer_ids"]:
        db.rows(models.TransferIds).get_or_create(
            transfer_id=pair["transfer_id"],
            defaults={
                "order_id": order["order_id"],
                "password_mac": bytes.fromhex(pair["password_mac"]),
                "created": _instant(pair["created"]),
                "expires": _instant(pair["expires"]),
                "ended_at": _instant(pair["ended"]) if pair["ended"] else None,
            },
        )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
