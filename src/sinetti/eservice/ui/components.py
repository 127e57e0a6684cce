"""UI components: values with their texts.

Each has its own template, which computes nothing.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar

from django.utils.html import escape
from django.utils.safestring import SafeString

from sinetti.eservice.ui.form_components import Button, Form, FormRow, Group, Input, Option, PasskeyButton
from sinetti.eservice.ui.icons import ICONS
from sinetti.eservice.ui.lifeline import Lifeline

__all__ = ["Button", "Form", "Group", "Input", "Option", "PasskeyButton"]


class Severity(StrEnum):
    """Severity of a message: a style and a sign."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"

    @property
    def outline(self) -> str:
        """Outline of the sign (SVG path)."""
        return ICONS[self.value]


_FULL = 100
_EMAIL, _PLACE = re.compile(r"\S+@\S+"), re.compile(r"(?<=@)|(?<=\w)(?=\.\w)")
_LONGEST_WORD, _LONGEST_SIGN, _MARKS = 22, 12, ".,:;()“”"
"""Limits of a table column: letters of a word, characters of another token.

The third value has the punctuation that is ignored at the ends of a word.
"""


@dataclass(frozen=True)
class Link:
    """Link.

    `button` gives it the look of a button. `download` marks a file. `current` marks the current page. `icon` is a name
    in `icons.py`.
    """

    text: str
    address: str
    button: bool = False
    download: bool = False
    current: bool = False
    note: str = ""
    """Read aloud after the text to distinguish links with the same text."""
    icon: str = ""

    @property
    def outline(self) -> str:
        """Outline of the icon (SVG path); empty without one."""
        return ICONS["download"] if self.download else ICONS.get(self.icon, "")


@dataclass(frozen=True)
class Badge:
    """State of an object as a sign, a word and a colour."""

    template: ClassVar[str] = "blocks/badge.html"
    text: str
    tone: Severity = Severity.PLAIN


@dataclass(frozen=True)
class Text:
    """Paragraphs; `language` is theirs if it may differ from the page's."""

    template: ClassVar[str] = "blocks/text.html"
    paragraphs: Sequence[str]
    language: str = ""


@dataclass(frozen=True)
class Alert:
    """Alert with the next step."""

    template: ClassVar[str] = "blocks/notice.html"
    text: str
    tone: Severity = Severity.PLAIN
    links: Sequence[Link] = ()


@dataclass(frozen=True)
class DescriptionItem:
    """Named value.

    `secret` is a value to be copied by hand. `link` leads to more, `change` to the form that changes the value. `copy`
    adds a button that copies the value.
    """

    name: str
    value: str = field(repr=False)
    secret: bool = False
    link: str = ""
    change: Link | None = None
    copy: bool = False

    @property
    def shown(self) -> str:
        """The value as HTML that may break inside e-mail addresses."""
        return _breakable(self.value)


@dataclass(frozen=True)
class DescriptionList:
    """List of named values."""

    template: ClassVar[str] = "blocks/values.html"
    values: Sequence[DescriptionItem]


@dataclass(frozen=True)
class Links:
    """Links in a column, or buttons in a row."""

    template: ClassVar[str] = "blocks/links.html"
    links: Sequence[Link]


@dataclass(frozen=True)
class Task:
    """Task of the user: the link to it, its number of objects, one more sentence."""

    text: str
    address: str
    tone: Severity = Severity.PLAIN
    count: int = 0
    hint: str = ""


@dataclass(frozen=True)
class Tasks:
    """Tasks of the user, most urgent first; each is a link."""

    template: ClassVar[str] = "blocks/tasks.html"
    tasks: Sequence[Task]


@dataclass(frozen=True)
class Total:
    """Number of objects in a state, with the link to their list."""

    text: str
    count: int
    address: str = ""
    tone: Severity = Severity.PLAIN


@dataclass(frozen=True)
class Totals:
    """Numbers of objects by state, as tiles."""

    template: ClassVar[str] = "blocks/totals.html"
    totals: Sequence[Total]


@dataclass(frozen=True)
class Bar:
    """Bar of a chart, with its name and the link to what it counts.

    `label` is short; `group` is the name of the labels from this one on, such as a year.
    """

    name: str
    label: str
    value: int
    address: str = ""
    tone: Severity = Severity.PLAIN
    group: str = ""


@dataclass(frozen=True)
class Chart:
    """Bar chart; a table with the same numbers follows.

    `unit` is the name of the numbers, `what` that of the labels.
    """

    template: ClassVar[str] = "blocks/chart.html"
    caption: str
    bars: Sequence[Bar]
    unit: str
    what: str = ""

    @property
    def columns(self) -> Sequence[tuple[Bar, int]]:
        """Bars with their heights, of which the highest is 100."""
        most = max((bar.value for bar in self.bars), default=0)
        # A small number beside a large one is still seen.
        return [(bar, max(3, _FULL * bar.value // most) if bar.value else 0) for bar in self.bars]

    @property
    def total(self) -> int:
        """Sum of the values."""
        return sum(bar.value for bar in self.bars)

    @property
    def table(self) -> "Table":
        """The numbers as a table."""
        rows = [[Cell(bar.name, bar.address), Cell(str(bar.value))] for bar in self.bars]
        return Table(self.caption, [Column(self.what), Column(self.unit, numeric=True)], rows, headed=True)


@dataclass(frozen=True)
class Letter:
    """Message that an act sends: its recipients, subject, text and language."""

    template: ClassVar[str] = "blocks/letter.html"
    subject: str
    paragraphs: Sequence[str]
    to: str
    language: str = ""

    @property
    def shown(self) -> str:
        """The recipients as HTML that may break inside e-mail addresses."""
        return _breakable(self.to)

    @property
    def outline(self) -> str:
        """Outline of an envelope (SVG path)."""
        return ICONS["letter"]


@dataclass(frozen=True)
class CommandBlock:
    """Command to type, with its purpose; `copy` adds a button that copies it."""

    template: ClassVar[str] = "blocks/command.html"
    name: str
    text: str
    copy: bool = True


@dataclass(frozen=True)
class Column:
    """Column of a table.

    `sort` is the address behind its name. `sorted` is "ascending", "descending" or empty. A `minor` column is hidden on
    narrow screens.
    """

    name: str
    sort: str = ""
    sorted: str = ""
    numeric: bool = False
    minor: bool = False


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    `percent` draws a bar beside the text, with the same value.
    """

    text: str
    link: str = ""
    tone: Severity | None = None
    note: str = ""
    percent: int | None = None

    @property
    def shown(self) -> str:
        """The text as HTML that may break inside e-mail addresses."""
        return _breakable(self.text)

    @property
    def shown_note(self) -> str:
        """The note as HTML that may break inside e-mail addresses."""
        return _breakable(self.note)

    @property
    def breaks(self) -> bool:
        """True if a long word of the text may be broken over two lines."""
        return _breaks(self.text)

    @property
    def note_breaks(self) -> bool:
        """True if a long word of the note may be broken over two lines."""
        return _breaks(self.note)


def _breaks(words: str) -> bool:
    """Return True if the text has a web address, an id or an unusually long word.

    No column is widened for such a word. An e-mail address has places of its own where it breaks.
    """
    return any(
        len(word) > _LONGEST_WORD or (len(word) > _LONGEST_SIGN and not word.strip(_MARKS).isalpha())
        for word in words.split()
        if "@" not in word
    )


def _breakable(words: str) -> str:
    """Return the text as HTML; e-mail addresses may break at "@" and full stops."""
    if "@" not in words:
        return words
    return SafeString(_EMAIL.sub(lambda found: _PLACE.sub("<wbr>", found[0]), escape(words)))


Row = Sequence[Cell | str]
"""Cells of a table; a text is a cell with nothing else."""


@dataclass(frozen=True)
class Table:
    """Table; on narrow screens each row becomes a list of names and values.

    The first cell of a row is its name. `pick` is the name of checkboxes before the rows, whose values are in `picks`;
    those in `picked` are ticked. `form` is the id of their form. With `actions` the table is that form itself: the
    buttons act on the ticked rows, and `action` is its address.
    """

    template: ClassVar[str] = "blocks/table.html"
    caption: str
    columns: Sequence[Column | str]
    rows: Sequence[Row]
    empty: str = ""
    pick: str = ""
    picks: Sequence[str] = ()
    picked: Collection[str] = ()
    form: str = ""
    headed: bool = False
    """True if a heading above already has the caption."""
    actions: Sequence[Button] = ()
    action: str = ""
    hidden: Sequence[Input] = ()
    """Hidden values of the form of `actions`."""

    @property
    def heads(self) -> Sequence[Column]:
        """Columns for the template; a text is a column with nothing else."""
        return [Column(column) if isinstance(column, str) else column for column in self.columns]

    @property
    def sorts(self) -> Sequence[Column]:
        """Columns that sort the rows."""
        return [column for column in self.heads if column.sort]

    @property
    def lines(self) -> "Sequence[TableRow]":
        """Rows for the template: each cell beside the name of its column."""
        picks = self.picks or [""] * len(self.rows)
        return [
            TableRow(
                pick,
                pick in self.picked,
                [
                    TableCell(column, Cell(cell) if isinstance(cell, str) else cell)
                    for column, cell in zip(self.heads, row, strict=True)
                ],
            )
            for pick, row in zip(picks, self.rows, strict=True)
        ]


@dataclass(frozen=True)
class TableCell:
    """Cell and its column."""

    column: Column
    cell: Cell

    @property
    def kind(self) -> str:
        """Classes of the cell."""
        return " ".join(
            name
            for name, has in (
                ("number", self.column.numeric),
                ("breaks", not self.column.numeric and self.cell.breaks),
                ("minor", self.column.minor),
                ("state", self.cell.tone is not None),
            )
            if has
        )


@dataclass(frozen=True)
class TableRow:
    """Row of a table and the value of its checkbox."""

    pick: str
    is_picked: bool
    cells: Sequence[TableCell]


@dataclass(frozen=True)
class Pager:
    """Position in a list, with links to the previous and next part, if any."""

    template: ClassVar[str] = "blocks/pager.html"
    text: str
    before: Link | None = None
    after: Link | None = None


@dataclass(frozen=True)
class Filters:
    """Search form whose further fields fold, and what is chosen.

    The first field is always shown. Each link in `chosen` removes one filter.
    """

    template: ClassVar[str] = "blocks/filters.html"
    form: Form
    chosen: Sequence[Link] = ()
    open: bool = False

    @property
    def count(self) -> int:
        """Number of filters that are chosen."""
        return len(self.chosen)

    @property
    def rows(self) -> Sequence[FormRow]:
        """Fields that fold."""
        return self.form.parts[0].rows[1:] if self.form.parts else ()

    @property
    def first(self) -> Sequence[FormRow]:
        """Field that is always shown."""
        return self.form.parts[0].rows[:1] if self.form.parts else ()


@dataclass(frozen=True)
class Section:
    """Part of a page under its own heading."""

    template: ClassVar[str] = "blocks/section.html"
    title: str
    blocks: "Sequence[Component]"
    name: str = ""

    @property
    def inner(self) -> "Sequence[Component]":
        """Components of the section; a caption equal to the heading is hidden visually.

        A screen reader still reads the caption.
        """
        return [
            replace(block, headed=True) if isinstance(block, Table) and block.caption == self.title else block
            for block in self.blocks
        ]


@dataclass(frozen=True)
class Disclosure:
    """Details that the reader can open."""

    template: ClassVar[str] = "blocks/details.html"
    title: str
    blocks: "Sequence[Component]"


@dataclass(frozen=True)
class QrCode:
    """QR code: a square of `size` modules, drawn by `path` (SVG)."""

    template: ClassVar[str] = "blocks/code.html"
    name: str
    size: int
    path: str = field(repr=False)


Component = (
    QrCode
    | Badge
    | Chart
    | CommandBlock
    | DescriptionList
    | Disclosure
    | Filters
    | Form
    | Links
    | Alert
    | Letter
    | Lifeline
    | Pager
    | PasskeyButton
    | Section
    | Table
    | Tasks
    | Text
    | Totals
)
