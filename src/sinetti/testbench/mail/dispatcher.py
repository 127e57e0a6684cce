"""Dispatcher of the bench's messages, and their context.

Each message is sent at the instant at which it is due, when a caller looks at the messages or moves the clock. There
is no thread of its own: a caller cannot distinguish a message not yet seen from one not yet sent. Therefore a test
that orders and then looks never has to wait. Only PIN codes are sent at once, by the page that queues them.

The context has the bench's texts about the service, and a mailbox in place of mail and SMS.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, TypeVar

from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.database.notifications import outbox
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.values import Language
from sinetti.infra.clock import monotonic_seconds
from sinetti.notifications.context import NotificationContext, NotificationSettings
from sinetti.notifications.delivery import scheduler
from sinetti.notifications.planning.access_ends import next_access_ends_time
from sinetti.notifications.planning.digests import next_digest_time
from sinetti.notifications.planning.early_replacement import next_call_time
from sinetti.notifications.planning.reminders import next_due_time
from sinetti.services.context import ServiceContext
from sinetti.services.token_encryption import link_unsealer
from sinetti.testbench.core.clock import BenchClock
from sinetti.testbench.mail.mailbox import Mailbox, MessageStore

MOVING: Final = 45.0
"""Seconds after which a call moves the clock no further.

The server waits longer for its answer.
"""

_Value = TypeVar("_Value")
_log = logging.getLogger(__name__)


class ClockUnfinished(Exception):
    """Raised where a call for the clock takes too long.

    The clock stands at the instant that it reached.
    """


@dataclass
class MessageDispatcher:
    """Plans and sends messages.

    `room` makes the notification context on a clock. `upkeep` is called each time after the clock was set. `findings`,
    called after that, returns the findings to report to operators, by name.
    """

    room: Callable[[Callable[[], datetime]], NotificationContext]
    clock: BenchClock
    upkeep: Callable[[], None]
    findings: Callable[[], Mapping[str, str | None]]
    seconds: Callable[[], float] = monotonic_seconds
    _done_until: datetime | None = field(default=None, init=False)
    _one_at_a_time: Lock = field(default_factory=Lock, init=False, repr=False)

    def dispatch_due(self) -> None:
        """Send the messages that are due by now.

        Where the clock runs, each is sent at its instant since the last call.
        """
        with self._one_at_a_time:
            self._catch_up()

    def move(self, to: datetime | timedelta) -> datetime:
        """Set the clock, or advance it by a duration, after all that is due in between.

        Returns the new time. The clock stops at each instant in turn, so that rows and texts are of that instant.
        After a kill on the way, the next call continues from there. Raises ClockGoesBack and ClockOutOfRange before
        anything is done, ClockUnfinished, and the errors in DATABASE_UNAVAILABLE.
        """
        last = self.seconds() + MOVING

        def arrive(at: datetime) -> None:
            if self.seconds() > last:
                raise ClockUnfinished
            self.clock.set(at)

        with self._one_at_a_time:
            goal = self.clock.goal(to)
            self._catch_up()
            self._walk(self.clock.now(), goal, arrive)
            arrive(goal)
            self._round(goal)
            self.upkeep()
            self._round(goal, self.findings())
            self._done_until = goal
            return goal

    def _catch_up(self) -> None:
        now = self.clock.now()
        if self._done_until is not None and not self.clock.is_stopped():
            self._walk(self._done_until, now, lambda at: at)
        self._round(now)
        self._done_until = now

    def _walk(self, after: datetime, until: datetime, arrive: Callable[[datetime], object]) -> None:
        """Run a round at each instant at which something is due, except `until` itself.

        After a failed round the next instant is unknown. The rest is then done at the end.
        """
        at = self._next(after)
        while at is not None and at < until:
            arrive(at)
            at = self._next(at) if self._round(at) else None

    def _next(self, after: datetime) -> datetime | None:
        ctx = self.room(self.clock.now)
        times = (next_due_time, next_digest_time, next_access_ends_time, next_call_time)
        instants = _tried(after, lambda: [time(ctx, after) for time in times]) or []
        return min((at for at in instants if at is not None and at > after), default=None)

    def _round(self, at: datetime, findings: Mapping[str, str | None] | None = None) -> bool:
        """Run one round and return True if it succeeded."""
        return _tried(at, lambda: scheduler.run_once(self.room(lambda: at), at, findings or {})) is not None


def _tried(at: datetime, do: Callable[[], _Value]) -> _Value | None:
    """Do it.

    A failed message does not stop the clock; only a database that is away does.
    """
    try:
        return do()
    except DATABASE_UNAVAILABLE:
        raise
    except Exception:  # noqa: BLE001 - every error goes to the log, and the clock goes on
        _log.exception("messages of %s could not be sent", at)
        return None


OPERATOR = "operator@bench.example"
_HELP = {
    Language.FI: "apu@bench.example (testipenkki: kukaan ei vastaa sieltä)",
    Language.SV: "hjalp@bench.example (en testbänk: ingen svarar där)",
    Language.EN: "help@bench.example (a test bench: mail there is not answered)",
}


def terms(people_address: str) -> NotificationSettings:
    """Return the settings of the bench's messages.

    `people_address` is that of its pages, without a slash at the end.
    """
    return NotificationSettings(people_address, "Sinetti test bench", _HELP, (OPERATOR,))


def context(
    ctx: ServiceContext, letters: MessageStore, people_address: str, now: Callable[[], datetime] | None = None
) -> NotificationContext:
    """Make a notification context that delivers into `letters`.

    `now` is its clock, by default that of `ctx`.
    """
    now = now or ctx.now
    mailbox = Mailbox(letters, now, lambda message_id: outbox.find_queued_at(ctx.db, message_id))
    return NotificationContext(
        db=ctx.db,
        environment=ctx.environment,
        now=now,
        machine_now=ctx.machine_now,
        terms=terms(people_address),
        deliverers=dict.fromkeys(MessageChannel, mailbox),
        keys=ctx.keys,
        unseal=link_unsealer(ctx.keys),
    )
