"""Certificates that a separate signer signed and the register lacks.

See docs/operators/signer.md.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import status_feed
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.encoding import load_certificate, serial_hex

KEPT_FOR = timedelta(days=30)
"""Time for which a certificate is reported."""

_LOGGED = ("certificate-issued", "certificate-restored")
_SHARD = re.compile(rb"-([1-9][0-9]{0,6})\.crl")


class UnregisteredListItem(NamedTuple):
    """Certificate that the register lacks, since when, and its revocation."""

    serial: Serial
    authority: str
    found_at: datetime
    revoked_at: datetime | None


def list_registered(db: Database, digests: Collection[str]) -> set[str]:
    """Return those of these certificates (SHA-256) that the register has.

    An entry of the log has their issue, too.
    """
    rows = db.rows(models.Certificate).filter(sha256__in=digests).values_list("serial", "sha256")
    digest_of = {f"certificate:{serial}": str(sha256) for serial, sha256 in rows}
    entries = db.rows(models.AuditEvent).filter(object__in=digest_of, action__in=_LOGGED)
    return {digest_of[subject] for subject in entries.values_list("object", flat=True)}


def find_revocation(db: Database, serial: Serial) -> tuple[datetime | None] | None:
    """Return the revocation of a row of the register, or None without the row."""
    return db.rows(models.Certificate).filter(serial=serial).values_list("revoked_at").first()


def record(db: Database, ders: Mapping[str, tuple[str, bytes]], audit: AuditContext) -> list[Serial]:
    """Record certificates that the register lacks, and return the serials of new ones.

    Each has its CA and its DER, by SHA-256. Those that the register has by now are forgotten.
    """
    rows, made = db.rows(models.UnregisteredCertificate), []
    with transaction.atomic(using=db.alias):
        known = set(rows.values_list("sha256", flat=True))
        rows.filter(sha256__in=list_registered(db, known), revoked_at__isnull=True).delete()
        for sha256 in ders.keys() - known:
            authority, der = ders[sha256]
            certificate, shard = load_certificate(der), _SHARD.search(der)
            made.append(serial := serial_hex(certificate.serial_number))
            rows.create(
                sha256=sha256,
                authority_id=authority,
                serial=serial,
                crl_shard=int(shard[1]) if shard else 1,
                not_after=certificate.not_valid_after_utc,
                der=der,
                found_at=audit.at,
            )
            subject = f"certificate:{serial}"
            audit_log.write(db, audit, "certificate-unregistered", subject, ca=authority, sha256=sha256)
    return made


def list_recent(db: Database, now: datetime) -> list[UnregisteredListItem]:
    """Return the certificates that are reported now, the oldest first."""
    rows = db.rows(models.UnregisteredCertificate).filter(found_at__gte=now - KEPT_FOR)
    registered = db.rows(models.Certificate).filter(serial=OuterRef("serial"))
    revoked_at = Coalesce("revoked_at", Subquery(registered.values("revoked_at")[:1]))
    columns = rows.order_by("found_at", "pk").values_list("serial", "authority_id", "found_at", revoked_at)
    return [UnregisteredListItem(*row) for row in columns]


def revoked_rows(db: Database) -> "QuerySet[models.UnregisteredCertificate]":
    """Return the revoked ones, but for those that the register has by now."""
    registered = db.rows(models.Certificate).filter(serial=OuterRef("serial"))
    return db.rows(models.UnregisteredCertificate).filter(~Exists(registered), revoked_at__isnull=False)


def revoke(
    db: Database, serial: Serial, reason: RevocationReason, audit: AuditContext, note: Callable[[datetime], None]
) -> tuple[str, bool] | None:
    """Revoke a certificate; return its CA, and True if it was not revoked before.

    Returns None if it is unknown.

    `note` records the instant before the commit. It is notBefore: the certificate was never good. After a restore it is
    revoked at the same instant again, without which the signer would sign no list.
    """
    with transaction.atomic(using=db.alias):
        row = db.rows(models.UnregisteredCertificate).select_for_update().filter(serial=serial).first()
        if row is None or row.revoked_at is not None:
            return None if row is None else (row.authority_id, False)
        row.revoked_at, row.revocation_reason = load_certificate(bytes(row.der)).not_valid_before_utc, reason
        row.save(using=db.alias)
        audit_log.write(db, audit, "certificate-revoked", f"certificate:{serial}", reason=reason)
        note(row.revoked_at)
        status_feed.insert_revocations(db, {row.authority_id: [serial]}, audit.at)
    return row.authority_id, True
