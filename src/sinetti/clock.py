"""The only place that reads the clock. Everything else takes `now` as an argument."""

from datetime import UTC, datetime
from time import monotonic


def machine_now() -> datetime:
    """The machine's time: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def ticks() -> float:
    """Seconds of a clock that never jumps, for deadlines and durations."""
    return monotonic()
