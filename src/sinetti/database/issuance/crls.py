"""Signed CRLs of the database's CAs and their contents (docs/relying/lists.md).

Shard 0 is the whole CA.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Count, F, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.issuance import status_feed, unregistered
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.crl_splice import join_crl, split_crl, strip_entries
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.wire.json_api.status_events import StatusEvent, StatusEventKind

WHOLE = 0
"""Shard of the CRL that covers every certificate of its CA."""

_FIRST = 1
_CHUNK = 5000
_LIGHT = ("number", "this_update", "next_update", "revocations")
_SHORT = tuple(f"short__{name}" for name in _LIGHT)


@dataclass(frozen=True, slots=True)
class RevokedCertificate:
    """One entry of a CRL, and the shard to which its certificate points."""

    shard: int
    serial: Serial
    revoked_at: datetime
    reason: RevocationReason
    invalidity_date: datetime | None


@dataclass(frozen=True, slots=True)
class CrlBase:
    """A CRL built from the database: number, time, and octets of its entries."""

    number: int
    at: datetime
    octets: int


@dataclass(frozen=True, slots=True)
class PublishedList:
    """A signed CRL, its dates, and the number of revocations in its shard.

    `revocations` counts all revocations ever, at the time when the CRL was made. `base` is the CRL with which it
    begins, the last one built from the database. None means that this CRL is itself the base.
    """

    number: int
    this_update: datetime
    next_update: datetime
    revocations: int
    der: bytes = field(repr=False)
    base: CrlBase | None = None

    @property
    def begins_with(self) -> CrlBase:
        """Last CRL built from the database, which may be this one."""
        return self.base or CrlBase(self.number, self.this_update, len(split_crl(self.der).entries))

    @property
    def stored(self) -> bytes:
        """Octets to store: the CRL without the entries of its base."""
        return self.der if self.base is None else strip_entries(self.der, self.base.octets)


def latest_crl(db: Database, authority: str, shard: int, known: PublishedList | None = None) -> PublishedList | None:
    """Return the newest CRL of a shard, or None before the first.

    `known` is a CRL read earlier; it saves reading the entries again.
    """
    rows = db.rows(models.Crl).filter(authority_id=authority, shard=shard)
    while True:
        light = rows.values(*_LIGHT, *_SHORT, "short__base").first()
        if light is None:
            return None
        is_short = light["short__base"] == light["number"]
        number, begins, ends, count = (light[name] for name in (_SHORT if is_short else _LIGHT))
        if known is not None and known.number == number:
            return known
        base = known.begins_with if known is not None and is_short else None
        wanted = ["short__der"] if is_short else []
        wanted += ["der"] if base is None or base.number != light["number"] else []
        # Read the same version of the row, or start again if a later CRL was stored meanwhile.
        row = rows.filter(number=light["number"], short__number=light["short__number"]).values(*wanted).first()
        if row is None:
            continue
        if not is_short:
            return PublishedList(number, begins, ends, count, bytes(row["der"]))
        if "der" in row or known is None or base is None:
            entries = split_crl(bytes(row["der"])).entries
            base = CrlBase(light["number"], light["this_update"], len(entries))
        else:
            entries = split_crl(known.der).entries[: base.octets]
        return PublishedList(number, begins, ends, count, join_crl(entries, bytes(row["short__der"])), base)


def list_numbers(db: Database) -> dict[tuple[str, int], int]:
    """Return the number of the newest CRL by CA and shard."""
    rows = db.rows(models.Crl).values_list("authority_id", "shard", "number", "short__base", "short__number")
    return {
        (authority, shard): (short or number) if base == number else number
        for authority, shard, number, base, short in rows
    }


def whole_list(db: Database, authority: str, shard: int) -> bytes:
    """Return the complete CRL (DER) that is stored for a shard."""
    rows = db.rows(models.Crl).filter(authority_id=authority, shard=shard)
    return bytes(rows.values_list("der", flat=True).get())


def take_crl_number(db: Database, authority: str, machine_milliseconds: int) -> int:
    """Take the next CRL number of a CA: max(last + 1, Unix time in ms).

    The number therefore never decreases after a restore of the database.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.CertificateAuthority).filter(pk=authority)
        rows.update(crl_number=F("crl_number") + 1)
        number = max(rows.get().crl_number, machine_milliseconds)
        rows.update(crl_number=number)
    return number


def publish_lists(
    db: Database,
    authority: str,
    new: Mapping[int, PublishedList],
    audit: AuditContext,
    keep: Callable[[int, PublishedList], None],
) -> None:
    """Store the CRLs of one publication by shard, unless a newer one is stored.

    A stored CRL is newer if it has a higher number or more revocations. Of two concurrent processes, one may have
    counted before a revocation and taken its number after it. `keep` writes each CRL beside the journal before it can
    be served.
    """
    with transaction.atomic(using=db.alias):
        # The second process waits here and compares afterwards. SQLite's transactions are serial anyway.
        db.rows(models.CertificateAuthority).filter(pk=authority).update(crl_number=F("crl_number"))
        taken = [shard for shard in sorted(new) if _is_newer(db, authority, shard, new[shard])]
        for shard in taken:
            keep(shard, new[shard])
            _store(db, authority, shard, new[shard])
        if taken:
            number = new[taken[0]].number
            audit_log.write(db, audit, "crl-published", f"authority:{authority}", number=number, lists=len(taken))
            status_feed.insert_events(db, [StatusEvent(StatusEventKind.LIST, authority, number)], audit.at)


def _is_newer(db: Database, authority: str, shard: int, new: PublishedList) -> bool:
    rows = db.rows(models.Crl).filter(authority_id=authority, shard=shard)
    row = rows.values_list("number", "revocations", "short__base", "short__number", "short__revocations").first()
    if row is None:
        return new.base is None
    number, count, base, short_number, short_count = row
    if new.base is not None and new.base.number != number:
        return False
    if base == number:
        number, count = short_number, short_count
    return number < new.number and count <= new.revocations


def _store(db: Database, authority: str, shard: int, new: PublishedList) -> None:
    lists = db.rows(models.Crl)
    values: dict[str, Any] = {name: getattr(new, name) for name in _LIGHT} | {"der": new.stored}
    if new.base is None:
        lists.update_or_create(authority_id=authority, shard=shard, defaults=values)
        return
    row = lists.only("pk").get(authority_id=authority, shard=shard)
    shorts = db.rows(models.CrlDelta)
    shorts.update_or_create(whole_id=row.pk, defaults={**values, "base": new.base.number})


def revocations(db: Database, authority: str, shard: int) -> int:
    """Count all certificates of this shard that were ever revoked."""
    several = revoked_certificates(db, authority)
    certificates = sum((rows.filter(crl_shard=shard) if shard != WHOLE else rows).count() for rows in several)
    return certificates + (_revoked_cas(db, authority).count() if shard in {WHOLE, _FIRST} else 0)


def revocations_by_shard(db: Database, authority: str, shards: Collection[int]) -> dict[int, int]:
    """Count the certificates ever revoked, by shard of a CA and for the whole CA."""
    cas = _revoked_cas(db, authority).count()
    if set(shards) <= {WHOLE, _FIRST}:
        # Half the time at a million.
        return dict.fromkeys((WHOLE, _FIRST), sum(rows.count() for rows in revoked_certificates(db, authority)) + cas)
    counts = Counter({_FIRST: cas})
    for rows in revoked_certificates(db, authority):
        counts.update(dict(rows.values_list("crl_shard").annotate(Count("pk")).order_by()))
    return {**dict.fromkeys(shards, 0), **counts, WHOLE: sum(counts.values())}


def revoked(db: Database, authority: str, ends_from: datetime | None) -> Iterable[RevokedCertificate]:
    """Return the revoked certificates of a CA by time of revocation, CAs first.

    With `ends_from`, only those that expire then or later.
    """
    several = revoked_certificates(db, authority)
    several = several if ends_from is None else tuple(rows.filter(not_after__gte=ends_from) for rows in several)
    return chain(_ca_entries(_revoked_cas(db, authority), ends_from), _entries(several))


def revoked_since(
    db: Database, authority: str, shards: Collection[int], since: datetime
) -> tuple[RevokedCertificate, ...]:
    """Return certificates of some shards revoked since an instant, by revocation time."""
    several = (rows.filter(crl_shard__in=shards, revoked_at__gte=since) for rows in revoked_certificates(db, authority))
    cas = _ca_entries(_revoked_cas(db, authority).filter(revoked_at__gte=since), None)
    return (*cas, *_entries(several))


def revoked_certificates(db: Database, authority: str) -> tuple[QuerySet[Any], ...]:
    """Return the revoked certificates of the register, and those that it lacks."""
    rows = db.rows(models.Certificate).filter(authority_id=authority, revoked_at__isnull=False)
    return rows, unregistered.revoked_rows(db).filter(authority_id=authority)


def _revoked_cas(db: Database, authority: str) -> QuerySet[models.CertificateAuthority]:
    rows = db.rows(models.CertificateAuthority)
    return rows.filter(issuer_id=authority, revoked_at__isnull=False)


def _ca_entries(
    rows: QuerySet[models.CertificateAuthority], ends_from: datetime | None
) -> Iterable[RevokedCertificate]:
    """Yield the entries of CAs, whose certificates all point to the first shard."""
    for row in rows.select_related("distrust").order_by("revoked_at", "name"):
        certificate = load_certificate(bytes(row.certificate))
        if row.revoked_at is not None and (ends_from is None or certificate.not_valid_after_utc >= ends_from):
            reason, serial = RevocationReason(row.revocation_reason), serial_hex(certificate.serial_number)
            # A later declaration changes no entry: relying parties have it already.
            distrust = getattr(row, "distrust", None) if reason is RevocationReason.CA_COMPROMISE else None
            yield RevokedCertificate(_FIRST, serial, row.revoked_at, reason, distrust.since if distrust else None)


def _entries(several: Iterable[QuerySet[Any]]) -> Iterable[RevokedCertificate]:
    fields = ("revoked_at", "serial", "crl_shard", "revocation_reason", "invalidity_date")
    parts = (rows.order_by(*fields[:2]).values_list(*fields).iterator(_CHUNK) for rows in several)
    for revoked_at, serial, shard, reason, invalidity_date in merge(*parts, key=lambda row: row[:2]):
        yield RevokedCertificate(shard, Serial(serial), revoked_at, RevocationReason(reason), invalidity_date)
