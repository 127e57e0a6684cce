"""When a certificate's renewal is asked for: a moment of its own in the time given, and growing delays. Pure.

Maintenance windows: the hours of a week in which renewals are begun, by the clock on a wall. Pure.

A window begins and ends at instants. Where the clock is put forward, an hour that is skipped is taken for the one after
it, and a window that comes to nothing by that is left out; where it is put back, a window lasts until its end comes for
the second time.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sinetti.client import renewal_window as client_renewal_window
from sinetti.client.model import AgentSettings, MaintenanceWindow, RenewalInfoState
from sinetti.domain.certificates.renewal_info import in_proportion, renewal_window
from sinetti.domain.values import ValidityPeriod

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


FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(days=1)
"""After a failure: doubled from the first to the longest."""

_PARTS = 2**53


def stable_fraction(serial: str, name: str) -> float:
    """Give where in any stretch of time a certificate has its place: from 0 to below 1, always the same."""
    digest = hashlib.sha256(f"{serial}\0{name}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / _PARTS


def scheduled_time(place: float, span: ValidityPeriod, care: AgentSettings, hint: RenewalInfoState | None) -> datetime:
    """Give the moment (UTC) that a certificate whose `share` is `place` has of its own, whatever the hour is there.

    It lies in the hint's window, else in `spread` from the day on which renewal opens; and no later than `urgent`
    before the end, or the opening of renewal where that is later. Both are times for a window of 60 days; in a
    shorter one they shrink in proportion.
    """
    opens, spread = client_renewal_window.renewal_opens_at(span), in_proportion(care.spread, span)
    begins, length = (opens, spread) if hint is None else (hint.start, hint.end - hint.start)
    # A hint may say any year; before the certificate began nothing can be meant.
    return min(max(_whole(begins + length * place), span.not_before), _latest(span, care))


def start_time(own: datetime, span: ValidityPeriod, care: AgentSettings, now: datetime) -> datetime:
    """Give when a renewal is begun whose own moment is `own`: then or now, whichever is later, in a maintenance window.

    Windows hold it back no longer than to `urgent` before the end.
    """
    first, latest = max(own, now), _latest(span, care)
    return first if first >= latest else min(next_open(care.maintenance, care.zone, first), latest)


def is_urgent(span: ValidityPeriod, care: AgentSettings, now: datetime) -> bool:
    """Tell whether the end is so near that nothing holds a renewal back any more."""
    return now >= _latest(span, care)


def delay(failures: int, asked_for: timedelta | None = None) -> timedelta:
    """Give how long to wait after that many failures in a row (1 or more), and no shorter than the service asked for.

    What it asks for counts for a day at most: nobody may put a renewal off for ever.
    """
    grown = min(FIRST_DELAY * (1 << min(failures - 1, 16)), LONGEST_DELAY)
    return grown if asked_for is None else min(max(grown, asked_for), LONGEST_DELAY)


def plausible_retry_time(next_try: datetime | None, now: datetime) -> datetime | None:
    """Give when the next try was planned; None for a time that no delay leads to: the clock was wrong when it was."""
    return None if next_try is None or next_try > now + LONGEST_DELAY else next_try


def _latest(span: ValidityPeriod, care: AgentSettings) -> datetime:
    return max(span.not_after - in_proportion(care.urgent, span), client_renewal_window.renewal_opens_at(span))


def retry_after(span: ValidityPeriod, received: datetime) -> timedelta:
    """Return how long to leave a received certificate alone: half its window.

    So a service whose certificates are due again at once is not asked in every pass. Of one that came late it is half
    of what was left: it must not lapse meanwhile.
    """
    return min(renewal_window(span), max(span.not_after - received, timedelta())) / 2


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=0)
