"""What is past its period, and erasing it in small transactions. Certificates, used keys and audit rows always stay."""

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


def people(register: Database, before: datetime) -> tuple[str, ...]:
    """The ids of people whose data is past its period: nothing that they are named for lasted until then."""
    return tuple(_people(register, before).order_by(_ANY).values_list(_ANY, flat=True))


def refusals(register: Database, before: datetime) -> tuple[str, ...]:
    """The ids of refusals that were given before."""
    return tuple(_refusals(register, before).order_by(_ANY).values_list(_ANY, flat=True))


def messages(register: Database, before: datetime) -> tuple[str, ...]:
    """The ids of messages that came to their end before, about certificates that had ended; of secure messages, too."""
    owed = _messages(register, before).order_by(_ANY).values_list(_ANY, flat=True)
    return (*owed, *_secure_messages(register, before).order_by(_ANY).values_list(_ANY, flat=True))


def erase_people(register: Database, ids: Sequence[str], before: datetime, deed: AuditContext) -> int:
    """Erase what is known of these people, who are looked at again; returns of how many. One audit row each.

    Their rows stay, empty, so that it is still told that somebody was there. Call it with AT_ONCE ids at most.
    """
    erased = 0
    with transaction.atomic(using=register.alias):
        for person in ids:
            rows = _people(register, before).filter(pk=person)
            if rows.update(name="", email="", phone="", erased_at=deed.at):
                audit_log.write(register, deed, "person-erased", f"person:{person}")
                erased += 1
    return erased


def delete_refusals(register: Database, ids: Sequence[str], before: datetime, deed: AuditContext) -> int:
    """Delete these refusals; returns how many there were. One audit row for all."""
    with transaction.atomic(using=register.alias):
        return _deleted(register, _refusals(register, before).filter(pk__in=ids), "refusals-deleted", (before, deed))


def delete_messages(register: Database, ids: Sequence[str], before: datetime, deed: AuditContext) -> int:
    """Delete these messages, and PIN codes with theirs; returns how many there were. One audit row for each kind."""
    with transaction.atomic(using=register.alias):
        owed = _messages(register, before).filter(pk__in=ids)
        secure = _secure_messages(register, before).filter(pk__in=ids)
        Pin.objects.using(register.alias).filter(message__in=secure).delete()
        why = (before, deed)
        return _deleted(register, owed, "messages-deleted", why) + _deleted(
            register, secure, "secure-messages-deleted", why
        )


def requests(register: Database, before: datetime, now: datetime) -> tuple[str, ...]:
    """The ids of requests for a role that were made before, and wait no more."""
    return tuple(_requests(register, before, now).order_by(_ANY).values_list(_ANY, flat=True))


def loads(register: Database, before: datetime) -> tuple[str, ...]:
    """The ids of files of organisations that were sent before, carried out or never accepted."""
    return tuple(_loads(register, before).order_by(_ANY).values_list(_ANY, flat=True))


def delete_requests(register: Database, ids: Sequence[str], before: datetime, deed: AuditContext) -> int:
    """Delete these requests for a role; returns how many there were. One audit row for all."""
    rows = _requests(register, before, deed.at).filter(pk__in=ids)
    with transaction.atomic(using=register.alias):
        return _deleted(register, rows, "right-requests-deleted", (before, deed))


def delete_loads(register: Database, ids: Sequence[str], before: datetime, deed: AuditContext) -> int:
    """Delete these files of organisations; returns how many there were. One audit row for all."""
    with transaction.atomic(using=register.alias):
        return _deleted(
            register, _loads(register, before).filter(pk__in=ids), "organisation-loads-deleted", (before, deed)
        )


def _deleted(
    register: Database,
    rows: "_Deletable",
    action: str,
    why: tuple[datetime, AuditContext],
) -> int:
    before, deed = why
    deleted, _ = rows.delete()
    if deleted:
        audit_log.write(register, deed, action, "retention", count=deleted, before=instant(before))
    return deleted


def _refusals(register: Database, before: datetime) -> "QuerySet[models.RejectedRequest]":
    return models.RejectedRequest.objects.using(register.alias).filter(at__lt=before)


def _messages(register: Database, before: datetime) -> "QuerySet[models.OutboxMessage]":
    ended = Q(sent__lt=before) | Q(dead__lt=before) | Q(dropped__lt=before) | Q(spread__lt=before)
    rows = models.OutboxMessage.objects.using(register.alias).filter(ended)
    # While its certificate is in force a row keeps the same message from being owed once more.
    return rows.filter(Q(certificate__isnull=True) | Q(certificate__not_after__lt=before))


def _secure_messages(register: Database, before: datetime) -> "QuerySet[SecureMessage]":
    """Links that have opened nothing since then."""
    return SecureMessage.objects.using(register.alias).filter(expires__lt=before)


def _requests(register: Database, before: datetime, now: datetime) -> "QuerySet[RoleRequest]":
    over = Q(answered_at__isnull=False) | Q(created__lt=now - REQUEST_LIVES)
    return RoleRequest.objects.using(register.alias).filter(over, created__lt=before)


def _loads(register: Database, before: datetime) -> "QuerySet[OrganisationImport]":
    unfinished = Q(accepted_at__isnull=False, done_at__isnull=True)
    return OrganisationImport.objects.using(register.alias).filter(created__lt=before).exclude(unfinished)


def _people(register: Database, before: datetime) -> "QuerySet[models.Person]":
    rows = models.Person.objects.using(register.alias).filter(erased_at__isnull=True, user__isnull=True)
    rows = rows.exclude(named_until__gte=before)
    for named in (
        _organisations(register, before),
        _mandates(register, before),
        _messages_owed(register, before),
        *_holdings(register, before),
        *_orders(register, before),
    ):
        rows = rows.exclude(Exists(named))
    return rows


def _organisations(register: Database, before: datetime) -> "QuerySet[models.Organisation]":
    lasting = Q(closed_at__isnull=True) | Q(closed_at__gte=before)
    return models.Organisation.objects.using(register.alias).filter(lasting, contact=OuterRef("pk"))


def _mandates(register: Database, before: datetime) -> "QuerySet[models.RoleAssignment]":
    links = Invitation.objects.using(register.alias).filter(mandate=OuterRef("pk"), expires__gte=before)
    # What nobody took up ends with its last link.
    lapsed = Q(waiting=True) & ~Exists(links)
    ended = Q(withdrawn_at__lt=before) | Q(valid_until__lt=before) | lapsed
    return models.RoleAssignment.objects.using(register.alias).filter(person=OuterRef("pk")).exclude(ended)


def _messages_owed(register: Database, before: datetime) -> "QuerySet[models.OutboxMessage]":
    rows = models.OutboxMessage.objects.using(register.alias)
    owed = rows.filter(sent__isnull=True, dead__isnull=True, dropped__isnull=True, spread__isnull=True)
    return owed.filter(recipient=OuterRef("pk"), created__gte=before)


def _holdings(register: Database, before: datetime) -> "list[QuerySet[models.Lineage]]":
    """Holdings of which somebody is contact or deputy, and in which anything lasted until then."""
    certificates = _lasting(register, before).filter(holding=OuterRef("pk"))
    orders = models.Order.objects.using(register.alias).filter(holding=OuterRef("pk"), created__gte=before)
    pairs = _waiting(register, before).filter(order__holding=OuterRef("pk"))
    rows = models.Lineage.objects.using(register.alias).filter(
        Q(created__gte=before) | Exists(certificates) | Exists(orders) | Exists(pairs)
    )
    return [rows.filter(contact=OuterRef("pk")), rows.filter(deputy=OuterRef("pk"))]


def _orders(register: Database, before: datetime) -> "list[QuerySet[models.Order]]":
    """Orders that somebody is named in, and of which anything lasted until then.

    A certificate is an order's if it was made before the holding's next order: that one may name other people.
    """
    later = models.Order.objects.using(register.alias).filter(
        holding=OuterRef("holding"), created__gt=OuterRef(OuterRef("created")), created__lte=OuterRef("reserved_at")
    )
    certificates = (
        _lasting(register, before)
        .filter(holding=OuterRef("holding"), reserved_at__gte=OuterRef("created"))
        .exclude(Exists(later))
    )
    pairs = _waiting(register, before).filter(order=OuterRef("pk"))
    rows = models.Order.objects.using(register.alias).filter(
        Q(created__gte=before) | Exists(certificates) | Exists(pairs)
    )
    return [rows.filter(contact=OuterRef("pk")), rows.filter(deputy=OuterRef("pk"))]


def _lasting(register: Database, before: datetime) -> "QuerySet[models.Certificate]":
    """Certificates that were in force then or later: void ones never were, and revocation ends one."""
    rows = models.Certificate.objects.using(register.alias).exclude(state=CertificateState.VOID)
    return rows.filter(Q(not_after__gte=before) & (Q(revoked_at__isnull=True) | Q(revoked_at__gte=before)))


def _waiting(register: Database, before: datetime) -> "QuerySet[models.TransferIds]":
    """Transfer ids that could have been spent then or later."""
    return models.TransferIds.objects.using(register.alias).filter(order__state=OrderState.OPEN, expires__gte=before)
