"""Certificates found by the digest of their DER, or by CA and serial."""

from sinetti.database.common import mappers
from sinetti.database.connection import Database
from sinetti.domain.certificates.models import Certificate
from sinetti.domain.values import Serial, Sha256


def find(db: Database, named: Sha256 | tuple[tuple[str, ...], Serial]) -> tuple[Certificate, bytes] | None:
    """Return an issued certificate and its DER, or None.

    `named` is a SHA-256, or a pair of CA names and a serial.
    """
    rows = mappers.certificates(db).select_related(*mappers.CERTIFICATE_PATHS, "octets")
    if isinstance(named, str):
        rows = rows.filter(sha256=named)
    else:
        authorities, serial = named
        rows = rows.filter(serial=serial, authority_id__in=authorities, sha256__isnull=False)
    row = rows.first()
    if row is None:
        return None
    # An issued certificate has its DER, because one commit writes both (docs/contributors/issuance.md, 11).
    return mappers.certificate(db, row), bytes(row.octets.der or b"")
