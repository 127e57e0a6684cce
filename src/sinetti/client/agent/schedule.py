"""When a certificate's renewal is asked for: a moment of its own in the time given, and growing delays. Pure."""

import hashlib
from datetime import datetime, timedelta

from sinetti.client import renewal_window as client_renewal_window
from sinetti.client.agent.maintenance_windows import next_open
from sinetti.client.model import AgentSettings, RenewalInfoState
from sinetti.domain.certificates.renewal_info import in_proportion, renewal_window
from sinetti.domain.values import ValidityPeriod

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
