"""An order through the control door: adds the organisation where it is missing, and a contact where none is given."""

import secrets

from sinetti.actions.office import Office
from sinetti.actions.order import order
from sinetti.actions.passwords import ShownIds
from sinetti.actions.register_organisation import approve, register_organisation
from sinetti.domain.customers import MAXIMUM_LENGTH
from sinetti.domain.values import Channel, CustomerKind, Language, Serial
from sinetti.domain.words import (
    LONGEST_DESCRIPTION,
    LONGEST_EMAIL,
    LONGEST_ORGANISATION,
    LONGEST_PERSON,
    LONGEST_PHONE,
    check_email,
    check_phone,
    check_unlinked_or_none,
)
from sinetti.registry.parties import NewOrder, NewOrganisation, Person
from sinetti.testbench import fields
from sinetti.testbench.fields import FieldError

_LONGEST_SERIAL = 40
_NAMES = ("customer_id", "customer_name", "customer_kind", "channel", "description", "contact", "replaces")


def take_order(value: dict[str, object], office: Office, request_id: str) -> ShownIds:
    """Take an order as the fields of `POST /orders` tell it (contracts).

    Raises FieldError, WordError, OrderError and CustomerIdError.
    """
    fields.only(value, *_NAMES)
    customer_id = fields.text(value, "customer_id", MAXIMUM_LENGTH)
    customer_name = fields.text(value, "customer_name", LONGEST_ORGANISATION)
    kind = fields.choice(value, "customer_kind", CustomerKind, CustomerKind.ARTIFICIAL)
    channel = fields.choice(value, "channel", Channel, Channel.WS)
    description = check_unlinked_or_none(
        "description", fields.text_or_none(value, "description", LONGEST_DESCRIPTION), LONGEST_DESCRIPTION
    )
    contact = _contact(value.get("contact"))
    replaces = fields.text_or_none(value, "replaces", _LONGEST_SERIAL).casefold()
    channels = frozenset({channel})
    new = NewOrganisation(customer_id, kind, "FI", customer_name, contact.language, channels)
    if register_organisation(new, office, "operator", request_id) is None:
        approve(customer_id, channels, office, "operator", request_id)
    asked = NewOrder(customer_id, channel, description, contact, None, Serial(replaces) if replaces else None)
    return order(asked, office, "operator", request_id)


def _contact(given: object) -> Person:
    """Give the contact as it was told, or one made for this order."""
    if given is None:
        made = f"contact-{secrets.token_hex(4)}@customer.example"
        return Person("Test Contact", made, "+358 40 0000000", Language.EN)
    if not isinstance(given, dict):
        sentence = "contact is an object with name, email, language and, if there is one, phone"
        raise FieldError(sentence)
    fields.only(given, "name", "email", "phone", "language")
    return Person(
        fields.unlinked(given, "name", LONGEST_PERSON),
        check_email("email", fields.text(given, "email", LONGEST_EMAIL)),
        check_phone("phone", fields.text_or_none(given, "phone", LONGEST_PHONE)),
        fields.choice(given, "language", Language),
    )
