"""Waiting and failed messages of the outbox, and resending of failed ones."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Case, Count, F, Min, Q, QuerySet, Sum, When

from sinetti.database.connection import Database
from sinetti.database.models import OutboxMessage
from sinetti.database.notifications.delivery import to_queued_message
from sinetti.database.notifications.outbox import KNOWN
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage

LATE: Final = timedelta(hours=1)
"""Time after `due` from which a waiting message counts as late."""

_CHUNK = 500


@dataclass(frozen=True)
class FailedMessage:
    """A failed message with its problem. Instants are on the office's clock.

    The organisation, certificate or order that it is about shows an operator whom it concerns. Each may be None.
    """

    id: str
    kind: MessageKind
    channel: MessageChannel
    due: datetime
    dead: datetime
    tries: int
    problem: str
    customer_id: str | None
    serial: str | None
    order_id: str | None


@dataclass(frozen=True)
class OutboxSummary:
    """State of the outbox: waiting, late and failed messages.

    `unspread` counts late events. `oldest` is the earliest due time of a late row.
    """

    waiting: int
    late: int
    unspread: int
    oldest: datetime | None
    dead: int


def outbox_summary(db: Database, now: datetime, held: Collection[MessageKind] = ()) -> OutboxSummary:
    """Return the state of the outbox, on the office's clock.

    Messages of kinds that are held back now do not count as late.
    """
    messages, late = Q(channel__isnull=False), Q(due__lt=now - LATE) & ~Q(kind__in=held, channel__isnull=False)
    counted = _open(db).aggregate(
        waiting=Count("pk", filter=messages),
        late=Count("pk", filter=messages & late),
        unspread=Count("pk", filter=~messages & late),
        oldest=Min("due", filter=late),
    )
    return OutboxSummary(**counted, dead=_dead(db).count())


@dataclass(frozen=True)
class ChannelFailures:
    """Messages of one channel that were given up, and the failed attempts of all."""

    dead: int = 0
    attempts: int = 0


def count_waiting(db: Database) -> Mapping[MessageChannel, tuple[int, datetime | None]]:
    """Return the count of waiting messages of each channel, and the earliest due time."""
    rows = _messages(db).values_list("channel").annotate(count=Count("pk"), first=Min("due")).order_by()
    found = {channel: (count, first) for channel, count, first in rows}
    return {channel: found.get(channel.value, (0, None)) for channel in MessageChannel}


def count_failures(db: Database) -> Mapping[MessageChannel, ChannelFailures]:
    """Return the failures of each channel. It reads all messages, so keep the result.

    The attempt of a message that was sent has not failed, nor has one that is being made.
    """
    last = Case(When(Q(sent__isnull=False) | Q(claimed_by__isnull=False), then=1), default=0)
    rows = db.rows(OutboxMessage).filter(channel__isnull=False, attempts__gt=0).values_list("channel")
    dead = Count("pk", filter=Q(failed_at__isnull=False, sent__isnull=True))
    failures = {
        channel: ChannelFailures(count, attempts)
        for channel, count, attempts in rows.annotate(dead=dead, tries=Sum(F("attempts") - last)).order_by()
    }
    return {channel: failures.get(channel.value, ChannelFailures()) for channel in MessageChannel}


def due(db: Database, now: datetime) -> tuple[QueuedMessage, ...]:
    """Return the messages that are due and not sent, oldest first."""
    return tuple(to_queued_message(row) for row in _messages(db).filter(due__lte=now).order_by("due", "pk"))


def waiting(db: Database) -> tuple[QueuedMessage, ...]:
    """Return all messages that are not sent, oldest first."""
    return tuple(to_queued_message(row) for row in _messages(db).order_by("due", "pk"))


def find(db: Database, message_id: str) -> QueuedMessage | None:
    """Return a message in any state, or None."""
    row = db.rows(OutboxMessage).filter(pk=message_id, channel__isnull=False).first()
    return None if row is None else to_queued_message(row)


def dead_letters(db: Database) -> tuple[FailedMessage, ...]:
    """Return the failed messages, oldest first."""
    return tuple(
        FailedMessage(
            message.message_id,
            MessageKind(message.kind),
            MessageChannel(message.channel or ""),
            message.due,
            message.failed_at,
            message.attempts,
            message.problem or "",
            message.lineage.organisation.customer_id if message.lineage else None,
            message.certificate.serial if message.certificate else None,
            message.order_id,
        )
        for message in _dead(db).select_related("lineage__organisation", "certificate").order_by("failed_at", "pk")
        if message.failed_at is not None
    )


def send_again(db: Database, ids: Sequence[str]) -> int:
    """Reset failed messages, so that they are sent again; return their number.

    Their attempts are counted from zero.
    """
    return _each(db, ids, {"attempts": 0, "failed_at": None, "next_attempt_at": None, "problem": None})


def forget(db: Database, ids: Sequence[str], now: datetime) -> int:
    """Cancel failed messages, which ends their reports; return their number."""
    return _each(db, ids, {"failed_at": None, "cancelled_at": now})


@contextmanager
def rolled_back(db: Database) -> Iterator[None]:
    """Roll back everything that the block wrote.

    On SQLite no other process writes meanwhile.
    """
    with transaction.atomic(using=db.alias):
        yield
        transaction.set_rollback(True, using=db.alias)


def _each(db: Database, ids: Sequence[str], values: dict[str, object]) -> int:
    parts = (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
    return sum(_dead(db).filter(pk__in=part).update(**values) for part in parts)


def _open(db: Database) -> "QuerySet[OutboxMessage]":
    rows = db.rows(OutboxMessage)
    return rows.filter(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True)


def _messages(db: Database) -> "QuerySet[OutboxMessage]":
    return _open(db).filter(channel__isnull=False, kind__in=KNOWN)


def _dead(db: Database) -> "QuerySet[OutboxMessage]":
    rows = db.rows(OutboxMessage).filter(channel__isnull=False, failed_at__isnull=False, kind__in=KNOWN)
    return rows.filter(sent__isnull=True)
