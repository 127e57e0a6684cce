"""Explanations of signatures that do not verify.

The bench explains a signature on request, and in its log for each call refused for that reason.
"""

import base64
import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sinetti.api.soap import PATH as SOAP
from sinetti.api.soap import SoapEndpoint
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import DiagnosisResult
from sinetti.domain.refusals import RejectionReason
from sinetti.domain.requests import EnrolRequest, RetrieveRequest
from sinetti.domain.values import VALIDITY, Environment, KeyType
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import certificate_der, generate_key
from sinetti.server.asgi import RequestLimits
from sinetti.server.http import Request, Response
from sinetti.testbench.endpoints.deliveries import BenchGateway, DeliveryEndpoint
from sinetti.testbench.endpoints.diagnostics import DiagnosticsEndpoint, explained
from sinetti.wire.soap.requests import render_get, render_new
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support import faults
from tests.support.authority import CUSTOMER_ID, CUSTOMER_NAME, holder_certificate, holder_key, response_signer
from tests.support.faulty_signing import canonical, envelope, indented, request, signed
from tests.support.programs import exchange, fetched
from tests.support.scene import REQUEST, SECOND, enrolled
from tests.support.xml_signing import PLACE

GOOD = signed(request())
UNSIGNED = request().replace(PLACE, "").encode()
INDENTED = indented(envelope(GOOD))
XML = {"content-type": "text/xml; charset=utf-8"}
PASSWORD = "aB3dE6gH9jK2mN5p"
NEW = render_new(EnrolRequest(Environment.TEST, CUSTOMER_ID, None, "1" * 32, PASSWORD, faults.der("next-p256")))
LOGGER = "sinetti.testbench.endpoints.diagnostics"
SOAP_11 = b"http://schemas.xmlsoap.org/soap/envelope/"
EXPIRED = "certificate-expired"


def asked(bench, octets, headers=XML, path="/explain", method="POST"):
    status, _, body = bench.raw(method, path, octets, headers)
    return status, json.loads(body)


@pytest.mark.parametrize("kind", ["text/xml", "application/xml", "application/octet-stream", "Text/XML; charset=utf-8"])
def test_asked_over_http(bench, kind):
    status, said = asked(bench, INDENTED, {"content-type": kind})
    assert (status, said["verdict"], said["octets"]) == (200, "refused", None)
    assert [one["guess"] for one in said["guesses"]] == ["indented-after-signing", "certificate-not-ours"]
    assert said["document"]["form"] == "without-indentation"
    assert said["certificate"]["of_this_service"] is False


def test_the_octets_whole(bench):
    _, said = asked(bench, INDENTED, path="/explain?octets=whole")
    assert base64.b64decode(said["octets"]["document-signed.xml"]) == canonical(request())
    # On a busy machine the search for the signed octets may exceed its time limit, which the answer reports.
    assert len(said["octets"]) == 4 or said["unfinished"]


REFUSED = {
    "no content type": ({}, "/explain", "POST", 415, "not-xml"),
    "JSON": ({"content-type": "application/json"}, "/explain", "POST", 415, "not-xml"),
    "what a form may send from any page": ({"content-type": "text/plain"}, "/explain", "POST", 415, "not-xml"),
    "another Host": ({**XML, "host": "sinetti.example"}, "/explain", "POST", 403, "host-not-loopback"),
    "GET": (XML, "/explain", "GET", 405, "method-not-allowed"),
    "an unknown query": (XML, "/explain?x=1", "POST", 422, "bad-field"),
    "a part of the octets": (XML, "/explain?octets=1", "POST", 422, "bad-field"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_calls_that_are_refused(bench, case):
    headers, path, method, status, reason = case
    found, said = asked(bench, INDENTED if method == "POST" else None, headers, path, method)
    assert (found, said["reason"]) == (status, reason)


def test_a_message_that_is_too_long(bench):
    status, said = asked(bench, b"x" * (RequestLimits().body + 1))
    assert (status, said["reason"]) == (413, "too-large")


def test_a_password_comes_neither_back_nor_into_the_log(bench):
    for message in (NEW, NEW[:-9], NEW.replace(b"SignNewCertificateRequest", b"RenewCertificateRequest")):
        _, _, body = bench.raw("POST", "/explain?octets=whole", message, XML)
        assert PASSWORD.encode() not in body
    assert PASSWORD not in bench.log.read_text()


def test_at_its_control_address_alone(bench):
    assert exchange(bench.ready["status_url"], "POST", "/explain", INDENTED, XML)[0] == 405
    assert asked(bench, INDENTED, path="/explain/more")[0] == 404


@pytest.fixture
def doors(sqlite_scene, tmp_path):
    """Return the endpoints of a bench in front of a fresh scene."""
    ctx = sqlite_scene.ctx
    key, certificate = response_signer()
    seal = signer_for_key(key, certificate_der(certificate))
    soap = SoapEndpoint(ctx, "http://127.0.0.1" + SOAP, SignatureProfile.EXCLUSIVE, lambda: seal)
    receiving = DeliveryEndpoint(ctx, BenchGateway(ctx), lambda: seal, tmp_path / "deliveries")
    return {"soap": DiagnosticsEndpoint(soap, ctx), "deliveries": DiagnosticsEndpoint(receiving, ctx)}


def renewal(key, certificate, change=lambda payload: payload, customer_id=CUSTOMER_ID):
    csr = base64.b64encode(build_request(generate_key(KeyType.EC_P256), CUSTOMER_ID, None)).decode()
    payload = request(csr=csr).replace(PLACE, "").replace(CUSTOMER_ID, customer_id).encode()
    return envelope(change(sign_document(payload, signer_for_key(key, certificate), SignatureProfile.EXCLUSIVE)))


def of_this_ca():
    """Sign with a certificate of the right CA that the database does not contain."""
    key = holder_key(7)
    return renewal(key, certificate_der(holder_certificate(key)))


def of_the_service():
    key, certificate = response_signer()
    return renewal(key, certificate_der(certificate))


def post(door, body, *, named=True):
    headers = {"content-type": "text/xml"} | ({"delivery-id": "one"} if named else {})
    return door(Request("POST", SOAP, "", headers, REQUEST, body))


def sealed(key, certificate, document=b"<report><pay>100</pay></report>"):
    return sign_document(document, signer_for_key(key, certificate), SignatureProfile.EXCLUSIVE)


LOGGED = {
    "a renewal, indented": ("soap", lambda held: indented(renewal(held.key, held.der)), "indented-after-signing"),
    "a renewal without a signature": ("soap", lambda _: envelope(UNSIGNED), "no-signature"),
    "a certificate of nobody": ("soap", lambda _: envelope(GOOD), "certificate-not-ours"),
    "a certificate of the service itself": ("soap", lambda _: of_the_service(), "certificate-not-ours"),
    "a certificate that the register does not have": ("soap", lambda _: of_this_ca(), "certificate-not-registered"),
    "a delivery, changed": (
        "deliveries",
        lambda held: sealed(held.key, held.der).replace(b"100", b"9,50"),
        "text-changed",
    ),
    "a delivery, signed by a stranger": ("deliveries", lambda _: GOOD, "certificate-not-ours"),
    "a delivery that is no XML": ("deliveries", lambda _: b"hello", "not-xml"),
    "no XML": ("soap", lambda _: b"hello", "not-xml"),
    "nothing at all": ("soap", lambda _: b"", "empty-file"),
    "SOAP 1.2": (
        "soap",
        lambda held: renewal(held.key, held.der).replace(SOAP_11, b"http://www.w3.org/2003/05/soap-envelope"),
        "not-soap-1.1",
    ),
    "an element that the schema does not know, added after signing": (
        "soap",
        lambda held: renewal(held.key, held.der, lambda one: one.replace(b"<CustomerId>", b"<Added/><CustomerId>")),
        "field-added",
    ),
    "a signature in another namespace, which the schema does not know": (
        "soap",
        lambda held: renewal(held.key, held.der, lambda one: one.replace(b'xmldsig#"><ds:Sig', b'x"><ds:Sig')),
        "signature-in-another-namespace",
    ),
    "the bench's clock after the certificate's end": ("soap", lambda held: renewal(held.key, held.der), EXPIRED),
}


@pytest.mark.parametrize("case", LOGGED.values(), ids=LOGGED)
def test_the_log_says_why(doors, sqlite_scene, caplog, case):
    door, make, guesses = case
    body = make(enrolled(sqlite_scene))
    if guesses == EXPIRED:
        sqlite_scene.clock.forward(VALIDITY + SECOND)
    with caplog.at_level(logging.INFO):
        post(doors[door], body)
    (record,) = told(caplog)
    assert record.facts["guesses"] == guesses
    said = record.getMessage()
    assert said.startswith(f"request {REQUEST}: refused, ")
    assert f"guesses={guesses} " in said
    assert not [one for one in (CUSTOMER_ID, CUSTOMER_NAME, "isä", "pay>", "CN=") if one in said]


WELL_FORMED = {
    "too early": ("soap", lambda held: renewal(held.key, held.der), "too-early"),
    "no such retrieval ID": (
        "soap",
        lambda _: render_get(RetrieveRequest(Environment.TEST, CUSTOMER_ID, None, "r-1")),
        "retrieval-id-unknown",
    ),
    "wrong passwords": ("soap", lambda _: NEW, "transfer-ids-wrong"),
    "another environment": ("soap", lambda _: NEW.replace(b"TEST", b"PRODUCTION"), "wrong-environment"),
    "transfer IDs in each other's place": (
        "soap",
        lambda _: NEW.replace(b"1" * 32, b"@").replace(PASSWORD.encode(), b"1" * 32).replace(b"@", PASSWORD.encode()),
        "transfer-ids-swapped",
    ),
    "another organisation's id, well signed": (
        "soap",
        lambda held: renewal(held.key, held.der, customer_id="7654321-0"),
        "customer-mismatch",
    ),
    "children in the namespace of the service": (
        "soap",
        lambda _: NEW.replace(b"<CustomerId>", b'<CustomerId xmlns="urn:x">'),
        "child-elements-qualified",
    ),
    "no transfer ID": (
        "soap",
        lambda _: re.sub(rb"<TransferId>.*</TransferId>", b"", NEW),
        "element-missing",
    ),
    "no delivery's id, well signed": ("deliveries, unnamed", lambda held: sealed(held.key, held.der), "bad-field"),
    "a large delivery that was changed": (
        "deliveries",
        lambda held: sealed(held.key, held.der, b"<report>100" + b"x" * 200_000 + b"</report>").replace(b"100", b"900"),
        "signature-invalid",
    ),
}


@pytest.mark.parametrize("case", WELL_FORMED.values(), ids=WELL_FORMED)
def test_every_other_refusal_has_a_guess_too(doors, sqlite_scene, caplog, case):
    door, make, guess = case
    body = make(enrolled(sqlite_scene))
    name, _, unnamed = door.partition(", ")
    with caplog.at_level(logging.INFO):
        reply = post(doors[name], body, named=not unnamed)
    (record,) = told(caplog)
    assert record.facts["guesses"] == guess
    assert reply.log_fields["guess"] == guess
    assert PASSWORD not in caplog.text


def test_of_an_accepted_call_it_says_nothing(doors, sqlite_scene, caplog):
    held = enrolled(sqlite_scene)
    with caplog.at_level(logging.INFO):
        reply = post(doors["deliveries"], sealed(held.key, held.der))
    assert told(caplog) == []
    assert "guess" not in reply.log_fields


@pytest.mark.parametrize("reason", RejectionReason)
def test_a_guess_for_every_code(sqlite_scene, reason):
    """A message without a fault of its own: the reason is the cause."""
    held = enrolled(sqlite_scene)
    reply = Response(200, "text/xml", b"<no/>", log_fields={"reason": reason.value})
    said = post(DiagnosticsEndpoint(lambda _request: reply, sqlite_scene.ctx), renewal(held.key, held.der)).log_fields
    expected = "soapaction-of-another-operation" if reason is RejectionReason.MALFORMED else reason.value
    assert said["guess"] == expected
    assert len(said["guess_text"]) > 40


XML_11 = {"content-type": "text/xml; charset=utf-8"}
CALLS = {
    "GET": ("GET", SOAP, {}, b"", "get-instead-of-post"),
    "the WSDL": ("GET", f"{SOAP}?wsdl", {}, b"", None),
    "a wrong path": ("POST", "/CertificateServices", XML_11, NEW, "wrong-address"),
    "PUT": ("PUT", SOAP, XML_11, NEW, "wrong-method"),
    "another charset": ("POST", SOAP, {"content-type": "text/xml; charset=iso-8859-1"}, NEW, "wrong-charset"),
    "JSON": ("POST", SOAP, {"content-type": "application/json"}, b"{}", "wrong-media-type"),
    "SOAP 1.2": ("POST", SOAP, {"content-type": "application/soap+xml"}, b"<x/>", "wrong-media-type"),
    "a SOAPAction of another operation": (
        "POST",
        SOAP,
        {**XML_11, "soapaction": '"getCertificate"'},
        NEW,
        "soapaction-of-another-operation",
    ),
}


@pytest.mark.parametrize("case", CALLS.values(), ids=CALLS)
def test_a_guess_for_faults_of_http(doors, case):
    method, address, headers, body, guess = case
    path, _, query = address.partition("?")
    reply = doors["soap"](Request(method, path, query, headers, REQUEST, body))
    assert (reply.log_fields or {}).get("guess") == guess


def test_what_cannot_be_explained_is_answered_all_the_same(sqlite_scene, caplog):
    answer = Response(200, "text/xml", b"<no/>", log_fields={"reason": "signature-invalid"})
    door = DiagnosticsEndpoint(lambda _request: answer, replace(sqlite_scene.ctx, certificates={}))
    assert post(door, INDENTED) is answer
    (record,) = told(caplog)
    assert record.levelname == "ERROR"


def test_the_bench_judges_what_its_own_office_knows(sqlite_scene):
    held = enrolled(sqlite_scene)
    good = renewal(held.key, held.der)
    assert explained(good, sqlite_scene.ctx).found.verdict is DiagnosisResult.FITS
    assert explained(of_this_ca(), sqlite_scene.ctx).found.guesses == (Cause.NOT_REGISTERED,)
    sqlite_scene.clock.forward(VALIDITY)
    assert explained(good, sqlite_scene.ctx).found.verdict is DiagnosisResult.FITS
    sqlite_scene.clock.forward(SECOND)
    assert explained(good, sqlite_scene.ctx).found.guesses == (Cause.EXPIRED,)


def test_answers_of_the_bench_itself(bench):
    soap = bench.ready["soap_url"]
    server = Path(bench.ready["trust"]["server"])
    message = render_get(RetrieveRequest(Environment.TEST, CUSTOMER_ID, None, "r-1"))
    answer = fetched(soap, message, server=server, headers={"Content-Type": "text/xml"})
    _, said = asked(bench, answer)
    assert (said["verdict"], said["element"]["kind"], said["guesses"]) == ("fits", "response", [])
    assert said["certificate"]["of_this_service"] is True


def test_the_log_of_a_bench_that_runs(bench):
    soap, server = bench.ready["soap_url"], Path(bench.ready["trust"]["server"])
    assert b"PKI030" in fetched(soap, INDENTED, server=server, headers={"Content-Type": "text/xml"})
    assert "refused, signature-invalid: The message was reformatted after signing" in bench.log.read_text()


def told(caplog):
    return [one for one in caplog.records if one.name == LOGGER]
