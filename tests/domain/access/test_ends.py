"""Steps before the end of a role that mail reports."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.access.ends import has_mail, passed_step

UNTIL = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)

PASSED = {
    "no end": (None, UNTIL, None),
    "a second before 60 days": (UNTIL, UNTIL - 60 * DAY - SECOND, None),
    "60 days": (UNTIL, UNTIL - 60 * DAY, 60),
    "a second before 14 days": (UNTIL, UNTIL - 14 * DAY - SECOND, 60),
    "14 days": (UNTIL, UNTIL - 14 * DAY, 14),
    "the last second": (UNTIL, UNTIL, 14),
    "one second after": (UNTIL, UNTIL + SECOND, 0),
}


@pytest.mark.parametrize(("until", "now", "step"), PASSED.values(), ids=PASSED)
def test_the_latest_step_that_has_passed(until, now, step):
    assert passed_step(until, now) == step


MAIL = {
    "the middle of the time": (60, 120 * DAY, True),
    "the first half": (60, 120 * DAY - SECOND, False),
    "the middle of a short time": (14, 28 * DAY, True),
    "a role of two weeks": (14, 14 * DAY, False),
    "an end is always reported": (0, SECOND, True),
}


@pytest.mark.parametrize(("step", "length", "expected"), MAIL.values(), ids=MAIL)
def test_a_step_in_the_first_half_has_no_mail(step, length, expected):
    assert has_mail(step, UNTIL - length, UNTIL) is expected
