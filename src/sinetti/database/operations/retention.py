"""Retention: finds data past its period and erases it in small transactions.

Certificates, used keys and audit rows are always kept.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Invitation, OrganisationImport, Pin, RoleRequest, SecureMessage
from sinetti.domain.access.invitations import REQUEST_LIVES
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState
from sinetti.infra.clock import format_instant

_Deletable: TypeAlias = (
    "QuerySet[models.RejectedRequest] | QuerySet[models.OutboxMessage] | QuerySet[SecureMessage] | "
    "QuerySet[RoleRequest] | QuerySet[OrganisationImport] | QuerySet[models.CallerAddress] |"
    "QuerySet[models.ActProposal]"
)

AT_ONCE = 100
"""Maximum number of rows in one transaction."""

_ANY = "pk"


def people(db: Database, before: datetime) -> tuple[str, ...]:
    """Return ids of people without a role or other use since `before`."""
    return tuple(_people(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def refusals(db: Database, before: datetime) -> tuple[str, ...]:
    """Return ids of rejected requests older than `before`."""
    return tuple(_refusals(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def messages(db: Database, before: datetime) -> tuple[str, ...]:
    """Return ids of messages that ended before `before`, and of secure messages.

    Messages about certificates that had not expired by then are kept.
    """
    message_ids = _messages(db, before).order_by(_ANY).values_list(_ANY, flat=True)
    return (*message_ids, *_secure_messages(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def erase_people(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Erase the data of those people that are still past their period.

    Returns their number. Each gets one audit row. Their rows stay, empty, to show that a person existed. Call it with
    at most AT_ONCE ids.
    """
    erased = 0
    with transaction.atomic(using=db.alias):
        for person in ids:
            rows = _people(db, before).filter(pk=person)
            if rows.update(name="", email="", phone="", erased_at=audit.at):
                audit_log.write(db, audit, "person-erased", f"person:{person}")
                erased += 1
    return erased


def delete_refusals(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these rejected requests and return their number.

    One audit row covers all.
    """
    with transaction.atomic(using=db.alias):
        return _deleted(db, _refusals(db, before).filter(pk__in=ids), "refusals-deleted", (before, audit))


def delete_messages(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these messages and the PIN codes of secure messages; return the number.

    There is one audit row for each kind.
    """
    with transaction.atomic(using=db.alias):
        rows = _messages(db, before).filter(pk__in=ids)
        secure = _secure_messages(db, before).filter(pk__in=ids)
        db.rows(Pin).filter(message__in=secure).delete()
        why = (before, audit)
        return _deleted(db, rows, "messages-deleted", why) + _deleted(db, secure, "secure-messages-deleted", why)


def requests(db: Database, before: datetime, now: datetime) -> tuple[str, ...]:
    """Return ids of role requests older than `before` that no longer wait."""
    return tuple(_requests(db, before, now).order_by(_ANY).values_list(_ANY, flat=True))


def loads(db: Database, before: datetime) -> tuple[str, ...]:
    """Return ids of organisation files older than `before` and not in progress.

    They were finished or never accepted.
    """
    return tuple(_loads(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def delete_requests(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these role requests and return their number.

    One audit row covers all.
    """
    rows = _requests(db, before, audit.at).filter(pk__in=ids)
    with transaction.atomic(using=db.alias):
        return _deleted(db, rows, "right-requests-deleted", (before, audit))


def delete_loads(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these organisation files and return their number.

    One audit row covers all.
    """
    with transaction.atomic(using=db.alias):
        return _deleted(db, _loads(db, before).filter(pk__in=ids), "organisation-loads-deleted", (before, audit))


def _deleted(
    db: Database,
    rows: "_Deletable",
    action: str,
    why: tuple[datetime, AuditContext],
) -> int:
    before, audit = why
    deleted, _ = rows.delete()
    if deleted:
        audit_log.write(db, audit, action, "retention", count=deleted, before=format_instant(before))
    return deleted


def callers(db: Database, before: datetime) -> tuple[str, ...]:
    """Return the ids of requests whose network address is past its period."""
    return tuple(_callers(db, before).order_by("request_id").values_list("request_id", flat=True))


def delete_callers(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these network addresses, unless their period has not ended."""
    with transaction.atomic(using=db.alias):
        return _deleted(db, _callers(db, before).filter(pk__in=ids), "callers-deleted", (before, audit))


def proposals(db: Database, before: datetime) -> tuple[str, ...]:
    """Return the ids of proposals to officers that ended so long ago."""
    return tuple(_proposals(db, before).order_by("proposal_id").values_list("proposal_id", flat=True))


def delete_proposals(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these proposals, unless their period has not ended.

    The log keeps their digests and signatures (docs/evidence.md).
    """
    with transaction.atomic(using=db.alias):
        ended = _proposals(db, before).filter(pk__in=ids)
        db.rows(models.ActSignature).filter(proposal__in=ended).delete()
        return _deleted(db, ended, "proposals-deleted", (before, audit))


def _proposals(db: Database, before: datetime) -> "QuerySet[models.ActProposal]":
    """Return the proposals that ended, or lapsed without an end, before an instant."""
    rows = db.rows(models.ActProposal)
    return rows.filter(Q(ended_at__lt=before) | Q(ended_at__isnull=True, expires__lt=before))


def _callers(db: Database, before: datetime) -> "QuerySet[models.CallerAddress]":
    return db.rows(models.CallerAddress).filter(at__lt=before)


def _refusals(db: Database, before: datetime) -> "QuerySet[models.RejectedRequest]":
    return db.rows(models.RejectedRequest).filter(at__lt=before)


def _messages(db: Database, before: datetime) -> "QuerySet[models.OutboxMessage]":
    ended = Q(sent__lt=before) | Q(failed_at__lt=before) | Q(cancelled_at__lt=before) | Q(expanded_at__lt=before)
    rows = db.rows(models.OutboxMessage).filter(ended)
    # While its certificate is in force, a row prevents the same message from being queued again.
    return rows.filter(Q(certificate__isnull=True) | Q(certificate__not_after__lt=before))


def _secure_messages(db: Database, before: datetime) -> "QuerySet[SecureMessage]":
    """Return secure messages whose links expired before `before`."""
    return db.rows(SecureMessage).filter(expires__lt=before)


def _requests(db: Database, before: datetime, now: datetime) -> "QuerySet[RoleRequest]":
    over = Q(answered_at__isnull=False) | Q(created__lt=now - REQUEST_LIVES)
    return db.rows(RoleRequest).filter(over, created__lt=before)


def _loads(db: Database, before: datetime) -> "QuerySet[OrganisationImport]":
    unfinished = Q(accepted_at__isnull=False, done_at__isnull=True)
    return db.rows(OrganisationImport).filter(created__lt=before).exclude(unfinished)


def _people(db: Database, before: datetime) -> "QuerySet[models.Person]":
    rows = db.rows(models.Person).filter(erased_at__isnull=True, user__isnull=True)
    rows = rows.exclude(named_until__gte=before)
    for named in (
        _organisations(db, before),
        _mandates(db, before),
        _unsent_messages(db, before),
        *_lineages(db, before),
        *_orders(db, before),
    ):
        rows = rows.exclude(Exists(named))
    return rows


def _organisations(db: Database, before: datetime) -> "QuerySet[models.Organisation]":
    lasting = Q(closed_at__isnull=True) | Q(closed_at__gte=before)
    return db.rows(models.Organisation).filter(lasting, contact=OuterRef("pk"))


def _mandates(db: Database, before: datetime) -> "QuerySet[models.RoleAssignment]":
    links = db.rows(Invitation).filter(mandate=OuterRef("pk"), expires__gte=before)
    # A role that was never accepted ends with its last link.
    lapsed = Q(waiting=True) & ~Exists(links)
    ended = Q(withdrawn_at__lt=before) | Q(valid_until__lt=before) | lapsed
    return db.rows(models.RoleAssignment).filter(person=OuterRef("pk")).exclude(ended)


def _unsent_messages(db: Database, before: datetime) -> "QuerySet[models.OutboxMessage]":
    rows = db.rows(models.OutboxMessage)
    pending = rows.filter(
        sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True
    )
    return pending.filter(recipient=OuterRef("pk"), created__gte=before)


def _lineages(db: Database, before: datetime) -> "list[QuerySet[models.Lineage]]":
    """Return queries of a person's lineages that were in use since `before`.

    There is one query for contacts and one for deputies.
    """
    certificates = _lasting(db, before).filter(lineage=OuterRef("pk"))
    orders = db.rows(models.Order).filter(lineage=OuterRef("pk"), created__gte=before)
    pairs = _waiting(db, before).filter(order__lineage=OuterRef("pk"))
    rows = db.rows(models.Lineage).filter(
        Q(created__gte=before) | Exists(certificates) | Exists(orders) | Exists(pairs)
    )
    return [rows.filter(contact=OuterRef("pk")), rows.filter(deputy=OuterRef("pk"))]


def _orders(db: Database, before: datetime) -> "list[QuerySet[models.Order]]":
    """Return queries of orders that name a person and were in use since `before`.

    A certificate belongs to an order if it was reserved before the lineage's next order, which may name other people.
    """
    later = db.rows(models.Order).filter(
        lineage=OuterRef("lineage"), created__gt=OuterRef(OuterRef("created")), created__lte=OuterRef("reserved_at")
    )
    certificates = (
        _lasting(db, before)
        .filter(lineage=OuterRef("lineage"), reserved_at__gte=OuterRef("created"))
        .exclude(Exists(later))
    )
    pairs = _waiting(db, before).filter(order=OuterRef("pk"))
    rows = db.rows(models.Order).filter(Q(created__gte=before) | Exists(certificates) | Exists(pairs))
    return [rows.filter(contact=OuterRef("pk")), rows.filter(deputy=OuterRef("pk"))]


def _lasting(db: Database, before: datetime) -> "QuerySet[models.Certificate]":
    """Return certificates that were in force at `before` or later.

    Void certificates never were in force. Revocation ends a certificate.
    """
    rows = db.rows(models.Certificate).exclude(state=CertificateState.SUPERSEDED)
    return rows.filter(Q(not_after__gte=before) & (Q(revoked_at__isnull=True) | Q(revoked_at__gte=before)))


def _waiting(db: Database, before: datetime) -> "QuerySet[models.TransferIds]":
    """Return transfer ids that were usable at `before` or later."""
    return db.rows(models.TransferIds).filter(order__state=OrderState.OPEN, expires__gte=before)
