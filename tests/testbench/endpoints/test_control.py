"""Control calls over HTTP to a running bench (contracts: "Test bench")."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from itertools import count

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from sinetti.pki.encoding import certificate_der, serial_hex, sha256_hex
from sinetti.wire.json_api.status_events import StatusEventKind
from tests.support.feed_readers import FeedReader
from tests.support.programs import CUSTOMER, codes, fetched, holder_of, new_key

JSON = {"content-type": "application/json"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ROW = [
    "serial", "customer_id", "channel", "state", "not_before", "not_after", "sha256", "renewed_by", "revoked_at",
    "reason", "first_fetched_at",
]  # fmt: skip
NUMBERS = count(1)


@pytest.fixture
def customer():
    """Return an id that no other test uses."""
    return f"test-{next(NUMBERS)}"


def subject(certificate, oid):
    return certificate.subject.get_attributes_for_oid(oid)[0].value


def test_the_clock(bench):
    assert bench.control("GET", "/clock") == (200, {"now": "2027-01-11T08:00:00Z"})


def test_an_order_has_exactly_its_fields(bench, customer):
    status, ids = bench.control("POST", "/orders", {**CUSTOMER, "customer_id": customer})
    assert status == 201
    assert list(ids) == ["order_id", "transfer_id", "transfer_password", "expires"]
    assert re.fullmatch(r"[0-9]{32}", ids["transfer_id"])
    assert re.fullmatch(r"[A-Za-z0-9]{16}", ids["transfer_password"])
    assert ids["expires"] == "2027-01-25T08:00:00Z"


def test_an_order_with_another_name_says_which_one_the_certificate_will_have(bench, customer):
    asked = {**CUSTOMER, "customer_id": customer}
    assert "note" not in bench.control("POST", "/orders", asked)[1]
    status, ids = bench.control("POST", "/orders", {**asked, "customer_name": "Toinen Oy"})
    assert (status, ids["note"]) == (
        201,
        f"{customer} is registered as {CUSTOMER['customer_name']}: the certificate will have this name",
    )
    again = bench.order(customer_id=customer, customer_name="Toinen Oy")
    name = subject(holder_of(bench, customer).enrolled(again, new_key()), NameOID.ORGANIZATION_NAME)
    assert name == CUSTOMER["customer_name"]


ORDERS = {
    "the least": {},
    "nulls for what may be absent": dict.fromkeys(
        ("customer_kind", "channel", "description", "contact", "replaces"), None
    ),
    "everything": {
        "customer_kind": "artificial",
        "channel": "SFTP",
        "description": "Payroll, läksy",
        "contact": {"name": "Åke", "email": "ake@customer.example", "phone": "+358 40 1", "language": "sv"},
    },
    "a contact without a phone": {"contact": {"name": "Å", "email": "a@customer.example", "language": "fi"}},
    "a contact whose phone is null": {
        "contact": {"name": "Å", "email": "a@customer.example", "phone": None, "language": "en"}
    },
    "a Business ID whose check digit is wrong": {"customer_kind": "business-id"},
    "an empty description": {"description": ""},
    "a description with a version": {"description": "Palkat 2.0 (Oy Firma Ab.)"},
}


@pytest.mark.parametrize("changes", ORDERS.values(), ids=ORDERS)
def test_orders_that_are_taken(bench, customer, changes):
    assert bench.control("POST", "/orders", {**CUSTOMER, "customer_id": customer, **changes})[0] == 201


@pytest.mark.parametrize("kind", ["business-id", "vat", "foreign", "register", "artificial"])
def test_every_kind_of_customer(bench, customer, kind):
    bench.order(customer_id=customer, customer_kind=kind)


BAD_ORDERS = {
    "no customer": {"customer_id": None},
    "a description with a link": {"description": "Pay at evil.example/x"},
    "a contact whose name is a link": {
        "contact": {"name": "www.evil.example", "email": "a@customer.example", "language": "fi"}
    },
    "a number for a text": {"customer_id": 1234567},
    "an id with a blank": {"customer_id": "01234 56-7"},
    "an id too long": {"customer_id": "x" * 31},
    "no name": {"customer_name": None},
    "a blank name": {"customer_name": "  "},
    "a name too long": {"customer_name": "x" * 101},
    "a control character": {"customer_name": "Malli\u0007 Oy"},
    "half a character": {"customer_name": "Malli\ud800"},
    "an unknown kind": {"customer_kind": "person"},
    "an unknown channel": {"channel": "FTP"},
    "a channel that is a list": {"channel": ["WS"]},
    "a contact that is a text": {"contact": "me"},
    "a contact without a language": {"contact": {"name": "A", "email": "a@customer.example"}},
    "a contact's unknown language": {"contact": {"name": "A", "email": "a@customer.example", "language": "de"}},
    "no address": {"contact": {"name": "A", "email": "here", "language": "fi"}},
    "no phone number": {"contact": {"name": "A", "email": "a@customer.example", "phone": "x", "language": "fi"}},
    "a field too many": {"color": "blue"},
    "a field too many in the contact": {
        "contact": {"name": "A", "email": "a@customer.example", "language": "fi", "age": 1}
    },
    "replaces what is not there": {"replaces": "00ff"},
    "replaces a number": {"replaces": 255},
}


def assert_problem(reply, status, reason):
    code, headers, text = reply
    assert code == status, text
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(text)
    assert problem["reason"] == reason
    assert problem["status"] == status
    assert problem["detail"].endswith(".")
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("changes", BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_orders_that_are_refused(bench, changes):
    before = len(bench.rows())
    body = json.dumps({**CUSTOMER, **changes}).encode()
    assert_problem(bench.raw("POST", "/orders", body, JSON), 422, "bad-field")
    assert len(bench.rows()) == before


BAD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number of 5,000 digits": b'{"customer_id": ' + b"9" * 5000 + b"}",
    "10,000 lists in each other": b"[" * 10_000 + b"]" * 10_000,
    "60,000 objects in each other": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "not UTF-8": b'{"customer_id": "\xff"}',
    "a zero octet": b"\x00",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
@pytest.mark.parametrize("path", ["/orders", "/revocations"])
def test_bodies_that_are_refused(bench, path, body):
    assert_problem(bench.raw("POST", path, body, JSON), 422, "bad-field")


def test_a_body_too_large(bench):
    body = json.dumps({**CUSTOMER, "description": "x" * 200_000}).encode()
    assert_problem(bench.raw("POST", "/orders", body, JSON), 413, "too-large")


BAD_CLOCKS = {
    "neither": {},
    "both": {"now": "2027-01-11T08:00:00Z", "advance": "P1D"},
    "null": {"now": None},
    "no zone": {"now": "2027-01-12T08:00:00"},
    "a day": {"now": "2027-01-12"},
    "a number": {"now": 1800000000},
    "no time": {"now": "tomorrow"},
    "the calendar's first instant, in a zone": {"now": "0001-01-01T00:00:00+14:00"},
    "the calendar's last instant, in a zone": {"now": "9999-12-31T23:59:59-14:00"},
    "after the TLS certificate's end": {"now": "2100-01-01T00:00:00Z"},
    "no duration": {"advance": "59 days"},
    "an empty duration": {"advance": "P"},
    "an empty time": {"advance": "P1DT"},
    "years": {"advance": "P1Y"},
    "a duration past the calendar": {"advance": "P9999999D"},
    "a duration past what can be counted": {"advance": "P99999999999999999D"},
    "a duration of 5,000 digits": {"advance": f"P{'9' * 5000}D"},
    "a field too many": {"now": "2027-01-11T08:00:00Z", "zone": "Europe/Helsinki"},
}


@pytest.mark.parametrize("value", BAD_CLOCKS.values(), ids=BAD_CLOCKS)
def test_clocks_that_are_refused(bench, value):
    assert_problem(bench.raw("PUT", "/clock", json.dumps(value).encode(), JSON), 422, "bad-field")
    assert bench.control("GET", "/clock")[1] == {"now": "2027-01-11T08:00:00Z"}


@pytest.mark.parametrize(
    "value",
    [
        {"now": "2027-01-11T07:58:59Z"},
        {"advance": "-PT61S"},
        {"advance": "-P1D"},
        {"advance": "-P2W"},
        {"advance": "-P9999999D"},
        {"now": "2001-01-01T00:00Z"},
    ],
)
def test_the_clock_does_not_go_back(bench, value):
    assert_problem(bench.raw("PUT", "/clock", json.dumps(value).encode(), JSON), 409, "clock-goes-back")


HOSTS = ["pki.example", "127.0.0.1.pki.example", "10.0.0.1", "[::1", "localhost.pki.example:80"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("method", "path"), [("GET", "/certificates"), ("PUT", "/clock"), ("GET", "/nowhere")])
def test_a_host_that_is_not_loopback(bench, method, path, host):
    assert_problem(bench.raw(method, path, None, {"host": host}), 403, "host-not-loopback")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:80", "LOCALHOST:1", "127.1.2.3"])
def test_a_host_that_is(bench, host):
    assert bench.raw("GET", "/clock", None, {"host": host})[0] == 200


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
@pytest.mark.parametrize(("method", "path"), [("PUT", "/clock"), ("POST", "/orders"), ("POST", "/revocations")])
def test_a_change_that_is_not_said_to_be_json(bench, method, path, kind):
    headers = {"content-type": kind} if kind else {}
    assert_problem(bench.raw(method, path, b"{}", headers), 415, "not-json")


def test_json_with_a_charset(bench, customer):
    body = json.dumps({**CUSTOMER, "customer_id": customer}).encode()
    assert bench.raw("POST", "/orders", body, {"content-type": "Application/JSON; charset=utf-8"})[0] == 201


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/clock", "GET, PUT"),
        ("DELETE", "/certificates", "GET"),
        ("GET", "/orders", "POST"),
        ("OPTIONS", "/orders", "POST"),
        ("GET", "/revocations", "POST"),
        ("POST", "/messages", "GET"),
    ],
)
def test_methods(bench, method, path, allow):
    reply = bench.raw(method, path, None, {"origin": "http://pki.example"})
    assert_problem(reply, 405, "method-not-allowed")
    assert reply[1]["allow"] == allow


def test_an_address_that_is_not_there(bench):
    assert_problem(bench.raw("GET", "/messages/1"), 404, "not-found")


def test_a_certificate_through_its_states(bench, customer):
    holder = holder_of(bench, customer)
    key = new_key()
    answer = holder.new(bench.order(customer_id=customer), key)
    (row,) = bench.rows(customer)
    assert list(row) == ROW
    assert (row["state"], row["first_fetched_at"]) == ("issued", None)
    certificate = holder.fetched(answer)
    (row,) = bench.rows(customer)
    assert row == {
        "serial": serial_hex(certificate.serial_number),
        "customer_id": customer,
        "channel": "WS",
        "state": "fetched",
        "not_before": "2027-01-11T08:00:00Z",
        "not_after": "2029-01-10T08:00:00Z",
        "sha256": sha256_hex(certificate_der(certificate)),
        "renewed_by": None,
        "revoked_at": None,
        "reason": None,
        "first_fetched_at": "2027-01-11T08:00:00Z",
    }
    status, revoked = bench.control("POST", "/revocations", {"serial": row["serial"], "reason": "keyCompromise"})
    assert status == 200
    assert revoked == row | {"state": "revoked", "revoked_at": "2027-01-11T08:00:00Z", "reason": "keyCompromise"}
    assert bench.rows(customer) == [revoked]
    body = json.dumps({"serial": row["serial"], "reason": "superseded"}).encode()
    assert_problem(bench.raw("POST", "/revocations", body, JSON), 409, "already")


def test_a_revocation_wakes_the_readers_of_the_status_feed(bench, customer):
    holder, ids = holder_of(bench, customer), bench.order(customer_id=customer)
    serial = serial_hex(holder.enrolled(ids, new_key()).serial_number)
    with closing(FeedReader(bench.ready["status_url"])) as reader:
        events = (event for _, event in reader.events)
        assert next(events).kind is StatusEventKind.RESET
        assert bench.control("POST", "/revocations", {"serial": serial, "reason": "keyCompromise"})[0] == 200
        # Events of other tests' revocations may come between.
        revocation = next(one for one in events if one.serial == serial)
        assert revocation.kind is StatusEventKind.REVOCATION
        assert next(one for one in events if one.kind is StatusEventKind.LIST and one.subject == revocation.subject)


def test_a_revoked_certificate_is_on_the_list_at_once(bench, customer):
    certificate = holder_of(bench, customer).enrolled(bench.order(customer_id=customer), new_key())
    serial = serial_hex(certificate.serial_number).upper()
    assert bench.control("POST", "/revocations", {"serial": serial, "reason": "superseded"})[0] == 200
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    address = points[0].full_name[0].value
    assert address.startswith(bench.ready["status_url"])
    crl = x509.load_der_x509_crl(fetched(address))
    assert crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


MESSAGE = ["id", "to", "channel", "subject", "text", "language", "kind", "created", "sent"]


def test_a_message_has_exactly_its_fields(bench, customer):
    contact = {"name": "Åke", "email": "Ake@Customer.example", "language": "sv"}
    holder_of(bench, customer).enrolled(bench.order(customer_id=customer, contact=contact), new_key())
    status, (message,) = bench.control("GET", "/messages?to=ake@customer.example")
    assert status == 200
    assert list(message) == MESSAGE
    assert re.fullmatch("[0-9a-f]{32}", message.pop("id"))
    assert {name: message[name] for name in ("to", "channel", "language", "kind", "created", "sent")} == {
        "to": "Ake@Customer.example",
        "channel": "email",
        "language": "sv",
        "kind": "fetched",
        "created": "2027-01-11T08:00:00Z",
        "sent": "2027-01-11T08:00:00Z",
    }
    assert "Åke" in message["text"]
    assert "2029" in message["text"]


def test_messages_of_an_address_or_a_kind_only(bench, customer):
    to = f"{customer}@customer.example"
    contact = {"name": "A", "email": to, "phone": f"+358 40 {customer.removeprefix('test-')}77", "language": "en"}
    certificate = holder_of(bench, customer).enrolled(bench.order(customer_id=customer, contact=contact), new_key())
    serial = serial_hex(certificate.serial_number)
    bench.control("POST", "/revocations", {"serial": serial, "reason": "superseded"})
    kinds = {one["id"]: one["kind"] for one in bench.control("GET", f"/messages?to={to}")[1]}
    assert sorted(kinds.values()) == ["fetched", "revoked"]
    (revoked,) = bench.control("GET", f"/messages?kind=revoked&to={to}")[1]
    assert kinds[revoked["id"]] == "revoked"
    assert revoked in bench.control("GET", "/messages?kind=revoked")[1]
    assert {one["kind"] for one in bench.control("GET", "/messages?kind=revoked")[1]} == {"revoked"}
    assert bench.control("GET", "/messages?kind=digest") == (200, [])
    assert bench.control("GET", "/messages?to=") == (200, [])


@pytest.mark.parametrize("query", ["kind=letter", "kind=", "kind=Reminder", "from=x", "to=a&since=b"])
def test_questions_for_messages_that_are_refused(bench, query):
    assert_problem(bench.raw("GET", f"/messages?{query}"), 422, "bad-field")


BAD_REVOCATIONS = {
    "no serial": {"reason": "superseded"},
    "no reason": {"serial": "00ff"},
    "a reason in other words": {"serial": "00ff", "reason": "lost"},
    "a reason that can be taken back": {"serial": "00ff", "reason": "certificateHold"},
    "a serial that is a number": {"serial": 255, "reason": "superseded"},
    "a serial too long": {"serial": "0" * 42, "reason": "superseded"},
    "a field too many": {"serial": "00ff", "reason": "superseded", "why": "x"},
}


@pytest.mark.parametrize("value", BAD_REVOCATIONS.values(), ids=BAD_REVOCATIONS)
def test_revocations_that_are_refused(bench, value):
    assert_problem(bench.raw("POST", "/revocations", json.dumps(value).encode(), JSON), 422, "bad-field")


TAKEN = "unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn"


def test_a_reason_in_other_words_is_told_those_that_are_taken_and_no_other(bench):
    status, problem = bench.control("POST", "/revocations", {"serial": "00ff", "reason": "lost"})
    assert (status, problem["detail"]) == (422, f"reason is one of {TAKEN}.")
    for reason in ("cACompromise", "aACompromise"):
        status, problem = bench.control("POST", "/revocations", {"serial": "00ff", "reason": reason})
        assert (status, problem["reason"]) == (422, "reason")


def test_a_revocation_of_what_is_not_there(bench):
    body = json.dumps({"serial": "00ff", "reason": "superseded"}).encode()
    assert_problem(bench.raw("POST", "/revocations", body, JSON), 404, "unknown")


def test_newest_first_and_of_one_customer_only(bench, customer):
    holder = holder_of(bench, customer)
    made = [holder.enrolled(bench.order(customer_id=customer), new_key()) for _ in range(3)]
    serials = [serial_hex(certificate.serial_number) for certificate in made]
    assert [row["serial"] for row in bench.rows(customer)] == serials[::-1]
    assert set(serials) < {row["serial"] for row in bench.rows()} or len(bench.rows()) == 3
    assert bench.rows("nobody") == []
    assert bench.control("GET", "/certificates?customer_id=") == (200, [])
    assert_problem(bench.raw("GET", "/certificates?customerid=x"), 422, "bad-field")


def test_an_sftp_order_gets_a_certificate_of_the_sftp_ca(bench, customer):
    certificate = holder_of(bench, customer).enrolled(bench.order(customer_id=customer, channel="SFTP"), new_key())
    assert (
        certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        == "Data Providers SFTP Test Issuing CA v1"
    )
    assert bench.rows(customer)[0]["channel"] == "SFTP"


def test_a_replacement_keeps_the_lineage(bench, customer):
    holder = holder_of(bench, customer)
    first = holder.enrolled(bench.order(customer_id=customer), new_key())
    second = holder.enrolled(
        bench.order(customer_id=customer, replaces=serial_hex(first.serial_number), description="new"), new_key()
    )
    other = holder.enrolled(bench.order(customer_id=customer), new_key())
    lines = [subject(one, NameOID.SERIAL_NUMBER) for one in (first, second, other)]
    assert lines[0] == lines[1] != lines[2]
    assert [row["state"] for row in bench.rows(customer)] == ["fetched"] * 3


def test_somebody_elses_certificate_cannot_be_replaced(bench, customer):
    certificate = holder_of(bench, customer).enrolled(bench.order(customer_id=customer), new_key())
    value = {**CUSTOMER, "customer_id": f"{customer}-b", "replaces": serial_hex(certificate.serial_number)}
    assert_problem(bench.raw("POST", "/orders", json.dumps(value).encode(), JSON), 422, "bad-field")


def test_new_transfer_ids_for_an_order(bench, customer):
    ids = bench.order(customer_id=customer)
    path = f"/orders/{ids['order_id']}/transfer-ids"
    for body in (b"", b"{}"):
        assert bench.raw("POST", path, body, JSON)[0] == 201
    status, new = bench.control("POST", path, {})
    assert (status, list(new), new["order_id"]) == (201, list(ids), ids["order_id"])
    assert new["transfer_id"] != ids["transfer_id"]
    holder = holder_of(bench, customer)
    assert codes(holder.new(ids, new_key())) == ["PKI004"]
    holder.enrolled(new, new_key())
    assert_problem(bench.raw("POST", path, b"{}", JSON), 409, "already")
    assert_problem(bench.raw("POST", "/orders/nothing/transfer-ids", b"{}", JSON), 404, "unknown")
    assert_problem(bench.raw("POST", path, b'{"order": 1}', JSON), 422, "bad-field")
    assert_problem(bench.raw("POST", path, b"{}", {}), 415, "not-json")
    assert_problem(bench.raw("GET", path), 405, "method-not-allowed")
    assert_problem(bench.raw("POST", "/orders//transfer-ids", b"{}", JSON), 404, "not-found")


def test_the_name_of_a_customer_that_is_there_stays(bench, customer):
    bench.order(customer_id=customer, customer_name="First Oy")
    certificate = holder_of(bench, customer).enrolled(
        bench.order(customer_id=customer, customer_name="Second Oy"), new_key()
    )
    assert subject(certificate, NameOID.ORGANIZATION_NAME) == "First Oy"
    assert subject(certificate, NameOID.COMMON_NAME) == customer


def test_orders_come_one_after_the_other_or_all_at_once(bench, customer):
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: bench.order(customer_id=customer), range(16)))
    assert len({one["transfer_id"] for one in ids}) == 16


def test_two_years_are_730_days(bench, customer):
    certificate = holder_of(bench, customer).enrolled(bench.order(customer_id=customer), new_key())
    (row,) = bench.rows(customer)
    span = datetime.fromisoformat(row["not_after"]) - datetime.fromisoformat(row["not_before"])
    assert span == timedelta(days=730)
    assert all(INSTANT.fullmatch(row[name]) for name in ("not_before", "not_after", "first_fetched_at"))
    assert certificate.not_valid_after_utc == datetime.fromisoformat(row["not_after"])
