"""Sender of due messages, one after the other.

The steps are those of docs/operators/notifications.md.

A message is rendered at the moment of sending, from the database as it is then. A message that cannot be sent does not
block others.

An attempt counts, renders, hands over and records, and handles the failure of each step.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.notifications import delivery
from sinetti.database.notifications.delivery import SenderLease
from sinetti.database.sql import random_id
from sinetti.domain.notifications.messages import MessageChannel, MessageKind, QueuedMessage
from sinetti.notifications.context import (
    ConnectionLost,
    NotificationContext,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
    may_send,
)
from sinetti.notifications.planning.digests import superseded_reason
from sinetti.notifications.planning.eligibility import reason_not_to_send
from sinetti.notifications.templates.renderer import Skip, render

_AFTER_OTHERS: Final = timedelta(minutes=1)
_SILENT_TO_ALL: Final = 2
"""Consecutive silences after which the server counts as silent for all.

They are messages to different domains in the middle of which the server went silent.
"""

_log = logging.getLogger(__name__)


class AttemptResult(Enum):
    """Result of the attempt at one message.

    SKIPPED: another worker has it by now, or it waits for a better moment. The attempt does not count.
    """

    SENT = auto()
    AGAIN = auto()
    DEAD = auto()
    DROPPED = auto()
    SKIPPED = auto()


@dataclass
class DeliveryBatch:
    """Attempts of one worker at the messages of one batch.

    `away` says that the transport takes no messages of this channel now.
    """

    room: NotificationContext
    worker: str
    now: datetime
    channel: MessageChannel
    away: bool = False
    _lost_to: set[str] = field(default_factory=set)
    _silent: int = 0

    @property
    def shift(self) -> SenderLease:
        """The lease of this worker at this moment."""
        return SenderLease(self.worker, self.now, self.room.machine_now())

    def close(self) -> None:
        """Close connections."""
        if (deliverer := self.room.deliverers.get(self.channel)) is not None:
            deliverer.close()

    def attempt(self, message: QueuedMessage) -> AttemptResult:
        """Try to send one message.

        Raises only the exceptions in DATABASE_UNAVAILABLE.
        """
        tried = delivery.begin_attempt(self.room.db, self.shift, message)
        if tried is None:
            return AttemptResult.SKIPPED
        self.room.step("tried")
        try:
            return self._deliver(tried)
        except PermanentFailure as refused:
            self._silent = 0
            delivery.mark_failed(self.room.db, self.shift, tried, str(refused), address_fails=refused.address_fails)
            return AttemptResult.DEAD
        except TransportUnavailable as why:
            self._is_away(str(why))
            delivery.undo_attempt(self.room.db, self.shift, tried, str(why))
            return AttemptResult.SKIPPED
        except TemporaryFailure as why:
            self._silent = self._silent + 1 if isinstance(why, ConnectionLost) else 0
            if self._silent >= _SILENT_TO_ALL:
                self._is_away(str(why))
            return self._again(tried, str(why))
        except DATABASE_UNAVAILABLE:
            raise
        except Exception as fault:  # noqa: BLE001 - a fault in one text keeps no other message
            # Logged without its text, which may name people.
            _log.error("message %s could not be sent: %s", tried.message_id, type(fault).__name__)
            return self._again(tried, f"internal error: {type(fault).__name__}")

    def _deliver(self, tried: QueuedMessage) -> AttemptResult:
        db = self.room.db
        letter = self._letter(tried)
        if isinstance(letter, str):
            delivery.cancel(db, self.shift, tried, letter)
            return AttemptResult.DROPPED
        domain = letter.to.rpartition("@")[2].casefold()
        if domain in self._lost_to:
            # A slow server may be slow for the next message to the same domain, so messages to others come first.
            until = self.room.machine_now() + _AFTER_OTHERS
            delivery.undo_attempt(db, self.shift, tried, None, until=until)
            return AttemptResult.SKIPPED
        self.room.step("written")
        try:
            self.room.deliverers[self.channel].deliver(letter)
        except ConnectionLost:
            self._lost_to.add(domain)
            raise
        self._silent = 0
        self.room.step("delivered")
        delivery.mark_sent(db, self.shift, tried)
        self.room.step("sent")
        return AttemptResult.SENT

    def _letter(self, tried: QueuedMessage) -> RenderedMessage | str:
        """Render the message from the database as it is now.

        Returns the reason instead if the message is no longer due.
        """
        if self.channel not in self.room.deliverers:
            return "no SMS provider is configured ([sms] in notices.toml)"
        why = reason_not_to_send(tried, self.room, self.now) or superseded_reason(tried, self.room, self.now)
        if why is not None:
            return why
        written = render(tried, self.room)
        return written.why if isinstance(written, Skip) else written

    def _again(self, tried: QueuedMessage, problem: str) -> AttemptResult:
        return (
            AttemptResult.AGAIN if delivery.reschedule(self.room.db, self.shift, tried, problem) else AttemptResult.DEAD
        )

    def _is_away(self, why: str) -> None:
        self.away = True
        _log.warning("sending by %s is not possible now: %s", self.channel, why)


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
    ctx = tries.room
    until = ctx.machine_now() + delivery.LEASE - _MARGIN
    ctx.step("taken")
    counts = dict.fromkeys(AttemptResult, 0)
    try:
        while rest and not tries.away and ctx.machine_now() < until:
            counts[tries.attempt(rest.pop(0))] += 1
        delivery.release(ctx.db, tries.shift, rest)
    finally:
        tries.close()
    return SendReport(
        counts[AttemptResult.SENT],
        counts[AttemptResult.AGAIN],
        counts[AttemptResult.DEAD],
        counts[AttemptResult.DROPPED],
        frozenset({tries.channel} if tries.away else ()),
    )
