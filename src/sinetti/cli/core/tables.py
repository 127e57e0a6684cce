"""Tables for people: columns as wide as what stands in them, two spaces between."""

import unicodedata
from collections.abc import Sequence

_WIDE = frozenset("WF")
"""Letters that take two places on a terminal (UAX 11)."""


def format_table(head: Sequence[str], lines: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lay out a table; columns numbered in `right` are flush right. The last column takes what it needs."""
    return format_columns((head, *lines), right)


def format_columns(lines: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Lay out a table without names of columns."""
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    return [_line(cells, widths, right) for cells in lines]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    padded = []
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        blanks = " " * (width - _width(cell))
        padded.append(blanks + cell if column in right else cell + blanks)
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(_places(sign) for sign in text)


def _places(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in _WIDE else 1
