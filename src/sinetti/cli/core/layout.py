"""Layout of blocks on a terminal, with rich.

`terminal` loads this module only where a person reads the output.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import singledispatch
from itertools import zip_longest
from typing import TextIO, cast

from rich.cells import cell_len, chop_cells
from rich.console import Console, OverflowMethod, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from sinetti.cli.core.blocks import (
    NARROWEST,
    WIDEST,
    Block,
    Colours,
    Heading,
    Literal,
    OutputTable,
    Paragraph,
    Record,
    Row,
    Screen,
)
from sinetti.domain.validation import make_visible

LONGEST_LINE = 100
"""Columns of a paragraph on a wide terminal, since longer lines are hard to read.

A path that is longer may use all columns.
"""

_ABSENT = frozenset({"", "-", "–"})
"""Cells without a value, which a record leaves out."""

_GAP = 2
"""Columns between two cells."""

_NARROWEST_CELL = 14
"""Columns of a cell that is wrapped; below it a record is easier to read."""


def screen_of(stream: TextIO) -> Screen:
    """Return the screen of a stream, by the terminal and the environment."""
    console = Console(file=stream)
    colours = None if console.no_color or console.legacy_windows else console.color_system
    return Screen(min(max(console.width, NARROWEST), WIDEST), cast("Colours | None", colours))


def render(blocks: Iterable[Block], screen: Screen) -> str:
    """Return blocks as lines of at most `screen.width` columns."""
    console = Console(
        file=io.StringIO(),
        width=screen.width,
        force_terminal=screen.colours is not None,
        color_system=screen.colours,
        no_color=screen.colours is None,
        highlight=False,
        legacy_windows=False,
    )
    before: Block | None = None
    with console.capture() as capture:
        for block in blocks:
            if before is not None and _is_apart(before, block):
                console.print()
            for one in _laid_out(block, screen.width):
                console.print(one)
            before = block
    return "\n".join(line.rstrip() for line in capture.get().rstrip("\n").split("\n"))


def _is_apart(before: Block, block: Block) -> bool:
    """Return True if an empty line separates two blocks."""
    return isinstance(before, Record) or isinstance(block, Heading) or (isinstance(block, Paragraph) and block.is_apart)


@singledispatch
def _laid_out(block: Block, _width: int) -> Iterator[RenderableType]:
    raise TypeError(block)


@_laid_out.register
def _paragraph(block: Paragraph, width: int) -> Iterator[RenderableType]:
    for line in block.text.split("\n"):
        yield _indented(line, block.indent, width)


@_laid_out.register
def _heading(block: Heading, _width: int) -> Iterator[RenderableType]:
    yield _text(block.text, style="bold", overflow="fold")


@_laid_out.register
def _literal(block: Literal, width: int) -> Iterator[RenderableType]:
    # The lines are broken side by side, so that a mark stays below what it marks.
    for parts in zip_longest(*(chop_cells(line, width) for line in block.lines), fillvalue=""):
        for part in parts:
            if part.strip():
                yield _text(part.rstrip(), no_wrap=True, overflow="ignore")


@_laid_out.register
def _table(block: OutputTable, width: int) -> Iterator[RenderableType]:
    every = range(len(block.head or block.rows[0].cells))
    for columns in (list(every), [column for column in every if column not in block.spare]):
        widths = _widths(block, columns, width)
        if widths is not None:
            yield from _lines(block, columns, widths, width)
            return
    for row in block.rows:
        title, *values = row.cells
        pairs = [pair for pair in zip(block.head[1:], values, strict=True) if pair[1] not in _ABSENT]
        yield from _record(Record(title, pairs, row.advice, row.tone), width)
        if row is not block.rows[-1]:
            yield Text()


@_laid_out.register
def _record(block: Record, width: int) -> Iterator[RenderableType]:
    if block.title:
        yield _text(block.title, style="bold", overflow="fold")
    grid = Grid.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    grid.add_column(width=max((cell_len(name) for name, _ in block.pairs), default=0))
    grid.add_column(overflow="fold")
    for name, value in block.pairs:
        grid.add_row(_text(name), _text(value, overflow="fold"))
    if block.pairs:
        yield Padding(grid, (0, 0, 0, _GAP if block.title else 0))
    if block.advice:
        yield _indented(block.advice, _GAP, width)


def _widths(block: OutputTable, columns: Sequence[int], width: int) -> list[int] | None:
    """Return the columns' widths, or None if they do not fit.

    A head is wrapped first, then the widest of the cells that may be wrapped.
    """
    needed = [max((cell_len(row.cells[column]) for row in block.rows), default=0) for column in columns]
    heads = [block.head[column] for column in columns] if block.head else ["" for _ in columns]
    whole = [max(cells, cell_len(head)) for cells, head in zip(needed, heads, strict=True)]
    number = width - _GAP * (len(columns) - 1)
    if sum(whole) <= number:
        return whole
    longest = [max(map(cell_len, head.split()), default=0) for head in heads]
    widths = [max(pair) for pair in zip(needed, longest, strict=True)]
    flexible = {
        place: max(_NARROWEST_CELL, longest[place]) for place, column in enumerate(columns) if column in block.fold
    }
    while sum(widths) > number:
        wider = [place for place, least in flexible.items() if widths[place] > least]
        if not wider:
            return None
        widths[max(wider, key=widths.__getitem__)] -= 1
    return widths


def _lines(block: OutputTable, columns: Sequence[int], widths: Sequence[int], width: int) -> Iterator[RenderableType]:
    if block.head:
        yield _line(replace(block, toned=None), Row(block.head), columns, widths, "bold")
    for row in block.rows:
        yield _line(block, row, columns, widths)
        if row.advice:
            yield _indented(row.advice, block.indent, width)


def _line(
    block: OutputTable, row: Row, columns: Sequence[int], widths: Sequence[int], style: str = ""
) -> RenderableType:
    cells = [
        _text(row.cells[column], style=row.tone if column == block.toned else style, overflow="fold")
        for column in columns
    ]
    if any(cell.cell_len > width for cell, width in zip(cells, widths, strict=True)):
        grid = Grid.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        for one, width in zip(columns, widths, strict=True):
            grid.add_column(width=width, justify="right" if one in block.right else "left", overflow="fold")
        grid.add_row(*cells)
        return grid
    # A line that needs no wrapping takes a fifth of the time: a store can have thousands of names.
    for one, cell, width in zip(columns, cells, widths, strict=True):
        cell.align("right" if one in block.right else "left", width)
    return Text(" " * _GAP, no_wrap=True, overflow="ignore").join(cells)


def _text(text: str, style: str = "", *, no_wrap: bool | None = None, overflow: OverflowMethod | None = None) -> Text:
    """Return a text of rich that cannot control the terminal."""
    return Text(make_visible(text, "\n"), style=style, no_wrap=no_wrap, overflow=overflow)


def _indented(text: str, indent: int, width: int) -> Padding:
    longest_word = max(map(cell_len, text.split()), default=0)
    right = max(0, width - indent - max(LONGEST_LINE, longest_word))
    return Padding(_text(text, overflow="fold"), (0, right, 0, indent))
