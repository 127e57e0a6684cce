"""Renewal information (RFC 9773): suggested windows and early replacement.

Windows spread the load. An operator may call for an earlier renewal. The rule depends on the certificate alone, so
every client gets the same answer each time (docs/holders/renewal-info.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.validation import ValidationError, check_text
from sinetti.domain.values import RENEWAL_WINDOW, Language, Serial, ValidityPeriod

ASK_AGAIN: Final = timedelta(hours=6)
"""Recommended polling interval for renewal information (RFC 9773, 4.3)."""

ASK_AGAIN_CALLED: Final = timedelta(minutes=10)
"""Polling interval while a call for early replacement is in force.

It applies to all certificates, also to those that the call does not name.
"""

LONGEST_OVER: Final = timedelta(days=30)
SHORTEST_OVER: Final = timedelta(minutes=1)
"""Limits of the time over which a call may be spread."""

LONGEST_REASON: Final = 200
LONGEST_EXPLANATION: Final = 400
LONGEST_URL: Final = 200

_LONGEST_WINDOW: Final = timedelta(days=1)
_PARTS: Final = 8
"""Number of windows in the time over which windows are spread.

A window lasts an eighth of that time, at most one day.
"""

_SECOND: Final = timedelta(seconds=1)
_TWO_SECONDS, _THREE_SECONDS = 2 * _SECOND, 3 * _SECOND
_TEN_DAYS: Final = timedelta(days=10)
_PAST: Final = timedelta(hours=1)


class EarlyReplacementError(ValueError):
    """Call for early replacement that cannot be made or withdrawn.

    The sentence says what to do.
    """


@dataclass(frozen=True)
class SuggestedWindow:
    """Window in which to renew; the end is after the start (RFC 9773, 4.2)."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Explanation:
    """Explanation that a call gives to clients.

    The text exists in every language or in none. The address of a page is optional.
    """

    explanation: Mapping[Language, str] | None = None
    url: str | None = None


@dataclass(frozen=True)
class EarlyReplacementNotice:
    """Call as it applies to one certificate.

    Windows are spread from `begins` until `ends`.
    """

    begins: datetime
    ends: datetime
    notice: Explanation = Explanation()


@dataclass(frozen=True)
class RenewalInfoInput:
    """Data from which the renewal information of a certificate is computed."""

    serial: Serial
    span: ValidityPeriod
    renewable_from: datetime
    revoked_at: datetime | None = None
    called: EarlyReplacementNotice | None = None


@dataclass(frozen=True)
class EarlyReplacementFacts:
    """Data that decide if a call may include a certificate.

    `renewed` is True if it has a valid renewal. `called` is True if another call includes it.
    """

    state: CertificateState
    not_after: datetime
    revoked: bool
    renewed: bool
    called: bool


def renewal_window(span: ValidityPeriod) -> timedelta:
    """Return the renewal window of a certificate.

    It is 60 days, or a third of a validity period shorter than 180 days. Below ten days it is half, so that a weekend
    fits into the window of a week. Rounded down to whole seconds. The validity period is notAfter minus notBefore. If
    the window were as long as that, each renewal could be renewed at once.
    """
    life = max(span.not_after - span.not_before, timedelta())
    return min(RENEWAL_WINDOW, timedelta(seconds=life // (_TWO_SECONDS if life < _TEN_DAYS else _THREE_SECONDS)))


def default_renewal_start(span: ValidityPeriod) -> datetime:
    """Return the instant at which renewal opens by default.

    An operator may set an earlier one.

    Authority and client both use this function. The instant itself is in time.
    """
    return span.not_after - renewal_window(span)


def in_proportion(usual: timedelta, span: ValidityPeriod) -> timedelta:
    """Scale a time before the end from 60 days to the certificate's window."""
    return usual * (renewal_window(span) / RENEWAL_WINDOW)


def suggested_window(facts: RenewalInfoInput) -> SuggestedWindow:
    """Return the suggested window for the renewal of a certificate.

    As a rule the window lies within the first half of the renewal window. It is an eighth of that half, at most one
    day, and its place is drawn from the serial. Certificates that end on the same day are so renewed on many days, and
    half of the time is left as reserve.

    A call spreads its windows over its own time, at most until the middle of the remaining validity. It moves a window
    forward, never back. The window of a revoked certificate lies in the past (RFC 9773, 4.2).
    """
    if facts.revoked_at is not None:
        return SuggestedWindow(facts.revoked_at - _PAST, facts.revoked_at - _SECOND)
    # A call, also one that is being withdrawn, sets `renewable_from` earlier; the usual window follows the rule.
    opens = max(facts.renewable_from, default_renewal_start(facts.span))
    usual = _own_part(facts.serial, opens, (facts.span.not_after - opens) / 2)
    if facts.called is None:
        return usual
    begins = facts.called.begins
    duration = min(facts.called.ends - begins, (facts.span.not_after - begins) / 2)
    return min(usual, _own_part(facts.serial, begins, duration), key=lambda window: window.start)


def is_eligible(facts: EarlyReplacementFacts, now: datetime) -> bool:
    """Return True if a call may include this certificate.

    It must be issued and valid, have no renewal, and be in no other call.
    """
    issued = facts.state in {CertificateState.ISSUED, CertificateState.RETRIEVED}
    return issued and not facts.revoked and not facts.renewed and not facts.called and now <= facts.not_after


def check_over(over: timedelta) -> timedelta:
    """Return the time over which a call is spread, in whole seconds.

    Raises EarlyReplacementError if it is outside one minute to 30 days.
    """
    if not SHORTEST_OVER <= over <= LONGEST_OVER:
        raise EarlyReplacementError("a call is spread over a time from one minute to 30 days")
    return timedelta(seconds=int(over.total_seconds()))


def check_reason(text: str) -> str:
    """Return the reason of a call, for later readers of the database.

    Raises EarlyReplacementError if the text is empty, too long or not printable.
    """
    try:
        return check_text("the reason", text, LONGEST_REASON)
    except ValidationError as bad:
        raise EarlyReplacementError(str(bad)) from None


def check_notice(submitted: Explanation) -> Explanation:
    """Return the explanation of a call with trimmed texts.

    Raises EarlyReplacementError if it lacks a language, if a text is not acceptable, or if the address is no https
    URL.
    """
    explanation = submitted.explanation
    if explanation is not None:
        if set(explanation) != set(Language):
            raise EarlyReplacementError("an explanation is written in fi, sv and en, or in none of them")
        try:
            explanation = {
                language: check_text(f"the explanation ({language})", explanation[language], LONGEST_EXPLANATION)
                for language in Language
            }
        except ValidationError as bad:
            raise EarlyReplacementError(str(bad)) from None
    url = submitted.url
    if url is not None and not (
        url.startswith("https://")
        and len(url) <= LONGEST_URL
        and url.isascii()
        and url.isprintable()
        and " " not in url
    ):
        raise EarlyReplacementError(
            f"the explanation's address begins with https:// and has at most {LONGEST_URL} characters"
        )
    return Explanation(explanation, url)


def _own_part(serial: Serial, begins: datetime, duration: timedelta) -> SuggestedWindow:
    """Return the part of `duration` after `begins` that belongs to this certificate.

    It has whole seconds, at least one.
    """
    seconds = max(int(duration.total_seconds()), 1)
    length = max(min(seconds // _PARTS, int(_LONGEST_WINDOW.total_seconds())), 1)
    drawn = int.from_bytes(sha256(serial.encode("ascii")).digest()[:8])
    start = begins + timedelta(seconds=(seconds - length + 1) * drawn >> 64)
    return SuggestedWindow(start, start + timedelta(seconds=length))
