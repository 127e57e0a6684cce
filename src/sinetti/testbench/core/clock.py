"""The bench's clock: the machine's clock until it is set.

From then on it stands still until it is set again.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from sinetti.infra.clock import utc_now

SLACK = timedelta(minutes=1)
"""Longest time by which the clock may be set back.

Certificates and audit rows must not come to lie in the future.
"""

EARLIEST = datetime(2000, 1, 2, tzinfo=UTC)
LATEST = datetime(2099, 12, 31, tzinfo=UTC)
"""Latest instant of the clock (contracts: "Test bench").

The bench's TLS certificate is valid from 2000 to 2099.
"""

_TEXT = "%Y-%m-%dT%H:%M:%SZ"
RANGE = f"from {EARLIEST:{_TEXT}} to {LATEST:{_TEXT}}"
_RANGE = f"the clock of the bench can be set {RANGE}"


class ClockGoesBack(ValueError):
    """Raised where the clock would go back by more than a minute."""


class ClockOutOfRange(ValueError):
    """Raised where the clock would leave the years of a bench."""


def in_range(now: datetime) -> datetime:
    """Return this instant in UTC and whole seconds.

    Raises ClockOutOfRange if the bench cannot be at it.
    """
    try:
        new = now.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ClockOutOfRange(_RANGE) from None
    if not EARLIEST <= new <= LATEST:
        raise ClockOutOfRange(_RANGE)
    return new


def _goes_back(present: datetime) -> ClockGoesBack:
    return ClockGoesBack(
        f"the clock of the bench is at {present:{_TEXT}} and does not go back: leave out the time to continue from "
        "there, or start a new bench in another folder"
    )


@dataclass(frozen=True)
class BenchClock:
    """Clock that is stored in a file, so that a restart and every worker see the same."""

    path: Path
    _setting: Lock = field(default_factory=Lock, repr=False, compare=False)

    def now(self) -> datetime:
        """Return the bench's time: UTC, whole seconds."""
        try:
            return datetime.fromisoformat(self.path.read_text(encoding="ascii").strip()).astimezone(UTC)
        except FileNotFoundError:
            return utc_now()

    def set(self, now: datetime) -> datetime:
        """Set the clock, stop it, and return the new time.

        Raises ClockGoesBack or ClockOutOfRange for an instant that is not allowed.
        """
        with self._setting:
            new = self.goal(now)
            self._write(new)
            return new

    def goal(self, to: datetime | timedelta) -> datetime:
        """Return the instant to which `to` would set the clock.

        `to` is an instant, or a duration to advance. Raises as `set` does.
        """
        present = self.now()
        if isinstance(to, timedelta):
            if to < -SLACK:  # reported before the calendar's end, because going back was requested
                raise _goes_back(present)
            try:
                to = present + to
            except OverflowError:
                raise ClockOutOfRange(_RANGE) from None
        new = in_range(to)
        if new < present - SLACK:
            raise _goes_back(present)
        return new

    def is_stopped(self) -> bool:
        """Return True if the clock was ever set; until then it is the machine's."""
        return self.path.exists()

    def begin(self, now: datetime) -> None:
        """Set the clock of a new bench, in which no time has passed yet."""
        self._write(in_range(now))

    def _write(self, new: datetime) -> None:
        partial = self.path.with_suffix(".new")
        with partial.open("w", encoding="ascii") as file:
            file.write(new.strftime(_TEXT))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
