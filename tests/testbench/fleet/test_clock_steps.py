"""Next instant of the bench's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.testbench.fleet.scenario import LEAP, STRIDE, WATCHFUL, next_step

NOW = datetime(2027, 1, 13, 8, tzinfo=UTC)
GOAL = NOW + timedelta(days=731)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

CASES = {
    "nothing planned: a leap": ([None, None], GOAL, NOW + LEAP),
    "due in a week: there": ([NOW + 7 * DAY, None], GOAL, NOW + 7 * DAY),
    "the earlier of two": ([NOW + 9 * DAY, NOW + 7 * DAY], GOAL, NOW + 7 * DAY),
    "due in an hour: a day on, as a daily timer": ([NOW + HOUR], GOAL, NOW + STRIDE),
    "overdue: a day on": ([NOW - HOUR], GOAL, NOW + STRIDE),
    "due in a year: a leap": ([NOW + 365 * DAY], GOAL, NOW + LEAP),
    "never past the goal": ([NOW + 7 * DAY], NOW + DAY, NOW + DAY),
    "nor by the stride": ([NOW + HOUR], NOW + 2 * HOUR, NOW + 2 * HOUR),
}


@pytest.mark.parametrize(("due", "goal", "expected"), CASES.values(), ids=CASES)
def test_next_step(due, goal, expected):
    assert next_step(NOW, due, goal) == expected


def test_an_incident_is_watched_by_the_hour_and_gone_after_by_the_minute():
    assert next_step(NOW, [None], GOAL, WATCHFUL) == NOW + HOUR
    assert next_step(NOW, [NOW], GOAL, WATCHFUL) == NOW + timedelta(minutes=1)
