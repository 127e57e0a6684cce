"""Django forms in the reader's language, shown as components.

A form class gives labels, hints and errors as message ids (`gettext_noop`). They are translated for the reader.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.files.uploadedfile import UploadedFile
from django.forms.boundfield import BoundField
from django.utils.datastructures import MultiValueDict

from sinetti.domain.validation import LinkError, ValidationError, check_unlinked
from sinetti.eservice.ui.components import Button, Form, Group, Input, Option
from sinetti.i18n.translate import LANGUAGES, _, gettext_noop

_FEW = 5
"""Maximum number of choices shown as radio buttons; more become a select list."""

LANGUAGE_CHOICES = [(language.value, label) for language, label in LANGUAGES.items()]
"""Choices of a language field."""

NO_LINKS = gettext_noop(
    "Leave out web and e-mail addresses, because this text appears in messages. Put a space after each full stop."
)
"""Error for a text with a link."""

_ERRORS: Mapping[str, str] = {
    "required": gettext_noop("Fill in this field: {label}"),
    "invalid": gettext_noop("Check this field: {label}"),
    "invalid_choice": gettext_noop("Choose one of the options: {label}"),
    "invalid_list": gettext_noop("Choose one of the options: {label}"),
    "max_length": gettext_noop("This text is too long: {label}"),
    "min_length": gettext_noop("This text is too short: {label}"),
    "max_value": gettext_noop("This number is too large: {label}"),
    "min_value": gettext_noop("This number is too small: {label}"),
    "null_characters_not_allowed": gettext_noop("Check this field: {label}"),
    "missing": gettext_noop("Choose a file: {label}"),
    "empty": gettext_noop("The file is empty: {label}"),
}


class PortalForm(forms.Form):
    """Base of the portal's forms.

    Subclasses declare Django fields. The other class variables add options to some of them.
    """

    autocomplete: ClassVar[Mapping[str, str]] = {}
    """Autocomplete value of each field (HTML, autocomplete)."""
    numeric: ClassVar[frozenset[str]] = frozenset()
    reveals: ClassVar[Mapping[str, Mapping[str, Sequence[str]]]] = {}
    """Fields that an option of another field needs, by field and option."""
    alternatives: ClassVar[frozenset[str]] = frozenset()
    """Fields of which one must be filled in; the legend of their group says so."""
    groups: ClassVar[Sequence[tuple[str, Sequence[str]]]] = ()
    """Legends with the names of their fields."""

    def __init__(
        self,
        data: Mapping[str, object] | None = None,
        files: "MultiValueDict[str, UploadedFile[Any]] | None" = None,
        initial: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(data, files, initial=dict(initial or {}))
        for field in self.fields.values():
            label, hint = str(field.label or ""), str(field.help_text or "")
            field.label = _(label) if label else ""
            field.help_text = _(hint) if hint else ""
            # Validators use these texts, too: they look them up in the field by error code.
            for code, message in _ERRORS.items():
                field.error_messages[code] = _(message, label=field.label)
            if isinstance(field, forms.ChoiceField):
                field.choices = [
                    (value, _(str(choice_label)) if choice_label else "") for value, choice_label in _choices(field)
                ]

    def refuse(self, name: str | None, message_id: str, **values: object) -> None:
        """Add an error to a field, or to the whole form (None)."""
        self.add_error(name, _(message_id, **values))

    def check_unlinked(self, name: str, most: int, wrong: str, **values: object) -> str:
        """Return the text as letters carry it, or report the fault beside the field."""
        written = str(self.cleaned_data.get(name, ""))
        try:
            return check_unlinked(name, written, most)
        except LinkError:
            self.refuse(name, NO_LINKS)
        except ValidationError:
            self.refuse(name, wrong, **values)
        return written

    def as_component(self, *buttons: Button, action: str = "", name: str = "", search: bool = False) -> Form:
        """Return the form as a component with typed values and an error beside each field."""
        inputs = [self._input(bound) for bound in self]
        groups = [Group(_(legend), names) for legend, names in self.groups]
        errors, files = self._error_list(), self.is_multipart()
        return Form(inputs, buttons, action, errors, files=files, search=search, name=name, groups=groups)

    def _error_list(self) -> Sequence[tuple[str, str]]:
        """Return the errors of the whole form, then those in the order of the fields."""
        if not self.is_bound:
            return ()
        return [
            ("content" if name == NON_FIELD_ERRORS else name, str(error))
            for name in (NON_FIELD_ERRORS, *self.fields)
            for error in self.errors.get(name, ())
        ]

    def _input(self, bound: BoundField) -> Input:
        field, name = bound.field, bound.name
        kind, value = _kind(field), bound.value()
        if kind == "fixed":
            value = next(key for key, _label in _choices(field) if key)
        chosen = {str(each) for each in value} if isinstance(value, list | tuple | set) else {str(value)}
        return Input(
            name,
            str(field.label),
            kind,
            "" if value is None or kind in {"password", "file"} else str(value),
            str(field.help_text),
            str(bound.errors[0]) if bound.errors else "",
            field.required,
            [
                Option(str(key), str(choice_label), str(key) in chosen)
                for key, choice_label in _choices(field)
                if key or kind != "fixed"
            ],
            getattr(field, "max_length", None),
            self.autocomplete.get(name, "off"),
            name in self.numeric,
            checked=value is True or value == "yes",
            alternative=name in self.alternatives,
            reveals=self.reveals.get(name, {}),
        )


def _choices(field: forms.Field) -> list[tuple[object, object]]:
    return list(getattr(field, "choices", ()))


def _kind(field: forms.Field) -> str:
    widget = field.widget
    if widget.is_hidden:
        return "hidden"
    if isinstance(field, forms.MultipleChoiceField):
        return "checks"
    if isinstance(field, forms.ChoiceField):
        offered = _choices(field)
        if field.required and len([key for key, _label in offered if key]) == 1:
            return "fixed"
        return "radio" if len(offered) <= _FEW else "select"
    if isinstance(field, forms.BooleanField):
        return "check"
    if isinstance(widget, forms.Textarea):
        return "textarea"
    return str(getattr(widget, "input_type", "text"))
