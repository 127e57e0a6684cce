"""Delivery of outbox rows: claim, attempt, end, postponement.

See docs/operators/notifications.md.

Every function is one short transaction. A worker owns a message until its lease expires or is released. Every UPDATE
repeats the lease condition, so a worker that lost its lease cannot change the row.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import connections, transaction
from django.db.models import F, Q, QuerySet

from sinetti.database.connection import Database
from sinetti.database.models import OutboxMessage
from sinetti.database.notifications.bounces import mark_bounced, on_sent
from sinetti.database.notifications.early_replacement_audience import mark_heard
from sinetti.database.notifications.outbox import KNOWN
from sinetti.domain.notifications.messages import URGENT, MessageChannel, MessageKind, QueuedMessage

LEASE: Final = timedelta(minutes=5)
"""Duration of a worker's lease, on the machine's clock.

After it another worker takes the rows of a worker that was killed.
"""

PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120))
"""Pauses between one attempt and the next."""

AFTER_A_KILL: Final = 2 * LEASE
"""Pause after an attempt during which the process ended."""

TRIES: Final = len(PAUSES) + 1
"""Attempts after which a message has failed, unless an operator resends it."""

_WAITS = "channel IS NOT NULL AND sent IS NULL AND failed_at IS NULL AND cancelled_at IS NULL AND expanded_at IS NULL"
_BEGIN: Final = f"""
UPDATE sinetti_outboxmessage SET attempts = attempts + 1, next_attempt_at = %s
 WHERE message_id = %s AND attempts = %s AND claimed_by = %s AND lease_until > %s AND {_WAITS}
"""  # noqa: S608 - a constant
_DONE: Final = f"""
UPDATE sinetti_outboxmessage SET sent = %s, problem = NULL, claimed_by = NULL, lease_until = NULL,
next_attempt_at = NULL
 WHERE message_id = %s AND {_WAITS}
"""  # noqa: S608 - a constant
_FREE: Final = {"claimed_by": None, "lease_until": None, "next_attempt_at": None}
_CLOCKS_DIFFER = timedelta(hours=1)
_LONGEST_PROBLEM = 200
_CHUNK = 500
_ENDED_IN_A_TRY = "the process ended during the last attempt: the message may have been delivered"


@dataclass(frozen=True)
class SenderLease:
    """Worker and time of a delivery run.

    `worker` is a random name of at most 32 characters. `now` is the office's clock and `machine_now` the machine's
    clock, both in UTC. `held` are the message kinds that are not sent now, since their readers are out of office.
    """

    worker: str
    now: datetime
    machine_now: datetime
    held: frozenset[MessageKind] = frozenset()


def claim_due(db: Database, shift: SenderLease, channel: MessageChannel, count: int) -> tuple[QueuedMessage, ...]:
    """Claim up to `count` due messages, urgent kinds first, then the oldest.

    Two workers never claim the same message.
    """
    rows = _takeable(db, shift).filter(channel=channel, due__lte=shift.now, attempts__lt=TRIES).order_by("due", "pk")
    if urgent := _taken(db, shift, rows.filter(kind__in=sorted(URGENT))[:count]):
        return urgent
    return _taken(db, shift, rows.exclude(kind__in=sorted(shift.held | URGENT))[:count])


def claim(db: Database, shift: SenderLease, message_id: str) -> QueuedMessage | None:
    """Claim this message, due or not.

    Returns None if it was sent, has ended, or is claimed by another worker.
    """
    taken = _taken(db, shift, _takeable(db, shift).filter(pk=message_id, attempts__lt=TRIES))
    return taken[0] if taken else None


def begin_attempt(db: Database, shift: SenderLease, message: QueuedMessage) -> QueuedMessage | None:
    """Count an attempt before it is made; return None if the lease is lost.

    The same commit postpones the next attempt until after those of the messages claimed together with it. A message
    whose attempt ends the process each time therefore delays no other message.
    """
    put_off, at = shift.machine_now + AFTER_A_KILL, shift.machine_now
    if not _updated(db, _BEGIN, [put_off, message.message_id, message.attempts, shift.worker, at]):
        return None
    return replace(message, attempts=message.attempts + 1)


def mark_sent(db: Database, shift: SenderLease, message: QueuedMessage) -> bool:
    """Record that the message was sent, with the marks that follow from it.

    The row may belong to another worker by now. Returns False if it had ended before.
    """
    with transaction.atomic(using=db.alias):
        if not _updated(db, _DONE, [shift.now, message.message_id]):
            return False
        on_sent(db, message, shift.now)
        mark_heard(db, message, shift.now)
    return True


def reschedule(db: Database, shift: SenderLease, message: QueuedMessage, problem: str) -> bool:
    """Postpone a message that was not sent; return False if that was its last attempt.

    After the last attempt the message is marked as failed.
    """
    if message.attempts >= TRIES:
        mark_failed(db, shift, message, problem)
        return False
    at = shift.machine_now + PAUSES[max(message.attempts, 1) - 1]
    _mine(db, shift, message).update(**{**_FREE, "next_attempt_at": at, "problem": _short(problem)})
    return True


def mark_failed(
    db: Database, shift: SenderLease, message: QueuedMessage, problem: str, *, address_fails: bool = False
) -> None:
    """Mark a message as failed; it is listed until an operator resends or discards it.

    With `address_fails` the same commit marks its address as a bounce does.
    """
    with transaction.atomic(using=db.alias):
        ended = _mine(db, shift, message).update(failed_at=shift.now, problem=_short(problem), **_FREE)
        if ended and address_fails:
            mark_bounced(db, message.message_id, shift.now)


def cancel(db: Database, shift: SenderLease, message: QueuedMessage, why: str) -> None:
    """Cancel a message that is no longer needed.

    A message that was reassigned meanwhile belongs to another recipient's row and stays.
    """
    rows = _mine(db, shift, message).filter(recipient=message.recipient)
    rows.update(cancelled_at=shift.now, problem=_short(why), **_FREE)


def undo_attempt(
    db: Database, shift: SenderLease, message: QueuedMessage, problem: str | None, *, until: datetime | None = None
) -> None:
    """Undo the attempt that `begin_attempt` counted.

    Call it if no part of the message was transmitted.

    No worker claims the message before `until`, on the machine's clock.
    """
    rows = _mine(db, shift, message).filter(attempts=message.attempts)
    values = {**_FREE, "next_attempt_at": until, "problem": problem and _short(problem)}
    rows.update(attempts=F("attempts") - 1, **values)


def release(db: Database, shift: SenderLease, rest: Iterable[QueuedMessage]) -> None:
    """Release claimed messages that were not attempted."""
    ids = [queued_message.message_id for queued_message in rest]
    for start in range(0, len(ids), _CHUNK):
        rows = _waiting(db).filter(pk__in=ids[start : start + _CHUNK], claimed_by=shift.worker)
        rows.update(**_FREE)


def let_all_go(db: Database) -> int:
    """Release all messages of workers that are gone and return their number.

    The caller must have the database to itself.
    """
    rows = _waiting(db).filter(Q(claimed_by__isnull=False) | Q(next_attempt_at__isnull=False))
    return rows.update(**_FREE)


def fail_exhausted(db: Database, shift: SenderLease) -> int:
    """Mark messages as failed whose last attempt ended with the process.

    Returns their number.
    """
    rows = _takeable(db, shift).filter(due__lte=shift.now, attempts__gte=TRIES)
    return rows.update(failed_at=shift.now, problem=_ENDED_IN_A_TRY, **_FREE)


def _waiting(db: Database) -> "QuerySet[OutboxMessage]":
    """Return messages that have not ended, with the conditions of their index."""
    rows = db.rows(OutboxMessage).filter(channel__isnull=False, kind__in=KNOWN)
    return rows.filter(sent__isnull=True, failed_at__isnull=True, cancelled_at__isnull=True, expanded_at__isnull=True)


def _takeable(db: Database, shift: SenderLease) -> "QuerySet[OutboxMessage]":
    at = shift.machine_now
    # A time further ahead than any correct clock could set came from a clock that was ahead, and is ignored.
    free = Q(lease_until__isnull=True) | Q(lease_until__lte=at) | Q(lease_until__gt=at + LEASE + _CLOCKS_DIFFER)
    again = (
        Q(next_attempt_at__isnull=True)
        | Q(next_attempt_at__lte=at)
        | Q(next_attempt_at__gt=at + PAUSES[-1] + _CLOCKS_DIFFER)
    )
    return _waiting(db).filter(free, again)


def _mine(db: Database, shift: SenderLease, message: QueuedMessage) -> "QuerySet[OutboxMessage]":
    return _waiting(db).filter(pk=message.message_id, claimed_by=shift.worker)


def _taken(db: Database, shift: SenderLease, rows: "QuerySet[OutboxMessage]") -> tuple[QueuedMessage, ...]:
    with transaction.atomic(using=db.alias):
        # PostgreSQL skips rows that another worker is claiming. On SQLite this transaction is alone (IMMEDIATE).
        ids = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        if not ids:
            return ()
        free = _takeable(db, shift).filter(pk__in=ids)
        free.update(claimed_by=shift.worker, lease_until=shift.machine_now + LEASE)
        mine = _waiting(db).filter(pk__in=ids, claimed_by=shift.worker)
        return tuple(to_queued_message(row) for row in mine.order_by("due", "pk"))


def find_queued(db: Database, ids: Collection[str], now: datetime) -> tuple[QueuedMessage, ...]:
    """Return the due ones of these waiting messages, in the order of the ids."""
    rows = {row.pk: row for row in _waiting(db).filter(pk__in=ids, due__lte=now)}
    return tuple(to_queued_message(rows[message_id]) for message_id in dict.fromkeys(ids) if message_id in rows)


def to_queued_message(row: OutboxMessage) -> QueuedMessage:
    """Convert a message row to a QueuedMessage."""
    channel = MessageChannel(row.channel or "")
    return QueuedMessage(
        message_id=row.message_id,
        kind=MessageKind(row.kind),
        channel=channel,
        step=row.step.removesuffix(f":{channel}"),
        created=row.created,
        due=row.due,
        attempts=row.attempts,
        recipient=row.recipient_id,
        address=row.address,
        lineage=row.lineage_id,
        certificate=row.certificate_id,
        order=row.order_id,
        facts=row.facts,
    )


def _updated(db: Database, statement: str, values: list[datetime | str | int]) -> bool:
    """Run a hand-written UPDATE for one message and return True if it changed a row.

    Building the statement with the ORM for each message would take longer.
    """
    connection = connections[db.alias]
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(statement, [adapt(instant) if isinstance(instant, datetime) else instant for instant in values])
        return int(cursor.rowcount) == 1


def _short(problem: str) -> str:
    return problem[:_LONGEST_PROBLEM]
