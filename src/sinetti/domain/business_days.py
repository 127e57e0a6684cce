"""Working days and office hours in Finland, where messages are read (docs/reminders.md).

Instants are UTC; days are Finnish. Which days are off beside Saturdays and Sundays is told by an argument.
"""

from collections.abc import Callable
from datetime import MINYEAR, UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

FINNISH_TIME: Final = ZoneInfo("Europe/Helsinki")
"""The clock on the wall where messages are read."""

OPENS: Final = time(8)
CLOSES: Final = time(16)
"""Messages that keep office hours leave from 8:00 on; the last minute in which they do is that of 16:00."""

_DAY = timedelta(days=1)
_SATURDAY = 5

DayOff = Callable[[date], bool]
"""Whether nobody works on this day, though it is no Saturday or Sunday."""


def finnish_date(at: datetime) -> date:
    """The date on a Finnish calendar."""
    return at.astimezone(FINNISH_TIME).date()


def is_workday(day: date, day_off: DayOff) -> bool:
    """Monday to Friday, unless the day is off."""
    return day.weekday() < _SATURDAY and not day_off(day)


def workday_after(day: date, day_off: DayOff) -> date:
    """The first working day after this day."""
    day += _DAY
    while not is_workday(day, day_off):
        day += _DAY
    return day


def workday_before(day: date, day_off: DayOff) -> date:
    """The last working day before this day."""
    day -= _DAY
    while not is_workday(day, day_off):
        day -= _DAY
    return day


def midnight(day: date) -> datetime:
    """The instant at which a day begins."""
    return datetime.combine(day, time(), FINNISH_TIME).astimezone(UTC)


def day_begins(day: date, later: int = 0) -> datetime:
    """The same of a day that somebody typed, or so many days later; beyond the calendar it is the calendar's end."""
    try:
        return midnight(day + later * _DAY)
    except OverflowError:
        first, last = (one.replace(tzinfo=UTC) for one in (datetime.min, datetime.max))  # noqa: DTZ901 - given here
        return first if day.year == MINYEAR else last


def start_of_business(day: date) -> datetime:
    """8:00 on this day. Clocks are moved in the night, so this hour is there once."""
    return datetime.combine(day, OPENS, FINNISH_TIME).astimezone(UTC)


def end_of_business(day: date) -> datetime:
    """16:00 on this day."""
    return datetime.combine(day, CLOSES, FINNISH_TIME).astimezone(UTC)


def is_business_hours(at: datetime, day_off: DayOff) -> bool:
    """Whether people work at this instant.

    The minute of 16:00 counts, so that what is due at 16:00 can leave.
    """
    local = at.astimezone(FINNISH_TIME)
    return OPENS <= local.time().replace(second=0, microsecond=0) <= CLOSES and is_workday(local.date(), day_off)


def next_business_time(at: datetime, day_off: DayOff) -> datetime:
    """The instant itself if people work then, else the next 8:00 of a working day."""
    if is_business_hours(at, day_off):
        return at
    day = finnish_date(at)
    if at < start_of_business(day) and is_workday(day, day_off):
        return start_of_business(day)
    return start_of_business(workday_after(day, day_off))


def workdays_later(at: datetime, days: int, day_off: DayOff) -> datetime:
    """So many working days later, at the same hour of a Finnish clock.

    `at` is in office hours.
    """
    local = at.astimezone(FINNISH_TIME)
    day = local.date()
    for _ in range(days):
        day = workday_after(day, day_off)
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def last_workday(end: datetime, day_off: DayOff) -> date:
    """The last working day on which something can be done before `end`: that whose 8:00 is before it."""
    day = finnish_date(end)
    if start_of_business(day) < end and is_workday(day, day_off):
        return day
    return workday_before(day, day_off)
