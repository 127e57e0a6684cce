"""Reading TOML tables with errors that a person can act on: the key's place, what was found, what to write."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from sinetti.ca.hierarchy_model import HierarchyError

Choice = TypeVar("Choice", bound=StrEnum)

_MOST_DAYS = 36_525
_DAYS = f"a whole number of days from 1 to {_MOST_DAYS}, such as 730"


class PresetTable:
    """One table being read; every key is taken once, and `finish` refuses what nobody took."""

    def __init__(self, place: str, values: dict[str, object]) -> None:
        """`place` is how the table is called in errors; empty for the top of the file."""
        self._place = place
        self._values = dict(values)

    def text(self, key: str) -> str:
        """Take a string that is not empty and has nothing that cannot be seen (tabs, line ends, other controls)."""
        value = self._take(key, 'a text in quotation marks, such as "FI"')
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, value, 'a text in quotation marks, such as "FI"')
        if not value.isprintable():
            raise self.error(key, value, "it in one line, without tabs and control characters")
        return value

    def matching(self, key: str, pattern: re.Pattern[str], wanted: str) -> str:
        """Take a string that the whole of a pattern fits; `wanted` says in words what to write."""
        value = self.text(key)
        if not pattern.fullmatch(value):
            raise self.error(key, value, wanted)
        return value

    def text_or_none(self, key: str) -> str | None:
        """Take a string that is not empty, or None where the key is left out."""
        return self.text(key) if key in self._values else None

    def days(self, key: str) -> timedelta:
        """Take a whole number of days, from 1 to a hundred years: no date of a certificate then leaves the calendar."""
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
        """Refuse every key that nobody took: a misspelt key must not be overlooked."""
        for key in self._values:
            where = f"{self._place}: " if self._place else ""
            why = f"{where}{key}: this key is not known here; take it out or correct its spelling"
            raise HierarchyError(why)

    def error(self, key: str, found: object, wanted: str) -> HierarchyError:
        """Make the error for one key: where it is, what was found, what to write."""
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
