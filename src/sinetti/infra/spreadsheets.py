"""CSV for spreadsheets, in which no cell becomes a formula or another value."""

import csv
import re
from collections.abc import Sequence
from io import StringIO
from typing import Final

BOM: Final = "\ufeff"
"""Byte order mark, by which spreadsheets recognise UTF-8."""

_SEPARATORS = ",;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
_PASSED_OVER = r"\s\"\u200b\ufeff"
_BEGINS_FORMULA = re.compile(
    f"(?:^|(?<=[{_SEPARATORS}]))(?=(?:(?![{_SEPARATORS}])[{_PASSED_OVER}])*[-=+@\uff1d\uff0b\uff0d\uff20\t\r\n])"
)
"""Places where a formula may begin: the start of a cell, and after each separator.

A spreadsheet may split a line at each separator. Spaces, quotation marks and zero-width characters may come first.
Each sign counts in full width, too, because Japanese spreadsheets may read both alike.
"""
_CONVERTED = re.compile(r"0\d+|\d{16,}|\d+[eE]\d+|\d{1,4}[./-]\d{1,2}(?:[./-]\d{1,4})?")
"""Cell that a spreadsheet changes into another number or a date.

Examples: an ID `00123`, a description `1/2`.
"""


def guarded(cell: str) -> str:
    """Put an apostrophe before formulas, and before texts that would be converted.

    It covers every separator at which a spreadsheet may split. A spreadsheet that splits at commas ignores the
    quotation marks that a semicolon needs (OWASP, CSV injection).
    """
    return f"'{cell}" if _CONVERTED.fullmatch(cell) else _BEGINS_FORMULA.sub("'", cell)


def lines_of(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines of CSV, each cell guarded."""
    written = StringIO()
    # Semicolons: the comma is the decimal sign in Finland, so that Excel takes no comma there.
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerows([guarded(text) for text in row] for row in rows)
    return written.getvalue()
