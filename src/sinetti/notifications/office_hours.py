"""Office hours and days off in Finland.

Days off are public holidays, from a maintained library, and the two eves.
"""

from datetime import date, datetime, timedelta
from functools import cache

from sinetti.domain.business_days import is_business_hours
from sinetti.domain.business_days import next_business_time as next_time_of_business
from sinetti.domain.notifications.messages import OFFICE_HOURS_ONLY, MessageKind


def is_holiday(day: date) -> bool:
    """Return True for a public holiday in Finland, Midsummer Eve or Christmas Eve.

    Source: Act 105/1989 and custom.
    """
    return day in _days_off(day.year)


def may_send(kind: MessageKind, now: datetime) -> bool:
    """Return True if a message of this kind may be sent at this instant."""
    return kind not in OFFICE_HOURS_ONLY or is_business_hours(now, is_holiday)


def deferred_kinds(now: datetime, lately: timedelta) -> frozenset[MessageKind]:
    """Return the kinds that cannot be sent now, or could not be `lately` ago.

    Waiting messages of these kinds are not late.
    """
    return frozenset(kind for kind in OFFICE_HOURS_ONLY if not (may_send(kind, now) and may_send(kind, now - lately)))


def next_business_time(now: datetime) -> datetime:
    """Return this instant if it is in office hours, else the next start of them."""
    return next_time_of_business(now, is_holiday)


@cache
def _days_off(year: int) -> frozenset[date]:
    from holidays import country_holidays  # noqa: PLC0415 - a tenth of a second, which most commands need not take

    # The library's table has both eves. Working time law does not name them, but no clerk is in the office.
    return frozenset(country_holidays("FI", years=year))
