"""Causes of a signature that does not verify.

Each guess has a message with only that fault. A valid signature has no guess.
"""

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from sinetti.diagnostics import search
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import DiagnosisResult
from sinetti.diagnostics.matchers import DigestMatcher
from sinetti.diagnostics.signed_message import MessageType
from sinetti.domain.requests import EnrolRequest, RetrieveRequest
from sinetti.domain.values import Environment
from sinetti.wire.soap.requests import render_get, render_new
from sinetti.wire.soap.responses import render_fault
from sinetti.wire.soap.schema_types import Operation
from tests.diagnostics.explained import (
    DOCUMENT,
    GOOD,
    OTHERS,
    PASSWORD,
    RSA,
    SHAPES,
    anchors,
    bare,
    by_other_key,
    guessed,
    replaced,
    sealed_by,
)
from tests.diagnostics.test_candidates import CHANGED_AFTERWARDS, INFO_FAULTS, SIGNED_OTHERWISE
from tests.diagnostics.test_certificates import FITS_BUT
from tests.diagnostics.test_faults import FAULTS
from tests.support import faults, faulty_signing, xml_signing
from tests.support.faulty_signing import INCLUSIVE_INFO, Faults, canonical, envelope, indented, request, signed
from tests.support.xml_signing import ENVELOPED, EXCLUSIVE, OURS, transform


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("declarations", ["", OTHERS], ids=["bare envelope", "declarations on the envelope"])
def test_nothing_is_guessed_of_what_fits(shape, declarations):
    message = signed(request(), shape)
    for octets in (message, envelope(message, declarations), b"\xef\xbb\xbf" + envelope(message, declarations)):
        found = guessed(octets)
        assert (found.verdict, found.guesses, found.why) == (DiagnosisResult.FITS, (), None)
        assert found.document.received == found.document.signed
        assert found.document.difference is found.signed_info.difference is None


def plain_request(operation):
    who = (Environment.TEST, "0123456-7", None)
    return (
        render_get(RetrieveRequest(*who, "r-1"))
        if operation is Operation.GET
        else render_new(EnrolRequest(*who, "1" * 32, PASSWORD, faults.der("next-rsa-2048")))
    )


SIGNATURE = GOOD[GOOD.index(b"<ds:Signature") : GOOD.index(b"</cer:Renew")].decode()
BROKEN_CERTIFICATE = "<P:X509Data><P:X509Certificate>AAAA</P:X509Certificate></P:X509Data>"
SHAPE_FAULTS = {
    "no XML": (b"hello", DiagnosisResult.UNREADABLE, Cause.NOT_XML),
    "nothing": (b"", DiagnosisResult.UNREADABLE, Cause.EMPTY),
    "white space": (b"\r\n", DiagnosisResult.UNREADABLE, Cause.EMPTY),
    "JSON": (b'{"Environment": "TEST"}', DiagnosisResult.UNREADABLE, Cause.OTHER_FILE),
    "a certificate": (xml_signing.certificate("p256"), DiagnosisResult.UNREADABLE, Cause.OTHER_FILE),
    "a key in PEM": (b"-----BEGIN EC PRIVATE KEY-----\n", DiagnosisResult.UNREADABLE, Cause.OTHER_FILE),
    "HTTP headers before it": (
        b"POST / HTTP/1.1\r\n\r\n" + GOOD,
        DiagnosisResult.UNREADABLE,
        Cause.NOT_THE_BODY_ALONE,
    ),
    "a DOCTYPE": (b"<!DOCTYPE x>" + GOOD, DiagnosisResult.UNREADABLE, Cause.DOCTYPE),
    "SOAP 1.2": (
        envelope(GOOD).replace(faulty_signing.SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
        DiagnosisResult.UNREADABLE,
        Cause.NOT_SOAP_11,
    ),
    "an empty Body": (envelope(b""), DiagnosisResult.UNREADABLE, Cause.NOT_CUT),
    "GetCertificate": (plain_request(Operation.GET), DiagnosisResult.NOTHING_SIGNED, Cause.NOTHING_SIGNED),
    "SignNewCertificate": (plain_request(Operation.NEW), DiagnosisResult.NOTHING_SIGNED, Cause.NOTHING_SIGNED),
    "a Fault": (render_fault("no", actor_is_client=True), DiagnosisResult.NOTHING_SIGNED, Cause.NOTHING_SIGNED),
    "no signature": (envelope(bare(request())), DiagnosisResult.REFUSED, Cause.NO_SIGNATURE),
    "a document without one": (b"<report/>", DiagnosisResult.REFUSED, Cause.NO_SIGNATURE),
    "a signature in the header": (
        xml_signing.envelope(bare(request()), header=f"<s:Header><Security>{SIGNATURE}</Security></s:Header>"),
        DiagnosisResult.REFUSED,
        Cause.OUTSIDE,
    ),
    "two requests": (envelope(GOOD + GOOD), DiagnosisResult.REFUSED, Cause.NOT_CUT),
    "a signature that is not the last": (signed(request(end="<x/>")), DiagnosisResult.REFUSED, Cause.MISPLACED),
    "a part signed": (signed(request(), replace(OURS, reference='URI="#x"')), DiagnosisResult.REFUSED, Cause.ELSEWHERE),
    "an Object": (
        signed(request(), replace(OURS, after_key_info="<P:Object/>")),
        DiagnosisResult.REFUSED,
        Cause.OBJECT,
    ),
    "SHA-1 signatures": (
        signed(request(), replace(RSA, method="http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
        DiagnosisResult.REFUSED,
        Cause.METHOD,
    ),
    "SHA-1 digests": (
        signed(request(), replace(OURS, digest=f"{xml_signing.DS}sha1"), Faults(hashing="sha1")),
        DiagnosisResult.REFUSED,
        Cause.METHOD,
    ),
    "SHA-256 by a name that it does not have": (
        signed(request(), replace(OURS, digest=f"{xml_signing.DS}sha256")),
        DiagnosisResult.REFUSED,
        Cause.METHOD,
    ),
    "C14N with comments": (
        signed(request(), replace(OURS, transforms=(transform(ENVELOPED), transform(EXCLUSIVE + "WithComments")))),
        DiagnosisResult.REFUSED,
        Cause.METHOD,
    ),
    "no transforms": (signed(request(), replace(OURS, transforms=())), DiagnosisResult.REFUSED, Cause.NOT_ENVELOPED),
    "SignedInfo by C14N 1.1": (
        signed(request(), replace(OURS, info_c14n="http://www.w3.org/2006/12/xml-c14n11")),
        DiagnosisResult.REFUSED,
        Cause.METHOD,
    ),
    "no Reference": (
        GOOD[: GOOD.index(b"<ds:Reference")] + GOOD[GOOD.index(b"</ds:SignedInfo>") :],
        DiagnosisResult.REFUSED,
        Cause.PARTS,
    ),
    "nothing in the signature": (
        GOOD[: GOOD.index(b"<ds:SignedInfo")] + GOOD[GOOD.index(b"</ds:Signature>") :],
        DiagnosisResult.REFUSED,
        Cause.PARTS,
    ),
    "no base64": (
        replaced(GOOD, b"<ds:SignatureValue>", b"<ds:SignatureValue>?"),
        DiagnosisResult.REFUSED,
        Cause.NOT_BASE64,
    ),
    "no certificate": (
        signed(request(), replace(OURS, key_info="<P:KeyName>x</P:KeyName>")),
        DiagnosisResult.REFUSED,
        Cause.NO_CERTIFICATE,
    ),
    "a broken certificate": (
        signed(request(), replace(OURS, key_info=BROKEN_CERTIFICATE)),
        DiagnosisResult.REFUSED,
        Cause.CERTIFICATE_UNREADABLE,
    ),
    "RSA 1024": (signed(request(), replace(RSA, kind="rsa-1024")), DiagnosisResult.REFUSED, Cause.KEY_NOT_ACCEPTED),
    "a relative namespace name on the envelope": (
        envelope(GOOD, ' xmlns:rel="../x"'),
        DiagnosisResult.REFUSED,
        Cause.RELATIVE_NAMESPACE,
    ),
}


@pytest.mark.parametrize(("octets", "verdict", "guess"), SHAPE_FAULTS.values(), ids=SHAPE_FAULTS)
def test_messages_of_another_shape(octets, verdict, guess):
    found = guessed(octets)
    assert (found.verdict, found.guesses[:1]) == (verdict, (guess,) if guess else ())
    assert found.document is None or verdict is DiagnosisResult.FITS


LOGGED = {
    "a log of what was signed": (canonical(request()), Cause.TEXT_CHANGED, True),
    "a log of something else": (b"<other/>", Cause.TEXT_CHANGED, False),
}


@pytest.mark.parametrize(("logged", "guess", "proven"), LOGGED.values(), ids=LOGGED)
def test_what_the_program_logged(logged, guess, proven):
    changed = envelope(replaced(GOOD, "isä".encode(), b"pappa"))
    found = guessed(changed, signed=logged)
    assert found.guesses == (guess,)
    assert (found.document.form, found.document.proven, found.document.signed) == ("as-logged", proven, logged)
    difference = found.document.difference
    if proven:
        assert (difference.signed[0], difference.received[0], difference.line) == ("i", "p", 1)
        assert canonical(request()).decode()[difference.column - 1] == "i"


def test_a_log_of_signed_info():
    info = next(etree.fromstring(GOOD).iter(f"{{{xml_signing.DS}}}SignedInfo"))
    logged = xml_signing._c14n(info, EXCLUSIVE, None)
    found = guessed(envelope(replaced(GOOD, b'<ds:Reference URI="">', b'<ds:Reference Id="r" URI="">')), signed=logged)
    assert found.guesses == (Cause.SIGNED_INFO_CHANGED,)
    assert found.signed_info.signed == logged


def test_several_things_at_once_those_that_are_known_first():
    message = signed(request(), OURS, Faults(sign=by_other_key))
    assert guessed(indented(message)).guesses == (Cause.INDENTED, Cause.WRONG_KEY)
    changed = envelope(replaced(message, "isä".encode(), b"pappa"))
    assert guessed(changed, anchors=anchors()).guesses == (Cause.WRONG_KEY, Cause.TEXT_CHANGED, Cause.NOT_OURS)


def test_it_looks_no_further_than_it_may():
    asked = []
    found = guessed(indented(envelope(GOOD)), enough=lambda: asked.append(1) or True)
    assert found.guesses == (Cause.WRONG_KEY, Cause.TEXT_CHANGED)
    assert len(asked) == 4
    assert found.unfinished
    assert not guessed(envelope(GOOD), enough=lambda: True).unfinished
    assert not guessed(indented(envelope(GOOD))).unfinished


BOUNDS = {
    "100 MB altogether": (200_000, search._MOST_OCTETS, 500, 110_000_000),
    "120 forms of what is larger": (20_000, 1, 121, 120 * 50_000),
}


@pytest.mark.parametrize(("letters", "most_octets", "forms", "octets"), BOUNDS.values(), ids=BOUNDS)
def test_the_work_of_a_large_message_is_bounded(letters, most_octets, forms, octets, monkeypatch):
    """Without the bound 7,556 forms of these messages are digested.

    `python -m bench.waits` measures the time.
    """
    asked = []

    class Counting(DigestMatcher):
        def matches(self, document):
            asked.append(len(document))
            return super().matches(document)

    monkeypatch.setattr(search, "DigestMatcher", Counting)
    monkeypatch.setattr(search, "_MOST_OCTETS", most_octets)
    changed = replaced(envelope(signed(request(name="o" * letters + "isä"))), "isä".encode(), b"isa")
    found = guessed(changed, enough=lambda: len(asked) > 2 * forms)
    assert found.guesses == (Cause.TEXT_CHANGED,)
    assert len(asked) <= forms
    assert sum(asked) <= octets


def test_what_fits_by_a_later_way_to_cut_fits_however_little_time_there_is():
    declared = ' xmlns:web="urn:web"'
    message = replaced(signed(request(root=declared), INCLUSIVE_INFO), declared.encode(), b"")
    found = guessed(envelope(message, declared), enough=lambda: True)
    assert (found.verdict, found.guesses, found.element.declarations) == (DiagnosisResult.FITS, (), ("web",))
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
        assert (found.verdict is DiagnosisResult.FITS) is not bool(found.guesses)


def test_nothing_is_shown_of_a_message_that_may_hold_a_password():
    told = f"<!-- <TransferPassword>{PASSWORD}</TransferPassword> -->"
    changed = indented(envelope(signed(request(told))))
    logged = f"<TransferPassword>{PASSWORD}".encode()
    in_utf_16 = logged.decode().encode("utf-16")
    for found in (guessed(changed), *(guessed(indented(GOOD), signed=one) for one in (logged, in_utf_16))):
        assert found.withheld
        assert found.guesses == (Cause.INDENTED,)
        assert found.document.form == "without-indentation"
        for sides in (found.document, found.signed_info):
            assert (sides.received, sides.signed, sides.difference) == (b"", None, None)
    assert PASSWORD not in repr(found)


def test_a_prefix_list_that_is_not_applied():
    shape = replace(
        OURS,
        transforms=(transform(ENVELOPED), transform(EXCLUSIVE, xml_signing.kept("unused"))),
        document_prefixes="unused",
    )
    found = guessed(signed(DOCUMENT, shape, Faults(canonical(DOCUMENT))))
    assert found.guesses == (Cause.PREFIX_LIST,)
    assert found.document.form == "without-prefix-list"


def test_a_relative_namespace_name_beside_it_ends_nothing():
    header = '<s:Header><x xmlns:rel="../x"/></s:Header>'
    changed = xml_signing.envelope(replaced(GOOD, "isä".encode(), b"pappa"), header=header)
    assert guessed(changed).guesses == (Cause.TEXT_CHANGED,)
    assert guessed(indented(changed)).guesses == (Cause.INDENTED, Cause.TEXT_CHANGED)


RELATIVE = b' xmlns:rel="../x"'
NO_FORM = {
    "within the document": (b"<CustomerId>", b"<CustomerId" + RELATIVE + b">", Cause.RELATIVE_NAMESPACE),
    "within the signature, in what is not digested": (
        b"<ds:KeyInfo>",
        b"<ds:KeyInfo" + RELATIVE + b">",
        Cause.INDENTED,
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("old", "new", "guess"), NO_FORM.values(), ids=NO_FORM)
def test_a_relative_namespace_name_in_what_was_indented_ends_nothing(shape, old, new, guess):
    """The signature over SignedInfo breaks first.

    The service has not yet looked at the document.
    """
    found = guessed(indented(replaced(signed(request(), shape), old, new)))
    assert found.why == "the signature does not match"
    assert found.guesses == (guess,)


def test_a_signed_info_among_what_is_signed_is_not_taken_for_the_signatures():
    declared = f'xmlns:ds="{xml_signing.DS}"'
    inside = f"<ds:SignedInfo {declared}><ds:x/></ds:SignedInfo><ds:SignedInfo {declared}/>"
    assert guessed(indented(envelope(signed(request(inside))))).guesses == (Cause.INDENTED,)


def test_a_document_in_no_namespace():
    changed = replaced(sealed_by("p256", b"<report><pay>100</pay></report>"), b"100<", b"9,50<")
    found = guessed(changed)
    assert (found.guesses, found.element.kind, found.element.cut) == (
        (Cause.TEXT_CHANGED,),
        MessageType.DOCUMENT,
        "document",
    )
    assert guessed(indented(replaced(changed, b"9,50<", b"100<"))).guesses == (Cause.INDENTED,)


def test_a_digest_of_no_known_length():
    found = guessed(signed(request(), OURS, Faults(stated=lambda digest: digest[:9])))
    assert found.guesses == (Cause.TEXT_CHANGED,)
    found = guessed(signed(request(), OURS, Faults(stated=lambda digest: digest[:10])))
    assert found.guesses == (Cause.DIGEST_ENCODING,)


def test_names_that_cannot_be_read_are_empty():
    der = xml_signing.certificate("p256").replace(b"0123456-7", b"\xff123456-7")
    message = replaced(
        GOOD, xml_signing.lines(xml_signing.certificate("p256")).encode(), xml_signing.lines(der).encode()
    )
    found = guessed(message).certificate
    assert (found.subject, found.issuer, found.serial) == ("", "", "400000000000000000")


def test_an_envelope_may_declare_what_has_no_canonical_form():
    """The SOAP endpoint does the same: it cuts the request out of the envelope."""
    declared = ' xmlns:z="http://z.example/?a&amp;b"'
    assert guessed(envelope(GOOD, declared)).verdict is DiagnosisResult.FITS
    assert guessed(indented(envelope(GOOD, declared))).guesses == (Cause.INDENTED,)


def test_what_was_taken_and_how():
    found = guessed(envelope(GOOD, OTHERS))
    assert (found.element.name, found.element.kind) == ("RenewCertificateRequest", MessageType.REQUEST)
    assert (found.element.operation, found.element.cut, found.element.declarations) == (Operation.RENEW, "envelope", ())
    outside = replaced(GOOD, f' xmlns:cer="{faulty_signing.SERVICE}"'.encode(), b"")
    found = guessed(envelope(outside, f' xmlns:cer="{faulty_signing.SERVICE}"'))
    assert (found.verdict, found.element.declarations) == (DiagnosisResult.FITS, ("cer",))
    assert found.stated.transforms == (ENVELOPED, EXCLUSIVE)
    assert found.stated.canonicalisation == EXCLUSIVE
    assert (found.stated.signature_method, found.stated.digest_method) == (OURS.method, xml_signing.SHA256)


ELSEWHERE = {
    Cause.OTHER_CERTIFICATE: "test_certificates.py",
    Cause.OTHER_CUSTOMER: "test_certificates.py",
    Cause.OTHER_ENVIRONMENT: "test_certificates.py",
    Cause.NOT_REGISTERED: "../testbench/endpoints/test_diagnostics.py",
}
"""Guesses with tests of their own, beside the tables."""


def test_every_guess_is_made_of_a_message_that_has_just_that_fault():
    tables = (CHANGED_AFTERWARDS, SIGNED_OTHERWISE, INFO_FAULTS, SHAPE_FAULTS, FITS_BUT)
    said = [case[-1] for table in tables for case in table.values()] + [Cause(one["fault"]) for one in FAULTS]
    made = {one for guesses in said for one in ({guesses} if isinstance(guesses, Cause) else guesses)}
    assert made == set(Cause) - set(ELSEWHERE)
    for guess, name in ELSEWHERE.items():
        assert f"Cause.{guess.name}," in (Path(__file__).parent / name).read_text(encoding="utf-8")
