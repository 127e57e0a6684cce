"""How single values of a sinetti.toml are written: times, maintenance windows, modes. ValueError for what is none."""

import re
from datetime import time, timedelta

from sinetti.client.model import MaintenanceWindow

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As date.weekday() counts them."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"([0-9]{1,7})([dhms])")
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_MODE = re.compile(r"0?[0-7]{3}")
_MIDNIGHT = time(0, 0)
_DAY = 24

OTHERS = 0o007
GROUP_READS = 0o040
NEVER = 0o137
"""Besides others' rights: running a file, and a group that writes it: who exchanges a key becomes the organisation."""


def duration(text: str) -> timedelta:
    """Read "10d", "6h", "5m" or "60s"."""
    found = _DURATION.fullmatch(text)
    if found is None:
        why = "no number with a unit behind it"
        raise ValueError(why)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def written(span: timedelta) -> str:
    """Write a time as `duration` reads it, in the largest unit that it is a whole number of."""
    for unit, name in _UNITS.items():
        one = timedelta(**{name: 1})
        if span % one == timedelta() and span >= one:
            return f"{span // one}{unit}"
    return "0s"


def window(text: str) -> MaintenanceWindow:
    """Read days, hours or both: "Mon-Fri 18:00-06:00", "Sat-Sun", "Mon,Wed 20:00-24:00", "02:00-04:00".

    Days without hours are whole days, hours without days those of every day; 24:00 is midnight.
    """
    words = text.split()
    if not 1 <= len(words) <= len(("days", "hours")):
        why = "neither days nor hours"
        raise ValueError(why)
    has_days, has_hours = not words[0][0].isdigit(), words[-1][0].isdigit()
    if len(words) > 1 and not (has_days and has_hours):
        why = "days come before hours"
        raise ValueError(why)
    days = _days(words[0]) if has_days else frozenset(range(len(DAYS)))
    since, until = _hours(words[-1]) if has_hours else (_MIDNIGHT, _MIDNIGHT)
    return MaintenanceWindow(days, since, until)


def mode(text: str) -> int:
    """Read the mode of a file, "0600" or "600"."""
    if _MODE.fullmatch(text) is None:
        why = "no three octal digits"
        raise ValueError(why)
    return int(text, 8)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.casefold().split(","):
        first, dash, last = part.partition("-")
        begin = DAYS.index(first)  # ValueError for no day
        end = DAYS.index(last) if dash else begin
        found.update((begin + more) % len(DAYS) for more in range((end - begin) % len(DAYS) + 1))
    return frozenset(found)


def _hours(text: str) -> tuple[time, time]:
    found = _HOURS.fullmatch(text)
    if found is None:
        why = "no hours"
        raise ValueError(why)
    since_hour, since_minute, until_hour, until_minute = map(int, found.groups())
    until = _MIDNIGHT if (until_hour, until_minute) == (_DAY, 0) else time(until_hour, until_minute)
    return time(since_hour, since_minute), until
