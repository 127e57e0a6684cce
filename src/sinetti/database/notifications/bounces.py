"""Marks on e-mail addresses: bounced, first message sent, and opted out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import connections, transaction

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.notifications import events, opt_out, outbox
from sinetti.database.notifications.early_replacement_audience import forget_heard
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.database.notifications.recipients import chunked, people_at
from sinetti.database.sql import random_id
from sinetti.domain.business_days import finnish_date
from sinetti.domain.notifications.bounces import LEAST_RETURNS, alarm
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage

LATELY = timedelta(days=7)
ACTOR = "notices"
"""Actor in audit rows of marks."""


class BounceMarks(StrEnum):
    """Result of a returned message."""

    NEW = "new"
    BEFORE = "before"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BounceRate:
    """Number of e-mails sent in the last seven days, and of permanent bounces."""

    sent: int
    returned: int


def mark_bounced(db: Database, message_id: str, now: datetime) -> BounceMarks:
    """Record a permanent bounce, so that the address counts as failing.

    A repetition changes no row. One transaction updates the message's row and the rows of all people with its address.
    It also writes audit rows and an event for each of those people who has a role. An operator has no Person row, so
    only the message is marked.
    """
    with transaction.atomic(using=db.alias):
        rows = db.rows(models.OutboxMessage).filter(pk=message_id, channel=MessageChannel.EMAIL)
        row = rows.select_related("recipient").first()
        if row is None:
            return BounceMarks.UNKNOWN
        if not rows.filter(bounced__isnull=True).update(bounced=now):
            return BounceMarks.BEFORE
        forget_heard(db, row.kind, row.facts or {}, message_id)
        if row.recipient is not None:
            _mark_address(db, row.recipient.email, message_id, now)
    return BounceMarks.NEW


def on_sent(db: Database, message: QueuedMessage, now: datetime) -> None:
    """Set the marks that follow from an e-mail that was sent.

    Call it in the transaction that records it as sent.
    """
    if message.channel is not MessageChannel.EMAIL or message.recipient is None:
        return
    if (address := _never_written_to(db, message.recipient)) is not None:
        people_at(db, address).filter(first_written_at__isnull=True).update(first_written_at=now)
    if message.kind is MessageKind.CONTACT_GONE and message.facts is not None:
        opt_out.stop_if_notified(db, message.facts["person"], message.message_id, _audit_context(now))


def lately(db: Database, now: datetime) -> BounceRate:
    """Count e-mails sent in the last seven days, and permanent bounces."""
    rows = db.rows(models.OutboxMessage)
    sent = rows.filter(sent__gt=now - LATELY, channel=MessageChannel.EMAIL).count()
    return BounceRate(sent, _returned(db, now))


def bounce_alert(db: Database, now: datetime) -> str | None:
    """Return the alarm for operators about too many bounces, or None.

    While there are few bounces, it reads only an index.
    """
    if _returned(db, now) < LEAST_RETURNS:
        return None
    counts = lately(db, now)
    return alarm(counts.sent, counts.returned)


def _never_written_to(db: Database, person: str) -> str | None:
    """Return the address of a person who never got a message, or None.

    The statement is hand-written because it runs for each message.
    """
    with connections[db.alias].cursor() as cursor:
        cursor.execute("SELECT email FROM sinetti_person WHERE person_id = %s AND first_written_at IS NULL", [person])
        row = cursor.fetchone()
    return None if row is None else str(row[0])


def _returned(db: Database, now: datetime) -> int:
    return db.rows(models.OutboxMessage).filter(bounced__gt=now - LATELY).count()


def _mark_address(db: Database, address: str, message_id: str, now: datetime) -> None:
    # FOR NO KEY UPDATE does not block renewals, whose messages refer to these rows.
    rows = people_at(db, address).filter(bounced_at__isnull=True).select_for_update(no_key=True)
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    for part in chunked(ids):
        db.rows(models.Person).filter(pk__in=part).update(bounced_at=now)
    # The address of a person without any role needs no correction.
    day = finnish_date(now).isoformat()
    for person_id in sorted(events.roles_of(db, ids, now)):
        event = DomainEvent(MessageKind.BOUNCED, day, person_id, facts={"person": person_id, "since": day})
        outbox.record_event(db, event, now)
    audit_log.write_each(
        db, _audit_context(now), "address-bounced", [f"person:{person_id}" for person_id in ids], message=message_id
    )


def _audit_context(now: datetime) -> AuditContext:
    return AuditContext(ACTOR, now, random_id())
