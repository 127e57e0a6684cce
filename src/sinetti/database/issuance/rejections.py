"""Rejected requests of authenticated callers, with an alert after the third one."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Count, F
from django.db.models.functions import TruncDate

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.domain.notifications import messages
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.refusals import ERROR_CODES, RejectionReason

MOST_LOGGED = 10
"""Rejections of a lineage in a day (UTC) that have an audit row each."""

_ACTION = "request-refused"


def record_rejection(
    db: Database, lineage_id: str, reason: RejectionReason, operation: str, audit: AuditContext
) -> None:
    """Store a rejected request of an authenticated caller: reason, time and address.

    The first `MOST_LOGGED` of a lineage's day have audit rows with the same. The third one for the same reason queues a
    message to the people of the lineage (domain/notifications/messages.py).
    """
    rows = db.rows(models.RejectedRequest)
    with transaction.atomic(using=db.alias):
        rows.create(
            lineage_id=lineage_id,
            reason=reason,
            operation=operation,
            at=audit.at,
            request_id=audit.request_id,
        )
        of_day = rows.filter(lineage=lineage_id, at__gte=_midnight(audit.at.toordinal()))
        if of_day[: MOST_LOGGED + 1].count() <= MOST_LOGGED:
            facts = {"reason": reason.value, "operation": operation}
            audit_log.write(db, audit, _ACTION, f"holding:{lineage_id}", **facts)
        if messages.triggers_alert(reason):
            _queue_alert(db, lineage_id, reason, operation, audit.at)


def count_rejections(db: Database, audit: AuditContext) -> None:
    """Log the number of rejections of each lineage and past day that have no row.

    Each day is counted once, by the node that comes first.
    """
    today, counters = audit.at.toordinal(), db.rows(models.Counter)
    counter, _ = counters.get_or_create(name="rejections-counted", defaults={"value": today})
    if counter.value >= today:
        return
    with transaction.atomic(using=db.alias):
        if not counters.filter(pk=counter.pk, value=counter.value).update(value=today):
            return  # another node has counted
        rows = db.rows(models.RejectedRequest).filter(at__gte=_midnight(counter.value), at__lt=_midnight(today))
        days = rows.annotate(day=TruncDate("at", tzinfo=UTC)).values_list("lineage_id", "day")
        for lineage, day, count in days.annotate(count=Count("pk")).filter(count__gt=MOST_LOGGED).order_by("day"):
            facts = {"day": day.isoformat(), "count": count - MOST_LOGGED}
            audit_log.write(db, audit, _ACTION, f"holding:{lineage}", **facts)


def _midnight(ordinal: int) -> datetime:
    return datetime.fromordinal(ordinal).replace(tzinfo=UTC)


def _queue_alert(db: Database, lineage_id: str, reason: RejectionReason, operation: str, now: datetime) -> None:
    since = now - messages.WITHIN
    rows = db.rows(models.RejectedRequest).filter(lineage=lineage_id, reason=reason, at__gt=since)
    # Count no more rows than needed, because a program may send requests every minute.
    if rows[: messages.TIMES].count() < messages.TIMES or _has_alert(db, lineage_id, reason, since):
        return
    # A concurrent call waits here and finds the row of the first call.
    db.rows(models.Lineage).filter(pk=lineage_id).update(created=F("created"))
    if not _has_alert(db, lineage_id, reason, since):
        facts = {"reason": ERROR_CODES[reason], "reason_name": reason.value, "operation": operation}
        outbox.record_event(db, DomainEvent(MessageKind.REFUSED, "once", lineage=lineage_id, facts=facts), now)


def _has_alert(db: Database, lineage_id: str, reason: RejectionReason, since: datetime) -> bool:
    events = db.rows(models.OutboxMessage).filter(kind=MessageKind.REFUSED, channel__isnull=True)
    return events.filter(lineage=lineage_id, created__gt=since, facts__reason_name=reason.value).exists()
