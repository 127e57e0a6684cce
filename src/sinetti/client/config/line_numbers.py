"""Line numbers of keys in a TOML text, which tomllib does not return.

tomllib has read the text before, so it is valid TOML 1.0. This module only locates the keys.
"""

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Keys from the outermost table inwards; of an array, the number of the element."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2}(?!"))', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2}(?!'))", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\])*"'),
    re.compile(r"'[^']*'"),
)
"""Patterns of strings.

Multi-line strings come first, since an empty single-line string begins like them. They may end in five quotes.
"""

_OTHER = re.compile(r"[^,\]}#\n]+")
"""A number, an instant, true or false."""


def locate_keys(text: str) -> Mapping[Path, int]:
    """Return the line, counted from 1, of each key, table and element of a TOML text.

    A table has the line of its own header. A table without header has the first line that mentions something in it.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


def nearest_line(found: Mapping[Path, int], path: Path) -> int:
    """Return the line of a path.

    If the path has none, return the line of the nearest enclosing table, or else the first line.
    """
    return next((found[path[:end]] for end in range(len(path), 0, -1) if path[:end] in found), 1)


class _Scanner:
    """Scanner that walks over a text once; `found` has the lines by path."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}
        """Arrays of tables: the number of the last element."""

    def document(self) -> None:
        """Read headers and keys to the end."""
        table: Path = ()
        while self._skip(_BLANK) and self.at < len(self.text):
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line, several = self.line, self.text.startswith("[[", self.at)
        self.at += 2 if several else 1
        self._skip(_SPACE)
        *outer, last = self._key()
        self.at += 2 if several else 1
        path = self._named((), tuple(outer), line)
        named = (*path, last)
        if several:
            self.found.setdefault(named, line)
            self.arrays[named] = self.arrays.get(named, -1) + 1
            named = (*named, self.arrays[named])
        self.found[named] = line
        return named

    def _pair(self, table: Path) -> None:
        line = self.line
        *outer, last = self._key()
        path = (*self._named(table, tuple(outer), line), last)
        self.found[path] = line
        self.at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _named(self, path: Path, keys: tuple[str, ...], line: int) -> Path:
        for key in keys:
            path = (*path, key)
            self.found.setdefault(path, line)
            if path in self.arrays:
                path = (*path, self.arrays[path])
        return path

    def _key(self) -> list[str]:
        parts = [self._part()]
        while self.text.startswith(".", self.at):
            self.at += 1
            self._skip(_SPACE)
            parts.append(self._part())
        return parts

    def _part(self) -> str:
        bare = _BARE.match(self.text, self.at)
        if bare is not None:
            self.at = bare.end()
            part = bare.group()
        else:
            begun = self.at
            self._string()
            part = tomllib.loads(f"key = {self.text[begun : self.at]}")["key"]
        self._skip(_SPACE)
        return part

    def _value(self, path: Path) -> None:
        match self.text[self.at]:
            case "[":
                self._array(path)
            case "{":
                self.at += 1
                while self._skip(_SPACE) and not self.text.startswith("}", self.at):
                    self._pair(path)
                    self._past_comma(_SPACE)
                self.at += 1
            case "'" | '"':
                self._string()
            case _:
                self._skip(_OTHER)

    def _array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._skip(_BLANK) and not self.text.startswith("]", self.at):
            self.found[(*path, number)] = self.line
            self._value((*path, number))
            number += 1
            self._past_comma(_BLANK)
        self.at += 1

    def _past_comma(self, between: re.Pattern[str]) -> None:
        self._skip(between)
        if self.text.startswith(",", self.at):
            self.at += 1

    def _string(self) -> None:
        if not any(self._skip(kind) for kind in _STRINGS):
            raise ValueError(f"no key or string at line {self.line}")

    def _skip(self, what: re.Pattern[str]) -> bool:
        match = what.match(self.text, self.at)
        if match is None:
            return False
        self.line += match.group().count("\n")
        self.at = match.end()
        return True
