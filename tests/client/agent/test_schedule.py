"""Start of a renewal, and waiting times after failures."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.agent import schedule
from sinetti.client.agent.schedule import next_open
from sinetti.client.model import AgentSettings, MaintenanceWindow, RenewalInfoState
from sinetti.domain.certificates.renewal_info import default_renewal_start, in_proportion
from sinetti.domain.values import ValidityPeriod

DAY = timedelta(days=1)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = ValidityPeriod(BEGAN, BEGAN + 730 * DAY)
OPENS, URGENT = SPAN.not_after - 60 * DAY, SPAN.not_after - 14 * DAY
CARE = AgentSettings()
NIGHTS = AgentSettings(maintenance=(MaintenanceWindow(frozenset({5, 6}), time(1), time(5)),))

instants = some.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=some.just(UTC))
hints = some.none() | some.builds(
    lambda one, other: RenewalInfoState(min(one, other), max(one, other)), instants, instants
)
places = some.floats(0, 1, exclude_max=True)
spans = some.builds(
    lambda began, days: ValidityPeriod(began.replace(microsecond=0), began.replace(microsecond=0) + days * DAY),
    some.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=some.just(UTC)),
    some.integers(1, 3000),
)
cares = some.builds(
    AgentSettings,
    spread=some.timedeltas(timedelta(), 80 * DAY),
    urgent=some.timedeltas(timedelta(), 80 * DAY),
    maintenance=some.sampled_from([(), NIGHTS.maintenance]),
)


def latest_start(span, care):
    urgent = max(in_proportion(care.urgent, span), schedule.longest_delay(span))
    return max(span.not_after - urgent, default_renewal_start(span))


def test_the_place_of_a_certificate_is_fixed_for_ever():
    """A restart, another machine or another version of the program changes nothing."""
    assert schedule.stable_fraction("0a1b", "payroll") == schedule.stable_fraction("0a1b", "payroll")
    assert round(schedule.stable_fraction("0a1b", "payroll"), 9) == 0.622289438
    assert schedule.stable_fraction("0a1b", "payroll") != schedule.stable_fraction("0a1b", "incomes")


@given(some.text(), some.text())
def test_every_place_lies_in_the_stretch(serial, name):
    assert 0 <= schedule.stable_fraction(serial, name) < 1


def test_a_fleet_falls_on_no_one_hour():
    places = [schedule.stable_fraction(f"{number:040x}", f"customer-{number}") for number in range(10_000)]
    hours = [int(place * 240) for place in places]
    busiest = max(map(hours.count, range(240)))
    assert busiest < 80, "42 an hour is the mean over ten days"


def test_in_a_shorter_window_spread_and_urgent_shrink():
    span = ValidityPeriod(BEGAN, BEGAN + 90 * DAY)
    assert schedule.scheduled_time(0.5, span, CARE, None) == BEGAN + 61.5 * DAY
    assert schedule.is_urgent(span, CARE, BEGAN + 83 * DAY)
    assert not schedule.is_urgent(span, CARE, BEGAN + 83 * DAY - timedelta(seconds=1))


RESTS = {
    "half of the window": (BEGAN, 30 * DAY),
    "of one that came late, half of what was left": (SPAN.not_after - 10 * DAY, 5 * DAY),
    "of one that came after its end, none": (SPAN.not_after + DAY, timedelta()),
}


@pytest.mark.parametrize(("received", "rest"), RESTS.values(), ids=RESTS)
def test_what_has_just_come_is_left_alone(received, rest):
    assert schedule.retry_after(SPAN, received) == rest


def test_without_a_hint_it_lies_in_the_spread():
    assert schedule.scheduled_time(0, SPAN, CARE, None) == OPENS
    assert schedule.scheduled_time(0.5, SPAN, CARE, None) == OPENS + 3 * DAY
    assert schedule.scheduled_time(0.5, SPAN, AgentSettings(spread=60 * DAY), None) == OPENS + 3 * DAY, (
        "a tenth at most"
    )


def test_a_hint_moves_it_earlier_or_later():
    soon = RenewalInfoState(BEGAN + DAY, BEGAN + 3 * DAY)
    assert schedule.scheduled_time(0.5, SPAN, CARE, soon) == BEGAN + 2 * DAY
    late = RenewalInfoState(OPENS + 20 * DAY, OPENS + 22 * DAY)
    assert schedule.scheduled_time(0.5, SPAN, CARE, late) == OPENS + 21 * DAY


def test_who_lies_about_later_is_not_heard_near_the_end():
    never = RenewalInfoState(SPAN.not_after + DAY, SPAN.not_after + 900 * DAY)
    assert schedule.scheduled_time(0.5, SPAN, CARE, never) == URGENT


@given(places, spans, cares, hints)
def test_the_moment_lies_in_the_life_and_is_never_put_off_past_urgent(place, span, care, hint):
    own = schedule.scheduled_time(place, span, care, hint)
    latest = latest_start(span, care)
    assert own <= latest
    if hint is None:
        assert own >= default_renewal_start(span)
    elif latest >= span.not_before:
        assert own >= span.not_before


@given(places, spans, cares, hints, spans)
def test_begun_no_earlier_than_its_moment_and_no_later_than_urgent(place, span, care, hint, other):
    now = other.not_before
    own = schedule.scheduled_time(place, span, care, hint)
    at = schedule.start_time(own, span, care, now)
    latest = latest_start(span, care)
    assert max(own, now) <= at <= max(now, latest)
    if schedule.is_urgent(span, care, now):
        assert at == now, "nothing holds it back any more"
    elif at < latest:
        assert next_open(care.maintenance, care.zone, at) == at, "a window is open"


def test_a_moment_that_passed_outside_a_window_waits_for_the_next_one():
    own = schedule.scheduled_time(0, SPAN, NIGHTS, None)
    monday = datetime(2027, 11, 8, 12, tzinfo=UTC)
    assert own < monday < URGENT
    assert schedule.start_time(own, SPAN, NIGHTS, monday) == datetime(2027, 11, 12, 23, tzinfo=UTC), "Saturday 1:00"


A_DAY, A_WEEK = (ValidityPeriod(BEGAN, BEGAN + days * DAY) for days in (1, 7))
DELAYS = {
    "the first": (1, None, timedelta(minutes=5)),
    "the second": (2, None, timedelta(minutes=10)),
    "the ninth": (9, None, timedelta(minutes=1280)),
    "the tenth and all later ones": (10, None, DAY),
    "one that nobody counts any more": (10_000, None, DAY),
    "the service asks for longer": (1, timedelta(hours=2), timedelta(hours=2)),
    "the service asks for less": (3, timedelta(seconds=1), timedelta(minutes=20)),
    "the service asks for ever": (1, timedelta(days=300), DAY),
    "a life of a day: a tenth of twelve hours": (10, None, timedelta(minutes=72), A_DAY),
    "a life of a day, and the service asks for longer": (1, timedelta(hours=2), timedelta(minutes=72), A_DAY),
    "a life of seven days": (10, None, timedelta(hours=8, minutes=24), A_WEEK),
    "the first of a life of a day": (1, None, timedelta(minutes=5), A_DAY),
    "before the first certificate": (10, None, DAY, None),
}


@pytest.mark.parametrize("case", DELAYS.values(), ids=DELAYS)
def test_delays(case):
    failures, asked, waits, span = (*case, SPAN)[:4]
    assert schedule.delay(failures, span, asked) == waits


@given(some.integers(1, 100), some.none() | some.timedeltas(timedelta(), 400 * DAY))
def test_delays_grow_up_to_a_day(failures, asked):
    first, second = schedule.delay(failures, SPAN, asked), schedule.delay(failures + 1, SPAN, asked)
    assert schedule.FIRST_DELAY <= first <= second <= DAY


def test_a_time_that_no_delay_leads_to_was_written_by_a_wrong_clock():
    assert schedule.plausible_retry_time(OPENS + DAY, SPAN, OPENS) == OPENS + DAY
    assert schedule.plausible_retry_time(OPENS + DAY + timedelta(seconds=1), SPAN, OPENS) is None
    assert schedule.plausible_retry_time(OPENS + timedelta(minutes=73), A_DAY, OPENS) is None
    assert schedule.plausible_retry_time(None, SPAN, OPENS) is None


def test_a_hint_from_before_the_certificate_is_about_another_one():
    before = RenewalInfoState(BEGAN - timedelta(seconds=1), OPENS)
    assert schedule.plausible_hint(before, SPAN, None) is None
    just = RenewalInfoState(BEGAN, BEGAN + DAY)
    assert schedule.plausible_hint(just, SPAN, BEGAN + DAY) is None
    assert schedule.plausible_hint(just, SPAN, BEGAN + DAY - timedelta(seconds=1)) is just
    assert schedule.plausible_hint(just, SPAN, None) is just
    assert schedule.plausible_hint(None, SPAN, BEGAN) is None
