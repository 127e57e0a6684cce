"""django-allauth's forms as components, with our labels, hints and errors.

Texts are found by field name and error code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import Form as DjangoForm

from sinetti.eservice.ui.components import Button, Form, Input
from sinetti.i18n.translate import _, gettext_noop


@dataclass(frozen=True)
class FieldOptions:
    """Options of a form field: message ids, and the browser's autocomplete value."""

    label: str
    kind: str = "text"
    autocomplete: str = "off"
    hint: str = ""
    numeric: bool = False
    required: bool = True


_EMAIL = gettext_noop("E-mail address")
_CODE_HINT = gettext_noop("Six digits from your app, or a recovery code.")
_PASSWORD_HINT = gettext_noop("At least 12 characters. Several words in a row are easy to remember and hard to guess.")

NEW_PASSWORD = FieldOptions(gettext_noop("New password"), "password", "new-password", _PASSWORD_HINT)
EMAIL = FieldOptions(_EMAIL, "email", "username")
FIELDS: Mapping[str, FieldOptions] = {
    "login": EMAIL,
    "email": EMAIL,
    "name": FieldOptions(gettext_noop("Your name"), "text", "name"),
    "password": FieldOptions(gettext_noop("Password"), "password", "current-password"),
    "oldpassword": FieldOptions(gettext_noop("Current password"), "password", "current-password"),
    "password1": NEW_PASSWORD,
    "password2": FieldOptions(gettext_noop("Repeat new password"), "password", "new-password"),
    "code": FieldOptions(gettext_noop("Verification code"), "text", "one-time-code", _CODE_HINT, numeric=True),
}

_TOO_OFTEN = gettext_noop("Too many failed attempts. Wait five minutes, then try again.")
_TOO_MANY_PASSWORDS = gettext_noop(
    "Too many failed attempts. Wait five minutes, then try again. If that does not help, use a browser in "
    "which you have signed in before, or set a new password."
)
_TOO_MANY_CODES = gettext_noop(
    "Too many wrong codes. Wait five minutes, then try again. If that does not help, use a browser in "
    "which you have signed in before, or try again tomorrow."
)
_WRONG_PASSWORD = gettext_noop("Wrong password. Try again.")
_YOURS = gettext_noop("This is already your account's address. Enter another one.")
ERRORS: Mapping[str, str] = {
    "required": gettext_noop("Fill in this field: {label}"),
    "invalid": gettext_noop("Enter an e-mail address, for example name@organisation.example."),
    "max_length": gettext_noop("This text is too long: {label}"),
    "null_characters_not_allowed": gettext_noop("Check this field: {label}"),
    "email_password_mismatch": gettext_noop("Wrong e-mail address or password. Try again, or set a new password."),
    "too_many_login_attempts": _TOO_MANY_PASSWORDS,
    "too_many_codes": _TOO_MANY_CODES,
    "rate_limited": _TOO_OFTEN,
    "password_too_short": gettext_noop("The password is too short. It needs at least 12 characters."),
    "password_too_common": gettext_noop("This password is too common. Choose another one."),
    "password_too_similar": gettext_noop("The password is too similar to your name or address. Choose another one."),
    "incorrect_password": _WRONG_PASSWORD,
    "enter_current_password": _WRONG_PASSWORD,
    "incorrect_code": gettext_noop("The code is wrong or has already been used. Wait for the next code and try again."),
    "same_as_current": _YOURS,
    "duplicate_email": _YOURS,
    "cannot_generate_recovery_codes": gettext_noop("Set up verification codes or a passkey first."),
    "no_password": gettext_noop("Set a password first. Otherwise you can no longer sign in."),
    "no_verified_email": gettext_noop("Confirm your e-mail address first."),
}
"""Messages by allauth's and Django's error codes."""

_DIFFER = gettext_noop("The passwords do not match. Enter both again.")
_UNCLEAR = gettext_noop("Check this field: {label}")


@dataclass(frozen=True)
class FormOptions:
    """Options of a form.

    `hidden` are values of hidden fields. `names` are fields with other options on this page.
    """

    buttons: Sequence[Button]
    hidden: Mapping[str, str]
    names: Mapping[str, FieldOptions]
    action: str = ""


def form_block(form: DjangoForm, asking: FormOptions) -> Form:
    """Return the form as a component; typed values stay, except passwords and codes."""
    inputs = [
        _input(form, name, asking.names.get(name) or FIELDS[name])
        for name in form.fields
        if name in asking.names or name in FIELDS
    ]
    hidden = [Input(name, "", "hidden", value) for name, value in asking.hidden.items()]
    return Form([*hidden, *inputs], asking.buttons, asking.action, errors_of(form, asking.names))


def errors_of(form: DjangoForm, names: Mapping[str, FieldOptions]) -> Sequence[tuple[str, str]]:
    """Return the errors of a submitted form as pairs of field name and sentence."""
    if not form.is_bound:
        return ()
    return [
        ("content" if name == NON_FIELD_ERRORS else name, _error_text(name, errors[0], names))
        for name, errors in form.errors.as_data().items()
    ]


def _input(form: DjangoForm, name: str, asked: FieldOptions) -> Input:
    errors = form.errors.as_data().get(name) if form.is_bound else None
    kept = asked.kind != "password" and asked.autocomplete != "one-time-code"
    value = form[name].value() if kept else None
    return Input(
        name,
        _(asked.label),
        asked.kind,
        "" if value is None else str(value),
        _(asked.hint) if asked.hint else "",
        _error_text(name, errors[0], {name: asked}) if errors else "",
        required=asked.required,
        autocomplete=asked.autocomplete,
        numeric=asked.numeric,
    )


def _error_text(name: str, error: ValidationError, names: Mapping[str, FieldOptions]) -> str:
    asked = names.get(name) or FIELDS.get(name)
    label = _(asked.label) if asked else ""
    message_id = _DIFFER if name == "password2" and error.code is None else ERRORS.get(error.code or "", _UNCLEAR)
    return _(message_id, label=label)
