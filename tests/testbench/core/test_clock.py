"""The clock of the bench, on its own."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinetti.infra.clock import utc_now
from sinetti.testbench.core.clock import EARLIEST, LATEST, BenchClock, ClockGoesBack, ClockOutOfRange, in_range

NOW = datetime(2027, 1, 11, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock(tmp_path):
    one = BenchClock(tmp_path / "clock")
    one.begin(NOW)
    return one


def test_it_is_the_machines_until_it_is_set(tmp_path):
    clock = BenchClock(tmp_path / "clock")
    before = utc_now()
    assert before <= clock.now() <= utc_now()
    with pytest.raises(ClockGoesBack):
        clock.set(utc_now() - HOUR)
    at = clock.set(utc_now() + HOUR)
    assert clock.now() == BenchClock(tmp_path / "clock").now() == at


def test_it_may_go_back_a_minute_and_no_more(clock):
    with pytest.raises(ClockGoesBack, match="2027-01-11T08:00:00Z"):
        clock.set(NOW - timedelta(seconds=61))
    assert clock.set(NOW - timedelta(seconds=60)) == NOW - timedelta(seconds=60)


def test_whole_seconds_and_utc(clock):
    given = datetime(2027, 1, 11, 12, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert clock.set(given) == datetime(2027, 1, 11, 10, tzinfo=UTC)
    assert clock.path.read_text() == "2027-01-11T10:00:00Z"


@pytest.mark.parametrize("at", [EARLIEST, LATEST])
def test_its_first_and_last_instant(at):
    assert in_range(at) == at


@pytest.mark.parametrize(
    "at", [EARLIEST - timedelta(seconds=1), LATEST + timedelta(seconds=1), datetime.min.replace(tzinfo=timezone(HOUR))]
)
def test_outside_its_years(clock, at):
    with pytest.raises(ClockOutOfRange, match="can be set from 2000-01-02T00:00:00Z to 2099-12-31T00:00:00Z"):
        in_range(at)


@pytest.mark.parametrize(
    ("by", "refused"),
    [
        (timedelta.max, ClockOutOfRange),
        (timedelta(days=40_000), ClockOutOfRange),
        (timedelta.min, ClockGoesBack),
        (timedelta(days=-1), ClockGoesBack),
    ],
)
def test_a_jump_past_the_calendar_or_back_changes_nothing(clock, by, refused):
    with pytest.raises(refused):
        clock.goal(by)
    assert clock.now() == NOW
