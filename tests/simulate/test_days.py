"""Two independent calendars, the model's and the service's.

They agree on every day and every step.
"""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from simulate import days
from sinetti.domain import business_days
from sinetti.domain.notifications import reminders
from sinetti.notifications.context import is_holiday

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2060, 12, 31, tzinfo=UTC)
INSTANTS = st.integers(0, int((LAST - FIRST).total_seconds())).map(lambda seconds: FIRST + timedelta(seconds=seconds))


def test_the_same_days_are_off():
    day, found = FIRST.date(), []
    while day <= LAST.date():
        if days.works(day) is not business_days.is_workday(day, is_holiday):
            found.append(day)
        day += timedelta(days=1)
    assert found == []


@given(INSTANTS)
def test_the_same_clock_on_the_wall(at):
    assert days.finnish(at) == at.astimezone(business_days.FINNISH_TIME).replace(tzinfo=None)
    assert days.universal(days.finnish(at).date(), days.OPENS) == business_days.start_of_business(
        business_days.finnish_date(at)
    )


@given(INSTANTS, st.sampled_from([60, 30, 14, 7, 3, 1, 0]))
def test_the_same_instant_of_each_step(ends, step):
    first = step == 60
    theirs = reminders.send_time(ends, timedelta(days=step), first=first, day_off=is_holiday)
    assert days.leaves_at(ends, step, first=first) == theirs
    assert days.in_hours(theirs)
