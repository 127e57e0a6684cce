"""Reach of calls: replaced, heard and unreached certificates."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.database.models import DrillItem, EarlyReplacement, EarlyReplacementItem
from sinetti.database.notifications.early_replacement_audience import CallSubject, is_replaced
from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.values import Serial

_LIVE = (CertificateState.ISSUED, CertificateState.RETRIEVED)


@dataclass(frozen=True)
class MessageCounts:
    """Counts of the messages of a call or drill.

    `failed` includes bounced ones, and `dropped` are those that were no longer needed.
    """

    sent: int
    waiting: int
    failed: int
    dropped: int


@dataclass(frozen=True)
class CallStatus:
    """State of a call and of its certificates.

    `replaced` have a retrieved successor, and `ended` have expired or were revoked without one. The others are either
    `heard` of, by a program or a message, or `unreached`. `done_at` is None for an interrupted call.
    """

    call_id: str
    kind: MessageKind
    officer: str
    reason: str
    begins: datetime
    ends: datetime
    done_at: datetime | None
    undone_at: datetime | None
    count: int
    replaced: int
    ended: int
    heard: int
    unreached: int


@dataclass(frozen=True)
class UnreachedItem:
    """A certificate that no program and no message has reached."""

    serial: Serial
    organisation: str
    customer_id: str
    not_after: datetime


def list_call_status(db: Database, now: datetime) -> tuple[CallStatus, ...]:
    """Return the state of each call in force, oldest first."""
    rows = _calls(db).filter(undone_at__isnull=True).order_by("number")
    return tuple(_status(db, row, now) for row in rows)


def find_call_status(db: Database, call_id: str, now: datetime) -> CallStatus | None:
    """Return the state of a call, in force or not, or None for an unknown id."""
    row = _calls(db).filter(call_id=call_id).first()
    return None if row is None else _status(db, row, now)


def list_unreached(db: Database, call_id: str, now: datetime, most: int) -> tuple[UnreachedItem, ...]:
    """Return up to `most` unreached certificates of a call, by organisation."""
    rows = _items(db).filter(call__call_id=call_id, heard_at__isnull=True)
    rows = rows.filter(_live(now)).exclude(_is_new())
    return list_items(rows, most)


def list_items(rows: "QuerySet[EarlyReplacementItem] | QuerySet[DrillItem]", most: int) -> tuple[UnreachedItem, ...]:
    """Return the certificates of these rows by organisation, `most` at most."""
    queryset = rows.order_by("certificate__lineage__organisation__name", "pk").values_list(
        "certificate__serial",
        "certificate__lineage__organisation__name",
        "certificate__lineage__organisation__customer_id",
        "certificate__not_after",
    )
    return tuple(
        UnreachedItem(Serial(serial), organisation, customer_id, not_after)
        for serial, organisation, customer_id, not_after in queryset[:most]
    )


def count_messages(db: Database, subject: CallSubject) -> MessageCounts:
    """Count the messages of a call or drill.

    The index of message kinds limits the statement to messages of these kinds.
    """
    rows = messages_of(db, subject)
    is_failed = Q(failed_at__isnull=False) | Q(bounced__isnull=False)
    counts: dict[str, int] = rows.aggregate(
        all=Count("pk"),
        sent=Count("pk", filter=Q(sent__isnull=False, bounced__isnull=True)),
        failed=Count("pk", filter=is_failed),
        dropped=Count("pk", filter=Q(cancelled_at__isnull=False)),
    )
    ended = counts["sent"] + counts["failed"] + counts["dropped"]
    return MessageCounts(counts["sent"], counts["all"] - ended, counts["failed"], counts["dropped"])


def messages_of(db: Database, subject: CallSubject) -> "QuerySet[models.OutboxMessage]":
    """Return the messages of a call or drill."""
    rows = db.rows(models.OutboxMessage).filter(channel__isnull=False)
    if subject.is_drill:
        return rows.filter(kind=MessageKind.DRILL, facts__drill=subject.subject_id)
    return rows.filter(kind__in=(MessageKind.EARLY, MessageKind.INCIDENT), facts__call=subject.subject_id)


def _calls(db: Database) -> "QuerySet[EarlyReplacement]":
    # Not the serials, of which there may be a hundred thousand.
    return db.rows(EarlyReplacement).defer("serials")


def _items(db: Database) -> "QuerySet[EarlyReplacementItem]":
    return db.rows(EarlyReplacementItem)


def _is_new() -> Q:
    """Test for a retrieved successor of an item's certificate."""
    return Q(is_replaced("predecessor", "certificate")) | Q(is_replaced("replaces", "certificate"))


def _live(now: datetime) -> Q:
    return Q(certificate__revoked_at__isnull=True, certificate__state__in=_LIVE, certificate__not_after__gte=now)


def _status(db: Database, row: EarlyReplacement, now: datetime) -> CallStatus:
    is_open = ~_is_new() & _live(now)
    counts = (
        _items(db)
        .filter(call=row.pk)
        .aggregate(
            all=Count("pk"),
            replaced=Count("pk", filter=_is_new()),
            heard=Count("pk", filter=is_open & Q(heard_at__isnull=False)),
            unreached=Count("pk", filter=is_open & Q(heard_at__isnull=True)),
        )
    )
    ended = counts["all"] - counts["replaced"] - counts["heard"] - counts["unreached"]
    return CallStatus(
        row.call_id,
        MessageKind(row.kind),
        row.officer,
        row.reason,
        row.created,
        row.ends,
        row.done_at,
        row.undone_at,
        counts["all"],
        counts["replaced"],
        ended,
        counts["heard"],
        counts["unreached"],
    )
