"""Stored OCSP responses, read with the certificate's status.

See docs/relying/ocsp.md.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from sinetti.database import models, sql
from sinetti.database.connection import Database
from sinetti.database.sql import Row, instant
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.ocsp_status import GOOD, CertIdHash, CertificateStatusInfo, SingleResponse, cert_status
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial, Sha256
from sinetti.pki.encoding import signed_part

# One snapshot of everything, so a response is never older than the revocation read with it.
_STATUS_COLUMNS = (
    "c.sha256, COALESCE(c.revoked_at, u.revoked_at), COALESCE(NULLIF(c.revocation_reason, ''), u.revocation_reason), "
    "COALESCE(c.not_after, u.not_after), s.not_after"
)
_OURS = """
  LEFT JOIN sinetti_certificate c ON c.authority_id = {authority} AND c.serial = {serial}
  LEFT JOIN sinetti_unregisteredcertificate u ON u.authority_id = {authority} AND u.serial = {serial}
  LEFT JOIN sinetti_servicecertificate s ON s.authority = {authority} AND s.serial = {serial}"""
_RESPONSE_COLUMNS = "a.this_update, a.next_update, a.revoked_at, a.revocation_reason"
_CHUNK = 5000
_PLACE = ("pk", "authority_id", "serial")
_ASKED = {"authority": "%(authority)s", "serial": "%(serial)s"}
# The SQL texts contain no data of a request.
_FIND = {
    cert_id_hash: f"""SELECT {_STATUS_COLUMNS}, {_RESPONSE_COLUMNS}, a.{cert_id_hash.value}, c.state
  FROM (SELECT 1 AS row) one{_OURS.format(**_ASKED)}
  LEFT JOIN sinetti_ocspresponse a ON a.authority = %(authority)s AND a.serial = %(serial)s"""  # noqa: S608
    for cert_id_hash in CertIdHash
}
_AGED = f"""SELECT a.authority, a.serial, {_STATUS_COLUMNS}
  FROM (SELECT authority, serial FROM sinetti_ocspresponse
         WHERE authority = %(authority)s AND this_update < %(before)s ORDER BY this_update LIMIT %(most)s) a
  {_OURS.format(authority="a.authority", serial="a.serial")}"""  # noqa: S608
_SIGNED_SINCE = f"""SELECT a.serial, {_STATUS_COLUMNS}, {_RESPONSE_COLUMNS}, a.sha1, a.sha256
  FROM (SELECT * FROM sinetti_ocspresponse
         WHERE authority = %(authority)s AND (this_update, serial) > (%(since)s, %(serial)s)
         ORDER BY this_update, serial LIMIT %(most)s) a
  {_OURS.format(authority="a.authority", serial="a.serial")}
 ORDER BY a.this_update, a.serial"""  # noqa: S608
_WALKED = f"""SELECT c.id, c.authority_id, c.serial,
       c.sha256, c.revoked_at, c.revocation_reason, c.not_after, NULL, {_RESPONSE_COLUMNS}
  FROM (SELECT * FROM sinetti_certificate WHERE id > %(after)s ORDER BY id LIMIT %(most)s) c
  LEFT JOIN sinetti_ocspresponse a ON a.authority = c.authority_id AND a.serial = c.serial
 ORDER BY c.id"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class OcspResponsePair:
    """Both OCSP responses for one certificate (DER), and their content."""

    authority: str
    serial: Serial
    response: SingleResponse
    ders: Mapping[CertIdHash, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """A certificate in question: its present status and its expiry.

    `not_after` is in UTC. None means that this CA did not issue the certificate.
    """

    authority: str
    serial: Serial
    status: CertificateStatusInfo
    not_after: datetime | None


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """Status of a certificate, and its stored response with content, if any.

    `is_announced` says that a later revocation is an event of the status feed. A certificate that was never retrieved
    may be given up without one.
    """

    subject: Subject
    response: SingleResponse | None
    der: bytes | None = field(default=None, repr=False)
    is_announced: bool = False


@dataclass(frozen=True, slots=True)
class ScanPage:
    """Certificates in the order of their reservation, one page.

    `until` is the position from which the next page starts; None means the end.
    """

    found: tuple[StoredResponse, ...]
    until: int | None


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A certificate of the service itself that is not a CA certificate."""

    authority: str
    serial: Serial
    sha256: Sha256
    not_after: datetime


def find(db: Database, authority: str, serial: Serial, named_by: CertIdHash) -> StoredResponse:
    """Return a certificate's status and stored response for one kind of CertID.

    It takes one round trip.
    """
    (row,) = sql.read(db, _FIND[named_by], {"authority": authority, "serial": serial})
    der = bytes(row[9]) if row[9] is not None else None
    is_announced = row[1] is not None or row[4] is not None or row[10] == CertificateState.RETRIEVED
    return StoredResponse(_subject(authority, serial, row[:5]), _single_response(row[5:9]), der, is_announced)


def store(db: Database, answers: Collection[OcspResponsePair]) -> None:
    """Store responses in place of older ones.

    The last writer wins, since every reader compares the response with the certificate.
    """
    rows = [
        models.OcspResponse(
            authority=answer.authority,
            serial=answer.serial,
            sha1=answer.ders[CertIdHash.SHA1],
            sha256=answer.ders[CertIdHash.SHA256],
            this_update=answer.response.this_update,
            next_update=answer.response.next_update,
            revoked_at=answer.response.status.revoked_at,
            revocation_reason=answer.response.status.reason or "",
        )
        # In one order, so that concurrent writers cannot deadlock.
        for answer in sorted(answers, key=lambda pair: (pair.authority, pair.serial))
    ]
    changing = ["sha1", "sha256", "this_update", "next_update", "revoked_at", "revocation_reason"]
    db.rows(models.OcspResponse).bulk_create(
        rows, update_conflicts=True, update_fields=changing, unique_fields=["authority", "serial"]
    )


def delete(db: Database, subjects: Iterable[Subject]) -> None:
    """Delete the responses for expired certificates.

    New ones are signed only on request.
    """
    which = Q()
    for subject in subjects:
        which |= Q(authority=subject.authority, serial=subject.serial)
    if which:
        db.rows(models.OcspResponse).filter(which).delete()


def oldest(db: Database, authority: str, before: datetime, most: int) -> tuple[Subject, ...]:
    """Return the certificates of a CA with the oldest responses.

    Only responses older than `before` (UTC) count, at most `most`.
    """
    rows = sql.read(db, _AGED, {"authority": authority, "before": before, "most": most})
    return tuple(_subject(row[0], Serial(row[1]), row[2:]) for row in rows)


def signed_since(
    db: Database, authority: str, after: tuple[datetime, str], most: int
) -> list[tuple[Subject, OcspResponsePair]]:
    """Return a page of a CA's responses by thisUpdate and serial, with each status.

    `after` is the place of the last one before; a page has at most `most`.
    """
    since, serial = after
    rows = sql.read(db, _SIGNED_SINCE, {"authority": authority, "since": since, "serial": serial, "most": most})
    pairs = []
    for row in rows:
        subject, response = _subject(authority, Serial(row[0]), row[1:6]), _single_response(row[6:10])
        if response is not None:
            ders = {CertIdHash.SHA1: bytes(row[10]), CertIdHash.SHA256: bytes(row[11])}
            pairs.append((subject, OcspResponsePair(authority, subject.serial, response, ders)))
    return pairs


def scan(db: Database, after: int, most: int) -> ScanPage:
    """Return the next `most` certificates, with the content of their responses."""
    rows = sql.read(db, _WALKED, {"after": after, "most": most})
    responses = tuple(
        StoredResponse(_subject(row[1], Serial(row[2]), row[3:8]), _single_response(row[8:])) for row in rows
    )
    return ScanPage(responses, rows[-1][0] if len(rows) == most else None)


def record_own(db: Database, certificates: Iterable[OwnCertificate]) -> None:
    """Record certificates of the service itself, so that OCSP answers "good" for them."""
    rows = [
        models.ServiceCertificate(
            authority=certificate.authority,
            serial=certificate.serial,
            sha256=certificate.sha256,
            not_after=certificate.not_after,
        )
        for certificate in certificates
    ]
    db.rows(models.ServiceCertificate).bulk_create(rows, ignore_conflicts=True)


def list_signed(db: Database) -> Iterable[tuple[str, Serial, datetime, bytes]]:
    """Yield CA, serial, notAfter and signed octets of certificates but those of CAs.

    The octets of a certificate of the service itself are empty.
    """
    issued = db.rows(models.Certificate).filter(sha256__isnull=False)
    columns = ("authority_id", "serial", "not_after", "octets__der")
    for authority, serial, not_after, der in issued.values_list(*columns).iterator(chunk_size=_CHUNK):
        yield authority, Serial(serial), not_after, signed_part(bytes(der)) if der else b""
    own = db.rows(models.ServiceCertificate)
    for authority, serial, not_after in own.values_list("authority", "serial", "not_after"):
        yield authority, Serial(serial), not_after, b""


def page_of_signed(db: Database, after: int, most: int) -> list[tuple[int, str, Serial]]:
    """Return the next signed certificates: position, CA and serial."""
    rows = db.rows(models.Certificate).filter(pk__gt=after, sha256__isnull=False).order_by("pk")
    return [(pk, authority, Serial(serial)) for pk, authority, serial in rows.values_list(*_PLACE)[:most]]


def certificates_at(db: Database, positions: Collection[int]) -> list[bytes]:
    """Return the certificates (DER) at these positions."""
    rows = db.rows(models.Certificate).filter(pk__in=positions, octets__der__isnull=False)
    return [bytes(der) for der in rows.values_list("octets__der", flat=True) if der is not None]


def _subject(authority: str, serial: Serial, row: Row) -> Subject:
    sha256, revoked_at, reason, not_after, own_not_after = row
    if own_not_after is not None:
        return Subject(authority, serial, GOOD, instant(own_not_after))
    status = cert_status(
        issued=sha256 is not None,
        revoked_at=instant(revoked_at),
        reason=RevocationReason(reason) if reason else None,
    )
    return Subject(authority, serial, status, instant(not_after))


def _single_response(row: Row) -> SingleResponse | None:
    this_update, next_update = instant(row[0]), instant(row[1])
    if this_update is None or next_update is None:
        return None
    reason = RevocationReason(row[3]) if row[3] else None
    return SingleResponse(cert_status(issued=True, revoked_at=instant(row[2]), reason=reason), this_update, next_update)
