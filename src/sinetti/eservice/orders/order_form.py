"""What an order asks: type, description, whom it serves, contact and deputy."""

from collections.abc import Iterable, Mapping

from django import forms

from sinetti.domain.orders.ordering_rules import MOST_SERVED
from sinetti.domain.validation import LONGEST_DESCRIPTION
from sinetti.domain.values import Channel, Language, Serial
from sinetti.eservice.orders.common import hidden
from sinetti.eservice.orders.person_forms import (
    SAME_PERSON,
    as_the_reader,
    check_person,
    email_field,
    language_field,
    name_field,
    person_of,
    phone_field,
)
from sinetti.eservice.ui.components import Input
from sinetti.eservice.ui.forms import PortalForm
from sinetti.i18n.staff_labels import CHANNELS
from sinetti.i18n.translate import gettext_noop, translate
from sinetti.services.self_service.order import ContactDetails, OrderAsk

_OTHERS = "others"
_DESCRIPTION_WRONG = gettext_noop("Describe it in at most {longest} characters on one line.")
_HOW_MANY = gettext_noop("Write how many other organisations there are, roughly, as a number from 1.")
_DEPUTY_WHOLE = gettext_noop(
    "A deputy needs a name and an e-mail address. Leave all of the deputy's fields empty for none."
)


class OrderForm(PortalForm):
    """An order."""

    numeric = frozenset({"count"})

    channel = forms.ChoiceField(label=gettext_noop("Certificate type"), choices=())
    description = forms.CharField(
        label=gettext_noop("Description"),
        help_text=gettext_noop("What people call it: for example the program that uses it, “Payroll”"),
        max_length=LONGEST_DESCRIPTION,
    )
    whose = forms.ChoiceField(
        label=gettext_noop("Whose reports are sent with it"),
        choices=[
            ("own", gettext_noop("Own reports only")),
            (_OTHERS, gettext_noop("Also reports of other organisations")),
        ],
        initial="own",
    )
    count = forms.CharField(
        label=gettext_noop("About how many other organisations"),
        help_text=gettext_noop(
            "Only where other organisations' reports are sent with it: messages then say what stops"
        ),
        required=False,
        max_length=7,
    )
    contact_name = name_field(gettext_noop("Technical contact person: name"))
    contact_email = email_field(gettext_noop("Technical contact person: e-mail"))
    contact_phone = phone_field(gettext_noop("Technical contact person: phone"))
    contact_language = language_field(gettext_noop("Technical contact person: language of the messages"))
    deputy_name = name_field(gettext_noop("Deputy: name (optional)"), required=False)
    deputy_email = email_field(gettext_noop("Deputy: e-mail (optional)"), required=False)
    deputy_phone = phone_field(gettext_noop("Deputy: phone (optional)"), gettext_noop("For reminders in the last days"))
    deputy_language = language_field(gettext_noop("Deputy: language of the messages"))

    def __init__(
        self,
        language: Language,
        channels: Iterable[Channel],
        data: Mapping[str, object] | None = None,
        initial: Mapping[str, object] | None = None,
    ) -> None:
        """Take the types that may be ordered."""
        several = sorted(channels)
        first = {"channel": several[0].value} if len(several) == 1 else {}
        super().__init__(language, data, initial={**first, **(initial or {})})
        as_the_reader(self, "contact_", "deputy_")
        choices = [(one.value, translate(CHANNELS[one], language)) for one in several]
        self.fields["channel"].choices = choices  # type: ignore[attr-defined] # it is a ChoiceField

    def clean(self) -> None:
        """Look at what hangs together."""
        data = self.cleaned_data
        if data.get("description"):
            checked = self.check_unlinked(
                "description", LONGEST_DESCRIPTION, _DESCRIPTION_WRONG, longest=LONGEST_DESCRIPTION
            )
            data["description"] = checked
        check_person(self, "contact_")
        check_person(self, "deputy_")
        self._check_count()
        self._check_deputy()

    def ask(self, form: str, organisation_id: str, replaces: Serial | None) -> OrderAsk:
        """The order, once it is valid, by the form with this id."""
        data = self.cleaned_data
        return OrderAsk(
            form,
            organisation_id,
            Channel(data["channel"]),
            data["description"],
            self.contact(),
            self.deputy(),
            self.serves(),
            replaces,
        )

    def contact(self) -> ContactDetails:
        """The technical contact person."""
        return person_of(self, "contact_")

    def deputy(self) -> ContactDetails | None:
        """The deputy, or None."""
        return person_of(self, "deputy_") if self.cleaned_data["deputy_email"] else None

    def serves(self) -> int:
        """For how many others it is."""
        return int(self.cleaned_data["count"]) if self.cleaned_data["whose"] == _OTHERS else 0

    def carried(self) -> list[Input]:
        """Everything that was typed, as hidden fields."""
        return [hidden(bound.name, str(bound.value() or "")) for bound in self]

    def _check_count(self) -> None:
        written = "".join(str(self.cleaned_data.get("count", "")).split())
        if self.cleaned_data.get("whose") != _OTHERS or "count" in self.errors:
            return
        if not (written.isascii() and written.isdigit() and 1 <= int(written) <= MOST_SERVED):
            self.refuse("count", _HOW_MANY)
        self.cleaned_data["count"] = written

    def _check_deputy(self) -> None:
        data = self.cleaned_data
        name, email, phone = (data.get(f"deputy_{one}", "") for one in ("name", "email", "phone"))
        if (name or email or phone) and not (name and email):
            if not {"deputy_name", "deputy_email"} & set(self.errors):
                self.refuse("deputy_email" if name else "deputy_name", _DEPUTY_WHOLE)
        elif email and email.casefold() == str(data.get("contact_email", "")).casefold():
            self.refuse("deputy_email", SAME_PERSON)


def serves_initial(serves: int | None) -> dict[str, str]:
    """What is known of whom a certificate serves, as fields show it."""
    return {"whose": _OTHERS, "count": str(serves)} if serves else {"whose": "own"}
