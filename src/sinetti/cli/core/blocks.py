"""Blocks of output: paragraphs, tables and records, with their form in a pipe.

In a pipe each row of a table is one line that is never wrapped, cut or coloured, so that programs read the same text
on every machine.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal as OneOf

NARROWEST, WIDEST = 60, 200
"""Columns of a terminal that are used.

A narrower terminal breaks the lines by itself.
"""

_WIDE = frozenset("WF")
"""Width classes of characters that take two columns on a terminal (UAX 11)."""


Colours = OneOf["standard", "256", "truecolor", "windows"]
"""Names of rich for the colours of a terminal."""


class Tone(StrEnum):
    """Colour of a cell, which always has a word for the same.

    The values are styles of rich.
    """

    PLAIN = ""
    GOOD = "green"
    WARNING = "yellow"
    BAD = "bold red"


@dataclass(frozen=True)
class Screen:
    """Terminal behind a stream: columns in use, and its colours or None."""

    width: int
    colours: Colours | None = None


@dataclass(frozen=True)
class Paragraph:
    """Text that is wrapped between words.

    With `is_apart`, a terminal has an empty line before it.
    """

    text: str
    indent: int = 0
    is_apart: bool = False

    def plain(self) -> Iterator[str]:
        """Yield the text as one line."""
        yield self.text


@dataclass(frozen=True)
class Heading:
    """Title of the blocks that follow, after an empty line on a terminal."""

    text: str

    def plain(self) -> Iterator[str]:
        """Yield the title."""
        yield self.text


@dataclass(frozen=True)
class Literal:
    """Lines that belong together, such as a text and a mark below it.

    A terminal breaks all of them at the same column.
    """

    lines: tuple[str, ...]

    def plain(self) -> Iterator[str]:
        """Yield the lines."""
        yield from self.lines


@dataclass(frozen=True)
class Row:
    """Row of a table, with the advice about it."""

    cells: tuple[str, ...]
    advice: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class OutputTable:
    """Table that becomes a list of records where its columns do not fit.

    `advice` names the last column of a pipe; a terminal has the advice below its row, indented. Columns are numbers:
    those in `right` are flush right, those in `fold` may be wrapped, those in `spare` are left out where they do not
    fit, and `toned` has the row's colour.
    """

    head: tuple[str, ...]
    rows: Sequence[Row]
    advice: str = ""
    right: frozenset[int] = frozenset()
    fold: frozenset[int] = frozenset()
    spare: frozenset[int] = frozenset()
    toned: int | None = None
    indent: int = 2

    def plain(self) -> Iterator[str]:
        """Yield the head and a line for each row."""
        head = [(*self.head, self.advice)] if self.head else []
        lines = [*head, *((*row.cells, row.advice) for row in self.rows)]
        widths = [max(map(columns_of, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            yield _aligned(line, widths, self.right)


@dataclass(frozen=True)
class Record:
    """Names and values of one thing, with a title and the advice about it."""

    title: str
    pairs: Sequence[tuple[str, str]]
    advice: str = ""
    tone: Tone = Tone.PLAIN

    def plain(self) -> Iterator[str]:
        """Yield the title, the pairs, and the advice."""
        width = max((columns_of(name) for name, _ in self.pairs), default=0)
        if self.title:
            yield self.title
        for name, value in self.pairs:
            blanks, line = " " * (width - columns_of(name)), value.replace("\n", " ")
            yield f"{'  ' if self.title else ''}{name}{blanks}  {line}".rstrip()
        if self.advice:
            yield f"  {self.advice}"


Block = Paragraph | Heading | Literal | OutputTable | Record


def columns_of(text: str) -> int:
    """Return the number of columns that a text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in _WIDE else 1


def _aligned(cells: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    padded = []
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        blanks, line = " " * (width - columns_of(cell)), cell.replace("\n", " ")
        padded.append(blanks + line if column in right else line + blanks)
    return "  ".join(padded).rstrip()
