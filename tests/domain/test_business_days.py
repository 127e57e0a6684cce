"""Working days and office hours by Finnish clocks and calendars.

The result does not depend on the zone of the given instant.
"""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.business_days import (
    day_begins,
    finnish_date,
    is_business_hours,
    is_workday,
    last_workday,
    midnight,
    next_business_time,
    start_of_business,
    workday_after,
    workday_before,
    workdays_later,
)

OFF = frozenset({date(2027, 3, 26), date(2027, 3, 29), date(2027, 5, 6), date(2027, 12, 24)})
"""Good Friday and Easter Monday, Ascension Day, Christmas Eve."""


def off(day):
    return day in OFF


def utc(month, day, hour=0, minute=0, second=0):
    return datetime(2027, month, day, hour, minute, second, tzinfo=UTC)


IN_HOURS = {
    "Friday before it is eight, in winter": (utc(3, 5, 5, 59, 59), False),
    "Friday at eight, in winter": (utc(3, 5, 6), True),
    "Friday in the minute of 16:00": (utc(3, 5, 14, 0, 59), True),
    "Friday, 16:01": (utc(3, 5, 14, 1), False),
    "Monday before it is eight, in summer": (utc(4, 5, 4, 59, 59), False),
    "Monday at eight, in summer": (utc(4, 5, 5), True),
    "the last Sunday of March, when clocks move": (utc(3, 28, 9), False),
    "Saturday": (utc(3, 6, 9), False),
    "Good Friday": (utc(3, 26, 9), False),
    "noon, told by a clock elsewhere": (datetime(2027, 3, 5, 0, tzinfo=timezone(timedelta(hours=-10))), True),
}


@pytest.mark.parametrize(("at", "expected"), IN_HOURS.values(), ids=IN_HOURS)
def test_in_hours(at, expected):
    assert is_business_hours(at, off) is expected


FROM = {
    "within hours: at once": (utc(3, 5, 9, 1, 2), utc(3, 5, 9, 1, 2)),
    "early in the morning": (utc(3, 5, 1), utc(3, 5, 6)),
    "Friday evening": (utc(3, 5, 14, 1), utc(3, 8, 6)),
    "Saturday": (utc(3, 6, 9), utc(3, 8, 6)),
    "the evening before Easter, and clocks move": (utc(3, 25, 15), utc(3, 30, 5)),
    "Christmas Eve, early in the morning": (utc(12, 24, 1), utc(12, 27, 6)),
}


@pytest.mark.parametrize(("at", "expected"), FROM.values(), ids=FROM)
def test_hours_from(at, expected):
    assert next_business_time(at, off) == expected


def test_days_are_finnish():
    assert finnish_date(utc(3, 5, 22)) == date(2027, 3, 6)
    assert finnish_date(utc(3, 5, 21, 59)) == date(2027, 3, 5)
    assert finnish_date(utc(7, 5, 21)) == date(2027, 7, 6)
    assert midnight(date(2027, 3, 6)) == utc(3, 5, 22)
    assert midnight(date(2027, 3, 29)) - midnight(date(2027, 3, 28)) == timedelta(hours=23), "clocks move"


@pytest.mark.parametrize(
    ("day", "later", "begins"),
    [
        (date(2026, 3, 29), 0, datetime(2026, 3, 28, 22, tzinfo=UTC)),
        (date(2026, 3, 29), 1, datetime(2026, 3, 29, 21, tzinfo=UTC)),
        (date.min, 0, datetime.min.replace(tzinfo=UTC)),
        (date.max, 1, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_days_that_somebody_types_begin_within_the_calendar(day, later, begins):
    assert day_begins(day, later) == begins


def test_working_days_round_easter():
    assert [is_workday(date(2027, 3, day), off) for day in range(25, 32)] == [True, *[False] * 4, True, True]
    assert workday_after(date(2027, 3, 25), off) == date(2027, 3, 30)
    assert workday_before(date(2027, 3, 30), off) == date(2027, 3, 25)


LATER = {
    "none": (utc(3, 24, 10), 0, utc(3, 24, 10)),
    "one": (utc(3, 24, 10), 1, utc(3, 25, 10)),
    "over Easter: the same hour on the wall, though clocks moved": (utc(3, 24, 10), 2, utc(3, 30, 9)),
}


@pytest.mark.parametrize(("at", "days", "expected"), LATER.values(), ids=LATER)
def test_workdays_later(at, days, expected):
    assert workdays_later(at, days, off) == expected


LAST = {
    "the day itself, if it ends after eight": (utc(3, 5, 6, 0, 1), date(2027, 3, 5)),
    "the day before, if it ends at eight": (utc(3, 5, 6), date(2027, 3, 4)),
    "Friday, if it ends on Sunday": (utc(5, 2, 11, 3), date(2027, 4, 30)),
    "the working day before a holiday": (utc(5, 6, 11), date(2027, 5, 5)),
    "a night that is another day in Finland": (utc(3, 4, 22, 30), date(2027, 3, 4)),
}


@pytest.mark.parametrize(("end", "expected"), LAST.values(), ids=LAST)
def test_the_last_working_day(end, expected):
    assert last_workday(end, off) == expected


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_hours_come_soon_and_are_hours(at):
    begins = next_business_time(at, off)
    assert is_business_hours(begins, off)
    assert at <= begins <= at + timedelta(days=5)
    assert begins == at or begins == start_of_business(finnish_date(begins))
