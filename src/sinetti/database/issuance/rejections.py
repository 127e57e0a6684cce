"""Rejected requests of authenticated callers, with an alert after the third one."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.domain.notifications import messages
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.refusals import ERROR_CODES, RejectionReason


def record_rejection(
    db: Database, lineage_id: str, reason: RejectionReason, operation: str, audit: AuditContext
) -> None:
    """Store a rejected request of an authenticated caller: reason, time and address.

    The audit row has the same. The third one for the same reason queues a message to the people of the lineage
    (domain/notifications/messages.py).
    """
    rows = models.RejectedRequest.objects.using(db.alias)
    with transaction.atomic(using=db.alias):
        rows.create(
            lineage_id=lineage_id,
            reason=reason,
            operation=operation,
            at=audit.at,
            request_id=audit.request_id,
        )
        facts = {"reason": reason.value, "operation": operation}
        audit_log.write(db, audit, "request-refused", f"holding:{lineage_id}", **facts)
        if messages.triggers_alert(reason):
            _queue_alert(db, lineage_id, reason, operation, audit.at)


def _queue_alert(db: Database, lineage_id: str, reason: RejectionReason, operation: str, now: datetime) -> None:
    since = now - messages.WITHIN
    rows = models.RejectedRequest.objects.using(db.alias).filter(lineage=lineage_id, reason=reason, at__gt=since)
    # Count no more rows than needed, because a program may send requests every minute.
    if rows[: messages.TIMES].count() < messages.TIMES or _has_alert(db, lineage_id, reason, since):
        return
    # A concurrent call waits here and finds the row of the first call.
    models.Lineage.objects.using(db.alias).filter(pk=lineage_id).update(created=F("created"))
    if not _has_alert(db, lineage_id, reason, since):
        facts = {"reason": ERROR_CODES[reason], "reason_name": reason.value, "operation": operation}
        outbox.record_event(db, DomainEvent(MessageKind.REFUSED, "once", lineage=lineage_id, facts=facts), now)


def _has_alert(db: Database, lineage_id: str, reason: RejectionReason, since: datetime) -> bool:
    events = models.OutboxMessage.objects.using(db.alias).filter(kind=MessageKind.REFUSED, channel__isnull=True)
    return events.filter(lineage=lineage_id, created__gt=since, facts__reason_name=reason.value).exists()
