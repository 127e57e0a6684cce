"""Certificate of an explanation: its holder, its key and its content."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import DiagnosisResult
from sinetti.diagnostics.signed_message import MessageType
from sinetti.domain.requests import AcceptedResponse, RetrieveRequest
from sinetti.domain.values import VALIDITY, Environment
from sinetti.pki.encoding import certificate_der
from sinetti.wire.receipts import Receipt, render_receipt
from sinetti.wire.soap.requests import render_get
from sinetti.wire.soap.responses import render_response
from sinetti.wire.soap.schema_types import Operation
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.diagnostics.explained import (
    GOOD,
    RSA,
    SECOND,
    anchors,
    bare,
    by_other_key,
    guessed,
    replaced,
    rsa_sign,
    sealed_by,
)
from tests.support import authority, xml_signing
from tests.support.faulty_signing import Faults, envelope, request, signed
from tests.support.xml_signing import OURS

PLACED = datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)


def other_certificate(kind="other-p256"):
    return x509.load_der_x509_certificate(xml_signing.certificate(kind))


def key_value(kind):
    numbers = xml_signing.key(kind).public_key().public_numbers()
    modulus, exponent = (
        base64.b64encode(one.to_bytes(-(-one.bit_length() // 8), "big")).decode() for one in (numbers.n, numbers.e)
    )
    return (
        f"<P:KeyValue><P:RSAKeyValue><P:Modulus>{modulus}</P:Modulus><P:Exponent>{exponent}</P:Exponent></P:RSAKeyValue>"
        f"</P:KeyValue>{OURS.key_info}"
    )


def test_the_key_of_another_certificate_that_is_known():
    message = envelope(signed(request(), OURS, Faults(sign=by_other_key)))
    assert guessed(message, others=[other_certificate("p384"), other_certificate()]).guesses == (
        Cause.OTHER_CERTIFICATE,
    )
    assert guessed(message, others=[other_certificate("rsa-1024")] * 9).guesses == (Cause.WRONG_KEY,)


def test_the_key_that_stands_beside_the_certificate():
    shape = replace(RSA, kind="rsa-e3", key_info=key_value("rsa-2048"))
    message = signed(request(), shape, Faults(sign=rsa_sign()))
    assert guessed(message).guesses == (Cause.OTHER_CERTIFICATE,)
    for value in ("AA==", "", "?"):
        broken = replaced(message, b"<ds:Exponent>AQAB<", f"<ds:Exponent>{value}<".encode())
        assert guessed(broken).guesses == (Cause.WRONG_KEY,)


FITS_BUT = {
    "of this service": ("holder", timedelta(0), DiagnosisResult.FITS, ()),
    "at its last second": ("holder", VALIDITY, DiagnosisResult.FITS, ()),
    "expired": ("holder", VALIDITY + SECOND, DiagnosisResult.REFUSED, (Cause.EXPIRED,)),
    "not yet valid": ("holder", -SECOND, DiagnosisResult.REFUSED, (Cause.NOT_YET_VALID,)),
    "of nobody": ("p256", timedelta(0), DiagnosisResult.REFUSED, (Cause.NOT_OURS,)),
    "of the service itself": ("services", timedelta(0), DiagnosisResult.REFUSED, (Cause.NOT_OURS,)),
}


@pytest.mark.parametrize(("who", "later", "verdict", "guesses"), FITS_BUT.values(), ids=FITS_BUT)
def test_whose_certificate_it_is(who, later, verdict, guesses):
    found = guessed(envelope(sealed_by(who)), anchors=anchors(), now=authority.NOW + later)
    assert (found.verdict, found.guesses, found.why) == (verdict, guesses, None)
    assert found.certificate.of_this_service is (who == "holder")
    assert guessed(envelope(sealed_by(who)), now=authority.NOW + later).certificate.of_this_service is None
    assert guessed(envelope(sealed_by(who)), anchors=anchors()).verdict is (
        DiagnosisResult.REFUSED if Cause.NOT_OURS in guesses else DiagnosisResult.FITS
    )


FOR_ANOTHER = {
    "customer": (b"0123456-7", b"7654321-0", (Cause.OTHER_CUSTOMER,), {"content": "0123456-7"}),
    "environment": (b">TEST<", b">PRODUCTION<", (Cause.OTHER_ENVIRONMENT,), {"content": "PRODUCTION"}),
}


@pytest.mark.parametrize(("old", "new", "guesses", "named"), FOR_ANOTHER.values(), ids=FOR_ANOTHER)
def test_a_request_for_another_customer_or_service_is_refused_though_its_signature_fits(old, new, guesses, named):
    document = replaced(bare(request()), old, new)
    found = guessed(envelope(sealed_by("holder", document)), anchors=anchors())
    assert (found.verdict, found.guesses, found.why) == (DiagnosisResult.REFUSED, guesses, None)
    assert dict(found.named) == named


def test_an_unsigned_request_for_another_environment_is_refused():
    asked = render_get(RetrieveRequest(Environment.PRODUCTION, "0123456-7", None, "r-1"))
    assert guessed(asked).verdict is DiagnosisResult.NOTHING_SIGNED
    assert guessed(asked, anchors=anchors()).guesses == (Cause.OTHER_ENVIRONMENT,)


def test_answers_are_signed_by_the_services_own():
    answer = render_response(Operation.RENEW, AcceptedResponse("r-1"), services_seal())
    services = [authority.services_issuer().certificate]
    for known, guesses in (
        ({"services": services}, ()),
        ({"services": anchors()}, (Cause.NOT_OURS,)),
        ({"anchors": services}, ()),
    ):
        found = guessed(answer, **known)
        assert found.guesses == guesses
        assert (found.element.kind, found.element.name) == (MessageType.RESPONSE, "RenewCertificateResponse")
    said = Receipt("one", "ab" * 32, authority.NOW, "0123456-7", "Oy", "ab")
    found = guessed(render_receipt(said, services_seal()), services=services)
    assert (found.verdict, found.element.kind) == (DiagnosisResult.FITS, MessageType.RECEIPT)


def test_what_stands_in_a_certificate():
    found = guessed(envelope(sealed_by("holder")), anchors=anchors()).certificate
    assert found.subject.startswith("C=FI,O=Sinisiipi Oy,")
    assert "Issuing CA" in found.issuer
    assert len(found.serial) == 38
    assert len(found.sha256) == 64
    assert (found.not_before, found.not_after) == (authority.NOW, authority.NOW + VALIDITY)


def services_seal():
    key, certificate = authority.response_signer()
    return signer_for_key(key, certificate_der(certificate))


def dated(year):
    """Make a certificate that ends in any year of four digits."""
    name = x509.Name([])
    builder = x509.CertificateBuilder(
        name, name, xml_signing.key("p256").public_key(), 1, PLACED, PLACED.replace(year=2060)
    )
    der = builder.sign(xml_signing.key("p256"), hashes.SHA256()).public_bytes(Encoding.DER)
    return replaced(
        GOOD,
        xml_signing.lines(xml_signing.certificate("p256")).encode(),
        xml_signing.lines(replaced(der, b"2060", year)).encode(),
    )


def test_a_certificate_with_a_date_that_there_is_not():
    assert guessed(dated(b"9999")).certificate.not_after.year == 9999
    found = guessed(dated(b"0000"))
    assert (found.verdict, found.guesses) == (DiagnosisResult.REFUSED, (Cause.CERTIFICATE_UNREADABLE,))
    assert (found.why, found.certificate) == (None, None)
