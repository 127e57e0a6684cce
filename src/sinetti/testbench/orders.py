"""An order through the control door: adds the organisation where it is missing, and a contact where none is given."""

import re

from sinetti.actions.office import Office
from sinetti.actions.order import order
from sinetti.actions.passwords import ShownIds
from sinetti.actions.register_organisation import approve, register_organisation
from sinetti.domain.values import Channel, CustomerKind, Language, Serial
from sinetti.registry.parties import NewOrder, NewOrganisation, Person
from sinetti.testbench import fields
from sinetti.testbench.fields import FieldError

_LONGEST_ID = 30
_LONGEST_NAME = 100
_LONGEST_DESCRIPTION = 200
_LONGEST_SERIAL = 40
_LONGEST_ADDRESS = 254
_PHONE = re.compile(r"\+?[0-9 ()-]{3,29}")
_EMAIL = re.compile(r"[^@\s<>\",;]+@[^@\s<>\",;]+")


def take_order(value: dict[str, object], office: Office, request_id: str) -> ShownIds:
    """Take an order described by the fields of `POST /orders` (contracts). Raises FieldError, OrderError, CustomerIdError."""
    names = ("customer_id", "customer_name", "customer_kind", "channel", "description", "contact", "replaces")
    fields.only(value, *names)
    customer_id = fields.text(value, "customer_id", _LONGEST_ID)
    customer_name = fields.text(value, "customer_name", _LONGEST_NAME)
    kind = fields.choice(value, "customer_kind", CustomerKind, CustomerKind.ARTIFICIAL)
    channel = fields.choice(value, "channel", Channel, Channel.WS)
    description = fields.text(value, "description", _LONGEST_DESCRIPTION, "")
    contact = _contact(value.get("contact"))
    replaces = fields.text(value, "replaces", _LONGEST_SERIAL, "").casefold()
    channels = frozenset({channel})
    new = NewOrganisation(customer_id, kind, "FI", customer_name, contact.language, channels)
    if register_organisation(new, office, "operator", request_id) is None:
        approve(customer_id, channels, office, "operator", request_id)
    asked = NewOrder(customer_id, channel, description, contact, None, Serial(replaces) if replaces else None)
    return order(asked, office, "operator", request_id)


def _contact(given: object) -> Person:
    """The contact as given, or one made for this order."""
    if given is None:
        return Person("Test Contact", "contact@customer.example", "+358 40 0000000", Language.EN)
    if not isinstance(given, dict):
        sentence = "contact is an object with name, email, language and, if there is one, phone"
        raise FieldError(sentence)
    fields.only(given, "name", "email", "phone", "language")
    email = fields.text(given, "email", _LONGEST_ADDRESS)
    phone = fields.text(given, "phone", _LONGEST_NAME, "")
    if not _EMAIL.fullmatch(email):
        sentence = "email is an address like contact@customer.example"
        raise FieldError(sentence)
    if phone and not _PHONE.fullmatch(phone):
        sentence = "phone is a number like +358 40 1234567"
        raise FieldError(sentence)
    return Person(fields.text(given, "name", _LONGEST_DESCRIPTION), email, phone, fields.choice(given, "language", Language))
