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

CUSTOMER, FIRM = "0123456-7", "7654321-0"
OF = ("--customer-id", CUSTOMER)
DIRECTOR = ("--name", "The Director", "--email", "director@customer.example")


def stderr_of(operator, *words):
    """Run a command that succeeds, and return its standard error."""
    code, _, err = operator.run(*words)
    assert code == 0, err
    return err.strip()


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
        assert not stderr_of(one, *words).startswith("Nothing to change: ")
        assert stderr_of(one, *words).startswith("Nothing to change: ")
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
    lines = one.does("organisation", "show", *OF).splitlines()
    assert lines[1:] == [
        "signatory        The Director <director@customer.example> +358 00 001 (sv)",
        "contact person   The Person <person@customer.example> (fi)",
        f"managed by       {FIRM}",
    ]
    assert one.does("organisation", "show", "--customer-id", FIRM).splitlines()[1:] == [
        "signatory        none",
        "contact person   none",
        "managed by       -",
        f"manages          {CUSTOMER}",
    ]
    models.Person.objects.using("default").filter(name="The Director").update(bounced_at="2027-03-03T00:00:00Z")
    Database("default").close()
    assert "(sv) (not reachable by e-mail)" in one.does("organisation", "show", *OF)


def test_a_signatory_is_invited(one):
    add = ("organisation", "signatory", "add", *OF, *DIRECTOR)
    one.does(*add)
    assert "gets an invitation to the e-service by e-mail" in stderr_of(one, *add, "--invite")
    assert "has already been invited to act" in stderr_of(one, *add, "--invite")


def test_gone_again(one):
    one.does("organisation", "signatory", "add", *OF, *DIRECTOR)
    remove = ("organisation", "signatory", "remove", *OF, "--email", "Director@customer.example")
    assert "It has no signatory left" in stderr_of(one, *remove)
    assert "has this address; nothing was changed" in stderr_of(one, *remove)
    one.does("organisation", "contact-person", *OF, *DIRECTOR)
    assert stderr_of(one, "organisation", "contact-person", *OF, "--none") == (f"{CUSTOMER} has no contact person.")
    one.does("organisation", "looked-after-by", *OF, "--agent", FIRM)
    withdraw = ("organisation", "looked-after-by", *OF, "--agent", FIRM, "--withdraw")
    assert stderr_of(one, *withdraw) == f"{CUSTOMER} is no longer managed by {FIRM}."
    assert stderr_of(one, *withdraw) == f"Nothing to change: {CUSTOMER} is no longer managed by {FIRM}."
    one.does("organisation", "close", *OF)
    assert "closed permanently" in one.does("organisation", "show", *OF).splitlines()[0]


def test_a_contact_changes(one):
    order = one.order()["order_id"]
    change = ("change-contact", order, *DIRECTOR, "--phone", "+358 00 001")
    assert one.does(*change) == "Contact person changed.\n"
    assert one.does(*change) == "Nothing to change: the contact person already has these details.\n"
    done = json.loads(one.does("change-contact", order, "--correct", "--phone", "+358 00 002", "--json"))
    assert done == {"customer_id": CUSTOMER, "changed": True, "offered": []}
    assert one.does("change-contact", order, *DIRECTOR, "--deputy") == "Deputy changed.\n"


def test_a_link_goes_to_the_new_address(one):
    order = one.order()["order_id"]
    with opened_authority(one.root) as authority:
        send_link(order, authority.ctx, "operator", "0" * 32)
    said = one.does("change-contact", order, *DIRECTOR).splitlines()
    assert said[:2] == [
        "Contact person changed.",
        f"A new link to the transfer IDs of order {order} is being sent.",
    ]
    assert said[2].startswith("Give the contact person this code by phone or in person: ")


def test_let_end(one):
    ids = one.order()
    with opened_authority(one.root) as authority:
        request = build_request(generate_key(KeyType.EC_P256), CUSTOMER, "Malliyritys Oy")
        given = (ids["transfer_id"], ids["transfer_password"])
        enrol(EnrolRequest(Environment.TEST, CUSTOMER, None, *given, request), authority.ctx, "0" * 32)
        (serial,) = models.Certificate.objects.using("default").values_list("serial", flat=True)
    assert stderr_of(one, "let-end", serial.upper()) == "No more reminders are sent. It stays valid until it expires."
    assert stderr_of(one, "let-end", serial) == "Nothing to change: reminders have already been stopped."
    assert stderr_of(one, "let-end", serial, "--undo") == "Reminders are sent again."
    assert stderr_of(one, "let-end", serial, "--undo") == "Nothing to change: reminders are already sent."


REFUSED = {
    "half a contact person": (("organisation", "contact-person", *OF, "--name", "A"), "with --name and --email"),
    "a person and --none": (("organisation", "contact-person", *OF, "--none", *DIRECTOR), "or give --none alone"),
    "no address": (("organisation", "signatory", "add", *OF, "--name", "A", "--email", "a"), "--email is an address"),
    "itself": (("organisation", "looked-after-by", *OF, "--agent", CUSTOMER), "cannot look after itself"),
    "no organisation": (("organisation", "show", "--customer-id", "unknown"), "no organisation has the ID unknown"),
    "half a contact": (("change-contact", "5f", "--name", "A"), "name the new person with --name and --email"),
    "no detail to correct": (("change-contact", "5f", "--correct"), "--correct needs a detail to change"),
    "no certificate to change": (("change-contact", "5f", *DIRECTOR), "no certificate has this serial"),
    "a phone of letters": (("change-contact", "5f", "--correct", "--phone", "home"), "--phone is a number"),
    "a certificate that is not there": (("let-end", "5f"), "no certificate has this serial"),
}


def test_what_is_refused(one):
    for what, (words, sentence) in REFUSED.items():
        assert sentence in one.refused(2, *words), what
