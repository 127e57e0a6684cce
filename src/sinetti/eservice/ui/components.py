"""UI components: values with their texts.

Each has its own template, which computes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar


class Severity(StrEnum):
    """Severity of a message: a style, and a word for readers who do not see colours."""

    PLAIN = "plain"
    GOOD = "good"
    WARNING = "warning"
    ERROR = "error"


_LONGEST_WORD, _LONGEST_SIGN, _MARKS = 22, 12, ".,:;()“”"
"""Limits of a table column: letters of a word, characters of another token.

The third value has the punctuation that is ignored at the ends of a word.
"""


@dataclass(frozen=True, slots=True)
class Link:
    """Link.

    `button` gives it the look of a button. `download` marks a file. `current` marks the current page.
    """

    text: str
    address: str
    button: bool = False
    download: bool = False
    current: bool = False
    note: str = ""
    """Read aloud after the text to distinguish links with the same text."""


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs."""

    template: ClassVar[str] = "blocks/text.html"
    paragraphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Alert:
    """Alert with the next step."""

    template: ClassVar[str] = "blocks/notice.html"
    text: str
    tone: Severity = Severity.PLAIN
    links: Sequence[Link] = ()


@dataclass(frozen=True, slots=True)
class DescriptionItem:
    """Named value. `secret` is shown for copying; `link` leads to more."""

    name: str
    value: str = field(repr=False)
    secret: bool = False
    link: str = ""


@dataclass(frozen=True, slots=True)
class DescriptionList:
    """List of named values."""

    template: ClassVar[str] = "blocks/values.html"
    values: Sequence[DescriptionItem]


@dataclass(frozen=True, slots=True)
class Links:
    """Links in a column, or buttons in a row."""

    template: ClassVar[str] = "blocks/links.html"
    links: Sequence[Link]


@dataclass(frozen=True, slots=True)
class Task:
    """Task of the user, with the link to it."""

    text: str
    address: str
    tone: Severity = Severity.PLAIN


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks of the user, most urgent first; each is a link."""

    template: ClassVar[str] = "blocks/tasks.html"
    tasks: Sequence[Task]


@dataclass(frozen=True, slots=True)
class CommandBlock:
    """Command to type or copy, with its purpose."""

    template: ClassVar[str] = "blocks/command.html"
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a table.

    `sort` is the address behind its name. `sorted` is "ascending", "descending" or empty.
    """

    name: str
    sort: str = ""
    sorted: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
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
    def breaks(self) -> bool:
        """True if a long word of the text may be broken over two lines."""
        return _breaks(self.text)

    @property
    def note_breaks(self) -> bool:
        """True if a long word of the note may be broken over two lines."""
        return _breaks(self.note)


def _breaks(words: str) -> bool:
    """Return True if the text has an address, an id or an unusually long word.

    No column is widened for such a word.
    """
    return any(
        len(one) > _LONGEST_WORD or (len(one) > _LONGEST_SIGN and not one.strip(_MARKS).isalpha())
        for one in words.split()
    )


@dataclass(frozen=True, slots=True)
class Table:
    """Table; on narrow screens each row becomes a list of names and values.

    The first cell of a row is its name. `pick` is the name of checkboxes before the rows, whose values are in `picks`.
    `form` is the id of their form.
    """

    template: ClassVar[str] = "blocks/table.html"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str = ""
    pick: str = ""
    picks: Sequence[str] = ()
    picked: Collection[str] = ()
    form: str = ""
    headed: bool = False
    """True if a heading above already has the caption."""

    @property
    def lines(self) -> "Sequence[TableRow]":
        """Rows for the template: each cell beside the name of its column."""
        picks = self.picks or [""] * len(self.rows)
        return [
            TableRow(
                pick,
                pick in self.picked,
                [TableCell(one.name, cell, one.numeric) for one, cell in zip(self.columns, row, strict=True)],
            )
            for pick, row in zip(picks, self.rows, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class TableCell:
    """Cell and the name of its column."""

    name: str
    cell: Cell
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """Row of a table and the value of its checkbox."""

    pick: str
    is_picked: bool
    cells: Sequence[TableCell]


@dataclass(frozen=True, slots=True)
class Pager:
    """Position in a list, with links to the previous and next part, if any."""

    template: ClassVar[str] = "blocks/pager.html"
    text: str
    before: Link | None = None
    after: Link | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """Choice of a field."""

    value: str
    text: str
    chosen: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """Field of a form.

    `kind` is "text", "email", "tel", "number", "date", "password", "file", "textarea", "select", "radio", "checks"
    (several choices), "check" (yes or no) or "hidden". `code` is for a value that is copied character by character.
    `focus` sets the initial focus (once a page).
    """

    name: str
    label: str
    kind: str = "text"
    value: str = field(default="", repr=False)
    hint: str = ""
    error: str = ""
    required: bool = False
    options: Sequence[Option] = ()
    longest: int | None = None
    autocomplete: str = "off"
    numeric: bool = False
    focus: bool = False
    checked: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """Button of a form; `does` is its value."""

    text: str
    does: str = ""
    minor: bool = False
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """Form.

    `errors` are shown above it, each with a link to its field: (name, text). `files`: it has a file field. A `search`
    form is sent by GET and changes nothing.
    """

    template: ClassVar[str] = "blocks/form.html"
    inputs: Sequence[Input]
    buttons: Sequence[Button]
    action: str = ""
    errors: Sequence[tuple[str, str]] = ()
    files: bool = False
    search: bool = False
    inline: bool = False
    name: str = ""
    keeps: str = ""
    """Signed statement about the fields that a draft may keep (`draft_store.py`)."""
    new_tab: bool = False
    """The response opens in a new tab, because the content of this page would be lost."""


@dataclass(frozen=True, slots=True)
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
            replace(one, headed=True) if isinstance(one, Table) and one.caption == self.title else one
            for one in self.blocks
        ]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Details that the reader can open."""

    template: ClassVar[str] = "blocks/details.html"
    title: str
    blocks: "Sequence[Component]"


@dataclass(frozen=True, slots=True)
class QrCode:
    """QR code: a square of `size` modules, drawn by `path` (SVG)."""

    template: ClassVar[str] = "blocks/code.html"
    name: str
    size: int
    path: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasskeyButton:
    """Button that creates or uses a passkey and sends the result (static/passkeys.js).

    `options` are the server's options (JSON). `without` is shown if the browser runs no scripts.
    """

    template: ClassVar[str] = "blocks/passkey.html"
    does: str
    options: str = field(repr=False)
    button: str
    failed: str
    without: str
    inputs: Sequence[Input] = ()
    errors: Sequence[tuple[str, str]] = ()
    action: str = ""


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """Point on a timeline: `mark` is its outline (SVG path), `filled` means past."""

    mark: str
    filled: bool
    kind: str
    what: str
    when: str
    y: int
    what_y: int
    when_y: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Timeline as a picture; a list with the same words follows for screen readers.

    `now_y` is the start of the future. `share` is the elapsed part of the bar on top, out of `width`.
    """

    template: ClassVar[str] = "blocks/timeline.html"
    points: Sequence[TimelinePoint]
    height: int
    now_y: int
    top: int
    bottom: int
    share: int
    width: int


Component = (
    QrCode
    | CommandBlock
    | Disclosure
    | Form
    | Links
    | Alert
    | Pager
    | PasskeyButton
    | Section
    | Table
    | Tasks
    | Text
    | Timeline
    | DescriptionList
)
