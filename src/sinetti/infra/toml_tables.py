"""Parser of TOML, and reader for its tables, with errors that say what to write.

`TableReader` checks the values. `TomlTable` raises at the first error. Another subclass can collect the errors.
"""

import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self, TypeVar

Value = TypeVar("Value")
Choice = TypeVar("Choice", bound=StrEnum)

_OTHERS = 0o077
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\(?:u0{4}|U0{8})")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML without the escape of NUL, which no path may contain.

    Raises tomllib.TOMLDecodeError, a ValueError, also for values that are nested too deeply.
    """
    if nul := _NUL.search(text):
        line = text.count("\n", 0, nul.end()) + 1
        raise tomllib.TOMLDecodeError(f"Illegal escape of NUL (at line {line}, column 1)")
    try:
        return tomllib.loads(text)
    except RecursionError as bad:
        raise tomllib.TOMLDecodeError("Nested too deeply") from bad


class SettingsError(ValueError):
    """Setting that cannot be used; the text names it and says what to write instead.

    `faults` has one sentence for each wrong setting that the reader found; the text is the first of them.
    """

    def __init__(self, *faults: str) -> None:
        """Store the sentences."""
        super().__init__(*faults[:1])
        self.faults = faults


class ValueKind(StrEnum):
    """Kinds of values, each with the words that describe it in errors."""

    TEXT = "a text in one line, in quotation marks, without control characters"
    TEXTS = 'a list of texts, such as ["one", "another"]'
    NUMBER = "a whole number from {among}"
    NUMBERS = "a list of whole numbers from {among}"
    FLAG = "true or false"
    CHOICE = "one of {among}"
    CHOICES = "a list of one of {among}"
    TABLE = "a table [{key}]"
    TABLES = "tables that begin with [[{key}]]"


class TableReader(ABC):
    """Reader of one table; a missing value is None.

    A wrong value is passed to `wrong`. If `wrong` returns, the value is None as well.
    """

    def __init__(self, raw: Mapping[str, object]) -> None:
        """Store the table's values."""
        self.raw = raw
        self._taken: set[str] = set()

    @abstractmethod
    def wrong(self, key: str, value: object, kind: ValueKind, among: range | tuple[str, ...] = ()) -> None:
        """Raise or record an error about a value; `among` has the allowed values."""

    def is_text(self, value: str) -> bool:
        """Return whether a text is acceptable: not blank, printable characters only."""
        return bool(value.strip()) and value.isprintable()

    def is_item(self, _value: str) -> bool:
        """Return whether a text is acceptable in a list."""
        return True

    def has(self, key: str) -> bool:
        """Return True if the key exists."""
        return key in self.raw

    def text_or_none(self, key: str) -> str | None:
        """Take a text, or None."""
        found: str | None = self._take(key, ValueKind.TEXT, lambda text: isinstance(text, str) and self.is_text(text))
        return found

    def texts_or_none(self, key: str) -> tuple[str, ...] | None:
        """Take a list of texts, or None."""

        def fits(value: object) -> bool:
            return isinstance(value, list) and all(isinstance(text, str) and self.is_item(text) for text in value)

        found = self._take(key, ValueKind.TEXTS, fits)
        return None if found is None else tuple(found)

    def number_or_none(self, key: str, among: range) -> int | None:
        """Take a whole number of this range, or None."""
        found: int | None = self._take(
            key, ValueKind.NUMBER, lambda number: type(number) is int and number in among, among
        )
        return found

    def numbers_or_none(self, key: str, among: range) -> tuple[int, ...] | None:
        """Take a list of whole numbers of this range, or None."""

        def fits(value: object) -> bool:
            return isinstance(value, list) and all(type(number) is int and number in among for number in value)

        found = self._take(key, ValueKind.NUMBERS, fits, among)
        return None if found is None else tuple(found)

    def table_or_none(self, key: str) -> Mapping[str, object] | None:
        """Take the values of a table below this one, or None."""
        found: Mapping[str, object] | None = self._take(key, ValueKind.TABLE, lambda one: isinstance(one, dict))
        return found

    def _take(
        self, key: str, kind: ValueKind, fits: Callable[[object], bool], among: range | tuple[str, ...] = ()
    ) -> Any:  # noqa: ANN401 - `fits` has checked the type
        self._taken.add(key)
        value = self.raw.get(key)
        if value is None or fits(value):
            return value
        self.wrong(key, value, kind, among)
        return None


class TomlTable(TableReader):
    """Table that is being read; it raises at the first error.

    A subclass can have another class of errors, other templates, and other words for kinds of values. The templates get
    `key`, `wanted` and `value`. Those below do not repeat the value, since it may be a secret.
    """

    error_class: ClassVar[type[ValueError]] = SettingsError
    missing_template: ClassVar[str] = "{key}: this setting is missing; write {wanted}"
    wrong_template: ClassVar[str] = "{key}: write {wanted}"
    unknown_template: ClassVar[str] = "{key}: there is no such setting; remove it or correct its spelling"
    place_template: ClassVar[str] = "[{key}] "
    row_template: ClassVar[str] = "[{key}] "
    kind_words: ClassVar[Mapping[ValueKind, str]] = {}

    def __init__(self, raw: Mapping[str, object], file: str = "", place: str = "") -> None:
        """Store the table; errors begin with `file` and `place`."""
        super().__init__(raw)
        self._file, self._place = file, place

    def text(self, key: str) -> str:
        """Take a text."""
        return self._required(key, self.text_or_none(key), ValueKind.TEXT)

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts; empty if the key is absent."""
        return self.texts_or_none(key) or ()

    def number(self, key: str, among: range, default: int | None = None) -> int:
        """Take a whole number of this range, or the default if the key is absent."""
        found = self.number_or_none(key, among)
        return self._required(key, default if found is None else found, ValueKind.NUMBER, among)

    def flag(self, key: str) -> bool:
        """Take true or false."""
        found: bool | None = self._take(key, ValueKind.FLAG, lambda one: isinstance(one, bool))
        return self._required(key, found, ValueKind.FLAG)

    def choice(self, key: str, among: type[Choice]) -> Choice:
        """Take one of the values of an enumeration."""
        allowed = tuple(choice.value for choice in among)
        found = self._take(key, ValueKind.CHOICE, lambda one: one in allowed, allowed)
        return among(self._required(key, found, ValueKind.CHOICE, allowed))

    def choices(self, key: str, among: type[Choice]) -> frozenset[Choice]:
        """Take a list of values of an enumeration, at least one."""
        allowed = tuple(choice.value for choice in among)
        found = self._take(key, ValueKind.CHOICES, lambda value: isinstance(value, list) and bool(value), allowed)
        for one in self._required(key, found, ValueKind.CHOICES, allowed):
            if one not in allowed:
                self.wrong(key, one, ValueKind.CHOICE, allowed)
        return frozenset(among(one) for one in found)

    def path(self, key: str, folder: Path) -> Path | None:
        """Take the name of a file or folder, or None.

        A relative name is relative to `folder`.
        """
        value = self.text_or_none(key)
        return None if value is None else folder / value

    def secret(self, key: str, folder: Path) -> str | None:
        """Take one line from a file that only its owner can read."""
        path = self.path(key, folder)
        if path is None:
            return None
        try:
            mode, octets = path.stat().st_mode, path.read_bytes().strip()
        except OSError as bad:
            self.refuse(key, f"the name of a file: {path} cannot be read ({bad.strerror})")
        if mode & _OTHERS:
            self.refuse(key, f"a file that no other user can read: chmod 600 {path}, and have a new secret made")
        if not octets or not octets.isascii() or not octets.decode("ascii").isprintable():
            self.refuse(key, f"a file with one line of ASCII in it, which {path} is not")
        return octets.decode("ascii")

    def table(self, key: str) -> Self:
        """Take a table below this one."""
        values = self._required(key, self.table_or_none(key), ValueKind.TABLE)
        return type(self)(values, self._file, self.place_template.format(key=key))

    def tables(self, key: str, least: int = 0) -> tuple[Self, ...]:
        """Take a list of at least `least` tables; it may be absent if that is 0."""

        def fits(value: object) -> bool:
            return isinstance(value, list) and len(value) >= least and all(isinstance(one, dict) for one in value)

        found = self._take(key, ValueKind.TABLES, fits)
        if found is None and not least:
            return ()
        rows: list[dict[str, object]] = self._required(key, found, ValueKind.TABLES)
        places = (self.row_template.format(key=key, number=number) for number in range(1, len(rows) + 1))
        return tuple(type(self)(one, self._file, place) for one, place in zip(rows, places, strict=True))

    def finish(self) -> None:
        """Reject every key that was not taken, so that a misspelt key is noticed."""
        for key in self.raw:
            if key not in self._taken:
                raise self._error(self.unknown_template, key)

    def refuse(self, key: str, wanted: str, value: object = None) -> NoReturn:
        """Raise the error about the value of one key; `wanted` says what to write."""
        raise self._error(self.wrong_template, key, wanted, value) from None

    def wrong(self, key: str, value: object, kind: ValueKind, among: range | tuple[str, ...] = ()) -> None:
        """Raise the error about a value of another kind."""
        self.refuse(key, self._words(key, kind, among), value)

    def _required(self, key: str, value: Value | None, kind: ValueKind, among: range | tuple[str, ...] = ()) -> Value:
        if value is None:
            raise self._error(self.missing_template, key, self._words(key, kind, among))
        return value

    def _words(self, key: str, kind: ValueKind, among: range | tuple[str, ...]) -> str:
        words = self.kind_words.get(kind, kind.value)
        if isinstance(among, range):
            return words.format(key=key, among=f"{among.start} to {among.stop - 1}")
        return words.format(key=key, among=", ".join(f'"{text}"' for text in among))

    def _error(self, template: str, key: str, wanted: str = "", value: object = None) -> ValueError:
        sentence = template.format(key=key, wanted=wanted, value=value)
        return self.error_class(f"{self._file}{self._place}{sentence}")
