"""Why a signature does not fit: each guess of a message that has just that fault, and none where nothing is wrong."""

import base64
import hashlib
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from sinetti.domain.asks import Accepted, GetAsk, NewAsk
from sinetti.domain.guesses import Guess
from sinetti.domain.values import VALIDITY, Environment
from sinetti.pki.formats import certificate_der
from sinetti.wire.explaining import Verdict, explain
from sinetti.wire.explaining_difference import first_difference
from sinetti.wire.explaining_searching import Question
from sinetti.wire.explaining_taken import Kind
from sinetti.wire.receipts import Receipt, render_receipt
from sinetti.wire.requests import render_get, render_new
from sinetti.wire.responses import render_fault, render_response
from sinetti.wire.shapes import Operation
from sinetti.wire.xmldsig import Recipe, seal_of, sign_document
from tests.support import authority
from tests.support import faulty_signing as faulty
from tests.support import xml_signing as by
from tests.support.faulty_signing import INCLUSIVE_INFO, Faults, canonical, envelope, indented, request, signed
from tests.support.xml_signing import ENVELOPED, ENVELOPED_ALONE, EXCLUSIVE, INCLUSIVE, MORE, OURS, PLACE, transform

RSA = replace(OURS, kind="rsa-2048", method=MORE + "rsa-sha256")
P384 = replace(OURS, kind="p384", method=MORE + "ecdsa-sha384")
SHAPES = {"exclusive": OURS, "inclusive": ENVELOPED_ALONE, "all inclusive": INCLUSIVE_INFO, "RSA": RSA, "P-384": P384}
OTHERS = ' xmlns:web="urn:web" xmlns:v1="urn:v1"'
SECOND = timedelta(seconds=1)
PLACED = datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def replaced(document, old, new):
    assert old in document
    return document.replace(old, new)


def bare(document):
    return document.replace(PLACE, "").encode()


def guessed(octets, **known):
    return explain(octets, Question(**known))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("declarations", ["", OTHERS], ids=["bare envelope", "declarations on the envelope"])
def test_nothing_is_guessed_of_what_fits(shape, declarations):
    message = signed(request(), shape)
    for octets in (message, envelope(message, declarations), b"\xef\xbb\xbf" + envelope(message, declarations)):
        found = guessed(octets)
        assert (found.verdict, found.guesses, found.why) == (Verdict.FITS, (), None)
        assert found.document.received == found.document.signed
        assert found.document.difference is found.signed_info.difference is None


def both(change):
    """A fault that shows by every shape, in an envelope and without one."""
    return {name: change(signed(request(root=' xmlns:unused="urn:u"'), shape)) for name, shape in SHAPES.items()}


CHANGED_AFTERWARDS = {
    "indented": (lambda one: indented(envelope(one)), {Guess.INDENTED}),
    "indented without an envelope": (indented, {Guess.INDENTED}),
    "indented by a tool that breaks values too": (
        lambda one: indented(envelope(one)).replace(b"TEST<", b"\n TEST\n <").replace(b"AAEC", b"\n  AAEC\n"),
        {Guess.INDENTED},
    ),
    "one digit changed": (lambda one: envelope(replaced(one, b"0123456-7", b"0123456-8")), {Guess.TEXT_CHANGED}),
    "an element added": (
        lambda one: envelope(replaced(one, b"<CertificateRequest>", b"<Added>1</Added><CertificateRequest>")),
        {Guess.FIELD_ADDED},
    ),
    "an element added on a line of its own": (
        lambda one: envelope(replaced(one, b"<CertificateRequest>", b"<Added>1</Added>\n<CertificateRequest>")),
        {Guess.FIELD_ADDED},
    ),
    "xsi attributes added": (
        lambda one: envelope(replaced(one, b"<Environment>", f'<Environment xmlns:xsi="{XSI}" xsi:type="x">'.encode())),
        {Guess.ATTRIBUTES_ADDED},
    ),
    "prefix renamed": (
        lambda one: envelope(one.replace(b"cer:", b"xy:").replace(b":cer=", b":xy=")),
        {Guess.PREFIX_RENAMED},
    ),
    "prefix renamed, and indented": (
        lambda one: indented(envelope(one.replace(b"cer:", b"xy:").replace(b":cer=", b":xy="))),
        {Guess.INDENTED, Guess.PREFIX_RENAMED},
    ),
    "composed characters decomposed": (
        lambda one: envelope(unicodedata.normalize("NFD", one.decode()).encode()),
        {Guess.CHARACTERS_RECODED},
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("change", "guesses"), CHANGED_AFTERWARDS.values(), ids=CHANGED_AFTERWARDS)
def test_changed_after_signing(shape, change, guesses):
    found = guessed(change(signed(request(), shape)))
    assert found.verdict is Verdict.REFUSED
    assert set(found.guesses) == guesses
    if guesses != {Guess.TEXT_CHANGED}:
        assert found.document.signed == canonical(request(), shape)
        assert found.document.proven
        assert found.document.difference is not None


@pytest.mark.parametrize("shape", [OURS, ENVELOPED_ALONE], ids=["exclusive", "inclusive"])
@pytest.mark.parametrize(
    ("change", "more"), [(bytes, set()), (indented, {Guess.INDENTED})], ids=["alone", "and indented"]
)
def test_serialised_by_a_library_that_renames_and_moves_all_prefixes(shape, change, more):
    renamed = signed(request(), shape).decode().replace("cer:", "ns1:").replace(":ds=", ":ns2=").replace("ds:", "ns2:")
    declared = f' xmlns:ns1="{faulty.SERVICE}" xmlns:ns2="{by.DS}"'
    bare_of_them = renamed.replace(f' xmlns:cer="{faulty.SERVICE}"', "").replace(f' xmlns:ns2="{by.DS}"', "")
    found = guessed(change(envelope(bare_of_them.encode(), declared)))
    assert set(found.guesses) == {Guess.PREFIX_RENAMED} | more
    assert found.document.signed == canonical(request(), shape)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_envelope_whose_default_namespace_is_inherited(shape):
    found = guessed(envelope(signed(request(), shape), ' xmlns="urn:x"'))
    assert found.guesses == (Guess.DEFAULT_NAMESPACE,)
    assert '="urn:x"' in found.document.difference.received
    outside = replaced(signed(request(), shape), f' xmlns:cer="{faulty.SERVICE}"'.encode(), b"")
    assert Guess.TEXT_CHANGED in guessed(envelope(outside, f' xmlns="urn:x" xmlns:cer="{faulty.SERVICE}"')).guesses


NEVER_CANONICAL = {
    "its text as it was sent": bare,
    "its text, with XML declaration": lambda document: b'<?xml version="1.0" encoding="UTF-8"?>\n' + bare(document),
    "its text, a newline at the end": lambda document: bare(document) + b"\n",
    "its text with byte order mark": lambda document: b"\xef\xbb\xbf" + bare(document),
    "its text in UTF-16": lambda document: bare(document).decode().encode("utf-16-le"),
    "its text in ISO-8859-1": lambda document: bare(document).decode().encode("latin-1"),
    "serialised, empty elements short": lambda document: etree.tostring(
        etree.fromstring(bare(document)), encoding="utf-8"
    ),
}


@pytest.mark.parametrize("make", NEVER_CANONICAL.values(), ids=NEVER_CANONICAL)
def test_text_instead_of_the_canonical_form(make):
    document = request("<Empty a=\"1\"  b='2'/>")
    octets = make(document)
    found = guessed(envelope(signed(document, OURS, Faults(octets))))
    assert found.guesses == (Guess.NOT_CANONICAL,)
    assert found.document.signed == octets


def with_signature_inside(document):
    draft = document.replace(PLACE, by._signature(OURS, b"", b"")).encode()
    return faulty.c14n(draft)


def in_envelope(document, algorithm, take, declarations=OTHERS):
    return by._c14n(take(etree.fromstring(envelope(bare(document), declarations))), algorithm, None)


def decomposed(octets):
    return unicodedata.normalize("NFD", octets.decode()).encode()


DOCUMENT = request("<!-- note -->", root=' xmlns:unused="urn:u"')
LINES = request(csr="\n".join(["AAEC" * 19] * 3))
SIGNED_OTHERWISE = {
    "inclusive read as exclusive": (DOCUMENT, OURS, Faults(faulty.c14n(bare(DOCUMENT), INCLUSIVE)), Guess.INCLUSIVE),
    "exclusive read as inclusive": (
        DOCUMENT,
        ENVELOPED_ALONE,
        Faults(faulty.c14n(bare(DOCUMENT), EXCLUSIVE)),
        Guess.EXCLUSIVE,
    ),
    "with comments": (
        DOCUMENT,
        OURS,
        Faults(faulty.c14n(bare(DOCUMENT), EXCLUSIVE + "WithComments")),
        Guess.COMMENTS,
    ),
    "in the envelope, its declarations inherited": (
        DOCUMENT,
        ENVELOPED_ALONE,
        Faults(
            etree.tostring(etree.fromstring(envelope(bare(DOCUMENT), OTHERS))[1][0], method="c14n", with_comments=False)
        ),
        Guess.IN_ENVELOPE,
    ),
    "the whole envelope": (
        DOCUMENT,
        OURS,
        Faults(faulty.c14n(envelope(bare(DOCUMENT), OTHERS))),
        Guess.IN_ENVELOPE,
    ),
    "the Body": (
        DOCUMENT,
        OURS,
        Faults(
            etree.tostring(
                etree.fromstring(envelope(bare(DOCUMENT), OTHERS))[1],
                method="c14n",
                exclusive=True,
                with_comments=False,
            )
        ),
        Guess.IN_ENVELOPE,
    ),
    "with the signature in it": (DOCUMENT, OURS, Faults(with_signature_inside(DOCUMENT)), Guess.SIGNATURE_LEFT_IN),
    "carriage returns of base64 signed, and lost on the way": (
        LINES,
        OURS,
        Faults(canonical(LINES.replace("\n", "&#13;\n"))),
        Guess.LINE_ENDS,
    ),
    "signed with LF, sent with carriage returns": (
        LINES.replace("\n", "&#13;\n"),
        OURS,
        Faults(canonical(LINES)),
        Guess.LINE_ENDS,
    ),
    "the text of a file with CRLF": (LINES, OURS, Faults(bare(LINES.replace("\n", "\r\n"))), Guess.LINE_ENDS),
    "indented when it was signed, then no more": (
        request(),
        OURS,
        Faults(faulty.c14n(indented(bare(request())))),
        Guess.UNINDENTED,
    ),
    "an unused declaration added afterwards": (
        DOCUMENT,
        ENVELOPED_ALONE,
        Faults(faulty.c14n(bare(DOCUMENT.replace(' xmlns:unused="urn:u"', "")), INCLUSIVE)),
        Guess.EXCLUSIVE,
    ),
    "unused declarations lost": (
        request(),
        ENVELOPED_ALONE,
        Faults(faulty.c14n(bare(request(root=f' xmlns:xsi="{XSI}"')), INCLUSIVE)),
        Guess.DECLARATIONS_CHANGED,
    ),
    "a default namespace made a prefix": (
        request(),
        OURS,
        Faults(canonical(request(prefix=""))),
        Guess.PREFIX_RENAMED,
    ),
    "a digest by SHA-1": (DOCUMENT, OURS, Faults(hashing="sha1"), Guess.DIGEST_METHOD),
    "a digest by SHA-512": (DOCUMENT, OURS, Faults(hashing="sha512"), Guess.DIGEST_METHOD),
    "base64 of a digest in hex": (
        DOCUMENT,
        OURS,
        Faults(stated=lambda digest: digest.hex().encode()),
        Guess.DIGEST_IN_HEX,
    ),
    "a digest in hex": (
        DOCUMENT,
        OURS,
        Faults(stated=lambda digest: base64.b64decode(digest.hex())),
        Guess.DIGEST_IN_HEX,
    ),
}


@pytest.mark.parametrize(("document", "shape", "faults", "guess"), SIGNED_OTHERWISE.values(), ids=SIGNED_OTHERWISE)
def test_other_octets_digested(document, shape, faults, guess):
    found = guessed(envelope(signed(document, shape, faults), OTHERS))
    assert found.guesses == (guess,)
    assert found.why == "the digest does not fit"
    assert found.document.proven
    if faults.digested is not None:
        assert found.document.signed == faults.digested
        difference = found.document.difference
        assert found.document.received[: difference.offset] == faults.digested[: difference.offset]


def rsa_sign(**how):
    def sign(octets):
        return by.key("rsa-2048").sign(
            octets, how.get("padding", padding.PKCS1v15()), how.get("hashing", hashes.SHA256())
        )

    return sign


IN_SCOPE = (
    f'xmlns:cer="{faulty.SERVICE}" xmlns:ds="{by.DS}" xmlns:s="{faulty.SOAP}" xmlns:v1="urn:v1" xmlns:web="urn:web"'
)


def with_declarations(info, declarations):
    return info.replace(f'xmlns:ds="{by.DS}"'.encode(), declarations.encode(), 1)


def hashed(octets):
    return hashlib.sha256(octets).digest()


def by_other_key(octets):
    return by._sign(replace(OURS, kind="other-p256"), octets)


INFO_FAULTS = {
    "SignedInfo inclusive, stated exclusive": (
        OURS,
        Faults(info=lambda info: with_declarations(info, f'xmlns:cer="{faulty.SERVICE}" xmlns:ds="{by.DS}"')),
        Guess.INCLUSIVE,
    ),
    "SignedInfo exclusive, stated inclusive": (
        INCLUSIVE_INFO,
        Faults(info=lambda info: info.replace(f' xmlns:cer="{faulty.SERVICE}"'.encode(), b"")),
        Guess.EXCLUSIVE,
    ),
    "SignedInfo in its envelope": (
        OURS,
        Faults(info=lambda info: with_declarations(info, IN_SCOPE)),
        Guess.IN_ENVELOPE,
    ),
    "SignedInfo without its declaration": (
        OURS,
        Faults(info=lambda info: info.replace(f' xmlns:ds="{by.DS}"'.encode(), b"")),
        Guess.NOT_CANONICAL,
    ),
    "another prefix for the signature": (
        OURS,
        Faults(info=lambda info: info.replace(b"ds:", b"dsig:").replace(b"xmlns:ds=", b"xmlns:dsig=")),
        Guess.PREFIX_RENAMED,
    ),
    "SignedInfo changed afterwards": (RSA, Faults(info=lambda info: info + b" "), Guess.SIGNED_INFO_CHANGED),
    "ECDSA in DER": (OURS, Faults(value=faulty.in_der), Guess.ECDSA_IN_DER),
    "ECDSA in DER, P-384": (P384, Faults(value=faulty.in_der), Guess.ECDSA_IN_DER),
    "ECDSA of a digest": (OURS, Faults(info=hashed), Guess.SIGNATURE_METHOD),
    "ECDSA by SHA-384 stated as SHA-256": (
        OURS,
        Faults(sign=lambda octets: by._sign(replace(OURS, method=MORE + "ecdsa-sha384"), octets)),
        Guess.SIGNATURE_METHOD,
    ),
    "RSA of a digest": (RSA, Faults(info=hashed), Guess.SIGNATURE_METHOD),
    "RSA by SHA-1": (RSA, Faults(sign=rsa_sign(hashing=by._HASHES["1"]())), Guess.SIGNATURE_METHOD),
    "RSA by SHA-512 stated as SHA-256": (RSA, Faults(sign=rsa_sign(hashing=hashes.SHA512())), Guess.SIGNATURE_METHOD),
    "RSA over a bare digest": (
        RSA,
        Faults(sign=lambda octets: rsa_sign(hashing=NoDigestInfo())(hashed(octets))),
        Guess.SIGNATURE_METHOD,
    ),
    "RSA-PSS": (
        RSA,
        Faults(sign=rsa_sign(padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32))),
        Guess.SIGNATURE_METHOD,
    ),
    "the document signed instead of SignedInfo": (
        OURS,
        Faults(info=lambda _: canonical(request())),
        Guess.DOCUMENT_SIGNED,
    ),
    "another key": (OURS, Faults(sign=by_other_key), Guess.WRONG_KEY),
    "another RSA key": (RSA, Faults(value=lambda value: value[::-1]), Guess.WRONG_KEY),
    "a value that is none of the key's": (OURS, Faults(value=lambda value: value[:-1]), Guess.WRONG_KEY),
}


@pytest.mark.parametrize(("shape", "faults", "guess"), INFO_FAULTS.values(), ids=INFO_FAULTS)
def test_something_else_signed_than_signed_info(shape, faults, guess):
    found = guessed(envelope(signed(request(), shape, faults), OTHERS))
    assert found.guesses == (guess,)
    assert found.why == "the signature does not fit"
    assert found.document.guesses == ()
    assert found.signed_info.proven is (guess not in {Guess.WRONG_KEY, Guess.SIGNED_INFO_CHANGED})


def other_certificate(kind="other-p256"):
    return x509.load_der_x509_certificate(by.certificate(kind))


def key_value(kind):
    numbers = by.key(kind).public_key().public_numbers()
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
        Guess.OTHER_CERTIFICATE,
    )
    assert guessed(message, others=[other_certificate("rsa-1024")] * 9).guesses == (Guess.WRONG_KEY,)


def test_the_key_that_stands_beside_the_certificate():
    shape = replace(RSA, kind="rsa-e3", key_info=key_value("rsa-2048"))
    message = signed(request(), shape, Faults(sign=rsa_sign()))
    assert guessed(message).guesses == (Guess.OTHER_CERTIFICATE,)
    for value in ("AA==", "", "?"):
        broken = replaced(message, b"<ds:Exponent>AQAB<", f"<ds:Exponent>{value}<".encode())
        assert guessed(broken).guesses == (Guess.WRONG_KEY,)


FITS_BUT = {
    "of this service": ("holder", timedelta(0), Verdict.FITS, ()),
    "at its last second": ("holder", VALIDITY, Verdict.FITS, ()),
    "expired": ("holder", VALIDITY + SECOND, Verdict.REFUSED, (Guess.EXPIRED,)),
    "not yet valid": ("holder", -SECOND, Verdict.REFUSED, (Guess.NOT_YET_VALID,)),
    "of nobody": ("p256", timedelta(0), Verdict.REFUSED, (Guess.NOT_OURS,)),
    "of the service itself": ("services", timedelta(0), Verdict.REFUSED, (Guess.NOT_OURS,)),
}


def anchors():
    return [authority.issuer().certificate]


def sealed_by(who, document=None):
    document = bare(request()) if document is None else document
    match who:
        case "holder":
            key = authority.holder_key()
            seal = seal_of(key, certificate_der(authority.holder_certificate(key)))
        case "services":
            key, certificate = authority.response_signer()
            seal = seal_of(key, certificate_der(certificate))
        case _:
            seal = seal_of(by.key(who), by.certificate(who))
    return sign_document(document, seal, Recipe.EXCLUSIVE)


@pytest.mark.parametrize(("who", "later", "verdict", "guesses"), FITS_BUT.values(), ids=FITS_BUT)
def test_whose_certificate_it_is(who, later, verdict, guesses):
    found = guessed(envelope(sealed_by(who)), anchors=anchors(), now=authority.NOW + later)
    assert (found.verdict, found.guesses, found.why) == (verdict, guesses, None)
    assert found.certificate.of_this_service is (who == "holder")
    assert guessed(envelope(sealed_by(who)), now=authority.NOW + later).certificate.of_this_service is None
    assert guessed(envelope(sealed_by(who)), anchors=anchors()).verdict is (
        Verdict.REFUSED if Guess.NOT_OURS in guesses else Verdict.FITS
    )


def test_answers_are_signed_by_the_services_own():
    answer = render_response(Operation.RENEW, Accepted("r-1"), services_seal())
    services = [authority.services_issuer().certificate]
    for known, guesses in (
        ({"services": services}, ()),
        ({"services": anchors()}, (Guess.NOT_OURS,)),
        ({"anchors": services}, ()),
    ):
        found = guessed(answer, **known)
        assert found.guesses == guesses
        assert (found.element.kind, found.element.name) == (Kind.RESPONSE, "RenewCertificateResponse")
    said = Receipt("one", "ab" * 32, authority.NOW, "0123456-7", "Oy", "ab")
    found = guessed(render_receipt(said, services_seal()), services=services)
    assert (found.verdict, found.element.kind) == (Verdict.FITS, Kind.RECEIPT)


def test_what_stands_in_a_certificate():
    found = guessed(envelope(sealed_by("holder")), anchors=anchors()).certificate
    assert found.subject.startswith("C=FI,O=Sinisiipi Oy,")
    assert "Issuing CA" in found.issuer
    assert len(found.serial) == 38
    assert len(found.sha256) == 64
    assert (found.not_before, found.not_after) == (authority.NOW, authority.NOW + VALIDITY)


def services_seal():
    key, certificate = authority.response_signer()
    return seal_of(key, certificate_der(certificate))


def plain_request(operation):
    who = (Environment.TEST, "0123456-7", None)
    return (
        render_get(GetAsk(*who, "r-1"))
        if operation is Operation.GET
        else render_new(NewAsk(*who, "1" * 32, PASSWORD, b"x"))
    )


PASSWORD = "aB3dE6gH9jK2mN5p"
GOOD = signed(request())
SIGNATURE = GOOD[GOOD.index(b"<ds:Signature") : GOOD.index(b"</cer:Renew")].decode()
BROKEN_CERTIFICATE = "<P:X509Data><P:X509Certificate>AAAA</P:X509Certificate></P:X509Data>"
SHAPE_FAULTS = {
    "no XML": (b"hello", Verdict.UNREADABLE, Guess.NOT_XML),
    "nothing": (b"", Verdict.UNREADABLE, Guess.NOT_XML),
    "HTTP headers before it": (b"POST / HTTP/1.1\r\n\r\n" + GOOD, Verdict.UNREADABLE, Guess.NOT_XML),
    "a DOCTYPE": (b"<!DOCTYPE x>" + GOOD, Verdict.UNREADABLE, Guess.NOT_XML),
    "SOAP 1.2": (
        envelope(GOOD).replace(faulty.SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
        Verdict.UNREADABLE,
        Guess.NOT_SOAP_11,
    ),
    "an empty Body": (envelope(b""), Verdict.UNREADABLE, Guess.NOT_SOAP_11),
    "GetCertificate": (plain_request(Operation.GET), Verdict.NOTHING_SIGNED, Guess.NOTHING_SIGNED),
    "SignNewCertificate": (plain_request(Operation.NEW), Verdict.NOTHING_SIGNED, Guess.NOTHING_SIGNED),
    "a Fault": (render_fault("no", actor_is_client=True), Verdict.NOTHING_SIGNED, Guess.NOTHING_SIGNED),
    "no signature": (envelope(bare(request())), Verdict.REFUSED, Guess.NO_SIGNATURE),
    "a document without one": (b"<report/>", Verdict.REFUSED, Guess.NO_SIGNATURE),
    "a signature in the header": (
        by.envelope(bare(request()), header=f"<s:Header><Security>{SIGNATURE}</Security></s:Header>"),
        Verdict.REFUSED,
        Guess.OUTSIDE,
    ),
    "two requests": (envelope(GOOD + GOOD), Verdict.REFUSED, Guess.NOT_CUT),
    "a signature that is not the last": (signed(request(end="<x/>")), Verdict.REFUSED, Guess.MISPLACED),
    "a part signed": (signed(request(), replace(OURS, reference='URI="#x"')), Verdict.REFUSED, Guess.ELSEWHERE),
    "an Object": (signed(request(), replace(OURS, after_key_info="<P:Object/>")), Verdict.REFUSED, Guess.PARTS),
    "SHA-1 signatures": (
        signed(request(), replace(RSA, method="http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
        Verdict.REFUSED,
        Guess.METHOD,
    ),
    "C14N with comments": (
        signed(request(), replace(OURS, transforms=(transform(ENVELOPED), transform(EXCLUSIVE + "WithComments")))),
        Verdict.REFUSED,
        Guess.METHOD,
    ),
    "no transforms": (signed(request(), replace(OURS, transforms=())), Verdict.REFUSED, Guess.METHOD),
    "SignedInfo by C14N 1.1": (
        signed(request(), replace(OURS, info_c14n="http://www.w3.org/2006/12/xml-c14n11")),
        Verdict.REFUSED,
        Guess.METHOD,
    ),
    "no Reference": (
        GOOD[: GOOD.index(b"<ds:Reference")] + GOOD[GOOD.index(b"</ds:SignedInfo>") :],
        Verdict.REFUSED,
        Guess.PARTS,
    ),
    "nothing in the signature": (
        GOOD[: GOOD.index(b"<ds:SignedInfo")] + GOOD[GOOD.index(b"</ds:Signature>") :],
        Verdict.REFUSED,
        Guess.PARTS,
    ),
    "no base64": (
        replaced(GOOD, b"<ds:SignatureValue>", b"<ds:SignatureValue>?"),
        Verdict.REFUSED,
        Guess.NOT_BASE64,
    ),
    "no certificate": (
        signed(request(), replace(OURS, key_info="<P:KeyName>x</P:KeyName>")),
        Verdict.REFUSED,
        Guess.NO_CERTIFICATE,
    ),
    "a broken certificate": (
        signed(request(), replace(OURS, key_info=BROKEN_CERTIFICATE)),
        Verdict.REFUSED,
        Guess.CERTIFICATE_UNREADABLE,
    ),
    "RSA 1024": (signed(request(), replace(RSA, kind="rsa-1024")), Verdict.REFUSED, Guess.KEY_NOT_ACCEPTED),
    "a relative namespace name on the envelope": (
        envelope(GOOD, ' xmlns:rel="../x"'),
        Verdict.REFUSED,
        Guess.NOT_CUT,
    ),
}


@pytest.mark.parametrize(("octets", "verdict", "guess"), SHAPE_FAULTS.values(), ids=SHAPE_FAULTS)
def test_messages_of_another_shape(octets, verdict, guess):
    found = guessed(octets)
    assert (found.verdict, found.guesses[:1]) == (verdict, (guess,) if guess else ())
    assert found.document is None or verdict is Verdict.FITS


LOGGED = {
    "a log of what was signed": (canonical(request()), Guess.TEXT_CHANGED, True),
    "a log of something else": (b"<other/>", Guess.TEXT_CHANGED, False),
}


@pytest.mark.parametrize(("logged", "guess", "proven"), LOGGED.values(), ids=LOGGED)
def test_what_the_program_logged(logged, guess, proven):
    changed = envelope(replaced(GOOD, b"0123456-7", b"0123456-8"))
    found = guessed(changed, signed=logged)
    assert found.guesses == (guess,)
    assert (found.document.form, found.document.proven, found.document.signed) == ("as-logged", proven, logged)
    difference = found.document.difference
    if proven:
        assert (difference.signed[0], difference.received[0], difference.line) == ("7", "8", 1)
        assert canonical(request()).decode()[difference.column - 1] == "7"


def test_a_log_of_signed_info():
    info = next(etree.fromstring(GOOD).iter(f"{{{by.DS}}}SignedInfo"))
    logged = by._c14n(info, EXCLUSIVE, None)
    found = guessed(envelope(replaced(GOOD, b'<ds:Reference URI="">', b'<ds:Reference Id="r" URI="">')), signed=logged)
    assert found.guesses == (Guess.SIGNED_INFO_CHANGED,)
    assert found.signed_info.signed == logged


def test_several_things_at_once_those_that_are_known_first():
    message = signed(request(), OURS, Faults(sign=by_other_key))
    assert guessed(indented(message)).guesses == (Guess.INDENTED, Guess.WRONG_KEY)
    changed = envelope(replaced(message, b"0123456-7", b"0123456-8"))
    assert guessed(changed, anchors=anchors()).guesses == (Guess.WRONG_KEY, Guess.TEXT_CHANGED, Guess.NOT_OURS)


def test_it_looks_no_further_than_it_may():
    asked = []
    found = guessed(indented(envelope(GOOD)), enough=lambda: asked.append(1) or True)
    assert found.guesses == (Guess.WRONG_KEY, Guess.TEXT_CHANGED)
    assert len(asked) == 3
    assert found.unfinished
    assert not guessed(envelope(GOOD), enough=lambda: True).unfinished
    assert not guessed(indented(envelope(GOOD))).unfinished


def test_what_fits_by_a_later_way_to_cut_fits_however_little_time_there_is():
    declared = ' xmlns:web="urn:web"'
    message = replaced(signed(request(root=declared), INCLUSIVE_INFO), declared.encode(), b"")
    found = guessed(envelope(message, declared), enough=lambda: True)
    assert (found.verdict, found.guesses, found.element.declarations) == (Verdict.FITS, (), ("web",))
    assert found.document.proven
    assert found.signed_info.proven
    assert not found.unfinished


SIGNS = [
    b"<x/>",
    b' xmlns="urn:q"',
    b' a="b"',
    b"&#13;",
    b"<!-- -->",
    b"<?p q?>",
    b"<![CDATA[x]]>",
    b"\n",
    b"\xc3",
    b"=",
]


@pytest.mark.parametrize("shape", [OURS, INCLUSIVE_INFO, RSA], ids=["exclusive", "inclusive", "RSA"])
def test_whatever_is_done_to_a_message_it_is_explained(shape):
    message = envelope(signed(request("<x/>", root=' xmlns:u="urn:u"'), shape), OTHERS)
    for number in range(40):
        at = message.find(b">", number * 7919 % (len(message) - 1))
        changed = message[:at] + SIGNS[number % len(SIGNS)] + message[at + number % 3 :]
        found = guessed(changed)
        assert (found.verdict is Verdict.FITS) is not bool(found.guesses)


def test_nothing_is_shown_of_a_message_that_may_hold_a_password():
    told = f"<!-- <TransferPassword>{PASSWORD}</TransferPassword> -->"
    changed = indented(envelope(signed(request(told))))
    logged = f"<TransferPassword>{PASSWORD}".encode()
    in_utf_16 = logged.decode().encode("utf-16")
    for found in (guessed(changed), *(guessed(indented(GOOD), signed=one) for one in (logged, in_utf_16))):
        assert found.withheld
        assert found.guesses == (Guess.INDENTED,)
        assert found.document.form == "without-indentation"
        for sides in (found.document, found.signed_info):
            assert (sides.received, sides.signed, sides.difference) == (b"", None, None)
    assert PASSWORD not in repr(found)


def test_a_prefix_list_that_is_not_applied():
    shape = replace(
        OURS, transforms=(transform(ENVELOPED), transform(EXCLUSIVE, by.kept("unused"))), document_prefixes="unused"
    )
    found = guessed(signed(DOCUMENT, shape, Faults(canonical(DOCUMENT))))
    assert found.guesses == (Guess.DECLARATIONS_CHANGED,)
    assert found.document.form == "without-prefix-list"


def test_a_relative_namespace_name_beside_it_ends_nothing():
    header = '<s:Header><x xmlns:rel="../x"/></s:Header>'
    changed = by.envelope(replaced(GOOD, b"0123456-7", b"0123456-8"), header=header)
    assert guessed(changed).guesses == (Guess.TEXT_CHANGED,)
    assert guessed(indented(changed)).guesses == (Guess.INDENTED, Guess.TEXT_CHANGED)


def test_a_signed_info_among_what_is_signed_is_not_taken_for_the_signatures():
    inside = f'<ds:SignedInfo xmlns:ds="{by.DS}"><ds:x/></ds:SignedInfo><ds:SignedInfo xmlns:ds="{by.DS}"/>'
    assert guessed(indented(envelope(signed(request(inside))))).guesses == (Guess.INDENTED,)


FAR = b"x" * 5000 + "ö".encode() * 30
DIFFERENCES = {
    "in the first line": (b"<a>1</a>", b"<a>2</a>", (1, 4, 3), "<a>", "1</a>", "2</a>"),
    "in the third": (b"a\nb\ncd", b"a\nb\nce", (3, 2, 5), "a\\nb\\nc", "d", "e"),
    "one is longer": (b"<a/>", b"<a/>\n", (1, 5, 4), "<a/>", "", "\\n"),
    "a line end": (b"a\r\nb", b"a\nb", (1, 2, 1), "a", "\\r\\nb", "\\nb"),
    "within a character": ("xä".encode(), "xå".encode(), (1, 2, 1), "x", "ä", "å"),
    "a letter decomposed": ("Ä".encode(), "A\u0308".encode(), (1, 1, 0), "", "Ä", "A\\u0308"),
    "characters that cannot be seen": (
        "a\u00a0\u200b\U000e0001\x7f".encode(),
        b"a b",
        (1, 2, 1),
        "a",
        "\\xa0\\u200b\\U000e0001\\x7f",
        " b",
    ),
    "no text at all": (b"\xff\\", b"<", (1, 1, 0), "", "\\xff\\\\", "<"),
    "far behind": (FAR + b"1", FAR + b"2", (1, 5031, 5060), "ö" * 20, "1", "2"),
    "context cut in a character": (FAR + b"y1", FAR + b"y2", (1, 5032, 5061), "ö" * 19 + "y", "1", "2"),
}


@pytest.mark.parametrize("case", DIFFERENCES.values(), ids=DIFFERENCES)
def test_the_first_difference(case):
    there, here, *expected = case
    found = first_difference(there, here)
    place = (found.line, found.column, found.offset)
    assert [place, found.before, found.signed, found.received] == expected
    assert first_difference(there, there) is None


def test_a_document_in_no_namespace():
    changed = replaced(sealed_by("p256", b"<report><pay>100</pay></report>"), b"100", b"900")
    found = guessed(changed)
    assert (found.guesses, found.element.kind, found.element.cut) == ((Guess.TEXT_CHANGED,), Kind.DOCUMENT, "document")
    assert guessed(indented(replaced(changed, b"900", b"100"))).guesses == (Guess.INDENTED,)


def test_a_digest_of_no_known_length():
    found = guessed(signed(request(), OURS, Faults(stated=lambda digest: digest[:10])))
    assert found.guesses == (Guess.TEXT_CHANGED,)


def test_names_that_cannot_be_read_are_empty():
    der = by.certificate("p256").replace(b"0123456-7", b"\xff123456-7")
    message = replaced(GOOD, by.lines(by.certificate("p256")).encode(), by.lines(der).encode())
    found = guessed(message).certificate
    assert (found.subject, found.issuer, found.serial) == ("", "", "400000000000000000")


def dated(year):
    """Make a certificate that ends in a year of four digits, whichever."""
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, by.key("p256").public_key(), 1, PLACED, PLACED.replace(year=2060))
    der = builder.sign(by.key("p256"), hashes.SHA256()).public_bytes(Encoding.DER)
    return replaced(GOOD, by.lines(by.certificate("p256")).encode(), by.lines(replaced(der, b"2060", year)).encode())


def test_a_certificate_with_a_date_that_there_is_not():
    assert guessed(dated(b"9999")).certificate.not_after.year == 9999
    found = guessed(dated(b"0000"))
    assert (found.verdict, found.guesses) == (Verdict.REFUSED, (Guess.CERTIFICATE_UNREADABLE,))
    assert (found.why, found.certificate) == (None, None)


def test_an_envelope_may_declare_what_has_no_canonical_form():
    """As the SOAP door takes it: the request is cut out of it."""
    declared = ' xmlns:z="http://z.example/?a&amp;b"'
    assert guessed(envelope(GOOD, declared)).verdict is Verdict.FITS
    assert guessed(indented(envelope(GOOD, declared))).guesses == (Guess.INDENTED,)


def test_what_was_taken_and_how():
    found = guessed(envelope(GOOD, OTHERS))
    assert (found.element.name, found.element.kind) == ("RenewCertificateRequest", Kind.REQUEST)
    assert (found.element.operation, found.element.cut, found.element.declarations) == (Operation.RENEW, "envelope", ())
    outside = replaced(GOOD, f' xmlns:cer="{faulty.SERVICE}"'.encode(), b"")
    found = guessed(envelope(outside, f' xmlns:cer="{faulty.SERVICE}"'))
    assert (found.verdict, found.element.declarations) == (Verdict.FITS, ("cer",))
    assert found.stated.transforms == (ENVELOPED, EXCLUSIVE)
    assert found.stated.canonicalisation == EXCLUSIVE
    assert (found.stated.signature_method, found.stated.digest_method) == (OURS.method, by.SHA256)
