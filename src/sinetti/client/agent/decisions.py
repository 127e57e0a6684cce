"""Decisions of the agent about one name: renew, resume, wait or ask an operator.

Pure.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sinetti.client import renewal_window
from sinetti.client.agent import schedule
from sinetti.client.messages import messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import AgentSettings, DecisionReason
from sinetti.client.results import ExitCode
from sinetti.client.store import journal
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.journal import RequestJournal, RequestKind, RequestState
from sinetti.client.store.snapshot import InstalledCertificate, NameSnapshot
from sinetti.domain.refusals import RejectionReason, reason_for_code
from sinetti.domain.values import ValidityPeriod

CLOCK_DOUBT = timedelta(days=2)
"""Time after its end for which the agent still tries to renew a certificate.

The local clock may be wrong, and the service decides.
"""

FOR_GOOD = frozenset({RejectionReason.SIGNER_EXPIRED, RejectionReason.SIGNER_REVOKED, RejectionReason.ALREADY_RENEWED})
"""Refusals after which this certificate can never be renewed.

No correction by the holder or the service changes them.
"""


@dataclass(frozen=True)
class Renew:
    """Decision to begin a renewal now.

    `urgent`: the renewal is not held back by anything; `early`: only a hint has opened it.
    """

    urgent: bool
    early: bool


@dataclass(frozen=True)
class ResumeRequest:
    """Decision to resume a request that is under way, at any hour."""

    kind: RequestKind


@dataclass(frozen=True)
class Wait:
    """Decision to do nothing before `until` (UTC)."""

    until: datetime
    because: DecisionReason


@dataclass(frozen=True)
class NeedsOperator:
    """Decision that a person has to act, since the agent cannot help."""

    because: DecisionReason


Decision = Renew | ResumeRequest | Wait | NeedsOperator

OPERATOR_EXIT_CODES = {
    DecisionReason.EXPIRED: ExitCode.REFUSED,
    DecisionReason.REVOKED: ExitCode.REFUSED,
    DecisionReason.REFUSED_FOR_GOOD: ExitCode.REFUSED,
    DecisionReason.ENROLMENT_OPEN: ExitCode.AGAIN,
    DecisionReason.ENROLMENT_UNCERTAIN: ExitCode.UNCERTAIN,
    DecisionReason.ENROLMENT_REFUSED: ExitCode.REFUSED,
}
"""Exit codes for the time that a name waits for a person."""


def decide(name_snapshot: NameSnapshot, care: AgentSettings, now: datetime) -> Decision:
    """Decide about an undamaged name at `now` (UTC)."""
    due = _due(name_snapshot, care, now)
    if name_snapshot.memory.is_clock_ahead and due == NeedsOperator(DecisionReason.EXPIRED):
        return Wait(now + schedule.FIRST_DELAY, DecisionReason.AFTER_FAILURE)
    if isinstance(due, Wait | NeedsOperator):
        return due
    span = None if name_snapshot.in_use is None else name_snapshot.in_use.span
    again = schedule.plausible_retry_time(name_snapshot.memory.next_try, span, now)
    return Wait(again, DecisionReason.AFTER_FAILURE) if again is not None and now < again else due


def _due(name_snapshot: NameSnapshot, care: AgentSettings, now: datetime) -> Decision:
    if name_snapshot.enrolment is not None and name_snapshot.enrolment.fetchable:
        return ResumeRequest(RequestKind.ENROL)
    if name_snapshot.in_use is None:
        return NeedsOperator(_first_is_open(name_snapshot.enrolment))
    if name_snapshot.renewal is not None and name_snapshot.renewal.fetchable:
        return ResumeRequest(RequestKind.RENEW)
    never = _why_never(name_snapshot, name_snapshot.in_use, now)
    if never is not None:
        return NeedsOperator(never)
    if name_snapshot.renewal is not None and name_snapshot.renewal.state in journal.OPEN_QUESTION | journal.UNDER_WAY:
        return ResumeRequest(RequestKind.RENEW)
    return _by_time(name_snapshot, name_snapshot.in_use, care, now)


def _by_time(name_snapshot: NameSnapshot, in_use: InstalledCertificate, care: AgentSettings, now: datetime) -> Decision:
    place = schedule.stable_fraction(in_use.serial, name_snapshot.name)
    known = name_snapshot.memory
    if known.received is not None and known.received > now:  # with a wrong clock
        known = replace(known, received=None)
    known = replace(known, hint=schedule.plausible_hint(known.hint, in_use.span, known.received))
    rested, on_call = _rested(known, in_use.span)
    own = max(schedule.scheduled_time(place, in_use.span, care, known.hint), on_call)
    at = schedule.start_time(own, in_use.span, care, now)
    if now < at:
        return Wait(at, DecisionReason.PLANNED if now < own else DecisionReason.MAINTENANCE)
    early = now < max(renewal_window.renewal_opens_at(in_use.span), rested)
    return Renew(schedule.is_urgent(in_use.span, care, now), early=early)


def _rested(known: AgentState, span: ValidityPeriod) -> tuple[datetime, datetime]:
    """Return the instants until which a certificate that a run received is left alone.

    The first instant is that of `schedule.retry_after`, the second applies if its hint calls for it. A certificate
    renewed only for a hint is left alone for a day, or until its own renewal opens, regardless of its own hint. So one
    that is always "now" causes one renewal a day, and in a short life one in each.
    """
    if known.received is None:
        return span.not_before, span.not_before
    rested = known.received + schedule.retry_after(span, known.received)
    if known.hint is None:
        return rested, rested
    if not known.by_hint:
        return rested, min(rested, max(known.received, known.hint.start))
    day = known.received + schedule.LONGEST_DELAY
    return rested, min(max(rested, renewal_window.renewal_opens_at(span)), max(day, known.hint.start))


def _why_never(name_snapshot: NameSnapshot, in_use: InstalledCertificate, now: datetime) -> DecisionReason | None:
    if name_snapshot.is_revoked:
        return DecisionReason.REVOKED
    if now - CLOCK_DOUBT > in_use.span.not_after:
        return DecisionReason.EXPIRED
    if is_permanent(name_snapshot.memory.codes) and name_snapshot.memory.exit_code is ExitCode.REFUSED:
        return DecisionReason.REFUSED_FOR_GOOD
    return None


def next_action_at(name_snapshot: NameSnapshot, decision: Decision) -> datetime | None:
    """Return the time of the next action of the agent that is not due yet, or None.

    It is the renewal or the next try of `deploy`, whichever comes first.
    """
    ahead = [decision.until] if isinstance(decision, Wait) else []
    if name_snapshot.is_undeployed and name_snapshot.deployment is not None:
        if name_snapshot.deployment.next_try is None:
            return None
        ahead.append(name_snapshot.deployment.next_try)
    return min(ahead, default=None)


def is_permanent(codes: tuple[str, ...]) -> bool:
    """Return whether a refusal means that this certificate can never be renewed."""
    return not FOR_GOOD.isdisjoint(reason_for_code(code) for code in codes)


def find_warning(name_snapshot: NameSnapshot) -> Message | None:
    """Return what every pass and view reports until its cause is gone, or None.

    That is a renewal with another key, or a clock that is ahead.
    """
    if name_snapshot.serial is None:
        return None
    if RejectionReason.ALREADY_RENEWED in map(reason_for_code, name_snapshot.memory.codes):
        return make_message(messages.RENEWED_ELSEWHERE, serial=name_snapshot.serial)
    return (
        make_message(messages.CLOCK_AHEAD, serial=name_snapshot.serial) if name_snapshot.memory.is_clock_ahead else None
    )


def _first_is_open(enrolment: RequestJournal | None) -> DecisionReason:
    if enrolment is None or enrolment.state is RequestState.REFUSED:
        return DecisionReason.ENROLMENT_REFUSED
    return (
        DecisionReason.ENROLMENT_UNCERTAIN
        if enrolment.state in journal.OPEN_QUESTION
        else DecisionReason.ENROLMENT_OPEN
    )
