"""UI components of forms: fields, buttons, groups of fields.

Each has its own template, which computes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Option:
    """Choice of a field."""

    value: str
    text: str
    chosen: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Input:
    """Field of a form.

    `kind` is "text", "email", "tel", "number", "date", "password", "file", "textarea", "select", "radio", "checks"
    (several choices), "check" (yes or no), "fixed" (a value with its text in `options`, not to be changed) or "hidden".
    `code` is for a value that is copied character by character. `focus` sets the initial focus (once a page).
    `reveals` names the fields that an option needs, for "radio", "checks" and "check" (option "yes"): they follow it,
    and a browser shows them while it is chosen.
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
    alternative: bool = False
    """True if one of several fields must be filled in; their legend says so."""
    reveals: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def optional(self) -> bool:
        """True if the label says that the field may stay empty."""
        return not (self.required or self.alternative) and self.kind not in {"check", "checks", "fixed", "hidden"}


@dataclass(frozen=True)
class Button:
    """Button of a form; `does` is its value.

    `note` is read aloud after the text to distinguish buttons with the same text.
    """

    text: str
    does: str = ""
    minor: bool = False
    danger: bool = False
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Fields under one legend, by their names."""

    legend: str
    names: Sequence[str]
    hint: str = ""


@dataclass(frozen=True)
class FormRow:
    """Field, its options, and the fields that each of them reveals."""

    input: Input
    options: Sequence[tuple[Option, "Sequence[FormRow]"]]


@dataclass(frozen=True)
class FormPart:
    """Fields in their order; with a legend they are a group."""

    legend: str
    hint: str
    rows: Sequence[FormRow]


@dataclass(frozen=True)
class Form:
    """Form.

    `errors` are shown above it, each with a link to its field: (name, text). `files`: it has a file field. A `search`
    form is sent by GET and changes nothing. `groups` puts fields under legends, at the place of the first of them.
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
    groups: Sequence[Group] = ()

    @property
    def focuses(self) -> bool:
        """True if a field gets the focus; else a summary of errors does."""
        return any(one.focus for one in self.inputs)

    @property
    def has_optional(self) -> bool:
        """True if some fields must be filled in and others may stay empty."""
        return not self.search and any(one.optional for one in self.inputs) and any(one.required for one in self.inputs)

    @property
    def parts(self) -> Sequence[FormPart]:
        """Fields in groups, without those that an option reveals."""
        by_name = {one.name: one for one in self.inputs}
        revealed = {name for one in self.inputs for names in one.reveals.values() for name in names}
        group_of = {name: group for group in self.groups for name in group.names}
        pairs, current = list[tuple[Group | None, list[FormRow]]](), dict[int, list[FormRow]]()
        for one in self.inputs:
            if one.name in revealed:
                continue
            group = group_of.get(one.name)
            row = _row(one, by_name)
            if group is not None and id(group) in current:
                current[id(group)].append(row)
            elif pairs and pairs[-1][0] is None and group is None:
                pairs[-1][1].append(row)
            else:
                pairs.append((group, [row]))
                if group is not None:
                    current[id(group)] = pairs[-1][1]
        return [
            FormPart("", "", rows) if group is None else FormPart(group.legend, group.hint, rows)
            for group, rows in pairs
        ]


def _row(one: Input, by_name: Mapping[str, Input]) -> FormRow:
    options = one.options or ([Option("yes", one.label)] if one.kind == "check" else ())
    return FormRow(
        one,
        [
            (option, [_row(by_name[name], by_name) for name in one.reveals.get(option.value, ()) if name in by_name])
            for option in options
        ],
    )


@dataclass(frozen=True)
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

    @property
    def rows(self) -> Sequence[FormRow]:
        """Fields of the form."""
        return [_row(one, {}) for one in self.inputs]
