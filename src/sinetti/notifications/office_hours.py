"""Which days are off in Finland: public holidays, by a library that is kept up, and the two eves."""

from datetime import date, datetime, timedelta
from functools import cache

from sinetti.domain.business_days import hours_from, in_hours
from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY, MessageKind


def day_off(day: date) -> bool:
    """Whether a day is a public holiday in Finland, Midsummer Eve or Christmas Eve (Act 105/1989 and custom)."""
    return day in _days_off(day.year)


def may_leave(kind: MessageKind, now: datetime) -> bool:
    """Whether a message of this kind may leave at this instant."""
    return kind not in OFFICE_HOURS_ONLY or in_hours(now, day_off)


def held(now: datetime, lately: timedelta) -> frozenset[MessageKind]:
    """The kinds that could not leave all the time lately: what waits of them is not late."""
    return frozenset(kind for kind in OFFICE_HOURS_ONLY if not (may_leave(kind, now) and may_leave(kind, now - lately)))


def next_hours(now: datetime) -> datetime:
    """This instant if it is in office hours, else when they begin next."""
    return hours_from(now, day_off)


@cache
def _days_off(year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415 - a tenth of a second, which most commands need not take

    # The library's table has both eves: working time law gives them no name, but nobody is in the office.
    return frozenset(country_holidays("FI", years=year))
