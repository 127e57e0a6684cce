"""Outbox pages for clerks: waiting and failed messages, without addresses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import OutboxMessage
from sinetti.database.notifications import outbox_queries
from sinetti.database.notifications.outbox import KNOWN
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import normalise


@dataclass(frozen=True)
class OutboxListItem:
    """A waiting message, or one that failed at `dead` with a problem.

    Its organisation and certificate may be None.
    """

    message_id: str
    kind: MessageKind
    channel: MessageChannel
    due: datetime
    tries: int
    dead: datetime | None
    problem: str
    customer_id: str | None
    serial: str | None


def waiting_ones(db: Database, about: str, start: int, most: int) -> tuple[OutboxListItem, ...]:
    """Return a page of waiting messages, oldest first.

    `about` is a part of an organisation's id or name, or the beginning of a serial; an empty text selects all.
    """
    rows = db.rows(OutboxMessage).filter(
        sent__isnull=True,
        failed_at__isnull=True,
        cancelled_at__isnull=True,
        expanded_at__isnull=True,
        channel__isnull=False,
    )
    return _read(rows.filter(_about(about), kind__in=KNOWN).order_by("due", "pk"), start, most)


def given_up(db: Database, about: str, start: int, most: int) -> tuple[OutboxListItem, ...]:
    """Return a page of failed messages, newest first, as `waiting_ones` does."""
    rows = db.rows(OutboxMessage).filter(failed_at__isnull=False, sent__isnull=True, channel__isnull=False)
    return _read(rows.filter(_about(about), kind__in=KNOWN).order_by("-failed_at", "pk"), start, most)


def send_again(db: Database, ids: Sequence[str], audit: AuditContext) -> int:
    """Reset failed messages, so that they are sent again; return their number."""
    with transaction.atomic(using=db.alias):
        done = outbox_queries.send_again(db, ids)
        if done:
            audit_log.write(db, audit, "messages-tried-again", "outbox", count=done)
    return done


def _about(text: str) -> Q:
    if not text:
        return Q()
    of_organisation = Q(lineage__organisation__normalised_id__contains=normalise(text))
    of_organisation |= Q(lineage__organisation__name__icontains=text)
    return of_organisation | Q(certificate__serial__startswith=text.lower())


def _read(rows: "QuerySet[OutboxMessage]", start: int, most: int) -> tuple[OutboxListItem, ...]:
    annotated = rows.annotate(customer=F("lineage__organisation__customer_id"), number=F("certificate__serial"))
    values = annotated.values_list(
        "message_id", "kind", "channel", "due", "attempts", "failed_at", "problem", "customer", "number"
    )
    return tuple(
        OutboxListItem(
            text,
            MessageKind(kind),
            MessageChannel(channel or ""),
            due,
            attempts,
            failed_at,
            problem or "",
            customer,
            serial,
        )
        for text, kind, channel, due, attempts, failed_at, problem, customer, serial in values[start : start + most]
    )
