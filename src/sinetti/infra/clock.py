"""Clock: the only module that reads the time.

All other modules take `now` as an argument.
"""

from datetime import UTC, datetime
from time import monotonic, time_ns

try:
    from time import CLOCK_BOOTTIME, clock_gettime
except ImportError:  # not Linux
    _steady = monotonic
else:

    def _steady() -> float:
        return clock_gettime(CLOCK_BOOTTIME)


def utc_now() -> datetime:
    """Return the machine's time: UTC, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def monotonic_seconds() -> float:
    """Return the seconds of a monotonic clock, for deadlines and durations."""
    return monotonic()


def utc_now_precise() -> datetime:
    """Return the machine's time: UTC, to the microsecond, for comparing clocks."""
    return datetime.now(UTC)


def unix_nanoseconds() -> int:
    """Return the machine's time in nanoseconds since 1970, for the steps of traces."""
    return time_ns()


def boottime_seconds() -> float:
    """Return the seconds of a monotonic clock that also counts time asleep.

    On systems without such a clock it is the usual monotonic one.
    """
    return _steady()
