"""Maintenance windows: the hours of a week in which renewals are begun, by the clock on a wall. Pure.

A window begins and ends at instants. Where the clock is put forward, an hour that is skipped is taken for the one after
it, and a window that comes to nothing by that is left out; where it is put back, a window lasts until its end comes for
the second time.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sinetti.client.model import MaintenanceWindow

_DAY = timedelta(days=1)

_AHEAD = 16
"""Days that are looked through: one window of a week may come to nothing where the clock is put forward."""


def next_open(windows: Sequence[MaintenanceWindow], zone: ZoneInfo, at: datetime) -> datetime:
    """Give the first instant (UTC) from `at` on at which renewals may be begun: `at` itself without any windows."""
    if not windows:
        return at
    coming = [begins for window in windows for begins, ends in _spans(window, zone, at) if at < ends]
    # Windows without a day do not come about; by configuration there are none.
    return max(at, min(coming, default=at))


def _spans(window: MaintenanceWindow, zone: ZoneInfo, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give when a window begins and ends, from the one of yesterday on."""
    today = at.astimezone(zone).date()
    for day in (today + _DAY * ahead for ahead in range(-1, _AHEAD)):
        if day.weekday() in window.days:
            until = day if window.since < window.until else day + _DAY
            begins, ends = _instant(day, window.since, zone), _instant(until, window.until, zone, second=True)
            if begins < ends:
                yield begins, ends


def _instant(day: date, wall: time, zone: ZoneInfo, *, second: bool = False) -> datetime:
    # Of a time that comes twice the first begins a window and the second ends it. One that is skipped is with fold=0
    # the time as long after the gap (PEP 495), with fold=1 one before it: the first is wanted of both ends.
    first, last = (datetime.combine(day, wall, tzinfo=zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(first, last) if second else first
