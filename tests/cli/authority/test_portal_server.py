"""People of an organisation, by command: assigned, shown and changed.

Each command reports when it changed nothing.
"""

import json

import pytest

from sinetti.cli.authority.common import opened_authority
from sinetti.database import models
from sinetti.database.connection import Database
from sinetti.domain.requests import EnrolRequest
from sinetti.domain.values import Environment, KeyType
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import generate_key
from sinetti.services.issuance.enrol import enrol
from sinetti.services.issuance.secure_message import send_link
from tests.support import golden

CUSTOMER, FIRM = "0123456-7", "7654321-0"
OF = ("--customer-id", CUSTOMER)
DIRECTOR = ("--name", "The Director", "--email", "director@customer.example")


@pytest.fixture
def one(sqlite_operator):
    """Return an operator with two organisations."""
    sqlite_operator.found()
    for customer_id in (CUSTOMER, FIRM):
        sqlite_operator.add(customer_id)
    return sqlite_operator


def test_named_and_shown(one):
    named = (
        ("organisation", "signatory", "add", *OF, *DIRECTOR, "--phone", "+358 00 001", "--language", "sv"),
        ("organisation", "contact-person", *OF, "--name", "The Person", "--email", "person@customer.example"),
        ("organisation", "looked-after-by", *OF, "--agent", FIRM),
    )
    for words in named:
        one.says(0, *words)
        one.says(0, *words)
    shown = json.loads(one.does("organisation", "show", *OF, "--json"))
    (signatory,) = shown["signatories"]
    assert len(signatory.pop("person_id")) == len(shown["contact_person"].pop("person_id")) == 32
    assert signatory == {
        "name": "The Director", "email": "director@customer.example", "phone": "+358 00 001", "language": "sv",
        "reached": True,
    }  # fmt: skip
    assert shown["contact_person"]["phone"] is None
    assert shown["contact_person"]["language"] == "fi"
    assert (shown["looked_after_by"], shown["looks_after"], shown["open"]) == ([FIRM], [], True)
    one.says(0, "organisation", "show", *OF)
    one.says(0, "organisation", "show", "--customer-id", FIRM)
    models.Person.objects.using("default").filter(name="The Director").update(bounced_at="2027-03-03T00:00:00Z")
    Database("default").close()
    one.says(0, "organisation", "show", *OF)
    golden.check("sentences/portal-server/named-and-shown", one.said())


def test_a_signatory_is_invited(one):
    add = ("organisation", "signatory", "add", *OF, *DIRECTOR)
    one.does(*add)
    one.says(0, *add, "--invite")
    one.says(0, *add, "--invite")
    golden.check("sentences/portal-server/a-signatory-is-invited", one.said())


def test_gone_again(one):
    one.does("organisation", "signatory", "add", *OF, *DIRECTOR)
    remove = ("organisation", "signatory", "remove", *OF, "--email", "Director@customer.example")
    one.says(0, *remove)
    one.says(0, *remove)
    one.does("organisation", "contact-person", *OF, *DIRECTOR)
    one.says(0, "organisation", "contact-person", *OF, "--none")
    one.does("organisation", "looked-after-by", *OF, "--agent", FIRM)
    withdraw = ("organisation", "looked-after-by", *OF, "--agent", FIRM, "--withdraw")
    one.says(0, *withdraw)
    one.says(0, *withdraw)
    one.does("organisation", "close", *OF)
    one.says(0, "organisation", "show", *OF)
    golden.check("sentences/portal-server/gone-again", one.said())


def test_a_contact_changes(one):
    order = one.order()["order_id"]
    change = ("change-contact", order, *DIRECTOR, "--phone", "+358 00 001")
    one.says(0, *change)
    one.says(0, *change)
    done = json.loads(one.does("change-contact", order, "--correct", "--phone", "+358 00 002", "--json"))
    assert done == {"customer_id": CUSTOMER, "changed": True, "offered": []}
    one.says(0, "change-contact", order, *DIRECTOR, "--deputy")
    golden.check("sentences/portal-server/a-contact-changes", one.said())


def test_a_link_goes_to_the_new_address(one):
    order = one.order()["order_id"]
    with opened_authority(one.root) as authority:
        send_link(order, authority.ctx, "operator", "0" * 32)
    out, _ = one.says(0, "change-contact", order, *DIRECTOR)
    assert order in out
    golden.check("sentences/portal-server/a-link-goes-to-the-new-address", one.said(CODE=out.split()[-1]))


def test_let_end(one):
    ids = one.order()
    with opened_authority(one.root) as authority:
        request = build_request(generate_key(KeyType.EC_P256), CUSTOMER, "Malliyritys Oy")
        given = (ids["transfer_id"], ids["transfer_password"])
        enrol(EnrolRequest(Environment.TEST, CUSTOMER, None, *given, request), authority.ctx, "0" * 32)
        (serial,) = models.Certificate.objects.using("default").values_list("serial", flat=True)
    one.says(0, "let-end", serial.upper())
    one.says(0, "let-end", serial)
    one.says(0, "let-end", serial, "--undo")
    one.says(0, "let-end", serial, "--undo")
    golden.check("sentences/portal-server/let-end", one.said(HEX=serial.upper()))


REFUSED = (
    ("organisation", "contact-person", *OF, "--name", "A"),
    ("organisation", "contact-person", *OF, "--none", *DIRECTOR),
    ("organisation", "signatory", "add", *OF, "--name", "A", "--email", "a"),
    ("organisation", "looked-after-by", *OF, "--agent", CUSTOMER),
    ("organisation", "show", "--customer-id", "unknown"),
    ("change-contact", "5f", "--name", "A"),
    ("change-contact", "5f", "--correct"),
    ("change-contact", "5f", *DIRECTOR),
    ("change-contact", "5f", "--correct", "--phone", "home"),
    ("let-end", "5f"),
)


def test_what_is_refused(one):
    for words in REFUSED:
        one.refused(2, *words)
    golden.check("sentences/portal-server/what-is-refused", one.said())
