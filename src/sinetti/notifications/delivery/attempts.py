"""One message on its way out: counted, written, handed over, noted; and what is done where one of these fails."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from sinetti.database.connection import REGISTER_UNAVAILABLE
from sinetti.database.notifications import delivery
from sinetti.database.notifications.delivery import Shift
from sinetti.domain.notifications.messages import MessageChannel, Owed
from sinetti.notifications.context import Away, Letter, Lost, Mailroom, NotDeliverable, NotNow
from sinetti.notifications.planning.digests import told_anew
from sinetti.notifications.planning.eligibility import still_owed
from sinetti.notifications.templates.renderer import NotOwed, write

_AFTER_OTHERS: Final = timedelta(minutes=1)
_SILENT_TO_ALL: Final = 2
"""Letters to different domains, one after the other, in the middle of which the server went silent: it does to all."""

_log = logging.getLogger(__name__)


class Outcome(Enum):
    """What came of one message. SKIPPED: it is another's by now or waits for a better moment, and no try counts."""

    SENT = auto()
    AGAIN = auto()
    DEAD = auto()
    DROPPED = auto()
    SKIPPED = auto()


@dataclass(slots=True)
class Tries:
    """The tries of one worker at the messages of one batch. `away`: nobody takes letters of this channel just now."""

    room: Mailroom
    worker: str
    now: datetime
    channel: MessageChannel
    away: bool = False
    _lost_to: set[str] = field(default_factory=set)
    _silent: int = 0

    @property
    def shift(self) -> Shift:
        """Who sends, at this moment."""
        return Shift(self.worker, self.now, self.room.machine_now())

    def close(self) -> None:
        """Let go of connections."""
        if (deliverer := self.room.deliverers.get(self.channel)) is not None:
            deliverer.close()

    def attempt(self, owed: Owed) -> Outcome:
        """Try to send one message. Raises what REGISTER_UNAVAILABLE lists, and nothing else."""
        tried = delivery.begin(self.room.register, self.shift, owed)
        if tried is None:
            return Outcome.SKIPPED
        self.room.step("tried")
        try:
            return self._deliver(tried)
        except NotDeliverable as refused:
            self._silent = 0
            delivery.end_dead(self.room.register, self.shift, tried, str(refused), address_fails=refused.address_fails)
            return Outcome.DEAD
        except Away as why:
            self._is_away(str(why))
            delivery.untried(self.room.register, self.shift, tried, str(why))
            return Outcome.SKIPPED
        except NotNow as why:
            self._silent = self._silent + 1 if isinstance(why, Lost) else 0
            if self._silent >= _SILENT_TO_ALL:
                self._is_away(str(why))
            return self._again(tried, str(why))
        except REGISTER_UNAVAILABLE:
            raise
        except Exception as fault:  # noqa: BLE001 - a fault in one text keeps no other message
            # Without its text: that may name people.
            _log.error("message %s could not be sent: %s", tried.message_id, type(fault).__name__)
            return self._again(tried, f"a fault of this program: {type(fault).__name__}")

    def _deliver(self, tried: Owed) -> Outcome:
        register = self.room.register
        letter = self._letter(tried)
        if isinstance(letter, str):
            delivery.drop(register, self.shift, tried, letter)
            return Outcome.DROPPED
        domain = letter.to.rpartition("@")[2].casefold()
        if domain in self._lost_to:
            # Who made us wait for one letter may do so for the next to the same domain: those to others come first.
            until = self.room.machine_now() + _AFTER_OTHERS
            delivery.untried(register, self.shift, tried, None, until=until)
            return Outcome.SKIPPED
        self.room.step("written")
        try:
            self.room.deliverers[self.channel].deliver(letter)
        except Lost:
            self._lost_to.add(domain)
            raise
        self._silent = 0
        self.room.step("delivered")
        delivery.done(register, self.shift, tried)
        self.room.step("sent")
        return Outcome.SENT

    def _letter(self, tried: Owed) -> Letter | str:
        """Write it from the register as it is now; gives why not where it is not owed any more."""
        if self.channel not in self.room.deliverers:
            return "no provider of text messages is set"
        why = still_owed(tried, self.room, self.now) or told_anew(tried, self.room, self.now)
        if why is not None:
            return why
        written = write(tried, self.room)
        return written.why if isinstance(written, NotOwed) else written

    def _again(self, tried: Owed, problem: str) -> Outcome:
        return Outcome.AGAIN if delivery.again(self.room.register, self.shift, tried, problem) else Outcome.DEAD

    def _is_away(self, why: str) -> None:
        self.away = True
        _log.warning("nobody takes messages by %s just now: %s", self.channel, why)
