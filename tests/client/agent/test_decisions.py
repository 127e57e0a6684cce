"""What is done for a name now, when, or why never."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.agent import decisions, schedule
from sinetti.client.agent.decisions import GoOn, Hopeless, Renew, Wait
from sinetti.client.model import Because, Care, Hint, Window
from sinetti.client.results import ExitCode
from sinetti.client.store.journal import Kind, State
from sinetti.client.store.memory import Memory
from sinetti.client.store.sighting import InUse, OpenOne, Sight
from sinetti.client.store.snapshot import Glance
from sinetti.domain.values import Span

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = Span(BEGAN, BEGAN + 730 * DAY)
OPENS, URGENT, END = SPAN.not_after - 60 * DAY, SPAN.not_after - 14 * DAY, SPAN.not_after
HELD = Sight("payroll", Path("store/payroll"), Glance("payroll"), InUse("0a", SPAN, b"0" * 32))
OWN = schedule.place_in_time(schedule.share("0a", "payroll"), SPAN, Care(), None)
SUNDAYS = Care(maintenance=(Window(frozenset({6}), time(1), time(5)),))
EARLY = Hint(BEGAN + 100 * DAY, BEGAN + 101 * DAY)


def remembering(**known):
    return replace(HELD, memory=Memory("0a", **known))


def renewing(state, fetchable=False):
    return replace(HELD, renewal=OpenOne(state, fetchable))


def enrolling(state, fetchable=False, in_use=None):
    return replace(HELD, in_use=in_use, enrolment=OpenOne(state, fetchable))


GONE_ON = replace(renewing(State.UNCERTAIN), memory=Memory("0a", 1, OWN + timedelta(minutes=5)))
REFUSED = remembering(codes=("PKI035",), exit_code=ExitCode.REFUSED)
NOW_HINT = Hint(OPENS - DAY, OPENS + 5 * DAY)
CAME = OPENS + 2 * DAY
CASES = {
    "received less than half a window ago": (
        remembering(received=CAME), Care(), CAME + SECOND, Wait(CAME + (END - CAME) / 2, Because.PLANNED)
    ),
    "received half of what was left ago": (
        remembering(received=CAME), Care(), CAME + (END - CAME) / 2, Renew(urgent=False, early=False)
    ),
    "received just now, and the service calls for it": (
        remembering(received=CAME, hint=NOW_HINT), Care(), NOW_HINT.end, Renew(urgent=False, early=True)
    ),
    "received just now, and the window of its hint had ended before": (
        remembering(received=CAME, hint=Hint(OPENS - DAY, CAME)), Care(), CAME + DAY,
        Wait(CAME + (END - CAME) / 2, Because.PLANNED),
    ),
    "a hint brought it a moment ago, and the next hint calls at once": (
        remembering(received=CAME, hint=NOW_HINT, by_hint=True), Care(spread=timedelta()), CAME + SECOND,
        Wait(CAME + DAY, Because.PLANNED),
    ),
    "a hint brought it a day ago": (
        remembering(received=CAME, hint=Hint(OPENS, CAME + DAY), by_hint=True), Care(), CAME + DAY,
        Renew(urgent=False, early=True),
    ),
    "received at a time that has not come": (
        remembering(received=END), Care(), OWN, Renew(urgent=False, early=False)
    ),
    "before its moment": (HELD, Care(), OWN - SECOND, Wait(OWN, Because.PLANNED)),
    "at its moment": (HELD, Care(), OWN, Renew(urgent=False, early=False)),
    "near the end": (HELD, Care(), URGENT, Renew(urgent=True, early=False)),
    "outside the windows": (HELD, SUNDAYS, OWN + SECOND, "maintenance"),
    "near the end no window counts": (HELD, SUNDAYS, URGENT, Renew(urgent=True, early=False)),
    "called for early": (remembering(hint=EARLY), Care(), EARLY.end, Renew(urgent=False, early=True)),
    "after a failure": (remembering(failures=1, next_try=OWN + SECOND), Care(), OWN, "after-failure"),
    "after the delay": (remembering(failures=1, next_try=OWN), Care(), OWN, Renew(urgent=False, early=False)),
    "a delay by a wrong clock": (remembering(next_try=OWN + 9 * DAY), Care(), OWN, Renew(urgent=False, early=False)),
    "a renewal under way is gone on with at any hour": (renewing(State.SENT), SUNDAYS, OPENS, GoOn(Kind.RENEW)),
    "but not before its delay is over": (GONE_ON, Care(), OWN, "after-failure"),
    "a refused one waits for its moment": (renewing(State.REFUSED), Care(), OPENS - SECOND, "planned"),
    "a prepared one too": (renewing(State.PREPARED), Care(), OPENS - SECOND, "planned"),
    "the last second": (HELD, Care(), END, Renew(urgent=True, early=False)),
    "a day after the end the clock may be wrong": (HELD, Care(), END + DAY, Renew(urgent=True, early=False)),
    "beyond doubt": (HELD, Care(), END + 2 * DAY + SECOND, Hopeless(Because.EXPIRED)),
    "revoked": (replace(HELD, revoked=True), Care(), OWN, Hopeless(Because.REVOKED)),
    "refused for good": (REFUSED, Care(), OWN, Hopeless(Because.REFUSED_FOR_GOOD)),
    "refused, but to be mended": (
        remembering(codes=("PKI036",), exit_code=ExitCode.REFUSED), Care(), OWN, Renew(urgent=False, early=False)
    ),
    "uncertain is not refused": (
        remembering(codes=("PKI035",), exit_code=ExitCode.UNCERTAIN), Care(), OWN, Renew(urgent=False, early=False)
    ),
    "what was accepted is fetched though it was revoked since": (
        replace(renewing(State.ACCEPTED, fetchable=True), revoked=True), Care(), OWN, GoOn(Kind.RENEW)
    ),
    "what was not is given up": (
        replace(renewing(State.SENT), revoked=True), Care(), OWN, Hopeless(Because.REVOKED)
    ),
    "an enrolment is fetched": (enrolling(State.ACCEPTED, fetchable=True), Care(), OWN, GoOn(Kind.ENROL)),
    "one beside a certificate too": (
        enrolling(State.ACCEPTED, fetchable=True, in_use=HELD.in_use), Care(), BEGAN, GoOn(Kind.ENROL)
    ),
    "only enrol can go on": (enrolling(State.PREPARED), Care(), OWN, Hopeless(Because.ENROLMENT_OPEN)),
    "and where it is uncertain": (enrolling(State.SENT), Care(), OWN, Hopeless(Because.ENROLMENT_UNCERTAIN)),
    "a refused enrolment": (enrolling(State.REFUSED), Care(), OWN, Hopeless(Because.ENROLMENT_REFUSED)),
    "nothing at all": (replace(HELD, in_use=None), Care(), OWN, Hopeless(Because.ENROLMENT_REFUSED)),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "care", "now", "wanted"), CASES.values(), ids=CASES)
def test_decide(seen, care, now, wanted):
    decision = decisions.decide(seen, care, now)
    if isinstance(wanted, str):
        assert isinstance(decision, Wait)
        assert decision.until > now
        wanted = replace(decision, because=Because(wanted))
    assert decision == wanted


times = some.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=some.just(UTC))
memories = some.builds(
    Memory,
    serial=some.just("0a"),
    failures=some.integers(0, 20),
    next_try=some.none() | times,
    codes=some.lists(some.sampled_from(["PKI032", "PKI034", "PKI090", "?"]), max_size=2).map(tuple),
    exit_code=some.sampled_from(ExitCode),
    hint=some.none() | some.builds(lambda at, long: Hint(at, at + long), times, some.timedeltas(SECOND, 90 * DAY)),
)
opens = some.none() | some.builds(OpenOne, some.sampled_from(State), some.booleans())
seen_ones = some.builds(
    Sight,
    name=some.just("payroll"),
    folder=some.just(Path("store/payroll")),
    glance=some.just(Glance("payroll")),
    in_use=some.just(HELD.in_use),
    enrolment=opens,
    renewal=opens,
    revoked=some.booleans(),
    memory=memories,
)


@given(seen_ones, some.sampled_from([Care(), SUNDAYS]), times)
def test_whoever_waits_waits_for_something_ahead(seen, care, now):
    decision = decisions.decide(seen, care, now)
    if isinstance(decision, Wait):
        assert now < decision.until
        assert decision.until <= max(END, now + DAY), "nothing waits past the end but for a delay of a day"


@given(seen_ones, some.sampled_from([Care(), SUNDAYS]), times)
def test_near_the_end_only_a_delay_of_a_day_or_a_person_is_in_the_way(seen, care, now):
    if URGENT <= now <= END:
        decision = decisions.decide(seen, care, now)
        assert not isinstance(decision, Wait) or decision.until <= now + DAY
