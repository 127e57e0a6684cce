"""Decisions about a name: act now, act at a later instant, or never and why."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.agent import decisions, schedule, worker
from sinetti.client.agent.decisions import NeedsOperator, Renew, ResumeRequest, Wait
from sinetti.client.model import AgentSettings, DecisionReason, MaintenanceWindow, RenewalInfoState
from sinetti.client.results import ExitCode
from sinetti.client.store.agent_state import AgentState
from sinetti.client.store.generations import NameState
from sinetti.client.store.journal import RequestJournal, RequestKind, RequestState
from sinetti.client.store.snapshot import InstalledCertificate, NameSnapshot
from sinetti.domain.values import ValidityPeriod

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = ValidityPeriod(BEGAN, BEGAN + 730 * DAY)
OPENS, URGENT, END = SPAN.not_after - 60 * DAY, SPAN.not_after - 14 * DAY, SPAN.not_after
HELD = NameSnapshot("payroll", Path("store/payroll"), in_use=InstalledCertificate("0a", SPAN, b"0" * 32))
REVOKED = NameState(revoked="0a")
OWN = schedule.scheduled_time(schedule.stable_fraction("0a", "payroll"), SPAN, AgentSettings(), None)
SUNDAYS = AgentSettings(maintenance=(MaintenanceWindow(frozenset({6}), time(1), time(5)),))
EARLY = RenewalInfoState(BEGAN + 100 * DAY, BEGAN + 101 * DAY)


def remembering(**known):
    return replace(HELD, memory=AgentState("0a", **known))


def pending(kind, state, retrieval_id=None):
    return RequestJournal(HELD.folder / "pending" / kind, state, "0" * 64, retrieval_id=retrieval_id)


def renewing(state):
    return replace(HELD, open=(pending(RequestKind.RENEW, state),))


def enrolling(state, in_use=None):
    return replace(HELD, in_use=in_use, open=(pending(RequestKind.ENROL, state),))


GONE_ON = replace(renewing(RequestState.UNCERTAIN), memory=AgentState("0a", 1, OWN + timedelta(minutes=5)))
REFUSED = remembering(codes=("PKI035",), exit_code=ExitCode.REFUSED)
NOW_HINT = RenewalInfoState(OPENS - DAY, OPENS + 5 * DAY)
CAME = OPENS + 2 * DAY
CASES = {
    "received less than half a window ago": (
        remembering(received=CAME), AgentSettings(), CAME + SECOND, Wait(CAME + (END - CAME) / 2,
        DecisionReason.PLANNED)
    ),
    "received half of what was left ago": (
        remembering(received=CAME), AgentSettings(), CAME + (END - CAME) / 2, Renew(urgent=False, early=False)
    ),
    "received just now, and the service calls for it": (
        remembering(received=CAME, hint=NOW_HINT), AgentSettings(), NOW_HINT.end, Renew(urgent=False, early=True)
    ),
    "received just now, and the window of its hint had ended before": (
        remembering(received=CAME, hint=RenewalInfoState(OPENS - DAY, CAME)), AgentSettings(), CAME + DAY,
        Wait(CAME + (END - CAME) / 2, DecisionReason.PLANNED),
    ),
    "a hint brought it a moment ago, and the next hint calls at once": (
        remembering(received=CAME, hint=NOW_HINT, by_hint=True), AgentSettings(spread=timedelta()), CAME + SECOND,
        Wait(CAME + DAY, DecisionReason.PLANNED),
    ),
    "a hint brought it a day ago": (
        remembering(received=CAME, hint=RenewalInfoState(OPENS, CAME + DAY), by_hint=True), AgentSettings(), CAME + DAY,
        Renew(urgent=False, early=True),
    ),
    "received at a time that has not come": (
        remembering(received=END), AgentSettings(), OWN, Renew(urgent=False, early=False)
    ),
    "before its moment": (HELD, AgentSettings(), OWN - SECOND, Wait(OWN, DecisionReason.PLANNED)),
    "at its moment": (HELD, AgentSettings(), OWN, Renew(urgent=False, early=False)),
    "near the end": (HELD, AgentSettings(), URGENT, Renew(urgent=True, early=False)),
    "outside the windows": (HELD, SUNDAYS, OWN + SECOND, "maintenance"),
    "near the end no window counts": (HELD, SUNDAYS, URGENT, Renew(urgent=True, early=False)),
    "called for early": (remembering(hint=EARLY), AgentSettings(), EARLY.end, Renew(urgent=False, early=True)),
    "after a failure": (remembering(failures=1, next_try=OWN + SECOND), AgentSettings(), OWN, "after-failure"),
    "after the delay": (remembering(failures=1, next_try=OWN), AgentSettings(), OWN, Renew(urgent=False, early=False)),
    "a delay by a wrong clock": (
        remembering(next_try=OWN + 9 * DAY), AgentSettings(), OWN, Renew(urgent=False, early=False),
    ),
    "a renewal under way is gone on with at any hour": (
        renewing(RequestState.SENT), SUNDAYS, OPENS, ResumeRequest(RequestKind.RENEW),
    ),
    "but not before its delay is over": (GONE_ON, AgentSettings(), OWN, "after-failure"),
    "a refused one waits for its moment": (renewing(RequestState.REFUSED), AgentSettings(), OPENS - SECOND, "planned"),
    "a prepared one too": (renewing(RequestState.PREPARED), AgentSettings(), OPENS - SECOND, "planned"),
    "the last second": (HELD, AgentSettings(), END, Renew(urgent=True, early=False)),
    "a day after the end the clock may be wrong": (HELD, AgentSettings(), END + DAY, Renew(urgent=True, early=False)),
    "beyond doubt": (HELD, AgentSettings(), END + 2 * DAY + SECOND, NeedsOperator(DecisionReason.EXPIRED)),
    "revoked": (replace(HELD, notes=REVOKED), AgentSettings(), OWN, NeedsOperator(DecisionReason.REVOKED)),
    "refused for good": (REFUSED, AgentSettings(), OWN, NeedsOperator(DecisionReason.REFUSED_FOR_GOOD)),
    "refused, but to be mended": (
        remembering(codes=("PKI036",), exit_code=ExitCode.REFUSED), AgentSettings(), OWN,
        Renew(urgent=False, early=False)
    ),
    "uncertain is not refused": (
        remembering(codes=("PKI035",), exit_code=ExitCode.UNCERTAIN), AgentSettings(), OWN,
        Renew(urgent=False, early=False)
    ),
    "what was accepted is fetched though it was revoked since": (
        replace(renewing(RequestState.ACCEPTED), notes=REVOKED), AgentSettings(), OWN,
        ResumeRequest(RequestKind.RENEW)
    ),
    "what was not is given up": (
        replace(renewing(RequestState.SENT), notes=REVOKED), AgentSettings(), OWN, NeedsOperator(DecisionReason.REVOKED)
    ),
    "an enrolment is fetched": (
        enrolling(RequestState.ACCEPTED), AgentSettings(), OWN, ResumeRequest(RequestKind.ENROL),
    ),
    "one beside a certificate too": (
        enrolling(RequestState.ACCEPTED, in_use=HELD.in_use), AgentSettings(), BEGAN,
        ResumeRequest(RequestKind.ENROL)
    ),
    "only enrol can go on": (
        enrolling(RequestState.PREPARED), AgentSettings(), OWN, NeedsOperator(DecisionReason.ENROLMENT_OPEN),
    ),
    "and where it is uncertain": (
        enrolling(RequestState.SENT), AgentSettings(), OWN, NeedsOperator(DecisionReason.ENROLMENT_UNCERTAIN),
    ),
    "a refused enrolment": (
        enrolling(RequestState.REFUSED), AgentSettings(), OWN, NeedsOperator(DecisionReason.ENROLMENT_REFUSED),
    ),
    "nothing at all": (
        replace(HELD, in_use=None), AgentSettings(), OWN, NeedsOperator(DecisionReason.ENROLMENT_REFUSED),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "care", "now", "wanted"), CASES.values(), ids=CASES)
def test_decide(seen, care, now, wanted):
    decision = decisions.decide(seen, care, now)
    if isinstance(wanted, str):
        assert isinstance(decision, Wait)
        assert decision.until > now
        wanted = replace(decision, because=DecisionReason(wanted))
    assert decision == wanted


times = some.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=some.just(UTC))
memories = some.builds(
    AgentState,
    serial=some.just("0a"),
    failures=some.integers(0, 20),
    next_try=some.none() | times,
    codes=some.lists(some.sampled_from(["PKI032", "PKI034", "PKI090", "?"]), max_size=2).map(tuple),
    exit_code=some.sampled_from(ExitCode),
    hint=some.none()
    | some.builds(lambda at, long: RenewalInfoState(at, at + long), times, some.timedeltas(SECOND, 90 * DAY)),
)
opens = some.lists(
    some.builds(
        pending, some.sampled_from(RequestKind), some.sampled_from(RequestState), some.sampled_from([None, "R1"])
    ),
    max_size=2,
    unique_by=lambda one: one.folder.name,
).map(tuple)
seen_ones = some.builds(
    NameSnapshot,
    name=some.just("payroll"),
    folder=some.just(Path("store/payroll")),
    in_use=some.just(HELD.in_use),
    open=opens,
    notes=some.sampled_from([NameState(), REVOKED]),
    memory=memories,
)


@given(seen_ones, some.sampled_from([AgentSettings(), SUNDAYS]), times)
def test_whoever_waits_waits_for_something_ahead(seen, care, now):
    decision = decisions.decide(seen, care, now)
    if isinstance(decision, Wait):
        assert now < decision.until
        assert decision.until <= max(END, now + DAY), "nothing waits past the end but for a delay of a day"


@given(seen_ones, some.sampled_from([AgentSettings(), SUNDAYS]), times)
def test_near_the_end_only_a_delay_of_a_day_or_a_person_is_in_the_way(seen, care, now):
    if URGENT <= now <= END:
        decision = decisions.decide(seen, care, now)
        assert not isinstance(decision, Wait) or decision.until <= now + DAY


def test_a_failure_stays_visible_outside_of_the_maintenance_hours():
    failing = remembering(failures=5, exit_code=ExitCode.AGAIN)
    decision = decisions.decide(failing, SUNDAYS, OWN + DAY)
    assert decision.because is DecisionReason.MAINTENANCE
    assert worker.exit_code(failing, decision, None) is ExitCode.AGAIN
    assert worker.exit_code(HELD, decision, None) is ExitCode.DONE
