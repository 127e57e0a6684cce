"""Sender of due messages, one after the other.

The steps are those of docs/operators/notifications.md.

A message is rendered at the moment of sending, from the database as it is then. A message that cannot be sent does not
block others.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sinetti.database.notifications import delivery
from sinetti.database.notifications.delivery import SenderLease
from sinetti.database.sql import random_id
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.notifications.context import NotificationContext, may_send
from sinetti.notifications.delivery.attempts import AttemptResult, DeliveryBatch

BATCH: Final = 50
"""Messages that a worker takes at once, few enough to leave some to other workers."""

_MARGIN = delivery.LEASE / 2
"""Time before the end of the lease after which no message is begun.

A mail server that is slow with each of its answers takes four times its timeout for one message.
"""

_GOES_ON = timedelta(hours=1)
"""Time for which a run that began in office hours continues after them.

All messages that had to be sent by 16:00 are due in that minute.
"""


@dataclass(frozen=True)
class SendReport:
    """Counts of messages: sent, to be retried, failed, and no longer due.

    It also has the unavailable channels. Messages without an attempt are not counted.
    """

    sent: int = 0
    again: int = 0
    dead: int = 0
    dropped: int = 0
    away: frozenset[MessageChannel] = frozenset()

    def __add__(self, more: "SendReport") -> "SendReport":
        return SendReport(
            self.sent + more.sent,
            self.again + more.again,
            self.dead + more.dead,
            self.dropped + more.dropped,
            self.away | more.away,
        )


def send_due(ctx: NotificationContext, worker: str, now: datetime) -> SendReport:
    """Send due messages until none is left or the transport is unavailable.

    `now` is the time on the service's clock; `worker` is a random name. Several workers and processes share the work.
    Raises the exceptions in DATABASE_UNAVAILABLE.
    """
    return sum(iter_batches(ctx, worker, lambda: now), SendReport())


def iter_batches(ctx: NotificationContext, worker: str, now: Callable[[], datetime]) -> Iterator[SendReport]:
    """Send like `send_due` on a running clock; yield a report after each batch."""
    if not ctx.deliverers:
        return
    begun = now()
    yield SendReport(dead=delivery.fail_exhausted(ctx.db, _shift(ctx, worker, begun)))
    for channel in MessageChannel:
        # Messages without a transport wait. If e-mails can be sent but no SMS, SMS fail: they would arrive too late.
        served = channel in ctx.deliverers or channel is MessageChannel.SMS
        while served and (taken := _taken(ctx, worker, (begun, now()), channel)):
            batch = _send(DeliveryBatch(ctx, worker, now(), channel), list(taken))
            yield batch
            served = not batch.away


def send_message(ctx: NotificationContext, message_id: str, now: datetime) -> bool:
    """Send this message at once; return False if it was not sent.

    It may be no longer due, have failed, or be in the hands of another worker. `send_due` retries failed ones. Raises
    the exceptions in DATABASE_UNAVAILABLE.
    """
    worker = random_id()
    claimed = delivery.claim(ctx.db, _shift(ctx, worker, now), message_id)
    return claimed is not None and _send(DeliveryBatch(ctx, worker, now, claimed.channel), [claimed]).sent == 1


def _taken(
    ctx: NotificationContext, worker: str, since: tuple[datetime, datetime], channel: MessageChannel
) -> tuple[QueuedMessage, ...]:
    """Claim a batch.

    `since` are the start of the run and the present, on the service's clock.
    """
    begun, now = since
    return delivery.claim_due(ctx.db, _shift(ctx, worker, now, max(begun, now - _GOES_ON)), channel, BATCH)


def _shift(ctx: NotificationContext, worker: str, now: datetime, begun: datetime | None = None) -> SenderLease:
    """Return the worker's lease.

    It covers messages that may be sent now, and those that could when the run began.
    """
    instants = (now,) if begun is None else (begun, now)
    held = frozenset(kind for kind in MessageKind if not any(may_send(kind, at) for at in instants))
    return SenderLease(worker, now, ctx.machine_now(), held)


def _send(tries: DeliveryBatch, rest: list[QueuedMessage]) -> SendReport:
    """Send a batch, message by message.

    Releases messages that are not begun in time, or whose transport is unavailable.
    """
    room = tries.room
    until = room.machine_now() + delivery.LEASE - _MARGIN
    room.step("taken")
    counts = dict.fromkeys(AttemptResult, 0)
    try:
        while rest and not tries.away and room.machine_now() < until:
            counts[tries.attempt(rest.pop(0))] += 1
        delivery.release(room.db, tries.shift, rest)
    finally:
        tries.close()
    return SendReport(
        counts[AttemptResult.SENT],
        counts[AttemptResult.AGAIN],
        counts[AttemptResult.DEAD],
        counts[AttemptResult.DROPPED],
        frozenset({tries.channel} if tries.away else ()),
    )
