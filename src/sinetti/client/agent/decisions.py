"""What is done for a name now, or when, or why never: a closed set of decisions. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.client import renewal_window
from sinetti.client.agent import schedule
from sinetti.client.model import Because, Care
from sinetti.client.results import ExitCode
from sinetti.client.store import journal
from sinetti.client.store.journal import Kind, State
from sinetti.client.store.memory import Memory
from sinetti.client.store.sighting import InUse, OpenOne, Sight
from sinetti.domain.codes import reason_of
from sinetti.domain.refusals import Reason
from sinetti.domain.values import Span

CLOCK_DOUBT = timedelta(days=2)
"""How long after its end a certificate is still offered: a clock may be wrong, and the service has the last word."""

FOR_GOOD = frozenset({Reason.SIGNER_EXPIRED, Reason.SIGNER_REVOKED, Reason.ALREADY_RENEWED})
"""Refusals after which this certificate can never be renewed, whatever anybody mends."""


@dataclass(frozen=True, slots=True)
class Renew:
    """A renewal is begun now. `urgent`: nothing holds it back; `early`: only a hint has opened it."""

    urgent: bool
    early: bool


@dataclass(frozen=True, slots=True)
class GoOn:
    """Something is under way and is gone on with now, whatever the hour."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is done before `until` (UTC)."""

    until: datetime
    because: Because


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Nothing that the agent can do helps: a person has to."""

    because: Because


Decision = Renew | GoOn | Wait | Hopeless

PERSONS_TURN = {
    Because.EXPIRED: ExitCode.REFUSED,
    Because.REVOKED: ExitCode.REFUSED,
    Because.REFUSED_FOR_GOOD: ExitCode.REFUSED,
    Because.ENROLMENT_OPEN: ExitCode.AGAIN,
    Because.ENROLMENT_UNCERTAIN: ExitCode.UNCERTAIN,
    Because.ENROLMENT_REFUSED: ExitCode.REFUSED,
}
"""The exit code as long as a name waits for a person."""


def decide(seen: Sight, care: Care, now: datetime) -> Decision:
    """Decide about a name without trouble at `now` (UTC)."""
    due = _due(seen, care, now)
    if isinstance(due, Wait | Hopeless):
        return due
    again = schedule.believable(seen.memory.next_try, now)
    return Wait(again, Because.AFTER_FAILURE) if again is not None and now < again else due


def _due(seen: Sight, care: Care, now: datetime) -> Decision:
    if seen.enrolment is not None and seen.enrolment.fetchable:
        return GoOn(Kind.ENROL)
    if seen.in_use is None:
        return Hopeless(_first_is_open(seen.enrolment))
    if seen.renewal is not None and seen.renewal.fetchable:
        return GoOn(Kind.RENEW)
    never = _why_never(seen, seen.in_use, now)
    if never is not None:
        return Hopeless(never)
    if seen.renewal is not None and seen.renewal.state in journal.OPEN_QUESTION | journal.UNDER_WAY:
        return GoOn(Kind.RENEW)
    return _by_time(seen, seen.in_use, care, now)


def _by_time(seen: Sight, in_use: InUse, care: Care, now: datetime) -> Decision:
    place = schedule.share(in_use.serial, seen.name)
    rested, on_call = _rested(seen.memory, in_use.span, now)
    own = max(schedule.place_in_time(place, in_use.span, care, seen.memory.hint), on_call)
    at = schedule.begin_at(own, in_use.span, care, now)
    if now < at:
        return Wait(at, Because.PLANNED if now < own else Because.MAINTENANCE)
    early = now < max(renewal_window.renew_from(in_use.span), rested)
    return Renew(schedule.is_urgent(in_use.span, care, now), early=early)


def _rested(known: Memory, span: Span, now: datetime) -> tuple[datetime, datetime]:
    """Return until when to leave a received certificate alone.

    The first instant is that of `timing.rest`, the second applies if its hint calls for it. A hint calls unless its
    window had ended when the certificate was received. One that is always "now" causes one renewal a day. A certificate
    renewed only for a hint is left alone for a day, regardless of its own hint.
    """
    if known.received is None or known.received > now:  # not received by a pass, or by a clock that was wrong
        return span.not_before, span.not_before
    rested = known.received + schedule.rest(span, known.received)
    if known.hint is None or known.hint.end <= known.received:
        return rested, rested
    day = schedule.LONGEST_DELAY if known.by_hint else timedelta()
    return rested, min(rested, max(known.received + day, known.hint.start))


def _why_never(seen: Sight, in_use: InUse, now: datetime) -> Because | None:
    if seen.revoked:
        return Because.REVOKED
    if now - CLOCK_DOUBT > in_use.span.not_after:
        return Because.EXPIRED
    if is_for_good(seen.memory.codes) and seen.memory.exit_code is ExitCode.REFUSED:
        return Because.REFUSED_FOR_GOOD
    return None


def is_clock_behind(in_use: InUse | None, now: datetime) -> bool:
    """Tell whether a certificate that is in use begins so much later than `now` that the clock has to be wrong."""
    return in_use is not None and now + CLOCK_DOUBT < in_use.span.not_before


def is_for_good(codes: tuple[str, ...]) -> bool:
    """Tell whether a refusal says that this certificate can never be renewed."""
    return not FOR_GOOD.isdisjoint(reason_of(code) for code in codes)


def _first_is_open(enrolment: OpenOne | None) -> Because:
    if enrolment is None or enrolment.state is State.REFUSED:
        return Because.ENROLMENT_REFUSED
    return Because.ENROLMENT_UNCERTAIN if enrolment.state in journal.OPEN_QUESTION else Because.ENROLMENT_OPEN
