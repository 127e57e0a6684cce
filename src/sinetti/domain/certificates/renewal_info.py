"""When a certificate had best be renewed (RFC 9773): waves are flattened, and an operator may call for it earlier.

The rule is a function of the certificate alone: it says the same to whoever asks, however often (docs/renewal-info.md).
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
"""After how long a program had best ask for its hint again (RFC 9773, 4.3)."""

ASK_AGAIN_CALLED: Final = timedelta(minutes=10)
"""The same while a call for early replacement is in force, whether for this certificate or for others."""

LONGEST_OVER: Final = timedelta(days=30)
SHORTEST_OVER: Final = timedelta(minutes=1)
"""What a call may be spread over."""

LONGEST_REASON: Final = 200
LONGEST_EXPLANATION: Final = 400
LONGEST_URL: Final = 200

_LONGEST_WINDOW: Final = timedelta(days=1)
_PARTS: Final = 8
"""A window is an eighth of the time over which windows are spread, or a day if that is less."""

_SECOND: Final = timedelta(seconds=1)
_THREE_SECONDS: Final = 3 * _SECOND
_PAST: Final = timedelta(hours=1)


class EarlyReplacementError(ValueError):
    """A call for early replacement that cannot be made, or undone, as it was asked; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class SuggestedWindow:
    """From when until when to renew; the end comes after the beginning, as RFC 9773, 4.2, asks."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a call says to whoever asks: in each language or not at all, and the address of a page or none."""

    explanation: Mapping[Language, str] | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class EarlyReplacementNotice:
    """A call as it stands for one certificate: its windows are spread from `begins` until `ends`."""

    begins: datetime
    ends: datetime
    told: Explanation = Explanation()


@dataclass(frozen=True, slots=True)
class RenewalInfoInput:
    """What the hint of a certificate is made from."""

    serial: Serial
    span: ValidityPeriod
    renewable_from: datetime
    revoked_at: datetime | None = None
    called: EarlyReplacementNotice | None = None


@dataclass(frozen=True, slots=True)
class EarlyReplacementFacts:
    """What decides whether a certificate is called.

    `renewed` is with a renewal that stands, `called` before.
    """

    state: CertificateState
    not_after: datetime
    revoked: bool
    renewed: bool
    called: bool


def renewal_window(span: ValidityPeriod) -> timedelta:
    """Return the renewal window of a certificate.

    It is 60 days, or a third of a life shorter than 180 days. Its life is notAfter minus notBefore. The third is
    rounded down to whole seconds. Were the window as long as the life, each renewal would be open to the next one at
    once.
    """
    life = max(span.not_after - span.not_before, timedelta())
    return min(RENEWAL_WINDOW, timedelta(seconds=life // _THREE_SECONDS))


def default_renewal_start(span: ValidityPeriod) -> datetime:
    """Return when renewal opens, unless an operator sets an earlier time.

    Authority and client both ask here. The instant itself is in time.
    """
    return span.not_after - renewal_window(span)


def in_proportion(usual: timedelta, span: ValidityPeriod) -> timedelta:
    """Scale a time before the end from a window of 60 days to this certificate's."""
    return usual * (renewal_window(span) / RENEWAL_WINDOW)


def suggested_window(facts: RenewalInfoInput) -> SuggestedWindow:
    """When this certificate had best be renewed.

    As a rule within the first half of the time in which it may be: its own eighth of it, or its own day, drawn from its
    serial. So the certificates that end on one day are renewed on many, and half of the time is left whatever goes
    wrong. A call spreads its windows over its own time, never past the middle of what is left of a certificate; it
    brings a window forward, never back. Of a revoked certificate the window has passed (RFC 9773, 4.2).
    """
    if facts.revoked_at is not None:
        return SuggestedWindow(facts.revoked_at - _PAST, facts.revoked_at - _SECOND)
    # A call sets `renewable_from` earlier, and one that is being undone has set it: the usual window is the rule's.
    opens = max(facts.renewable_from, default_renewal_start(facts.span))
    usual = _own_part(facts.serial, opens, (facts.span.not_after - opens) / 2)
    if facts.called is None:
        return usual
    begins = facts.called.begins
    room = min(facts.called.ends - begins, (facts.span.not_after - begins) / 2)
    return min(usual, _own_part(facts.serial, begins, room), key=lambda window: window.start)


def is_eligible(one: EarlyReplacementFacts, now: datetime) -> bool:
    """Whether a call may name it: it is issued and works, nothing has taken its place, and it is in no other call."""
    issued = one.state in {CertificateState.ISSUED, CertificateState.FETCHED}
    return issued and not one.revoked and not one.renewed and not one.called and now <= one.not_after


def check_over(over: timedelta) -> timedelta:
    """Give the time that a call is spread over, whole seconds.

    Raises EarlyReplacementError.
    """
    if not SHORTEST_OVER <= over <= LONGEST_OVER:
        sentence = "a call is spread over a time from one minute to 30 days"
        raise EarlyReplacementError(sentence)
    return timedelta(seconds=int(over.total_seconds()))


def check_reason(text: str) -> str:
    """Give why a call is made, for those who look into the register later.

    Raises EarlyReplacementError.
    """
    try:
        return check_text("the reason", text, LONGEST_REASON)
    except ValidationError as bad:
        raise EarlyReplacementError(str(bad)) from None


def check_told(told: Explanation) -> Explanation:
    """Give what a call says, trimmed: in every language or in none, and a page's https address.

    Raises EarlyReplacementError.
    """
    explanation = told.explanation
    if explanation is not None:
        if set(explanation) != set(Language):
            sentence = "an explanation is written in fi, sv and en, or in none of them"
            raise EarlyReplacementError(sentence)
        try:
            explanation = {
                one: check_text(f"the explanation ({one})", explanation[one], LONGEST_EXPLANATION) for one in Language
            }
        except ValidationError as bad:
            raise EarlyReplacementError(str(bad)) from None
    url = told.url
    if url is not None and not (
        url.startswith("https://")
        and len(url) <= LONGEST_URL
        and url.isascii()
        and url.isprintable()
        and " " not in url
    ):
        sentence = f"the explanation's address begins with https:// and has at most {LONGEST_URL} characters"
        raise EarlyReplacementError(sentence)
    return Explanation(explanation, url)


def _own_part(serial: Serial, begins: datetime, room: timedelta) -> SuggestedWindow:
    """The part of `room`, from `begins` on, that is this certificate's; whole seconds, a second at least."""
    seconds = max(int(room.total_seconds()), 1)
    length = max(min(seconds // _PARTS, int(_LONGEST_WINDOW.total_seconds())), 1)
    drawn = int.from_bytes(sha256(serial.encode("ascii")).digest()[:8])
    start = begins + timedelta(seconds=(seconds - length + 1) * drawn >> 64)
    return SuggestedWindow(start, start + timedelta(seconds=length))
