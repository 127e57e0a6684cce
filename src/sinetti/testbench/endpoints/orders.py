"""Orders through the control endpoint.

A missing organisation is added, and so is a contact where none is given.
"""

import secrets

from sinetti.database.organisations import organisations
from sinetti.database.organisations.organisations import ContactDetails, NewOrder, NewOrganisation
from sinetti.domain.validation import (
    LONGEST_DESCRIPTION,
    LONGEST_EMAIL,
    LONGEST_ORGANISATION,
    LONGEST_PERSON,
    LONGEST_PHONE,
    check_email,
    check_phone,
    check_unlinked_or_none,
)
from sinetti.domain.values import MAXIMUM_LENGTH, Channel, IdentifierType, Language, Serial
from sinetti.services.context import ServiceContext
from sinetti.services.issuance.order import GeneratedTransferIds, order
from sinetti.services.organisations.registration import approve, register_organisation
from sinetti.testbench.core import json_fields
from sinetti.testbench.core.json_fields import FieldError

_LONGEST_SERIAL = 40
_NAMES = ("customer_id", "customer_name", "customer_kind", "channel", "description", "contact", "replaces")


def create_order(value: dict[str, object], ctx: ServiceContext, request_id: str) -> tuple[GeneratedTransferIds, str]:
    """Make an order from the fields of `POST /orders` (contracts).

    Returns transfer ids, and a note if the registered name, which the certificate will have, is another. Raises
    FieldError, WordError, OrderError or CustomerIdError for wrong fields.
    """
    json_fields.only(value, *_NAMES)
    customer_id = json_fields.text(value, "customer_id", MAXIMUM_LENGTH)
    customer_name = json_fields.text(value, "customer_name", LONGEST_ORGANISATION)
    kind = json_fields.choice(value, "customer_kind", IdentifierType, IdentifierType.ARTIFICIAL)
    channel = json_fields.choice(value, "channel", Channel, Channel.WS)
    description = check_unlinked_or_none(
        "description", json_fields.text_or_none(value, "description", LONGEST_DESCRIPTION), LONGEST_DESCRIPTION
    )
    contact = _contact(value.get("contact"))
    replaces = json_fields.text_or_none(value, "replaces", _LONGEST_SERIAL).casefold()
    channels = frozenset({channel})
    new = NewOrganisation(customer_id, kind, "FI", customer_name, contact.language, channels)
    note = ""
    if register_organisation(new, ctx, "operator", request_id) is None:
        approve(customer_id, channels, ctx, "operator", request_id)
        known = organisations.find_organisation(ctx.db, customer_id)
        if known is not None and known.name != customer_name:
            note = f"{customer_id} is registered as {known.name}: the certificate will have this name"
    asked = NewOrder(customer_id, channel, description, contact, None, Serial(replaces) if replaces else None)
    return order(asked, ctx, "operator", request_id), note


def _contact(given: object) -> ContactDetails:
    """Return the given contact, or a contact made for this order.

    Raises FieldError if the value is no contact.
    """
    if given is None:
        made = f"contact-{secrets.token_hex(4)}@customer.example"
        return ContactDetails("Test Contact", made, "+358 40 0000000", Language.EN)
    if not isinstance(given, dict):
        raise FieldError("contact must be an object with name, email, language and, optionally, phone")
    json_fields.only(given, "name", "email", "phone", "language")
    return ContactDetails(
        json_fields.unlinked(given, "name", LONGEST_PERSON),
        check_email("email", json_fields.text(given, "email", LONGEST_EMAIL)),
        check_phone("phone", json_fields.text_or_none(given, "phone", LONGEST_PHONE)),
        json_fields.choice(given, "language", Language),
    )
