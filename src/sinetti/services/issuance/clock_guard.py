"""Clock guard: suspends issuance while the clock cannot be right.

See docs/operators/clock.md.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import assert_never

from sinetti.database.connection import DATABASE_UNAVAILABLE, Database
from sinetti.database.operations import clock
from sinetti.database.operations.clock import StoredClock
from sinetti.domain.operations.clock_check import (
    LARGEST_DIFFERENCE,
    LONGEST_GAP,
    ClockProblem,
    ClockReadings,
    clock_problem,
    difference,
)
from sinetti.services.context import ServiceContext

LOOKED_AT_EVERY = 5.0
"""Seconds for which a check is valid; nothing is issued on an older one."""

NOTICED_JUMP = timedelta(seconds=1)
"""Deviation from the monotonic clock that triggers a check before issuance."""

KEPT_EVERY = timedelta(minutes=10)
"""Time after which a trusted time of day is stored again, though nothing else is."""

_log = logging.getLogger(__name__)


class ClockNotAcceptable(ValueError):
    """Raised if the clock cannot be accepted as it is; the message says what to do."""


@dataclass(frozen=True)
class ClockStatus:
    """Result of a clock check; `steady` is its time on the monotonic clock."""

    readings: ClockReadings
    stored: StoredClock
    doubt: ClockProblem | None
    steady: float


class ClockGuard:
    """Checks the clock before the first answer and every few seconds; thread-safe.

    Each process has its own guard and knows only of clock jumps during its own run.
    """

    def __init__(
        self,
        db: Database,
        machine: Callable[[], datetime],
        steady: Callable[[], float],
        confirms: Callable[[datetime], bool] | None = None,
    ) -> None:
        """Create a guard that has checked nothing yet.

        `machine` returns UTC as exactly as it can; `steady` returns monotonic seconds. `confirms` asks other sources
        about a time of day. It is None for a clock that may leap, as on the bench.
        """
        self.db, self._machine, self._steady, self._confirms = db, machine, steady, confirms
        self._lock = Lock()
        self._held: ClockStatus | None = None
        self._believed: ClockStatus | None = None
        self._confirmed: ClockStatus | None = None

    def issuance_allowed(self) -> bool:
        """Return True if the clock is trusted now.

        Raises the exceptions in DATABASE_UNAVAILABLE.
        """
        return self.status().doubt is None

    def status(self) -> ClockStatus:
        """Return the last check, or a new one if it is too old or the clock has jumped."""
        held = self._held
        if held is not None and self._counts(held):
            return held
        with self._lock:
            held = self._held
            return held if held is not None and self._counts(held) else self._look()

    def look(self) -> ClockStatus:
        """Check the clock now."""
        with self._lock:
            return self._look()

    def compare(self) -> None:
        """Suspend issuance if the clock is far ahead, and nothing confirms it.

        Called before a process stores anything, and by a server every half minute. Raises the exceptions in
        DATABASE_UNAVAILABLE.
        """
        status = self.look()
        known, now = status.stored, status.readings.answered
        since = known.unconfirmed_since or known.newest
        if self._confirms is None or since is None or status.doubt not in {None, ClockProblem.AHEAD}:
            return
        if now - since > LONGEST_GAP and not (self._is_steady() or self._confirms(now)):
            clock.doubt(self.db, known)
        else:
            self._confirmed = status
            if known.unconfirmed_since is not None or now - since > KEPT_EVERY:
                clock.confirm(self.db, now, known)
        self.look()  # the earlier result would count for some seconds

    def _is_steady(self) -> bool:
        """Return True if the clock has not jumped since this process trusted it."""
        return self._confirmed is not None and abs(self._moved(self._confirmed)) < LARGEST_DIFFERENCE

    def _counts(self, held: ClockStatus) -> bool:
        return self._steady() - held.steady < LOOKED_AT_EVERY and abs(self._moved(held)) < NOTICED_JUMP

    def _moved(self, since: ClockStatus) -> timedelta:
        """Return the deviation of the wall clock from the monotonic clock since a check."""
        return (self._machine() - since.readings.answered) - timedelta(seconds=self._steady() - since.steady)

    def _look(self) -> ClockStatus:
        # Read first: an instant that another process stores after the reading of the clock would seem to lie ahead.
        stored = clock.stored(self.db)
        asked, begun = self._machine(), self._steady()
        database = clock.database_now(self.db)
        ended = self._steady()
        base = self._believed
        known = base is not None and base.stored.accepted_sequence == stored.accepted_sequence
        readings = ClockReadings(
            asked=asked,
            # Not read again: a clock jump in between must not count as round-trip time.
            answered=asked + timedelta(seconds=ended - begun),
            database=database,
            newest=stored.newest,
            jumped=self._moved(base) if base is not None and known else timedelta(0),
            unconfirmed_since=stored.unconfirmed_since,
        )
        status = ClockStatus(readings, stored, clock_problem(readings), ended)
        if status.doubt is None:
            self._believed = status
        elif status.doubt is ClockProblem.AHEAD:
            self._believed = None  # its correction is no jump
        if status.doubt is not (self._held.doubt if self._held else None):
            _log.warning("%s", describe_problem(status) or "the machine's clock is trusted again")
        self._held = status
        return status


def describe_problem(status: ClockStatus) -> str | None:
    """Return the reason for the suspension and its remedy as a sentence for operators.

    Returns None while the clock is trusted.
    """
    readings = status.readings
    machine, newest = f"{readings.answered:%Y-%m-%dT%H:%M:%SZ}", readings.newest
    match status.doubt:
        case None:
            return None
        case ClockProblem.DIFFERS:
            ahead = difference(readings) or timedelta(0)
            apart = f"{abs(ahead).total_seconds():.0f} s {'ahead of' if ahead > timedelta(0) else 'behind'}"
            return (
                f"the machine's clock ({machine}) is {apart} the database's, so issuing is suspended: set both clocks"
            )
        case ClockProblem.BEHIND:
            return (
                f"the machine's clock ({machine}) is behind the newest stored instant ({newest:%Y-%m-%dT%H:%M:%SZ}), "
                "so issuing is suspended: set the clock, or, if a wrong clock stored that instant, run sinetti "
                "authority clock accept"
            )
        case ClockProblem.AHEAD:
            return (
                f"the machine's clock ({machine}) was far ahead of the newest stored instant "
                f"({readings.unconfirmed_since:%Y-%m-%dT%H:%M:%SZ}), and neither chrony, systemd-timesyncd nor a "
                "witness of the log confirms it, so issuing is suspended: set the clock, or, if it is right, run "
                "sinetti authority clock accept"
            )
        case ClockProblem.JUMPED:
            return (
                f"the machine's clock ({machine}) jumped by {readings.jumped.total_seconds():.0f} s, so issuing is "
                "suspended: set the clock, or, if it is right now, run sinetti authority clock accept"
            )
        case never:
            assert_never(never)


def clock_check(guard: ClockGuard) -> Callable[[], str | None]:
    """Return the check `clock` for /readyz.

    The check returns None while the clock is trusted, otherwise one sentence.
    """

    def check() -> str | None:
        guard.db.refresh()
        try:
            return describe_problem(guard.status())
        except DATABASE_UNAVAILABLE:
            return "the database cannot be reached, so the clock cannot be compared with it: check the database"

    return check


def accept_clock(guard: ClockGuard, ctx: ServiceContext, actor: str, request_id: str) -> None:
    """Accept the machine's clock as it is; audited.

    Instants stored before no longer count. Raises ClockNotAcceptable while the clock differs from the database's.
    """
    before = guard.look()
    if before.doubt is ClockProblem.DIFFERS:
        raise ClockNotAcceptable(
            f"{describe_problem(before)}; clock accept does not accept a clock that differs from the database's"
        )
    clock.accept(ctx.db, before.stored.newest, ctx.audit_entry(actor, request_id))
