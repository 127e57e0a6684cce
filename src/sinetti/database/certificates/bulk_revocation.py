"""Bulk revocations: selection, and proposals stored before the first revocation."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import Max, Q, QuerySet, Sum

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.common.locks import acquire_lock
from sinetti.database.connection import Database
from sinetti.database.models import BulkRevocation
from sinetti.domain.certificates.bulk_revocation import (
    COUNTED_FOR,
    PROPOSAL_LIVES,
    BulkRevocationProposal,
    actor_of,
    needs_second_approver,
)
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Channel, Serial, normalise

_CHUNK = 500
"""Number of values in one IN; older SQLite builds accept 999."""

_TURN = "bulk-revocations"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class CertificateSelection:
    """Criteria for certificates; a certificate must meet all that are not None.

    `issued` is an interval that includes its start and excludes its end. `software` is the product of a program that
    requests renewal information, with or without its version. `is_every` selects every certificate.
    """

    serials: tuple[Serial, ...] | None = None
    customer_id: str | None = None
    authority: str | None = None
    issued: tuple[datetime, datetime] | None = None
    channel: Channel | None = None
    software: str | None = None
    is_every: bool = False


@dataclass(frozen=True, slots=True)
class BulkRevocationCandidate:
    """One certificate with the data for listing and revoking it."""

    serial: Serial
    lineage_id: str
    customer_id: str
    channel: str
    authority: str
    shard: int
    not_after: datetime
    revoked: bool
    predecessor: Serial | None


def select(db: Database, wanted: CertificateSelection) -> tuple[BulkRevocationCandidate, ...]:
    """Return the selected certificates in any state, oldest first."""
    return tuple(row for part in filter_rows(db, wanted) for row in _rows(part))


def filter_rows(db: Database, wanted: CertificateSelection) -> "Iterator[QuerySet[models.Certificate]]":
    """Yield query sets of the selected certificates, one per chunk of serials."""
    rows = db.rows(models.Certificate)
    if wanted.customer_id is not None:
        rows = rows.filter(lineage__organisation__normalised_id=normalise(wanted.customer_id))
    if wanted.authority is not None:
        rows = rows.filter(authority_id=wanted.authority)
    if wanted.issued is not None:
        rows = rows.filter(reserved_at__gte=wanted.issued[0], reserved_at__lt=wanted.issued[1])
    if wanted.channel is not None:
        rows = rows.filter(lineage__type__channel=wanted.channel)
    if wanted.software is not None:
        product = Q(hint_request__software=wanted.software)
        rows = rows.filter(product | Q(hint_request__software__startswith=f"{wanted.software}/"))
    if wanted.serials is None:
        yield rows
        return
    for part in _parts(list(dict.fromkeys(wanted.serials))):
        yield rows.filter(serial__in=part)


@dataclass(frozen=True, slots=True)
class CertificateSummary:
    """One certificate as officers see it before they approve its revocation.

    `serves` is the number of other organisations whose reports it is for; None if unknown.
    """

    serial: Serial
    organisation: str
    customer_id: str
    description: str
    authority: str
    not_after: datetime
    serves: int | None
    last_seen: datetime | None


def describe(db: Database, serials: Sequence[Serial]) -> tuple[CertificateSummary, ...]:
    """Return the certificates with these serials for people, in their order."""
    summaries: dict[str, CertificateSummary] = {}
    for part in _parts(serials):
        rows = db.rows(models.Certificate).filter(serial__in=part)
        values = rows.annotate(seen=Max("sightings__last_seen")).values_list(
            "serial",
            "lineage__organisation__name",
            "lineage__organisation__customer_id",
            "lineage__description",
            "authority_id",
            "not_after",
            "lineage__serves",
            "seen",
        )
        summaries |= {row[0]: CertificateSummary(Serial(row[0]), *row[1:]) for row in values}
    return tuple(summaries[serial] for serial in serials if serial in summaries)


def load_lineages(db: Database, lineage_ids: Collection[str]) -> tuple[BulkRevocationCandidate, ...]:
    """Return every certificate of these lineages, oldest first in each lineage."""
    rows = db.rows(models.Certificate)
    return tuple(row for part in _parts(sorted(lineage_ids)) for row in _rows(rows.filter(lineage_id__in=part)))


def propose(
    db: Database, new: BulkRevocationProposal, audit: AuditContext, *, is_limited: bool = True
) -> BulkRevocationProposal:
    """Store a proposal; approve it at once if it is small enough for one officer.

    Without `is_limited`, every size is. Certificates that this officer revoked alone within `COUNTED_FOR` count too. A
    lock serialises proposals, so two commands cannot both count as small. The second of two equal proposals returns
    the one that waits.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        two = is_limited and needs_second_approver(len(new.serials), alone_lately(db, new.officer, audit.at))
        if two and (same := _same(db, new, audit.at)) is not None:
            return same
        row = _insert(db, new, audit, approved_at=None if two else audit.at)
        _write(db, audit, "bulk-proposed" if two else "bulk-begun", row)
    return _proposal(row)


def count_single(db: Database, new: BulkRevocationProposal, audit: AuditContext) -> bool:
    """Store a run that its caller carries out; False if it takes two officers."""
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        if needs_second_approver(len(new.serials), alone_lately(db, new.officer, audit.at)):
            return False
        _write(db, audit, "bulk-done", _insert(db, new, audit, approved_at=audit.at, done_at=audit.at))
    return True


def insert_approved(db: Database, new: BulkRevocationProposal, audit: AuditContext) -> BulkRevocationProposal:
    """Store a run that officers have approved by their signatures."""
    row = _insert(db, new, audit, approved_at=audit.at)
    _write(db, audit, "bulk-approved", row)
    return _proposal(row)


def _insert(
    db: Database,
    new: BulkRevocationProposal,
    audit: AuditContext,
    approved_at: datetime | None,
    done_at: datetime | None = None,
) -> BulkRevocation:
    return _all(db).create(
        officer=new.officer,
        reason=new.reason,
        invalidity_date=new.invalidity_date,
        serials=list(new.serials),
        count=len(new.serials),
        created=audit.at,
        expires=audit.at + PROPOSAL_LIVES,
        approver=new.approver,
        approved_at=approved_at,
        done_at=done_at,
    )


def alone_lately(db: Database, officer: str, now: datetime) -> int:
    """Count certificates that this officer revoked alone within `COUNTED_FOR`."""
    alone = _all(db).filter(approver="", approved_at__isnull=False, created__gt=now - COUNTED_FOR)
    count: int | None = alone.filter(officer__iexact=officer).aggregate(sum=Sum("count"))["sum"]
    return count or 0


def waiting(db: Database, now: datetime) -> tuple[BulkRevocationProposal, ...]:
    """Return the proposals that wait for a second officer, oldest first."""
    return tuple(_proposal(row) for row in waiting_rows(db, now).order_by("number"))


def count_waiting(db: Database, now: datetime) -> int:
    """Count the proposals that wait for a second officer."""
    return waiting_rows(db, now).count()


def find(db: Database, proposal_id: str) -> BulkRevocationProposal | None:
    """Return the proposal with this id, or None."""
    row = _all(db).filter(proposal_id=proposal_id).first()
    return _proposal(row) if row else None


def unfinished(db: Database, officer: str | None = None) -> tuple[BulkRevocationProposal, ...]:
    """Return approved proposals that are not done, oldest first.

    They include those that needed no approval. `officer` limits them to one officer.
    """
    rows = _all(db).filter(approved_at__isnull=False, done_at__isnull=True).order_by("number")
    return tuple(_proposal(row) for row in (rows if officer is None else rows.filter(officer__iexact=officer)))


def approve(db: Database, proposal: BulkRevocationProposal, approver: str, audit: AuditContext) -> bool:
    """Record the approver, once and before expiry; return True if this call did it."""
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(proposal_id=proposal.proposal_id)
        mine = waiting_rows(db, audit.at).filter(proposal_id=proposal.proposal_id)
        if not mine.update(approver=approver, approved_at=audit.at):
            return False
        _write(db, audit, "bulk-approved", rows.get())
    return True


def withdraw(db: Database, proposal: BulkRevocationProposal, audit: AuditContext) -> bool:
    """Withdraw a waiting proposal, once; return True if this call did it.

    The row is then done without approval, so earlier code refuses to approve it too.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(proposal_id=proposal.proposal_id)
        mine = waiting_rows(db, audit.at).filter(proposal_id=proposal.proposal_id)
        if not mine.update(done_at=audit.at):
            return False
        _write(db, audit, "bulk-withdrawn", rows.get())
    return True


def finish(db: Database, proposal: BulkRevocationProposal, audit: AuditContext) -> None:
    """Record that a proposal is done, once."""
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(proposal_id=proposal.proposal_id)
        if rows.filter(done_at__isnull=True).update(done_at=audit.at):
            _write(db, audit, "bulk-done", rows.get())


def renewals_of(rows: Sequence[BulkRevocationCandidate]) -> Mapping[Serial, tuple[Serial, ...]]:
    """Map the serials of predecessors to the serials of their renewals."""
    result: dict[Serial, tuple[Serial, ...]] = {}
    for row in rows:
        if row.predecessor is not None:
            result[row.predecessor] = (*result.get(row.predecessor, ()), row.serial)
    return result


def _all(db: Database) -> "QuerySet[BulkRevocation]":
    return db.rows(BulkRevocation)


def waiting_rows(db: Database, now: datetime) -> "QuerySet[BulkRevocation]":
    """Return the rows of proposals that wait for a second officer."""
    return _all(db).filter(approved_at__isnull=True, done_at__isnull=True, expires__gte=now)


def _same(db: Database, new: BulkRevocationProposal, now: datetime) -> BulkRevocationProposal | None:
    """Return a waiting proposal of the same officer, reason and certificates, or None."""
    rows = waiting_rows(db, now).filter(officer__iexact=new.officer, reason=new.reason, count=len(new.serials))
    alike = (_proposal(row) for row in rows.filter(invalidity_date=new.invalidity_date).order_by("number"))
    return next((proposal for proposal in alike if set(proposal.serials) == set(new.serials)), None)


def _parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))


def _rows(rows: "QuerySet[models.Certificate]") -> Iterator[BulkRevocationCandidate]:
    queryset = rows.order_by("reserved_at", "pk").values_list(
        "serial",
        "lineage_id",
        "lineage__organisation__customer_id",
        "lineage__type__channel",
        "authority_id",
        "crl_shard",
        "not_after",
        "revoked_at",
        "predecessor__serial",
    )
    for serial, lineage, customer, channel, authority, shard, ends, revoked, predecessor in queryset:
        before = Serial(predecessor) if predecessor else None
        yield BulkRevocationCandidate(
            Serial(serial), lineage, customer, channel, authority, shard, ends, revoked is not None, before
        )


def _write(db: Database, audit: AuditContext, action: str, row: BulkRevocation) -> None:
    """Write the audit row, with a digest of the certificates' serials."""
    digest = hashlib.sha256("\n".join(row.serials).encode("ascii")).hexdigest()
    subject = f"bulk-revocation:{row.proposal_id}"
    by = actor_of(row.officer)
    audit_log.write(db, audit, action, subject, reason=row.reason, count=row.count, serials=digest, proposed_by=by)


def _proposal(row: BulkRevocation) -> BulkRevocationProposal:
    return BulkRevocationProposal(
        proposal_id=row.proposal_id,
        officer=row.officer,
        reason=RevocationReason(row.reason),
        invalidity_date=row.invalidity_date,
        serials=tuple(Serial(serial) for serial in row.serials),
        created=row.created,
        expires=row.expires,
        approver=row.approver,
        approved_at=row.approved_at,
        done_at=row.done_at,
    )
