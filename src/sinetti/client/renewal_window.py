"""When a certificate may be renewed, and how long to wait between two questions. Pure: no clock, no I/O."""

from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.certificates.renewal_info import default_renewal_start
from sinetti.domain.values import ValidityPeriod

PAUSES = (1, 2, 3, 5, 8, 13, 21, 30)
"""Seconds between two fetches; the last one repeats. A certificate is mostly ready in under 30 s (facts sheet, 1)."""


class ValidityPhase(StrEnum):
    """Where in its life a certificate is, as its dates alone tell."""

    VALID = "valid"
    RENEWAL_OPEN = "renewal-open"
    EXPIRED = "expired"


def renewal_opens_at(span: ValidityPeriod) -> datetime:
    """Return when renewal opens (UTC), by the service's own rule.

    60 days of 24 hours before notAfter, or a third of the life where that is less.
    """
    return default_renewal_start(span)


def phase(span: ValidityPeriod, now: datetime) -> ValidityPhase:
    """Tell the phase at `now` (UTC, whole seconds). notAfter is the last valid second (RFC 5280, 4.1.2.5)."""
    if now > span.not_after:
        return ValidityPhase.EXPIRED
    if now >= renewal_opens_at(span):
        return ValidityPhase.RENEWAL_OPEN
    return ValidityPhase.VALID


def retry_delay(attempt: int, waited: float, wait: float, asked_for: timedelta | None = None) -> float | None:
    """Seconds to sleep after the attempt of that number (from 0), or None when the patience `wait` is used up.

    So it is where the service has `asked_for` more than is left of it: nobody asks before that.
    """
    left, least = wait - waited, 0.0 if asked_for is None else asked_for.total_seconds()
    if left <= 0 or least > left:
        return None
    return min(max(float(PAUSES[min(attempt, len(PAUSES) - 1)]), least), left)
