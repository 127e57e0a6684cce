"""Data for the health checks: CRLs, their expected content, age of OCSP responses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from django.db.models import Min, QuerySet
from django.db.models.functions import Coalesce, Greatest

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.issuance import crls
from sinetti.database.issuance.crls import WHOLE
from sinetti.domain.values import Serial

_CHUNK = 5000


@dataclass(frozen=True)
class AnswerAge:
    """Dates of the oldest OCSP response of a CA."""

    authority: str
    this_update: datetime
    next_update: datetime


def list_names(db: Database) -> tuple[tuple[str, int], ...]:
    """Return CA and shard of each CRL that was ever published."""
    rows = db.rows(models.Crl).order_by("authority_id", "shard")
    return tuple(rows.values_list("authority_id", "shard"))


def issuing_authorities(db: Database) -> frozenset[str]:
    """Return the CAs that issue to organisations, or did.

    All certificates on their CRLs are in the database.
    """
    rows = db.rows(models.CertificateAuthority).filter(role="issuing")
    return frozenset(rows.values_list("name", flat=True))


def any_certificate(db: Database) -> bool:
    """Return True if a certificate was ever issued."""
    return db.rows(models.Certificate).exists()


def count_revoked(db: Database, authority: str, shard: int, ended_before: datetime | None = None) -> int:
    """Count the revoked certificates of a CRL.

    With `ended_before`, only certificates that had not expired by then count.
    """
    several = _revoked(db, authority, shard)
    return sum((rows if ended_before is None else rows.filter(not_after__gte=ended_before)).count() for rows in several)


def revoked(db: Database, authority: str, shard: int) -> Iterator[tuple[Serial, datetime]]:
    """Yield serial and expiry of each revoked certificate of a CRL, newest first."""
    several = (rows.order_by("-revoked_at", "-pk") for rows in _revoked(db, authority, shard))
    parts = (rows.values_list("revoked_at", "serial", "not_after").iterator(chunk_size=_CHUNK) for rows in several)
    return ((Serial(serial), ends) for _, serial, ends in merge(*parts, key=lambda row: row[0], reverse=True))


def newest_of(db: Database, authority: str, now: datetime, *, is_revoked: bool) -> Serial | None:
    """Return the newest valid certificate of a CA, or the newest revoked one.

    Only certificates that have not expired count. Returns None if there is none.
    """
    rows = db.rows(models.Certificate).filter(
        authority_id=authority, sha256__isnull=False, not_after__gte=now, revoked_at__isnull=not is_revoked
    )
    serial = rows.order_by("-reserved_at", "-pk").values_list("serial", flat=True).first()
    return Serial(serial) if serial is not None else None


def list_ages(db: Database) -> tuple[tuple[str, datetime, datetime], ...]:
    """Return CA, thisUpdate and nextUpdate of the newest CRL of each shard."""
    rows = db.rows(models.Crl).annotate(
        begins=Greatest("this_update", Coalesce("short__this_update", "this_update")),
        ends=Greatest("next_update", Coalesce("short__next_update", "next_update")),
    )
    return tuple(rows.order_by("authority_id", "shard").values_list("authority_id", "begins", "ends"))


def answer_ages(db: Database) -> tuple[AnswerAge, ...]:
    """Return the oldest stored OCSP response of each CA that has any."""
    rows = db.rows(models.OcspResponse).values_list("authority")
    oldest = rows.annotate(begins=Min("this_update"), ends=Min("next_update")).order_by("authority")
    return tuple(AnswerAge(*pair) for pair in oldest)


def _revoked(db: Database, authority: str, shard: int) -> "Iterator[QuerySet[Any]]":
    several = crls.revoked_certificates(db, authority)
    return (rows if shard == WHOLE else rows.filter(crl_shard=shard) for rows in several)
