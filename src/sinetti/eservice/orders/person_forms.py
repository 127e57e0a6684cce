"""Form fields of a person: name, e-mail, phone, language (domain/validation.py)."""

from collections.abc import Mapping

from django import forms

from sinetti.domain.validation import (
    LONGEST_EMAIL,
    LONGEST_PERSON,
    LONGEST_PHONE,
    ValidationError,
    check_email,
    check_phone,
    international,
)
from sinetti.domain.values import Language
from sinetti.eservice.ui.components import Input
from sinetti.eservice.ui.forms import LANGUAGE_CHOICES, PortalForm
from sinetti.i18n.translate import active_language, gettext_noop
from sinetti.services.self_service.order import ContactDetails

_PREFIX = "person_"

NAME_HINT = gettext_noop("A person's first name and surname")
EMAIL_HINT = gettext_noop("The person's own address, not a shared one")
PHONE_HINT = gettext_noop(
    "For the PIN code, for example 040 123 4567 or +46 70 123 45 67. Without a number you give the person "
    "a code yourself."
)
_WRONG: Mapping[str, tuple[str, str, str]] = {
    _PREFIX: (
        gettext_noop("Enter the person's name, at most {longest} characters."),
        gettext_noop("Enter an e-mail address, for example name@organisation.example."),
        gettext_noop("Enter a phone number that begins with 0 or +, for example 040 123 4567 or +46 70 123 45 67."),
    ),
    "contact_": (
        gettext_noop("Enter the contact person's name, at most {longest} characters."),
        gettext_noop("Enter the contact person's e-mail address, for example name@organisation.example."),
        gettext_noop(
            "Enter a phone number for the contact person. It begins with 0 or +, for example 040 123 4567 or +46 70 "
            "123 45 67."
        ),
    ),
    "deputy_": (
        gettext_noop("Enter the deputy's name, at most {longest} characters."),
        gettext_noop("Enter the deputy's e-mail address, for example name@organisation.example."),
        gettext_noop(
            "Enter a phone number for the deputy. It begins with 0 or +, for example 040 123 4567 or +46 70 123 45 67."
        ),
    ),
}
"""Errors of name, e-mail and phone, by prefix of the fields.

Where a form has two people, an error says whose value is wrong.
"""

SAME_PERSON = gettext_noop("The technical contact person cannot be the deputy. Enter another person's details.")
_NO_SMS = gettext_noop(
    "This service cannot send text messages. Leave the number empty. You then give the person a code yourself."
)


def name_field(label: str, *, required: bool = True) -> forms.CharField:
    """Return a person's name."""
    return forms.CharField(label=label, help_text=NAME_HINT, required=required, max_length=LONGEST_PERSON)


def email_field(label: str, *, required: bool = True) -> forms.CharField:
    """Return an e-mail address."""
    return forms.CharField(
        label=label,
        help_text=EMAIL_HINT,
        required=required,
        max_length=LONGEST_EMAIL,
        widget=forms.TextInput(attrs={"type": "email"}),
    )


def phone_field(label: str, hint: str = PHONE_HINT) -> forms.CharField:
    """Return a phone number, which may be left out."""
    widget = forms.TextInput(attrs={"type": "tel"})
    return forms.CharField(label=label, help_text=hint, required=False, max_length=LONGEST_PHONE, widget=widget)


def language_field(label: str) -> forms.ChoiceField:
    """Return a field for the language of messages."""
    return forms.ChoiceField(label=label, choices=LANGUAGE_CHOICES)


def as_the_reader(form: PortalForm, *prefixes: str) -> None:
    """Preselect the reader's own language for new people."""
    for prefix in prefixes:
        form.fields[f"{prefix}language"].initial = active_language().value


class PersonForm(PortalForm):
    """Form for one person."""

    person_name = name_field(gettext_noop("Name"))
    person_email = email_field(gettext_noop("E-mail"))
    person_phone = phone_field(gettext_noop("Phone"))
    person_language = language_field(gettext_noop("Language of the messages"))

    def __init__(self, data: Mapping[str, object] | None = None, initial: Mapping[str, object] | None = None) -> None:
        super().__init__(data, initial=initial)
        as_the_reader(self, _PREFIX)

    def clean(self) -> None:
        """Check the person's fields by the rules of the database."""
        check_person(self, _PREFIX)

    def carried(self) -> list[Input]:
        """Return all typed values as hidden fields."""
        return [Input(bound.name, "", "hidden", str(bound.value() or "")) for bound in self]

    def person(self) -> ContactDetails:
        """Return the person of the valid form."""
        return person_of(self, _PREFIX)


def check_person(form: PortalForm, prefix: str) -> None:
    """Show errors of a person's fields beside them, and normalise valid values."""
    name_wrong, email_wrong, phone_wrong = _WRONG[prefix]
    _check_name(form, f"{prefix}name", name_wrong)
    email, phone = (form.cleaned_data.get(f"{prefix}{one}", "") for one in ("email", "phone"))
    if email:
        try:
            form.cleaned_data[f"{prefix}email"] = check_email("email", email)
        except ValidationError:
            form.refuse(f"{prefix}email", email_wrong)
    if phone:
        try:
            checked = check_phone("phone", phone)
        except ValidationError:
            checked = ""
        if international(checked) is None:
            form.refuse(f"{prefix}phone", phone_wrong)


def refuse_phone(form: PortalForm, name: str, *, sms: bool) -> None:
    """Reject a contact's phone number if the service cannot send PIN codes.

    The user who orders then passes a code to the contact person.
    """
    if not sms and form.is_valid() and form.cleaned_data[name]:
        form.refuse(name, _NO_SMS)


def person_of(form: PortalForm, prefix: str) -> ContactDetails:
    """Return the person that valid fields name."""
    data = form.cleaned_data
    return ContactDetails(
        data[f"{prefix}name"], data[f"{prefix}email"], data[f"{prefix}phone"], Language(data[f"{prefix}language"])
    )


def initial_of(contact: ContactDetails | None, prefix: str = _PREFIX) -> dict[str, str]:
    """Return the initial field values for a person."""
    if contact is None:
        return {}
    return {
        f"{prefix}name": contact.name,
        f"{prefix}email": contact.email,
        f"{prefix}phone": contact.phone,
        f"{prefix}language": contact.language.value,
    }


def _check_name(form: PortalForm, name: str, wrong: str) -> None:
    if form.cleaned_data.get(name):
        checked = form.check_unlinked(name, LONGEST_PERSON, wrong, longest=LONGEST_PERSON)
        form.cleaned_data[name] = checked
