"""Candidates for the text that was signed instead.

The tests check each guess of a document, or of a SignedInfo, with a message that has only that fault.
"""

import base64
import hashlib
import unicodedata
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from lxml import etree

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.explain import DiagnosisResult
from tests.diagnostics.explained import DOCUMENT, OTHERS, P384, RSA, SHAPES, XSI, bare, guessed, replaced, rsa_sign
from tests.support import faulty_signing, xml_signing
from tests.support.faulty_signing import INCLUSIVE_INFO, Faults, canonical, envelope, indented, request, signed
from tests.support.xml_signing import ENVELOPED_ALONE, EXCLUSIVE, INCLUSIVE, MORE, OURS, PLACE

CHANGED_AFTERWARDS = {
    "indented": (lambda one: indented(envelope(one)), {Cause.INDENTED}),
    "indented without an envelope": (indented, {Cause.INDENTED}),
    "indented by a tool that breaks values too": (
        lambda one: indented(envelope(one)).replace(b"TEST<", b"\n TEST\n <").replace(b"AAEC", b"\n  AAEC\n"),
        {Cause.INDENTED},
    ),
    "one digit changed": (lambda one: envelope(replaced(one, b"0123456-7", b"0123456-8")), {Cause.VALUE_CHANGED}),
    "one word changed": (lambda one: envelope(replaced(one, "isä".encode(), "äiti".encode())), {Cause.TEXT_CHANGED}),
    "an element added": (
        lambda one: envelope(replaced(one, b"<CertificateRequest>", b"<Added>1</Added><CertificateRequest>")),
        {Cause.FIELD_ADDED},
    ),
    "an element added on a line of its own": (
        lambda one: envelope(replaced(one, b"<CertificateRequest>", b"<Added>1</Added>\n<CertificateRequest>")),
        {Cause.FIELD_ADDED},
    ),
    "xsi attributes added": (
        lambda one: envelope(replaced(one, b"<Environment>", f'<Environment xmlns:xsi="{XSI}" xsi:type="x">'.encode())),
        {Cause.ATTRIBUTES_ADDED},
    ),
    "prefix renamed": (
        lambda one: envelope(one.replace(b"cer:", b"xy:").replace(b":cer=", b":xy=")),
        {Cause.PREFIX_RENAMED},
    ),
    "prefix renamed, and indented": (
        lambda one: indented(envelope(one.replace(b"cer:", b"xy:").replace(b":cer=", b":xy="))),
        {Cause.INDENTED, Cause.PREFIX_RENAMED},
    ),
    "composed characters decomposed": (
        lambda one: envelope(unicodedata.normalize("NFD", one.decode()).encode()),
        {Cause.CHARACTERS_RECODED},
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("change", "guesses"), CHANGED_AFTERWARDS.values(), ids=CHANGED_AFTERWARDS)
def test_changed_after_signing(shape, change, guesses):
    found = guessed(change(signed(request(), shape)))
    assert found.verdict is DiagnosisResult.REFUSED
    assert set(found.guesses) == guesses
    if guesses != {Cause.TEXT_CHANGED}:
        assert found.document.signed == canonical(request(), shape)
        assert found.document.proven
        assert found.document.difference is not None


@pytest.mark.parametrize("shape", [OURS, ENVELOPED_ALONE], ids=["exclusive", "inclusive"])
@pytest.mark.parametrize(
    ("change", "more"), [(bytes, set()), (indented, {Cause.INDENTED})], ids=["alone", "and indented"]
)
def test_serialised_by_a_library_that_renames_and_moves_all_prefixes(shape, change, more):
    renamed = signed(request(), shape).decode().replace("cer:", "ns1:").replace(":ds=", ":ns2=").replace("ds:", "ns2:")
    declared = f' xmlns:ns1="{faulty_signing.SERVICE}" xmlns:ns2="{xml_signing.DS}"'
    bare_of_them = renamed.replace(f' xmlns:cer="{faulty_signing.SERVICE}"', "").replace(
        f' xmlns:ns2="{xml_signing.DS}"', ""
    )
    found = guessed(change(envelope(bare_of_them.encode(), declared)))
    assert set(found.guesses) == {Cause.PREFIX_RENAMED} | more
    assert found.document.signed == canonical(request(), shape)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_envelope_whose_default_namespace_is_inherited(shape):
    found = guessed(envelope(signed(request(), shape), ' xmlns="urn:x"'))
    assert found.guesses == (Cause.DEFAULT_NAMESPACE,)
    assert '="urn:x"' in found.document.difference.received
    outside = replaced(signed(request(), shape), f' xmlns:cer="{faulty_signing.SERVICE}"'.encode(), b"")
    found = guessed(envelope(outside, f' xmlns="urn:x" xmlns:cer="{faulty_signing.SERVICE}"'))
    assert found.guesses == (Cause.DEFAULT_NAMESPACE,)


NEVER_CANONICAL = {
    "its text as it was sent": (bare, Cause.NOT_CANONICAL),
    "its text, with XML declaration": (
        lambda document: b'<?xml version="1.0" encoding="UTF-8"?>\n' + bare(document),
        Cause.DECLARATION_SIGNED,
    ),
    "its text, a newline at the end": (lambda document: bare(document) + b"\n", Cause.NOT_CANONICAL),
    "its text with byte order mark": (lambda document: b"\xef\xbb\xbf" + bare(document), Cause.BYTE_ORDER_MARK),
    "its text in UTF-16": (lambda document: bare(document).decode().encode("utf-16-le"), Cause.OTHER_ENCODING),
    "its text in ISO-8859-1": (lambda document: bare(document).decode().encode("latin-1"), Cause.OTHER_ENCODING),
    "serialised, empty elements short": (
        lambda document: etree.tostring(etree.fromstring(bare(document)), encoding="utf-8"),
        Cause.NOT_CANONICAL,
    ),
}


@pytest.mark.parametrize(("make", "guess"), NEVER_CANONICAL.values(), ids=NEVER_CANONICAL)
def test_text_instead_of_the_canonical_form(make, guess):
    document = request("<Empty a=\"1\"  b='2'/>")
    octets = make(document)
    found = guessed(envelope(signed(document, OURS, Faults(octets))))
    assert found.guesses == (guess,)
    assert found.document.signed == octets


def with_signature_inside(document):
    draft = document.replace(PLACE, xml_signing._signature(OURS, b"", b"")).encode()
    return faulty_signing.c14n(draft)


LINES = request(csr="\n".join(["AAEC" * 19] * 3))
SIGNED_OTHERWISE = {
    "inclusive read as exclusive": (
        DOCUMENT,
        OURS,
        Faults(faulty_signing.c14n(bare(DOCUMENT), INCLUSIVE)),
        Cause.INCLUSIVE,
    ),
    "exclusive read as inclusive": (
        DOCUMENT,
        ENVELOPED_ALONE,
        Faults(faulty_signing.c14n(bare(DOCUMENT), EXCLUSIVE)),
        Cause.EXCLUSIVE,
    ),
    "with comments": (
        DOCUMENT,
        OURS,
        Faults(faulty_signing.c14n(bare(DOCUMENT), EXCLUSIVE + "WithComments")),
        Cause.COMMENTS,
    ),
    "in the envelope, its declarations inherited": (
        DOCUMENT,
        ENVELOPED_ALONE,
        Faults(
            etree.tostring(etree.fromstring(envelope(bare(DOCUMENT), OTHERS))[1][0], method="c14n", with_comments=False)
        ),
        Cause.IN_ENVELOPE,
    ),
    "the whole envelope": (
        DOCUMENT,
        OURS,
        Faults(faulty_signing.c14n(envelope(bare(DOCUMENT), OTHERS))),
        Cause.IN_ENVELOPE,
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
        Cause.IN_ENVELOPE,
    ),
    "with the signature in it": (DOCUMENT, OURS, Faults(with_signature_inside(DOCUMENT)), Cause.SIGNATURE_LEFT_IN),
    "carriage returns of base64 signed, and lost on the way": (
        LINES,
        OURS,
        Faults(canonical(LINES.replace("\n", "&#13;\n"))),
        Cause.LINE_ENDS,
    ),
    "signed with LF, sent with carriage returns": (
        LINES.replace("\n", "&#13;\n"),
        OURS,
        Faults(canonical(LINES)),
        Cause.LINE_ENDS,
    ),
    "the text of a file with CRLF": (LINES, OURS, Faults(bare(LINES.replace("\n", "\r\n"))), Cause.LINE_ENDS),
    "indented when it was signed, then no more": (
        request(),
        OURS,
        Faults(faulty_signing.c14n(indented(bare(request())))),
        Cause.UNINDENTED,
    ),
    "an unused declaration added afterwards": (
        DOCUMENT,
        ENVELOPED_ALONE,
        Faults(faulty_signing.c14n(bare(DOCUMENT.replace(' xmlns:unused="urn:u"', "")), INCLUSIVE)),
        Cause.EXCLUSIVE,
    ),
    "unused declarations lost": (
        request(),
        ENVELOPED_ALONE,
        Faults(faulty_signing.c14n(bare(request(root=f' xmlns:xsi="{XSI}"')), INCLUSIVE)),
        Cause.DECLARATIONS_CHANGED,
    ),
    "a default namespace made a prefix": (
        request(),
        OURS,
        Faults(canonical(request(prefix=""))),
        Cause.PREFIX_RENAMED,
    ),
    "a digest by SHA-1": (DOCUMENT, OURS, Faults(hashing="sha1"), Cause.DIGEST_METHOD),
    "a digest by SHA-512": (DOCUMENT, OURS, Faults(hashing="sha512"), Cause.DIGEST_METHOD),
    "base64 of a digest in hex": (
        DOCUMENT,
        OURS,
        Faults(stated=lambda digest: digest.hex().encode()),
        Cause.DIGEST_IN_HEX,
    ),
    "a digest in hex": (
        DOCUMENT,
        OURS,
        Faults(stated=lambda digest: base64.b64decode(digest.hex())),
        Cause.DIGEST_IN_HEX,
    ),
}


@pytest.mark.parametrize(("document", "shape", "faults", "guess"), SIGNED_OTHERWISE.values(), ids=SIGNED_OTHERWISE)
def test_other_octets_digested(document, shape, faults, guess):
    found = guessed(envelope(signed(document, shape, faults), OTHERS))
    assert found.guesses == (guess,)
    assert found.why == "the digest does not match"
    assert found.document.proven
    if faults.digested is not None:
        assert found.document.signed == faults.digested
        difference = found.document.difference
        assert found.document.received[: difference.offset] == faults.digested[: difference.offset]


IN_SCOPE = (
    f'xmlns:cer="{faulty_signing.SERVICE}" xmlns:ds="{xml_signing.DS}" '
    f'xmlns:s="{faulty_signing.SOAP}" xmlns:v1="urn:v1" xmlns:web="urn:web"'
)


def with_declarations(info, declarations):
    return info.replace(f'xmlns:ds="{xml_signing.DS}"'.encode(), declarations.encode(), 1)


def hashed(octets):
    return hashlib.sha256(octets).digest()


def without_padding(octets):
    numbers = xml_signing.key("rsa-2048").private_numbers()
    power = pow(int.from_bytes(hashed(octets), "big"), numbers.d, numbers.public_numbers.n)
    return power.to_bytes(256, "big")


def by_other_key(octets):
    return xml_signing._sign(replace(OURS, kind="other-p256"), octets)


INFO_FAULTS = {
    "SignedInfo inclusive, stated exclusive": (
        OURS,
        Faults(
            info=lambda info: with_declarations(
                info, f'xmlns:cer="{faulty_signing.SERVICE}" xmlns:ds="{xml_signing.DS}"'
            )
        ),
        Cause.INCLUSIVE,
    ),
    "SignedInfo exclusive, stated inclusive": (
        INCLUSIVE_INFO,
        Faults(info=lambda info: info.replace(f' xmlns:cer="{faulty_signing.SERVICE}"'.encode(), b"")),
        Cause.EXCLUSIVE,
    ),
    "SignedInfo in its envelope": (
        OURS,
        Faults(info=lambda info: with_declarations(info, IN_SCOPE)),
        Cause.IN_ENVELOPE,
    ),
    "SignedInfo without its declaration": (
        OURS,
        Faults(info=lambda info: info.replace(f' xmlns:ds="{xml_signing.DS}"'.encode(), b"")),
        Cause.NAMESPACE_MISSING,
    ),
    "another prefix for the signature": (
        OURS,
        Faults(info=lambda info: info.replace(b"ds:", b"dsig:").replace(b"xmlns:ds=", b"xmlns:dsig=")),
        Cause.PREFIX_RENAMED,
    ),
    "SignedInfo changed afterwards": (RSA, Faults(info=lambda info: info + b" "), Cause.SIGNED_INFO_CHANGED),
    "ECDSA in DER": (OURS, Faults(value=faulty_signing.in_der), Cause.ECDSA_IN_DER),
    "ECDSA in DER, P-384": (P384, Faults(value=faulty_signing.in_der), Cause.ECDSA_IN_DER),
    "ECDSA of a digest": (OURS, Faults(info=hashed), Cause.HASHED_TWICE),
    "ECDSA by SHA-384 stated as SHA-256": (
        OURS,
        Faults(sign=lambda octets: xml_signing._sign(replace(OURS, method=MORE + "ecdsa-sha384"), octets)),
        Cause.SIGNATURE_HASH,
    ),
    "ECDSA stated as RSA": (
        replace(OURS, method=MORE + "rsa-sha256"),
        Faults(sign=lambda octets: xml_signing._sign(OURS, octets)),
        Cause.KEY_KIND,
    ),
    "RSA stated as ECDSA": (
        replace(RSA, method=MORE + "ecdsa-sha256"),
        Faults(sign=lambda octets: xml_signing._sign(RSA, octets)),
        Cause.KEY_KIND,
    ),
    "RSA of a digest": (RSA, Faults(info=hashed), Cause.HASHED_TWICE),
    "RSA by SHA-1": (RSA, Faults(sign=rsa_sign(hashing=xml_signing._HASHES["1"]())), Cause.SIGNATURE_HASH),
    "RSA by SHA-512 stated as SHA-256": (RSA, Faults(sign=rsa_sign(hashing=hashes.SHA512())), Cause.SIGNATURE_HASH),
    "RSA over a bare digest": (
        RSA,
        Faults(sign=lambda octets: rsa_sign(hashing=NoDigestInfo())(hashed(octets))),
        Cause.NO_DIGEST_INFO,
    ),
    "RSA without padding": (RSA, Faults(sign=without_padding), Cause.SIGNATURE_METHOD),
    "RSA-PSS": (
        RSA,
        Faults(sign=rsa_sign(padding=padding.PSS(padding.MGF1(hashes.SHA256()), 32))),
        Cause.PSS,
    ),
    "the document signed instead of SignedInfo": (
        OURS,
        Faults(info=lambda _: canonical(request())),
        Cause.DOCUMENT_SIGNED,
    ),
    "another key": (OURS, Faults(sign=by_other_key), Cause.WRONG_KEY),
    "an RSA value with its octets reversed": (RSA, Faults(value=lambda value: value[::-1]), Cause.VALUE_REVERSED),
    "a value that is none of the key's": (OURS, Faults(value=lambda value: value[:-1]), Cause.VALUE_LENGTH),
}


@pytest.mark.parametrize(("shape", "faults", "guess"), INFO_FAULTS.values(), ids=INFO_FAULTS)
def test_something_else_signed_than_signed_info(shape, faults, guess):
    found = guessed(envelope(signed(request(), shape, faults), OTHERS))
    assert found.guesses == (guess,)
    assert found.why == "the signature does not match"
    assert found.document.guesses == ()
    assert found.signed_info.proven is (guess not in {Cause.WRONG_KEY, Cause.SIGNED_INFO_CHANGED, Cause.VALUE_LENGTH})
