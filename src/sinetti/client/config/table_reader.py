"""Reader of one table of a sinetti.toml, which records each mistake.

It also reads single values: times, maintenance windows, modes. Their functions raise ValueError for a malformed value.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path as File
from typing import TypeVar

from sinetti.client.config import line_numbers, messages, schema
from sinetti.client.config.errors import ConfigError, ConfigIssue
from sinetti.client.config.line_numbers import Path
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import MaintenanceWindow
from sinetti.infra.toml_tables import TableReader, ValueKind

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days of the week, in the order of date.weekday()."""

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = re.compile(r"([0-9]{1,7})([dhms])")
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_MODE = re.compile(r"0?[0-7]{3}")
_MIDNIGHT = time(0, 0)
_DAY = 24

OTHERS = 0o007
GROUP_READS = 0o040
NEVER = 0o137
"""Mode bits that are never allowed, beside OTHERS: execute, and write by group.

A user who can exchange a key can act as the organisation.
"""


def duration(text: str) -> timedelta:
    """Read "10d", "6h", "5m" or "60s"."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("no number with a unit behind it")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def written(span: timedelta) -> str:
    """Write a time as `duration` reads it, in the largest unit without remainder."""
    for unit, name in _UNITS.items():
        duration = timedelta(**{name: 1})
        if span % duration == timedelta() and span >= duration:
            return f"{span // duration}{unit}"
    return "0s"


def window(text: str) -> MaintenanceWindow:
    """Read a maintenance window: days, hours or both.

    Examples: "Mon-Fri 18:00-06:00", "Sat-Sun", "Mon,Wed 20:00-24:00", "02:00-04:00". Days without hours are whole
    days. Hours without days apply to every day. 24:00 is midnight. Raises ValueError for any other text.
    """
    words = text.split()
    if not 1 <= len(words) <= len(("days", "hours")):
        raise ValueError("neither days nor hours")
    has_days, has_hours = not words[0][0].isdigit(), words[-1][0].isdigit()
    if len(words) > 1 and not (has_days and has_hours):
        raise ValueError("days come before hours")
    days = _days(words[0]) if has_days else frozenset(range(len(DAYS)))
    since, until = _hours(words[-1]) if has_hours else (_MIDNIGHT, _MIDNIGHT)
    return MaintenanceWindow(days, since, until)


def mode(text: str) -> int:
    """Read the mode of a file, "0600" or "600"."""
    if _MODE.fullmatch(text) is None:
        raise ValueError("no three octal digits")
    return int(text, 8)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.casefold().split(","):
        first, dash, last = part.partition("-")
        begin = DAYS.index(first)  # ValueError for an unknown day
        end = DAYS.index(last) if dash else begin
        found.update((begin + more) % len(DAYS) for more in range((end - begin) % len(DAYS) + 1))
    return frozenset(found)


def _hours(text: str) -> tuple[time, time]:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise ValueError("no hours")
    since_hour, since_minute, until_hour, until_minute = map(int, match.groups())
    until = _MIDNIGHT if (until_hour, until_minute) == (_DAY, 0) else time(until_hour, until_minute)
    return time(since_hour, since_minute), until


Choice = TypeVar("Choice", bound=StrEnum)


@dataclass
class ConfigDocument:
    """Configuration file: its path, its text and the mistakes found, by place."""

    path: File
    text: str
    wrong: list[tuple[Path, Message]] = field(default_factory=list)

    def blame(self, place: Path, message: Message) -> None:
        """Record a mistake."""
        self.wrong.append((place, message))

    def settled(self) -> None:
        """Raise ConfigError if there was a mistake.

        Line numbers are looked up only then.
        """
        if self.wrong:
            found = line_numbers.locate_keys(self.text)
            raise ConfigError(
                self.path,
                [ConfigIssue(line_numbers.nearest_line(found, place), message) for place, message in self.wrong],
            )

    def beside(self, path: str) -> File:
        """Return an absolute path; a relative one is relative to the file.

        The working directory does not matter.
        """
        return (self.path.parent / path).absolute()


class ConfigTable(TableReader):
    """One table.

    A missing or wrong value is None; a wrong one is also recorded as a mistake.
    """

    def __init__(self, book: ConfigDocument, place: Path, raw: Mapping[str, object]) -> None:
        """Store the table, and its place in the file."""
        super().__init__(raw)
        self.book, self.place = book, place

    def wrong(self, key: str, _value: object, kind: ValueKind, among: range | tuple[str, ...] = ()) -> None:
        """Record a value of another kind."""
        if kind is ValueKind.TABLE:
            self.blame(key, make_message(messages.NO_TABLE, key=key, table=schema.header((*self.place, key))))
        elif isinstance(among, range):
            limits = {"least": among.start, "most": among.stop - 1}
            self.blame(key, make_message(messages.NO_NUMBER, key=key, **limits, example=schema.EXAMPLES[key]))
        elif kind is ValueKind.TEXTS:
            self.needs(key, messages.NO_HOOK if key in schema.HOOKS else messages.NO_TEXTS)
        else:
            self.needs(key, messages.NO_FLAG if kind is ValueKind.FLAG else messages.NO_TEXT)

    def is_text(self, value: str) -> bool:
        """Return whether a text is acceptable: printable, no blanks at its ends."""
        return bool(value) and value == value.strip() and value.isprintable()

    def is_item(self, value: str) -> bool:
        """Return whether a text is acceptable in a list: not empty, without NUL."""
        return bool(value) and "\0" not in value

    def blame(self, key: str, message: Message) -> None:
        """Record a mistake in the line of a key."""
        self.book.blame((*self.place, key), message)

    def needs(self, key: str, template: str) -> None:
        """Record a missing key or one of another type, with an example line."""
        self.blame(key, make_message(template, key=key, example=schema.EXAMPLES[key]))

    def only(self, keys: Sequence[str]) -> None:
        """Record every key outside `keys`."""
        for key, value in self.raw.items():
            if key in keys:
                continue
            if isinstance(value, dict) and self.place[:1] in {("certificates",), ("services",)}:
                dotted = schema.header((self.place[0], f"{self.place[-1]}.{key}"))
                self.blame(key, make_message(messages.DOTTED, table=dotted))
            else:
                self.blame(key, schema.unknown_key_error(self.place, key, keys))

    def below(self, key: str) -> "ConfigTable":
        """Return a table in this one; an empty table if there is none."""
        return ConfigTable(self.book, (*self.place, key), self.table_or_none(key) or {})

    def required(self, key: str) -> str | None:
        """Return a required text."""
        if key not in self.raw:
            self.needs(key, messages.MISSING)
        return self.text_or_none(key)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._take(key, ValueKind.FLAG, lambda one: isinstance(one, bool))
        return default if value is None else bool(value)

    def choice(self, key: str, kind: type[Choice]) -> Choice | None:
        """Return one of the values of an enumeration."""
        value = self.text_or_none(key)
        return None if value is None else self._chosen(key, value, kind)

    def choices(self, key: str, kind: type[Choice]) -> frozenset[Choice] | None:
        """Return a set of values of an enumeration."""
        values = self.texts_or_none(key)
        if values is None:
            return None
        return frozenset(choice for value in values if (choice := self._chosen(key, value, kind)) is not None)

    def duration(self, key: str, least: timedelta, most: timedelta) -> timedelta | None:
        """Return a time from `least` to `most`."""
        value = self.raw.get(key)
        if value is None:
            return None
        try:
            span = duration(value) if isinstance(value, str) else None
        except ValueError:
            span = None
        if span is None or not least <= span <= most:
            message = make_message(messages.NO_DURATION, key=key, least=written(least), most=written(most))
            self.blame(key, message)
            return None
        return span

    def file(self, key: str) -> File | None:
        """Return a path; a relative one is relative to the folder of the file."""
        value = self.text_or_none(key)
        return None if value is None else self.book.beside(value)

    def _chosen(self, key: str, value: str, kind: type[Choice]) -> Choice | None:
        try:
            return kind(value)
        except ValueError:
            self.blame(key, schema.invalid_choice_error(key, value, [choice.value for choice in kind]))
            return None
