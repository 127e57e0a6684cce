"""Blocks of output for the width of a terminal, and for a pipe.

A command describes its output as blocks. On a terminal, `layout` lays them out with rich. Elsewhere each row of a table
is one line that is never wrapped, cut or coloured, so that programs read the same text on every machine.

COLUMNS sets the width. NO_COLOR turns colours off. FORCE_COLOR treats a pipe as a terminal, as rich does.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal as OneOf
from typing import TextIO, TypeGuard

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


@dataclass(frozen=True, slots=True)
class Screen:
    """Terminal behind a stream: columns in use, and its colours or None."""

    width: int
    colours: Colours | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that is wrapped between words.

    With `apart`, a terminal has an empty line before it.
    """

    text: str
    indent: int = 0
    apart: bool = False

    def plain(self) -> Iterator[str]:
        """Yield the text as one line."""
        yield self.text


@dataclass(frozen=True, slots=True)
class Heading:
    """Title of the blocks that follow, after an empty line on a terminal."""

    text: str

    def plain(self) -> Iterator[str]:
        """Yield the title."""
        yield self.text


@dataclass(frozen=True, slots=True)
class Literal:
    """Lines that belong together, such as a text and a mark below it.

    A terminal breaks all of them at the same column.
    """

    lines: tuple[str, ...]

    def plain(self) -> Iterator[str]:
        """Yield the lines."""
        yield from self.lines


@dataclass(frozen=True, slots=True)
class Row:
    """Row of a table, with the advice about it."""

    cells: tuple[str, ...]
    advice: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
            yield f"{'  ' if self.title else ''}{name}{' ' * (width - columns_of(name))}  {value}".rstrip()
        if self.advice:
            yield f"  {self.advice}"


Block = Paragraph | Heading | Literal | OutputTable | Record


def render(blocks: Iterable[Block], screen: Screen | None) -> str:
    """Return blocks as text for a screen, or for a pipe if it is None."""
    if screen is None:
        return "\n".join(line for block in blocks for line in block.plain())
    # rich takes half as long as the rest of the command, so it is loaded only for a terminal.
    from sinetti.cli.core import layout  # noqa: PLC0415 - as above

    return layout.render(blocks, screen)


def screen_of(stream: TextIO | None) -> Screen | None:
    """Return the terminal behind a stream, or None for any other stream."""
    if not is_terminal(stream):
        return None
    from sinetti.cli.core import layout  # noqa: PLC0415 - as in render

    return layout.screen_of(stream)


def is_terminal(stream: TextIO | None) -> TypeGuard[TextIO]:
    """Return True if a stream is a terminal, or FORCE_COLOR has it treated as one."""
    if stream is None or stream.closed:
        return False
    # A setting of the person's terminals, not one of Sinetti (https://force-color.org).
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))  # noqa: TID251


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
        blanks = " " * (width - columns_of(cell))
        padded.append(blanks + cell if column in right else cell + blanks)
    return "  ".join(padded).rstrip()
