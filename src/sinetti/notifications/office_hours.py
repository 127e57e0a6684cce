"""Which days are off in Finland: public holidays, by a library that is kept up, and the two eves."""

from datetime import date, datetime, timedelta
from functools import cache

from sinetti.domain.business_days import is_business_hours
from sinetti.domain.business_days import next_business_time as next_time_of_business
from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY, MessageKind


def is_holiday(day: date) -> bool:
    """Whether a day is a public holiday in Finland, Midsummer Eve or Christmas Eve (Act 105/1989 and custom)."""
    return day in _days_off(day.year)


def may_send(kind: MessageKind, now: datetime) -> bool:
    """Whether a message of this kind may leave at this instant."""
    return kind not in OFFICE_HOURS_ONLY or is_business_hours(now, is_holiday)


def deferred_kinds(now: datetime, lately: timedelta) -> frozenset[MessageKind]:
    """The kinds that could not leave all the time lately: what waits of them is not late."""
    return frozenset(kind for kind in OFFICE_HOURS_ONLY if not (may_send(kind, now) and may_send(kind, now - lately)))


def next_business_time(now: datetime) -> datetime:
    """This instant if it is in office hours, else when they begin next."""
    return next_time_of_business(now, is_holiday)


@cache
def _days_off(year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415 - a tenth of a second, which most commands need not take

    # The library's table has both eves: working time law gives them no name, but nobody is in the office.
    return frozenset(country_holidays("FI", years=year))
