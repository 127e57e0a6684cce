"""Events that wait for expansion, in order; expanding queues their messages."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.notifications import outbox
from sinetti.database.notifications.outbox import KNOWN, NewMessage
from sinetti.database.notifications.recipients import active_assignments, chunked
from sinetti.domain.access.roles import Role
from sinetti.domain.notifications.messages import MessageKind


@dataclass(frozen=True)
class PendingEvent:
    """An event that was not expanded yet; `certificate` is the primary key of the row.

    `organisation` is the lineage's. `recipient` is the person concerned at the time.
    """

    event_id: str
    kind: MessageKind
    step: str
    created: datetime
    recipient: str | None
    lineage: str | None
    organisation: str | None
    certificate: int | None
    order: str | None
    facts: Mapping[str, Any]


def pending(db: Database, count: int, ids: Collection[str] | None = None) -> tuple[PendingEvent, ...]:
    """Return the oldest waiting events, up to `count`, of all or of these."""
    known = _waiting(db).filter(kind__in=KNOWN) if ids is None else _waiting(db).filter(kind__in=KNOWN, pk__in=ids)
    rows = known.select_related("lineage").order_by("due", "pk")[:count]
    return tuple(
        PendingEvent(
            row.message_id,
            MessageKind(row.kind),
            row.step,
            row.created,
            row.recipient_id,
            row.lineage_id,
            row.lineage.organisation_id if row.lineage else None,
            row.certificate_id,
            row.order_id,
            row.facts or {},
        )
        for row in rows
    )


def expand(
    db: Database,
    due_messages: Mapping[str, Collection[NewMessage]],
    now: datetime,
    step: Callable[[str], None] = lambda _name: None,
) -> int:
    """End these events and queue their messages: both or neither.

    `due_messages` maps ids of events to messages. Events that another worker has expanded meanwhile are skipped. `step`
    is called between the two parts. Returns the number of messages.
    """
    with transaction.atomic(using=db.alias):
        # In the order of their ids, so that two workers cannot deadlock.
        mine = [message for message in sorted(due_messages) if _waiting(db).filter(pk=message).update(expanded_at=now)]
        step("claimed")
        messages = [message for text in mine for message in due_messages[text]]
        outbox.enqueue(db, messages, now)
    return len(messages)


def drop(db: Database, before: datetime, now: datetime) -> int:
    """Cancel events due before `before` without messages; return their number."""
    return _waiting(db).filter(due__lt=before).update(cancelled_at=now, problem="too old when messages were created")


def roles_of(db: Database, people: Iterable[str], now: datetime) -> Mapping[str, Mapping[str, str | None]]:
    """Return the organisations of each person, each with one of its lineages.

    The lineage is one whose contact or deputy the person is, else the organisation's newest. It is None if the
    organisation has none.
    """
    found: dict[str, dict[str, str | None]] = {}
    for part in chunked(people):
        for person, organisation, lineage in _named(db, part, now):
            found.setdefault(person, {}).setdefault(organisation, lineage)
    return found


def _named(db: Database, people: tuple[str, ...], now: datetime) -> Iterable[tuple[str, str, str | None]]:
    lineages = db.rows(models.Lineage).order_by("-created", "pk")
    for place in ("contact_id", "deputy_id"):
        yield from lineages.filter(**{f"{place}__in": people}).values_list(place, "organisation_id", "pk")
    newest = Subquery(lineages.filter(organisation=OuterRef("newest_of")).values("pk")[:1])
    rows = db.rows(models.Organisation).filter(contact__in=people).alias(newest_of=F("pk"))
    yield from rows.annotate(newest=newest).values_list("contact_id", "pk", "newest")
    mandates = db.rows(models.RoleAssignment).filter(active_assignments(now), role=Role.SIGNATORY)
    named = mandates.filter(person__in=people).alias(newest_of=F("organisation"))
    yield from named.annotate(newest=newest).values_list("person_id", "organisation_id", "newest")


def _waiting(db: Database) -> "QuerySet[models.OutboxMessage]":
    """Return events that have not ended, with the conditions of the index."""
    open_ = Q(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True)
    return db.rows(models.OutboxMessage).filter(open_, channel__isnull=True)
