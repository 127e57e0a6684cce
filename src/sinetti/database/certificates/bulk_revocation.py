"""Bulk revocations: what is chosen, and the row that is stored before the first certificate goes."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet, Sum

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
from sinetti.domain.identifiers import normalise
from sinetti.domain.values import Serial

_CHUNK = 500
"""Values in one IN: SQLite takes 999 in its older builds."""

_TURN = "bulk-revocations"
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class CertificateSelection:
    """Which certificates: those to which all applies that is not None.

    `issued` is from, and until before.
    """

    serials: tuple[Serial, ...] | None = None
    customer_id: str | None = None
    authority: str | None = None
    issued: tuple[datetime, datetime] | None = None


@dataclass(frozen=True, slots=True)
class BulkRevocationCandidate:
    """What a list for people says of a certificate, and what it takes to revoke it."""

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
    """The certificates that are wanted, oldest first, whatever their state."""
    return tuple(row for part in filter_rows(db, wanted) for row in _rows(part))


def filter_rows(db: Database, wanted: CertificateSelection) -> "Iterator[QuerySet[models.Certificate]]":
    """The rows of the certificates that are wanted, in as many statements as their serials need."""
    rows = models.Certificate.objects.using(db.alias)
    if wanted.customer_id is not None:
        rows = rows.filter(lineage__organisation__normalised_id=normalise(wanted.customer_id))
    if wanted.authority is not None:
        rows = rows.filter(authority_id=wanted.authority)
    if wanted.issued is not None:
        rows = rows.filter(reserved_at__gte=wanted.issued[0], reserved_at__lt=wanted.issued[1])
    if wanted.serials is None:
        yield rows
        return
    for part in _parts(list(dict.fromkeys(wanted.serials))):
        yield rows.filter(serial__in=part)


def load_lineages(db: Database, lineage_ids: Collection[str]) -> tuple[BulkRevocationCandidate, ...]:
    """Every certificate of these lineages, oldest first in each."""
    rows = models.Certificate.objects.using(db.alias)
    return tuple(row for part in _parts(sorted(lineage_ids)) for row in _rows(rows.filter(lineage_id__in=part)))


def propose(db: Database, new: BulkRevocationProposal, audit: AuditContext) -> BulkRevocationProposal:
    """Store what is to be revoked; approved at once where it is few enough for one officer.

    All that this officer revoked by his word alone within `COUNTED_FOR` counts too. One at a time, so that two commands
    cannot each be few enough. Of two that ask for the same the second is given the one that waits.
    """
    with transaction.atomic(using=db.alias):
        acquire_lock(db, _TURN)
        two = needs_second_approver(len(new.serials), alone_lately(db, new.officer, audit.at))
        if two and (same := _same(db, new, audit.at)) is not None:
            return same
        row = _all(db).create(
            officer=new.officer,
            reason=new.reason,
            invalidity_date=new.invalidity_date,
            serials=list(new.serials),
            count=len(new.serials),
            created=audit.at,
            expires=audit.at + PROPOSAL_LIVES,
            approved_at=None if two else audit.at,
        )
        _write(db, audit, "bulk-proposed" if two else "bulk-begun", row)
    return _proposal(row)


def alone_lately(db: Database, officer: str, now: datetime) -> int:
    """How many certificates went by this officer's word alone within `COUNTED_FOR`."""
    alone = _all(db).filter(approver="", approved_at__isnull=False, created__gt=now - COUNTED_FOR)
    count: int | None = alone.filter(officer__iexact=officer).aggregate(sum=Sum("count"))["sum"]
    return count or 0


def waiting(db: Database, now: datetime) -> tuple[BulkRevocationProposal, ...]:
    """What waits for a second officer, oldest first."""
    return tuple(_proposal(row) for row in _waiting(db, now).order_by("number"))


def count_waiting(db: Database, now: datetime) -> int:
    """How many proposals wait for a second officer."""
    return _waiting(db, now).count()


def find(db: Database, proposal_id: str) -> BulkRevocationProposal | None:
    """The proposal with this id, or None."""
    row = _all(db).filter(proposal_id=proposal_id).first()
    return _proposal(row) if row else None


def unfinished(db: Database, officer: str | None = None) -> tuple[BulkRevocationProposal, ...]:
    """What was approved, or needed no approval, and is not done; oldest first, of one officer or of all."""
    rows = _all(db).filter(approved_at__isnull=False, done_at__isnull=True).order_by("number")
    return tuple(_proposal(row) for row in (rows if officer is None else rows.filter(officer__iexact=officer)))


def approve(db: Database, proposal: BulkRevocationProposal, approver: str, audit: AuditContext) -> bool:
    """Store who approved it, once and in time; whether this call did."""
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(proposal_id=proposal.proposal_id)
        mine = _waiting(db, audit.at).filter(proposal_id=proposal.proposal_id)
        if not mine.update(approver=approver, approved_at=audit.at):
            return False
        _write(db, audit, "bulk-approved", rows.get())
    return True


def withdraw(db: Database, proposal: BulkRevocationProposal, audit: AuditContext) -> bool:
    """Store that it is taken back, once and while it waits; whether this call did.

    It is done then and was never approved, which code of before refuses to approve too.
    """
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(proposal_id=proposal.proposal_id)
        mine = _waiting(db, audit.at).filter(proposal_id=proposal.proposal_id)
        if not mine.update(done_at=audit.at):
            return False
        _write(db, audit, "bulk-withdrawn", rows.get())
    return True


def finish(db: Database, proposal: BulkRevocationProposal, audit: AuditContext) -> None:
    """Store that it is done, once."""
    with transaction.atomic(using=db.alias):
        rows = _all(db).filter(proposal_id=proposal.proposal_id)
        if rows.filter(done_at__isnull=True).update(done_at=audit.at):
            _write(db, audit, "bulk-done", rows.get())


def renewals_of(rows: Sequence[BulkRevocationCandidate]) -> Mapping[Serial, tuple[Serial, ...]]:
    """Which of these were renewed from which."""
    result: dict[Serial, tuple[Serial, ...]] = {}
    for row in rows:
        if row.predecessor is not None:
            result[row.predecessor] = (*result.get(row.predecessor, ()), row.serial)
    return result


def _all(db: Database) -> "QuerySet[BulkRevocation]":
    return BulkRevocation.objects.using(db.alias)


def _waiting(db: Database, now: datetime) -> "QuerySet[BulkRevocation]":
    return _all(db).filter(approved_at__isnull=True, done_at__isnull=True, expires__gte=now)


def _same(db: Database, new: BulkRevocationProposal, now: datetime) -> BulkRevocationProposal | None:
    """What waits and is the same: by the same officer, for the same reason, of the same certificates."""
    rows = _waiting(db, now).filter(officer__iexact=new.officer, reason=new.reason, count=len(new.serials))
    alike = (_proposal(row) for row in rows.filter(invalidity_date=new.invalidity_date).order_by("number"))
    return next((one for one in alike if set(one.serials) == set(new.serials)), None)


def _parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    return (values[at : at + _CHUNK] for at in range(0, len(values), _CHUNK))


def _rows(rows: "QuerySet[models.Certificate]") -> Iterator[BulkRevocationCandidate]:
    found = rows.order_by("reserved_at", "pk").values_list(
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
    for serial, lineage, customer, channel, authority, shard, ends, revoked, predecessor in found:
        before = Serial(predecessor) if predecessor else None
        yield BulkRevocationCandidate(
            Serial(serial), lineage, customer, channel, authority, shard, ends, revoked is not None, before
        )


def _write(db: Database, audit: AuditContext, action: str, row: BulkRevocation) -> None:
    """Write the audit row: which certificates it was, by the digest of their serials."""
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
