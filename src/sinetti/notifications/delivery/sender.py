"""Sends what is due: rows become letters, one after the other, in the steps of docs/notices.md.

A letter is written at the moment that it leaves, from the register as it is then. One that cannot leave keeps no other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sinetti.database.notifications import delivery
from sinetti.database.notifications.delivery import SenderLease
from sinetti.database.sql import random_id
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.delivery.attempts import AttemptResult, DeliveryBatch
from sinetti.notifications.office_hours import may_send

BATCH: Final = 50
"""Messages that a worker takes at once: few enough that other workers find some, too."""

_MARGIN = delivery.LEASE / 2
"""No letter is begun later than this before the lease ends: a mail server that is slow with each of its answers takes
four times its timeout for one."""

_GOES_ON = timedelta(hours=1)
"""So long a run that began in office hours goes on after them: all that had to leave by 16:00 is due in that minute."""


@dataclass(frozen=True, slots=True)
class SendReport:
    """How many messages left, will be tried again, were given up, and were not owed any more; who could not be reached.

    Those who were away are told by channel; messages that nobody tried are counted nowhere.
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
    """Send what is due at `now` on the office's clock, until nothing is or nobody takes it; `worker` is a random name.

    Several workers and processes share the work. Raises what REGISTER_UNAVAILABLE lists.
    """
    return sum(iter_batches(ctx, worker, lambda: now), SendReport())


def iter_batches(ctx: NotificationContext, worker: str, now: Callable[[], datetime]) -> Iterator[SendReport]:
    """Send as `send_due` does, on a clock that may go on meanwhile; tells after each batch what came of it."""
    if not ctx.deliverers:
        return
    begun = now()
    yield SendReport(dead=delivery.fail_exhausted(ctx.db, _shift(ctx, worker, begun)))
    for channel in MessageChannel:
        # What nobody can deliver waits. Where letters leave but no texts, texts end: they would come too late one day.
        served = channel in ctx.deliverers or channel is MessageChannel.SMS
        while served and (taken := _taken(ctx, worker, (begun, now()), channel)):
            batch = _send(DeliveryBatch(ctx, worker, now(), channel), list(taken))
            yield batch
            served = not batch.away


def send_message(ctx: NotificationContext, message_id: str, now: datetime) -> bool:
    """Send this message at once; False where it was not due any more, did not get away, or is being sent by another.

    What did not get away is tried again by `send_due`. Raises what REGISTER_UNAVAILABLE lists.
    """
    worker = random_id()
    owed = delivery.claim(ctx.db, _shift(ctx, worker, now), message_id)
    return owed is not None and _send(DeliveryBatch(ctx, worker, now, owed.channel), [owed]).sent == 1


def _taken(
    ctx: NotificationContext, worker: str, since: tuple[datetime, datetime], channel: MessageChannel
) -> tuple[QueuedMessage, ...]:
    """Take a batch now, in a run that has begun: two instants of the office's clock."""
    begun, now = since
    return delivery.claim_due(ctx.db, _shift(ctx, worker, now, max(begun, now - _GOES_ON)), channel, BATCH)


def _shift(ctx: NotificationContext, worker: str, now: datetime, begun: datetime | None = None) -> SenderLease:
    """Who sends now. What may leave now may, and what might when the run began."""
    instants = (now,) if begun is None else (begun, now)
    held = frozenset(kind for kind in MessageKind if not any(may_send(kind, at) for at in instants))
    return SenderLease(worker, now, ctx.machine_now(), held)


def _send(tries: DeliveryBatch, rest: list[QueuedMessage]) -> SendReport:
    """Send a batch, letter by letter.

    What is not begun in time, or has nobody to take it, is let go.
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
