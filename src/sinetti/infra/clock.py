"""Clock: the only module that reads the time.

All other modules take `now` as an argument.
"""

import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time_ns

try:
    from time import CLOCK_BOOTTIME, clock_gettime
except ImportError:  # not Linux
    _steady = monotonic
else:

    def _steady() -> float:
        return clock_gettime(CLOCK_BOOTTIME)


_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_CHRONYC = ("/usr/bin/chronyc", "-c", "-n", "tracking")
_CHRONY_ALONE = "7F7F0101"
_CONFIRMED_WITHIN = 3600.0
_CORRECTION = 30.0


def is_synchronised(now: datetime) -> bool:
    """Return True if chrony or systemd-timesyncd agrees with the machine's clock.

    Either is asked for its last comparison with a server. After a jump that is long ago, or in the future.
    """
    with suppress(OSError):
        if abs(now.timestamp() - _TIMESYNCD.stat().st_mtime) < _CONFIRMED_WITHIN:
            return True
    with suppress(OSError, subprocess.SubprocessError, ValueError, IndexError):
        asked = subprocess.run(_CHRONYC, capture_output=True, text=True, timeout=2, check=True)  # noqa: S603 - a fixed path
        fields = asked.stdout.strip().split(",")
        since, correction = now.timestamp() - float(fields[3]), abs(float(fields[4]))
        is_served = fields[-1] in {"Normal", "Insert second", "Delete second"} and fields[0] != _CHRONY_ALONE
        return is_served and abs(since) < _CONFIRMED_WITHIN and correction < _CORRECTION
    return False


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


def format_instant(at: datetime) -> str:
    """Write an instant as RFC 3339, UTC, whole seconds."""
    # Not by strftime: it takes three times as long, and writes the year 1 with one digit, which no parser accepts.
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def instant_or_none(at: datetime | None) -> str | None:
    """Write an instant as `format_instant`; None for None."""
    return None if at is None else format_instant(at)
