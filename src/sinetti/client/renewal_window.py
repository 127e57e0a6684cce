"""Renewal window and validity of a certificate, and delays between requests. Pure.

No clock, no I/O. The validity of a certificate and its issuing CAs is checked after the issuers are found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509

from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.domain.certificates.renewal_info import default_renewal_start
from sinetti.domain.values import ValidityPeriod

PAUSES = (1, 2, 3, 5, 8, 13, 21, 30)
"""Seconds between two retrievals; the last one repeats.

A certificate is mostly ready in under 30 s (facts sheet, 1).
"""

DAILY_FROM = timedelta(days=30)
"""Life from which a daily pass of the agent is enough (docs/holders/agent.md)."""


class ValidityPhase(StrEnum):
    """Phase in the life of a certificate, by its dates alone."""

    VALID = "valid"
    RENEWAL_OPEN = "renewal-open"
    EXPIRED = "expired"


def renewal_opens_at(span: ValidityPeriod) -> datetime:
    """Return the time (UTC) from which renewal is open, by the service's own rule.

    60 days of 24 hours before notAfter, or a third of the life if that is less; half of a life under ten days.
    """
    return default_renewal_start(span)


def opening_message(span: ValidityPeriod) -> Message:
    """Return the message about when renewal opens and how often to run the agent."""
    daily = span.not_after - span.not_before >= DAILY_FROM
    return make_message(messages.RENEW_FROM if daily else messages.RENEW_FROM_HOURLY, at=renewal_opens_at(span))


def phase(span: ValidityPeriod, now: datetime) -> ValidityPhase:
    """Return the phase at `now` (UTC, whole seconds).

    notAfter is the last valid second (RFC 5280, 4.1.2.5).
    """
    if now > span.not_after:
        return ValidityPhase.EXPIRED
    if now >= renewal_opens_at(span):
        return ValidityPhase.RENEWAL_OPEN
    return ValidityPhase.VALID


def retry_delay(attempt: int, waited: float, wait: float, asked_for: timedelta | None = None) -> float | None:
    """Return the seconds to sleep after an attempt (counted from 0), or None.

    None once `wait` seconds have passed, or if the service asked for a longer delay (`asked_for`) than is left of
    them.
    """
    left, least = wait - waited, 0.0 if asked_for is None else asked_for.total_seconds()
    if left <= 0 or least > left:
        return None
    return min(max(float(PAUSES[min(attempt, len(PAUSES) - 1)]), least), left)


NO_LAG = timedelta()


@dataclass(frozen=True)
class ValidityError:
    """Dates that do not fit.

    `early`: before `at`, the first valid second; otherwise after `at`, the last one. `of_issuer`: the dates are the
    CA's.
    """

    of_issuer: bool
    early: bool
    at: datetime


def check_validity(
    certificate: x509.Certificate,
    ways: Sequence[Sequence[x509.Certificate]],
    now: datetime,
    lag: timedelta = NO_LAG,
) -> ValidityError | None:
    """Return the dates that do not fit `now` (UTC), or None.

    The certificate's own dates come first, then those of the CAs above it. `ways` are the paths up to an anchor
    (`pki.chain.trusted_ways`); one path on which every CA's dates fit is enough. `lag` is how far this machine's clock
    may be behind: a certificate that begins no later than that passes.
    """
    own = _outside(certificate, now, lag)
    if own is not None:
        return ValidityError(of_issuer=False, early=own[0], at=own[1])
    above = [next(filter(None, (_outside(certificate, now, lag) for certificate in way)), None) for way in ways]
    worst = None if None in above else next(iter(above), None)
    return None if worst is None else ValidityError(of_issuer=True, early=worst[0], at=worst[1])


def validity_message(validity_error: ValidityError, own: str, issuers: str, now: datetime) -> Message:
    """Return the message about dates that do not fit.

    `own` and `issuers` are the message ids that name the certificate and its CA's.
    """
    words = messages.VALID_FROM if validity_error.early else messages.VALID_UNTIL
    return make_message(
        words, what=make_message(issuers if validity_error.of_issuer else own), at=validity_error.at, now=now
    )


def _outside(certificate: x509.Certificate, now: datetime, lag: timedelta) -> tuple[bool, datetime] | None:
    if now > certificate.not_valid_after_utc:
        return False, certificate.not_valid_after_utc
    if now + lag < certificate.not_valid_before_utc:
        return True, certificate.not_valid_before_utc
    return None
