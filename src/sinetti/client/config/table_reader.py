"""A table of a sinetti.toml while it is read: each value asked for by its key and type, each mistake written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path as File
from typing import TypeVar

from sinetti.client.config import line_numbers, messages, schema, value_parsers
from sinetti.client.config.errors import ConfigError, ConfigIssue
from sinetti.client.config.line_numbers import Path
from sinetti.client.messages.messages import Message, make_message

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(slots=True)
class ConfigDocument:
    """The file: where it lies, what it says, and what has been found wrong with it, by its place."""

    path: File
    text: str
    wrong: list[tuple[Path, Message]] = field(default_factory=list)

    def blame(self, place: Path, told: Message) -> None:
        """Write down a mistake."""
        self.wrong.append((place, told))

    def settled(self) -> None:
        """Raise ConfigError where there was a mistake: only then it matters which line says what."""
        if self.wrong:
            found = line_numbers.locate_keys(self.text)
            raise ConfigError(
                self.path, [ConfigIssue(line_numbers.nearest_line(found, place), told) for place, told in self.wrong]
            )

    def beside(self, path: str) -> File:
        """Give a path as the file means it, relative to itself, wherever somebody stands who reads it later."""
        return (self.path.parent / path).absolute()


@dataclass(frozen=True, slots=True)
class ConfigTable:
    """One table. What it does not have, or has wrong, is None; what is wrong is written down as well."""

    book: ConfigDocument
    place: Path
    raw: Mapping[str, object]

    def blame(self, key: str, told: Message) -> None:
        """Write down a mistake in the line of a key."""
        self.book.blame((*self.place, key), told)

    def needs(self, key: str, told: str) -> None:
        """Write down that a key is missing or of another type, with a line that would do."""
        self.blame(key, make_message(told, key=key, example=schema.EXAMPLES[key]))

    def only(self, keys: Sequence[str]) -> None:
        """Write down every key that is not one of these."""
        for key, value in self.raw.items():
            if key in keys:
                continue
            if isinstance(value, dict) and self.place[:1] in {("certificates",), ("services",)}:
                dotted = schema.header((self.place[0], f"{self.place[-1]}.{key}"))
                self.blame(key, make_message(messages.DOTTED, table=dotted))
            else:
                self.blame(key, schema.unknown_key_error(self.place, key, keys))

    def below(self, key: str) -> "ConfigTable":
        """Give a table in this one; an empty one where there is none."""
        raw = self.raw.get(key, {})
        if not isinstance(raw, dict):
            self.blame(key, make_message(messages.NO_TABLE, key=key, table=schema.header((*self.place, key))))
            raw = {}
        return ConfigTable(self.book, (*self.place, key), raw)

    def text(self, key: str) -> str | None:
        """Give a text: not empty, no blanks at its ends, no signs that cannot be seen."""
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value or value != value.strip() or not value.isprintable():
            self.needs(key, messages.NO_TEXT)
            return None
        return value

    def required(self, key: str) -> str | None:
        """Give a text that has to be there."""
        if key not in self.raw:
            self.needs(key, messages.MISSING)
        return self.text(key)

    def texts(self, key: str, wrong: str = messages.NO_TEXTS) -> tuple[str, ...] | None:
        """Give a list of texts."""
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) and one and "\0" not in one for one in value):
            self.needs(key, wrong)
            return None
        return tuple(value)

    def choice(self, key: str, kind: type[Choice]) -> Choice | None:
        """Give one of the values of an enumeration."""
        value = self.text(key)
        return None if value is None else self._chosen(key, value, kind)

    def choices(self, key: str, kind: type[Choice]) -> frozenset[Choice] | None:
        """Give a list of them, each once."""
        values = self.texts(key)
        if values is None:
            return None
        return frozenset(one for value in values if (one := self._chosen(key, value, kind)) is not None)

    def number(self, key: str, least: int, most: int) -> int | None:
        """Give a whole number."""
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            told = make_message(messages.NO_NUMBER, key=key, least=least, most=most, example=schema.EXAMPLES[key])
            self.blame(key, told)
            return None
        return value

    def duration(self, key: str, least: timedelta, most: timedelta) -> timedelta | None:
        """Give a time."""
        value = self.raw.get(key)
        if value is None:
            return None
        try:
            span = value_parsers.duration(value) if isinstance(value, str) else None
        except ValueError:
            span = None
        if span is None or not least <= span <= most:
            told = make_message(
                messages.NO_DURATION, key=key, least=value_parsers.written(least), most=value_parsers.written(most)
            )
            self.blame(key, told)
            return None
        return span

    def file(self, key: str) -> File | None:
        """Give a path; a relative one counts from the file's own folder."""
        value = self.text(key)
        return None if value is None else self.book.beside(value)

    def _chosen(self, key: str, value: str, kind: type[Choice]) -> Choice | None:
        try:
            return kind(value)
        except ValueError:
            self.blame(key, schema.invalid_choice_error(key, value, [one.value for one in kind]))
            return None
