"""Durations of ISO 8601, as settings and requests write them.

Weeks, days and smaller units only. Years and months have no fixed length, so that no deadline could be counted with
them: two years of a certificate are 730 days of 24 hours.
"""

import re
from datetime import timedelta

_LONGEST = 40
_DURATION = re.compile(
    r"(-?)P(?:(?P<weeks>[0-9]+)W)?(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+)S)?)?"
)
_CALENDAR = re.compile(r"-?P[0-9]+[YM]")


def parse_duration(text: str) -> timedelta:
    """Return the length of a duration such as P59DT1H; a minus sign makes it negative.

    Raises ValueError for any other text, and OverflowError for a length beyond what a program can count.
    """
    parts = _DURATION.fullmatch(text) if len(text) <= _LONGEST else None
    given = {unit: int(number) for unit, number in parts.groupdict().items() if number} if parts else {}
    if not parts or not given:
        raise ValueError("not a duration in weeks, days or smaller units")
    length = timedelta(**given)
    return -length if parts[1] else length


def has_years(text: str) -> bool:
    """Return True if a text counts years or months.

    ISO 8601 allows them, and `parse_duration` does not.
    """
    return bool(_CALENDAR.match(text[:_LONGEST]))
