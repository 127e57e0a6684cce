"""Delivery attempt of one message: count, render, hand over, record.

Also the handling of failures of each step.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.notifications import delivery
from sinetti.database.notifications.delivery import SenderLease
from sinetti.domain.notifications.messages import MessageChannel, QueuedMessage
from sinetti.notifications.context import (
    ConnectionLost,
    NotificationContext,
    PermanentFailure,
    RenderedMessage,
    TemporaryFailure,
    TransportUnavailable,
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
