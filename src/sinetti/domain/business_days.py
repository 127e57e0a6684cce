"""Working days and office hours in Finland, where messages are read.

The rules are described in docs/operators/reminders.md. Instants are UTC; days are Finnish. An argument says which days
are free beside Saturdays and Sundays.
"""

from collections.abc import Callable
from datetime import MINYEAR, UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

FINNISH_TIME: Final = ZoneInfo("Europe/Helsinki")
"""Time zone of the people who read messages."""

OPENS: Final = time(8)
CLOSES: Final = time(16)
"""End of office hours.

Messages that keep office hours are sent from 8:00. The last minute in which they are sent is that of 16:00.
"""

_DAY = timedelta(days=1)
_SATURDAY = 5

DayOff = Callable[[date], bool]
"""Function that returns True for a public holiday other than Saturday or Sunday."""


def finnish_date(at: datetime) -> date:
    """Return the date in the Finnish calendar."""
    return at.astimezone(FINNISH_TIME).date()


def is_workday(day: date, day_off: DayOff) -> bool:
    """Return True for Monday to Friday, unless the day is off."""
    return day.weekday() < _SATURDAY and not day_off(day)


def workday_after(day: date, day_off: DayOff) -> date:
    """Return the first working day after this day."""
    day += _DAY
    while not is_workday(day, day_off):
        day += _DAY
    return day


def workday_before(day: date, day_off: DayOff) -> date:
    """Return the last working day before this day."""
    day -= _DAY
    while not is_workday(day, day_off):
        day -= _DAY
    return day


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins."""
    return datetime.combine(day, time(), FINNISH_TIME).astimezone(UTC)


def day_begins(day: date, later: int = 0) -> datetime:
    """Return the instant at which a day, or the day `later` days after it, begins.

    The day may be one that a user typed. Beyond the calendar it returns the end of the calendar.
    """
    try:
        return midnight(day + later * _DAY)
    except OverflowError:
        first, last = (instant.replace(tzinfo=UTC) for instant in (datetime.min, datetime.max))  # noqa: DTZ901 - given here
        return first if day.year == MINYEAR else last


def start_of_business(day: date) -> datetime:
    """Return 8:00 on this day.

    Clocks change at night, so this hour exists once.
    """
    return datetime.combine(day, OPENS, FINNISH_TIME).astimezone(UTC)


def end_of_business(day: date) -> datetime:
    """Return 16:00 on this day."""
    return datetime.combine(day, CLOSES, FINNISH_TIME).astimezone(UTC)


def is_business_hours(at: datetime, day_off: DayOff) -> bool:
    """Return True if this instant is within office hours.

    The minute of 16:00 counts, so that a message that is due at 16:00 can be sent.
    """
    local = at.astimezone(FINNISH_TIME)
    return OPENS <= local.time().replace(second=0, microsecond=0) <= CLOSES and is_workday(local.date(), day_off)


def next_business_time(at: datetime, day_off: DayOff) -> datetime:
    """Return the instant itself in office hours, else the next 8:00 of a working day."""
    if is_business_hours(at, day_off):
        return at
    day = finnish_date(at)
    if at < start_of_business(day) and is_workday(day, day_off):
        return start_of_business(day)
    return start_of_business(workday_after(day, day_off))


def workdays_later(at: datetime, days: int, day_off: DayOff) -> datetime:
    """Return the instant `days` working days later, at the same Finnish local time.

    `at` is in office hours.
    """
    local = at.astimezone(FINNISH_TIME)
    day = local.date()
    for _ in range(days):
        day = workday_after(day, day_off)
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def last_workday(end: datetime, day_off: DayOff) -> date:
    """Return the last working day on which a person can act before `end`.

    It is the last one whose 8:00 is before `end`.
    """
    day = finnish_date(end)
    if start_of_business(day) < end and is_workday(day, day_off):
        return day
    return workday_before(day, day_off)
