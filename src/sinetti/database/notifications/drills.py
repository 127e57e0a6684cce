"""Drills of a call for early replacement: certificates, messages and answers."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Min, Q, QuerySet

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database
from sinetti.database.models import Drill, DrillAnswer, DrillItem
from sinetti.database.notifications import outbox
from sinetti.database.notifications.call_reach import (
    MessageCounts,
    UnreachedItem,
    count_messages,
    list_items,
    messages_of,
)
from sinetti.database.notifications.early_replacement_audience import CallSubject
from sinetti.database.notifications.outbox import DomainEvent
from sinetti.database.notifications.recipients import chunked
from sinetti.domain.certificates.bulk_revocation import actor_of
from sinetti.domain.notifications.early_replacement import MEASURED_FOR, DrillAudience
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Serial


@dataclass(frozen=True)
class NewDrill:
    """A drill to be stored.

    `reach` are the counts that a call of its certificates would have.
    """

    officer: str
    reason: str
    audience: DrillAudience
    serials: tuple[Serial, ...]
    reach: dict[str, int]


@dataclass(frozen=True)
class DrillView:
    """A stored drill with the number of its certificates."""

    drill_id: str
    officer: str
    reason: str
    audience: DrillAudience
    reach: dict[str, int]
    created: datetime
    count: int


@dataclass(frozen=True)
class DrillFigures:
    """Measurements of a drill.

    `reached` and `answered` are instants, one for each certificate and message. A certificate is reached by a delivered
    message, or has signed a renewal. `hints` counts certificates with a request for their hint, which proves nothing.
    `problems` counts failed messages by their reason, which contains no address.
    """

    reached: tuple[datetime, ...]
    hints: int
    messages: MessageCounts
    sent: tuple[datetime, ...]
    answered: tuple[datetime, ...]
    problems: dict[str, int]


def insert_drill(db: Database, new: NewDrill, audit: AuditContext) -> str:
    """Store a drill with its certificates and its event; return its id."""
    with transaction.atomic(using=db.alias):
        row = db.rows(Drill).create(
            officer=new.officer, reason=new.reason, audience=new.audience, reach=new.reach, created=audit.at
        )
        certificates = db.rows(models.Certificate)
        for part in chunked(new.serials):
            keys = certificates.filter(serial__in=part).order_by("pk").values_list("pk", flat=True)
            db.rows(DrillItem).bulk_create(DrillItem(drill=row, certificate_id=key) for key in keys)
        if new.audience is not DrillAudience.NONE:
            facts = {"drill": row.drill_id, "audience": new.audience.value}
            outbox.record_event(db, DomainEvent(MessageKind.DRILL, row.drill_id, facts=facts), audit.at)
        by, count = actor_of(new.officer), len(new.serials)
        subject = f"drill:{row.drill_id}"
        audit_log.write(db, audit, "drill-begun", subject, audience=new.audience.value, count=count, proposed_by=by)
    return row.drill_id


def find_drill(db: Database, drill_id: str) -> DrillView | None:
    """Return the drill with this id, or None."""
    row = db.rows(Drill).filter(drill_id=drill_id).first()
    return None if row is None else _view(db, row)


def list_drills(db: Database) -> tuple[DrillView, ...]:
    """Return all drills, oldest first."""
    return tuple(_view(db, row) for row in db.rows(Drill).order_by("number"))


def read_figures(db: Database, drill_id: str) -> DrillFigures:
    """Return the measurements of a drill so far."""
    subject = CallSubject(drill_id, MessageKind.DRILL)
    hints = _items(db, drill_id).filter(certificate__hint_request__at__gte=F("drill__created")).count()
    messages = messages_of(db, subject)
    sent = messages.filter(sent__isnull=False, bounced__isnull=True).values_list("sent", flat=True)
    answers = db.rows(DrillAnswer).filter(drill__drill_id=drill_id).values_list("at", flat=True)
    problems: dict[str, int] = {}
    for problem, bounced in messages.filter(sent__isnull=True).values_list("problem", "bounced").iterator():
        if problem is not None and bounced is None:
            problems[problem] = problems.get(problem, 0) + 1
    if returned := messages.filter(bounced__isnull=False).count():
        problems["returned by the mail system"] = returned
    counts = count_messages(db, subject)
    reached = tuple(min(at for at in row if at is not None) for row in _reached(db, drill_id))
    return DrillFigures(reached, hints, counts, tuple(filter(None, sent)), tuple(answers), problems)


def list_unreached(db: Database, drill_id: str, most: int) -> tuple[UnreachedItem, ...]:
    """Return up to `most` unreached certificates of a drill, by organisation."""
    return list_items(_items(db, drill_id).exclude(pk__in=_reached(db, drill_id).values("pk")), most)


def find_answerable(db: Database, message_id: str, since: datetime) -> tuple[int, bool] | None:
    """Return the number of the drill of a message, and if the message was answered.

    Returns None for another message, or if the drill began before `since`.
    """
    row = db.rows(models.OutboxMessage).filter(pk=message_id, kind=MessageKind.DRILL).first()
    drill_id = (row.facts or {}).get("drill") if row is not None else None
    if drill_id is None:
        return None
    drills = db.rows(Drill).filter(drill_id=drill_id, created__gte=since)
    number = drills.values_list("number", flat=True).first()
    if number is None:
        return None
    return number, db.rows(DrillAnswer).filter(message_id=message_id).exists()


def insert_answer(db: Database, number: int, message_id: str, now: datetime) -> None:
    """Record the answer to a message; a repetition changes nothing."""
    answer = DrillAnswer(drill_id=number, message_id=message_id, at=now)
    db.rows(DrillAnswer).bulk_create([answer], ignore_conflicts=True)


def _reached(db: Database, drill_id: str) -> "QuerySet[DrillItem, tuple[datetime | None, datetime | None]]":
    """Return the instants of a message and of a renewal of each reached certificate."""
    renewals = "certificate__renewals__reserved_at"
    during = Q(**{f"{renewals}__range": (F("drill__created"), F("drill__created") + MEASURED_FOR)})
    rows = _items(db, drill_id).exclude(heard_by="program").annotate(signed_at=Min(renewals, filter=during))
    return rows.filter(Q(heard_at__isnull=False) | Q(signed_at__isnull=False)).values_list("heard_at", "signed_at")


def _items(db: Database, drill_id: str) -> "QuerySet[DrillItem]":
    return db.rows(DrillItem).filter(drill__drill_id=drill_id)


def _view(db: Database, row: Drill) -> DrillView:
    count = db.rows(DrillItem).filter(drill=row).count()
    audience = DrillAudience(row.audience)
    return DrillView(row.drill_id, row.officer, row.reason, audience, row.reach, row.created, count)
