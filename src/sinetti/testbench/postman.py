"""Who sends the bench's messages: each at the instant that it is due, when somebody looks, or when the clock is moved.

Nothing is sent by a thread of its own: what nobody has looked at yet cannot be told from what was not sent yet, and so
a test that orders and then looks never has to wait. Only PIN codes leave by themselves, from the page that owes them.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from sinetti.notices import rounds
from sinetti.notices.plan import next_instant
from sinetti.notices.room import Mailroom
from sinetti.registry.opening import REGISTER_UNAVAILABLE
from sinetti.testbench.clock import BenchClock

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Postman:
    """Plans and sends. `room` makes the mailroom on a clock; `upkeep` is what else is done each time the clock was set.

    `findings` is what operators are to be told of, by name, looked at after that.
    """

    room: Callable[[Callable[[], datetime]], Mailroom]
    clock: BenchClock
    upkeep: Callable[[], None]
    findings: Callable[[], Mapping[str, str | None]]
    _done_until: datetime | None = field(default=None, init=False)
    _one_at_a_time: Lock = field(default_factory=Lock, init=False, repr=False)

    def catch_up(self) -> None:
        """Send what is due by now. Where the clock runs, at the instants at which it was due, as far as anybody served."""
        with self._one_at_a_time:
            self._catch_up()

    def move(self, to: datetime | timedelta) -> datetime:
        """Set the clock, or move it on by so much, after everything that is due in between; returns the new time.

        The clock stands at each instant in turn, so that rows and texts are of that instant, and whoever is killed on
        the way goes on from there with the next call. Raises ClockGoesBack and ClockOutOfRange, before anything is
        done, and what REGISTER_UNAVAILABLE lists.
        """
        with self._one_at_a_time:
            goal = self.clock.goal(to)
            self._catch_up()
            for at in self._instants(self.clock.now(), goal):
                self.clock.set(at)
                self._round(at)
            self.clock.set(goal)
            self._round(goal)
            self.upkeep()
            self._round(goal, self.findings())
            self._done_until = goal
            return goal

    def _catch_up(self) -> None:
        now = self.clock.now()
        if not self.clock.stands_still() and self._done_until is not None:
            for at in self._instants(self._done_until, now):
                self._round(at)
        self._round(now)
        self._done_until = now

    def _instants(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Give each instant at which something is due, as it is known by then; `until` itself is not among them."""
        at = next_instant(self.room(self.clock.now), after)
        while at is not None and at < until:
            yield at
            later = next_instant(self.room(self.clock.now), at)
            if later is not None and later <= at:
                fault = f"what is due after {at} is due at {later}"
                raise RuntimeError(fault)
            at = later

    def _round(self, at: datetime, findings: Mapping[str, str | None] | None = None) -> None:
        """Run one round. What goes wrong with messages keeps nobody's clock from moving on; it is in the log."""
        try:
            rounds.run(self.room(lambda: at), at, findings or {})
        except REGISTER_UNAVAILABLE:
            raise
        except Exception:
            _log.exception("messages of %s could not be sent", at)
