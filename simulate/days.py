"""The model's own calendar: Finnish time, days off, and the time of each step.

It is written from the law's and the issue's words alone. It uses neither the holidays nor the time zone of the
service.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

OPENS, CLOSES = time(8), time(16)
_DAY = timedelta(days=1)
_SATURDAY, _FRIDAY = 5, 4
_FIXED = frozenset({(1, 1), (1, 6), (5, 1), (12, 6), (12, 24), (12, 25), (12, 26)})
"""Fixed days off.

They are New Year, Epiphany, May Day, Independence Day, Christmas Eve and Christmas.
"""


@cache
def _changes(year: int) -> tuple[datetime, datetime]:
    """Return the begin and end of a year's summer time, in UTC.

    It lasts from the last Sunday of March to that of October, at 1:00 (2000/84/EC).
    """
    spring, autumn = (datetime(year, month, 31, 1, tzinfo=UTC) for month in (3, 10))
    return tuple(last - _DAY * ((last.weekday() + 1) % 7) for last in (spring, autumn))  # type: ignore[return-value]


def finnish(at: datetime) -> datetime:
    """Return the time of a Finnish clock, without a zone."""
    begins, ends = _changes(at.year)
    return at.replace(tzinfo=None) + timedelta(hours=3 if begins <= at < ends else 2)


def universal(day: date, at: time) -> datetime:
    """Return the instant of a Finnish clock's time by day, when no clock changes."""
    shown = datetime.combine(day, at, tzinfo=UTC)
    early = shown - timedelta(hours=3)
    return early if finnish(early) == shown.replace(tzinfo=None) else shown - timedelta(hours=2)


@cache
def _easter(year: int) -> date:
    """Return Easter Sunday (Butcher's rule, for the Gregorian calendar)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, g = b // 4, b % 4, (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (a + 11 * h) // 319
    r = (2 * e + 2 * i - k - h + m + 32) % 7
    month = (h - m + r + 90) // 25
    return date(year, month, (h - m + r + month + 19) % 32)


@cache
def works(day: date) -> bool:
    """Return True if messages that wait for a working day leave on this one."""
    if day.weekday() >= _SATURDAY or (day.month, day.day) in _FIXED:
        return False
    if day.weekday() == _FRIDAY and date(day.year, 6, 19) <= day <= date(day.year, 6, 25):  # midsummer eve
        return False
    return day - _easter(day.year) not in {-2 * _DAY, _DAY, 39 * _DAY}  # Good Friday, Easter Monday, Ascension Day


def in_hours(at: datetime) -> bool:
    """Return True if this is a working day from 8 to 16."""
    shown = finnish(at)
    return works(shown.date()) and OPENS <= shown.time() <= CLOSES


def next_working(day: date, count: int = 1) -> date:
    """Return the working day that comes so many after this one."""
    while count:
        day += _DAY
        count -= works(day)
    return day


def last_working(day: date) -> date:
    """Return the last working day before this one."""
    day -= _DAY
    while not works(day):
        day -= _DAY
    return day


def leaves_at(ends: datetime, days: int, *, first: bool) -> datetime:
    """Return the earliest instant of the step so many days before this end.

    The rules are those of issue 6, section 3. A step on a day off goes out on the working day before; the first step
    goes out on the working day after. A step outside the hours goes out at the next hour of the same day. Only the
    first step may move to another day.
    """
    at = ends - days * _DAY
    shown = finnish(at)
    day = shown.date()
    if not works(day):
        return universal(next_working(day) if first else last_working(day), OPENS)
    if shown.time() < OPENS:
        return universal(day, OPENS)
    if shown.time() > CLOSES:
        return universal(next_working(day), OPENS) if first else universal(day, CLOSES)
    return at
