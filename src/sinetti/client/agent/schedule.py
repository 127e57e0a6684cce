"""Schedule of renewals: a stable moment per certificate, and growing delays. Pure.

Maintenance windows are the hours of a week in which renewals may begin, in local time.

A window begins and ends at instants. If the clock is put forward, the hour after the gap replaces a skipped hour, and
a window that becomes empty is left out. If it is put back, a window lasts until the second occurrence of its end.
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
"""Days to search for a window.

A weekly window may be empty in the week in which the clock is put forward.
"""


def next_open(windows: Sequence[MaintenanceWindow], zone: ZoneInfo, at: datetime) -> datetime:
    """Return the first instant (UTC) from `at` on at which renewals may begin.

    That is `at` itself if there are no windows.
    """
    if not windows:
        return at
    coming = [begins for window in windows for begins, ends in _spans(window, zone, at) if at < ends]
    # Windows without a day never occur; the configuration does not allow them.
    return max(at, min(coming, default=at))


def _spans(window: MaintenanceWindow, zone: ZoneInfo, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end of each occurrence of a window, from yesterday's on."""
    today = at.astimezone(zone).date()
    for day in (today + _DAY * ahead for ahead in range(-1, _AHEAD)):
        if day.weekday() in window.days:
            until = day if window.since < window.until else day + _DAY
            begins, ends = _instant(day, window.since, zone), _instant(until, window.until, zone, second=True)
            if begins < ends:
                yield begins, ends


def _instant(day: date, wall: time, zone: ZoneInfo, *, second: bool = False) -> datetime:
    # Of a time that occurs twice, the first begins a window and the second ends it. With fold=0 a skipped time is the
    # time as long after the gap (PEP 495), with fold=1 one before it: the later is wanted for both ends.
    first, last = (datetime.combine(day, wall, tzinfo=zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(first, last) if second else first


FIRST_DELAY = timedelta(minutes=5)
LONGEST_DELAY = timedelta(days=1)
"""Delays after a failure: doubled from the first to the longest.

In short lives the longest is less (`longest_delay`).
"""

_TENTH, _TEN_SECONDS = 10, timedelta(seconds=10)
"""Part of the renewal window that spread and delays may take at most."""

_PARTS = 2**53


def stable_fraction(serial: str, name: str) -> float:
    """Return the place of a certificate in any period, always the same.

    A number from 0 to below 1.
    """
    digest = hashlib.sha256(f"{serial}\0{name}".encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / _PARTS


def scheduled_time(place: float, span: ValidityPeriod, care: AgentSettings, hint: RenewalInfoState | None) -> datetime:
    """Return the moment (UTC) at which a certificate is due, before windows apply.

    `place`: result of `stable_fraction`. The moment lies in the hint's window, or else in `spread` from the day on
    which renewal opens, at most a tenth of the renewal window. It is no later than `urgent` before the end, or the
    opening of renewal if that is later. `spread` and `urgent` are for a window of 60 days; in a shorter one they
    shrink in proportion. `urgent` is at least the longest delay.
    """
    opens = client_renewal_window.renewal_opens_at(span)
    spread = min(in_proportion(care.spread, span), renewal_window(span) / _TENTH)
    begins, length = (opens, spread) if hint is None else (hint.start, hint.end - hint.start)
    # A hint may state any year; a moment before the certificate's begin is meaningless.
    return min(max((begins + length * place).replace(microsecond=0), span.not_before), _latest(span, care))


def start_time(own: datetime, span: ValidityPeriod, care: AgentSettings, now: datetime) -> datetime:
    """Return the time to begin a renewal whose own moment is `own`.

    That is the later of `own` and `now`, moved into a maintenance window. Windows delay it no longer than to `urgent`
    before the end.
    """
    first, latest = max(own, now), _latest(span, care)
    return first if first >= latest else min(next_open(care.maintenance, care.zone, first), latest)


def is_urgent(span: ValidityPeriod, care: AgentSettings, now: datetime) -> bool:
    """Return whether the end is so near that nothing holds a renewal back."""
    return now >= _latest(span, care)


def longest_delay(span: ValidityPeriod | None) -> timedelta:
    """Return the longest delay: a day, or a tenth of a short renewal window.

    `span` is None before the first certificate.
    """
    tenth = LONGEST_DELAY if span is None else timedelta(seconds=renewal_window(span) // _TEN_SECONDS)
    return min(LONGEST_DELAY, tenth)


def delay(failures: int, span: ValidityPeriod | None, asked_for: timedelta | None = None) -> timedelta:
    """Return the delay after a number of failures in a row (1 or more).

    It is at least `asked_for`, the delay that the service requests. Of that, the longest delay counts at most, so that
    no service can postpone a renewal indefinitely.
    """
    grown = FIRST_DELAY * (1 << min(failures - 1, 16))
    return min(max(grown, asked_for or grown), longest_delay(span))


def plausible_retry_time(next_try: datetime | None, span: ValidityPeriod | None, now: datetime) -> datetime | None:
    """Return the planned time of the next try, or None.

    None for a time later than the longest delay: the clock was wrong when it was planned.
    """
    return None if next_try is None or next_try > now + longest_delay(span) else next_try


def plausible_hint(
    hint: RenewalInfoState | None, span: ValidityPeriod, received: datetime | None
) -> RenewalInfoState | None:
    """Return the hint, or None if it cannot be about this certificate.

    Its window began before the certificate, or ended before its receipt: it came after the call. Obeyed, a window that
    stays would have every certificate renewed as soon as it came.
    """
    if hint is None or hint.start < span.not_before or (received is not None and hint.end <= received):
        return None
    return hint


def _latest(span: ValidityPeriod, care: AgentSettings) -> datetime:
    # At least the longest delay is left: a pass within it renews, also if the settings have no `urgent` time.
    urgent = max(in_proportion(care.urgent, span), longest_delay(span))
    return max(span.not_after - urgent, client_renewal_window.renewal_opens_at(span))


def retry_after(span: ValidityPeriod, received: datetime) -> timedelta:
    """Return the time to leave a received certificate alone: half its window.

    Otherwise every run would ask a service whose certificates are due again at once. For a late certificate it is half
    of the remaining time, so that it does not expire meanwhile.
    """
    return min(renewal_window(span), max(span.not_after - received, timedelta())) / 2
