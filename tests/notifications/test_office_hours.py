"""Days off in Finland by the library's table, year by year."""

from datetime import UTC, date, datetime, timedelta

import pytest

from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY, MessageKind
from sinetti.notifications.context import is_holiday, may_send, next_business_time

YEARS = {
    2026: "1-1 1-6 4-3 4-5 4-6 5-1 5-14 5-24 6-19 6-20 10-31 12-6 12-24 12-25 12-26",
    2027: "1-1 1-6 3-26 3-28 3-29 5-1 5-6 5-16 6-25 6-26 11-6 12-6 12-24 12-25 12-26",
    2028: "1-1 1-6 4-14 4-16 4-17 5-1 5-25 6-4 6-23 6-24 11-4 12-6 12-24 12-25 12-26",
    2035: "1-1 1-6 3-23 3-25 3-26 5-1 5-3 5-13 6-22 6-23 11-3 12-6 12-24 12-25 12-26",
}
"""Public holidays by year.

They are New Year, Epiphany, Easter, May Day, Ascension, Whit Sunday, Midsummer, All Saints, Independence Day and
Christmas.
"""


@pytest.mark.parametrize("year", YEARS)
def test_days_off(year):
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(365))
    assert " ".join(f"{day.month}-{day.day}" for day in days if is_holiday(day)) == YEARS[year]


@pytest.mark.parametrize("kind", MessageKind)
def test_what_leaves_in_the_night(kind):
    night, noon = datetime(2027, 3, 5, 1, tzinfo=UTC), datetime(2027, 3, 5, 10, tzinfo=UTC)
    assert may_send(kind, noon)
    assert may_send(kind, night) is (kind not in OFFICE_HOURS_ONLY)
    assert next_business_time(night) == datetime(2027, 3, 5, 6, tzinfo=UTC)
    assert next_business_time(noon) == noon
