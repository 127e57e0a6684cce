"""Reader for TOML tables, with errors that an operator can act on.

They name the key's place, the value found, and what to write.
"""

import re
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from sinetti.ca.hierarchy_model import HierarchyError

Choice = TypeVar("Choice", bound=StrEnum)

_MOST_DAYS = 36_525
_DAYS = f"a whole number of days from 1 to {_MOST_DAYS}, such as 730"


class PresetTable:
    """TOML table that is being read; `finish` rejects keys that were not taken.

    Every key is taken once.
    """

    def __init__(self, place: str, values: dict[str, object]) -> None:
        """Store the table; `place` is its name in errors, empty for the top of the file."""
        self._place = place
        self._values = dict(values)

    def text(self, key: str) -> str:
        """Take a non-empty string without invisible characters.

        These are tabs, line ends and other controls.
        """
        value = self._take(key, 'a text in quotation marks, such as "FI"')
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, value, 'a text in quotation marks, such as "FI"')
        if not value.isprintable():
            raise self.error(key, value, "it in one line, without tabs and control characters")
        return value

    def matching(self, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        """Take a string that matches a pattern; `wanted` describes it in errors."""
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.error(key, value, wanted)
        return value

    def text_or_none(self, key: str) -> str | None:
        """Take a non-empty string, or None if the key is absent."""
        return self.text(key) if key in self._values else None

    def days(self, key: str) -> timedelta:
        """Take a whole number of days, from 1 to a hundred years.

        The limit keeps all dates of certificates within the calendar.
        """
        value = self._take(key, _DAYS)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_DAYS:
            raise self.error(key, value, _DAYS)
        return timedelta(days=value)

    def flag(self, key: str) -> bool:
        """Take true or false."""
        value = self._take(key, "true or false")
        if not isinstance(value, bool):
            raise self.error(key, value, "true or false")
        return value

    def choice(self, key: str, among: type[Choice]) -> Choice:
        """Take one of the values of an enumeration."""
        return self._chosen(key, self._take(key, _one_of(among)), among)

    def choices(self, key: str, among: type[Choice]) -> frozenset[Choice]:
        """Take a list of values of an enumeration, at least one."""
        wanted = f"a list of {_one_of(among)}"
        value = self._take(key, wanted)
        if not isinstance(value, list) or not value:
            raise self.error(key, value, wanted)
        return frozenset(self._chosen(key, one, among) for one in value)

    def table(self, key: str) -> "PresetTable":
        """Take a table below this one."""
        value = self._take(key, f"a table [{key}]")
        if not isinstance(value, dict):
            raise self.error(key, value, f"a table [{key}]")
        return PresetTable(f"[{key}]", value)

    def tables(self, key: str) -> "list[PresetTable]":
        """Take an array of tables, at least one."""
        value = self._take(key, f"tables [[{key}]]")
        if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
            raise self.error(key, value, f"tables [[{key}]]")
        return [PresetTable(f"[[{key}]] number {number}", one) for number, one in enumerate(value, 1)]

    def finish(self) -> None:
        """Reject every key that was not taken, so that a misspelt key is noticed."""
        for key in self._values:
            where = f"{self._place}: " if self._place else ""
            why = f"{where}{key}: this key is not known here; take it out or correct its spelling"
            raise HierarchyError(why)

    def error(self, key: str, found: object, wanted: str) -> HierarchyError:
        """Return the error for one key: its place, the value found, and what to write."""
        where = f"{self._place}: " if self._place else ""
        return HierarchyError(f"{where}{key}: {found!r} will not do; write {wanted}")

    def _take(self, key: str, wanted: str) -> object:
        if key not in self._values:
            where = f"{self._place}: " if self._place else ""
            why = f"{where}{key}: this key is missing; write {wanted}"
            raise HierarchyError(why)
        return self._values.pop(key)

    def _chosen(self, key: str, value: object, among: type[Choice]) -> Choice:
        for one in among:
            if value == one.value:
                return one
        raise self.error(key, value, _one_of(among))


def _one_of(among: type[StrEnum]) -> str:
    return "one of " + ", ".join(f'"{one.value}"' for one in among)
