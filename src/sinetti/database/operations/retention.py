"""What is past its period, and erasing it in small transactions.

Certificates, used keys and audit rows always stay.
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
from sinetti.database.issuance.journal_records import instant
from sinetti.database.models import Invitation, OrganisationImport, Pin, RoleRequest, SecureMessage
from sinetti.domain.access.invitations import REQUEST_LIVES
from sinetti.domain.certificates.lifecycle import CertificateState, OrderState

_Deletable: TypeAlias = (
    "QuerySet[models.RejectedRequest] | QuerySet[models.OutboxMessage] | QuerySet[SecureMessage] | "
    "QuerySet[RoleRequest] | QuerySet[OrganisationImport]"
)

AT_ONCE = 100
"""Rows of one transaction."""

_ANY = "pk"


def people(db: Database, before: datetime) -> tuple[str, ...]:
    """The ids of people whose data is past its period: nothing that they are named for lasted until then."""
    return tuple(_people(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def refusals(db: Database, before: datetime) -> tuple[str, ...]:
    """The ids of refusals that were given before."""
    return tuple(_refusals(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def messages(db: Database, before: datetime) -> tuple[str, ...]:
    """The ids of messages that came to their end before, about certificates that had ended; of secure messages, too."""
    owed = _messages(db, before).order_by(_ANY).values_list(_ANY, flat=True)
    return (*owed, *_secure_messages(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def erase_people(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Erase what is known of these people, who are looked at again; returns of how many. One audit row each.

    Their rows stay, empty, so that it is still told that somebody was there. Call it with AT_ONCE ids at most.
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
    """Delete these refusals; returns how many there were. One audit row for all."""
    with transaction.atomic(using=db.alias):
        return _deleted(db, _refusals(db, before).filter(pk__in=ids), "refusals-deleted", (before, audit))


def delete_messages(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these messages, and PIN codes with theirs; returns how many there were.

    One audit row for each kind.
    """
    with transaction.atomic(using=db.alias):
        owed = _messages(db, before).filter(pk__in=ids)
        secure = _secure_messages(db, before).filter(pk__in=ids)
        Pin.objects.using(db.alias).filter(message__in=secure).delete()
        why = (before, audit)
        return _deleted(db, owed, "messages-deleted", why) + _deleted(db, secure, "secure-messages-deleted", why)


def requests(db: Database, before: datetime, now: datetime) -> tuple[str, ...]:
    """The ids of requests for a role that were made before, and wait no more."""
    return tuple(_requests(db, before, now).order_by(_ANY).values_list(_ANY, flat=True))


def loads(db: Database, before: datetime) -> tuple[str, ...]:
    """The ids of files of organisations that were sent before, carried out or never accepted."""
    return tuple(_loads(db, before).order_by(_ANY).values_list(_ANY, flat=True))


def delete_requests(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these requests for a role; returns how many there were.

    One audit row for all.
    """
    rows = _requests(db, before, audit.at).filter(pk__in=ids)
    with transaction.atomic(using=db.alias):
        return _deleted(db, rows, "right-requests-deleted", (before, audit))


def delete_loads(db: Database, ids: Sequence[str], before: datetime, audit: AuditContext) -> int:
    """Delete these files of organisations; returns how many there were.

    One audit row for all.
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
        audit_log.write(db, audit, action, "retention", count=deleted, before=instant(before))
    return deleted


def _refusals(db: Database, before: datetime) -> "QuerySet[models.RejectedRequest]":
    return models.RejectedRequest.objects.using(db.alias).filter(at__lt=before)


def _messages(db: Database, before: datetime) -> "QuerySet[models.OutboxMessage]":
    ended = Q(sent__lt=before) | Q(failed_at__lt=before) | Q(cancelled_at__lt=before) | Q(expanded_at__lt=before)
    rows = models.OutboxMessage.objects.using(db.alias).filter(ended)
    # While its certificate is in force a row keeps the same message from being owed once more.
    return rows.filter(Q(certificate__isnull=True) | Q(certificate__not_after__lt=before))


def _secure_messages(db: Database, before: datetime) -> "QuerySet[SecureMessage]":
    """Links that have opened nothing since then."""
    return SecureMessage.objects.using(db.alias).filter(expires__lt=before)


def _requests(db: Database, before: datetime, now: datetime) -> "QuerySet[RoleRequest]":
    over = Q(answered_at__isnull=False) | Q(created__lt=now - REQUEST_LIVES)
    return RoleRequest.objects.using(db.alias).filter(over, created__lt=before)


def _loads(db: Database, before: datetime) -> "QuerySet[OrganisationImport]":
    unfinished = Q(accepted_at__isnull=False, done_at__isnull=True)
    return OrganisationImport.objects.using(db.alias).filter(created__lt=before).exclude(unfinished)


def _people(db: Database, before: datetime) -> "QuerySet[models.Person]":
    rows = models.Person.objects.using(db.alias).filter(erased_at__isnull=True, user__isnull=True)
    rows = rows.exclude(named_until__gte=before)
    for named in (
        _organisations(db, before),
        _mandates(db, before),
        _messages_owed(db, before),
        *_lineages(db, before),
        *_orders(db, before),
    ):
        rows = rows.exclude(Exists(named))
    return rows


def _organisations(db: Database, before: datetime) -> "QuerySet[models.Organisation]":
    lasting = Q(closed_at__isnull=True) | Q(closed_at__gte=before)
    return models.Organisation.objects.using(db.alias).filter(lasting, contact=OuterRef("pk"))


def _mandates(db: Database, before: datetime) -> "QuerySet[models.RoleAssignment]":
    links = Invitation.objects.using(db.alias).filter(mandate=OuterRef("pk"), expires__gte=before)
    # What nobody took up ends with its last link.
    lapsed = Q(waiting=True) & ~Exists(links)
    ended = Q(withdrawn_at__lt=before) | Q(valid_until__lt=before) | lapsed
    return models.RoleAssignment.objects.using(db.alias).filter(person=OuterRef("pk")).exclude(ended)


def _messages_owed(db: Database, before: datetime) -> "QuerySet[models.OutboxMessage]":
    rows = models.OutboxMessage.objects.using(db.alias)
    owed = rows.filter(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True)
    return owed.filter(recipient=OuterRef("pk"), created__gte=before)


def _lineages(db: Database, before: datetime) -> "list[QuerySet[models.Lineage]]":
    """Holdings of which somebody is contact or deputy, and in which anything lasted until then."""
    certificates = _lasting(db, before).filter(lineage=OuterRef("pk"))
    orders = models.Order.objects.using(db.alias).filter(lineage=OuterRef("pk"), created__gte=before)
    pairs = _waiting(db, before).filter(order__lineage=OuterRef("pk"))
    rows = models.Lineage.objects.using(db.alias).filter(
        Q(created__gte=before) | Exists(certificates) | Exists(orders) | Exists(pairs)
    )
    return [rows.filter(contact=OuterRef("pk")), rows.filter(deputy=OuterRef("pk"))]


def _orders(db: Database, before: datetime) -> "list[QuerySet[models.Order]]":
    """Orders that somebody is named in, and of which anything lasted until then.

    A certificate is an order's if it was made before the lineage's next order: that one may name other people.
    """
    later = models.Order.objects.using(db.alias).filter(
        lineage=OuterRef("lineage"), created__gt=OuterRef(OuterRef("created")), created__lte=OuterRef("reserved_at")
    )
    certificates = (
        _lasting(db, before)
        .filter(lineage=OuterRef("lineage"), reserved_at__gte=OuterRef("created"))
        .exclude(Exists(later))
    )
    pairs = _waiting(db, before).filter(order=OuterRef("pk"))
    rows = models.Order.objects.using(db.alias).filter(Q(created__gte=before) | Exists(certificates) | Exists(pairs))
    return [rows.filter(contact=OuterRef("pk")), rows.filter(deputy=OuterRef("pk"))]


def _lasting(db: Database, before: datetime) -> "QuerySet[models.Certificate]":
    """Certificates that were in force then or later: void ones never were, and revocation ends one."""
    rows = models.Certificate.objects.using(db.alias).exclude(state=CertificateState.VOID)
    return rows.filter(Q(not_after__gte=before) & (Q(revoked_at__isnull=True) | Q(revoked_at__gte=before)))


def _waiting(db: Database, before: datetime) -> "QuerySet[models.TransferIds]":
    """Transfer ids that could have been spent then or later."""
    return models.TransferIds.objects.using(db.alias).filter(order__state=OrderState.OPEN, expires__gte=before)
