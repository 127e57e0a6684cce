"""The bench's clock: the machine's until it is set; from then on it stands still until it is set again."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sinetti.clock import machine_now

SLACK = timedelta(minutes=1)
"""How far back the clock may be set: certificates and audit rows must not come to lie in the future."""


class ClockGoesBack(ValueError):
    """The clock would go back by more than a minute."""


@dataclass(frozen=True, slots=True)
class BenchClock:
    """Kept in a file, so that a restart and every worker see the same."""

    path: Path

    def now(self) -> datetime:
        """The bench's time: UTC, whole seconds."""
        try:
            return datetime.fromisoformat(self.path.read_text(encoding="ascii").strip()).astimezone(UTC)
        except FileNotFoundError:
            return machine_now()

    def set(self, now: datetime) -> datetime:
        """Set the clock and let it stand still; returns the new time. Raises ClockGoesBack."""
        new = now.astimezone(UTC).replace(microsecond=0)
        if new < self.now() - SLACK:
            sentence = f"the bench's clock is at {self.now():%Y-%m-%dT%H:%M:%SZ} and does not go back: start a new bench"
            raise ClockGoesBack(sentence)
        return self.begin(new)

    def begin(self, now: datetime) -> datetime:
        """Let the clock stand still at any time: for a bench on which nothing has happened yet."""
        new = now.astimezone(UTC).replace(microsecond=0)
        partial = self.path.with_suffix(".new")
        with partial.open("w", encoding="ascii") as file:
            file.write(new.strftime("%Y-%m-%dT%H:%M:%SZ"))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        return new
