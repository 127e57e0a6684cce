"""The only place that reads the clock. Everything else takes `now` as an argument."""

from datetime import UTC, datetime
from time import monotonic

try:
    from time import CLOCK_BOOTTIME, clock_gettime
except ImportError:  # not Linux
    _steady = monotonic
else:

    def _steady() -> float:
        return clock_gettime(CLOCK_BOOTTIME)


def utc_now() -> datetime:
    """The machine's time: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def monotonic_seconds() -> float:
    """Seconds of a clock that never jumps, for deadlines and durations."""
    return monotonic()


def utc_now_precise() -> datetime:
    """The machine's time: UTC, to the microsecond, for comparing clocks."""
    return datetime.now(UTC)


def boottime_seconds() -> float:
    """Seconds of a clock that never jumps and, where the system has such a one, goes on while the machine sleeps."""
    return _steady()
