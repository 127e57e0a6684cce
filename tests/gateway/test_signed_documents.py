"""Signed documents: their signer and their integrity.

Only octets that were digested are handed out.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.domain.values import Channel, Language
from sinetti.gateway import gateway
from sinetti.gateway.gateway import MOST_MARKS, Gateway
from sinetti.gateway.revocation.crl import CrlSource
from sinetti.gateway.verdicts.verdict import RevocationCheck, Verdict, VerdictReason
from sinetti.gateway.x509 import verdict_texts
from sinetti.pki import chain
from sinetti.pki.encoding import certificate_der, certificate_pem
from sinetti.wire.soap.schema_types import SERVICE
from sinetti.wire.xmldsig import signature
from sinetti.wire.xmldsig.parser import TOO_MUCH, encode_base64
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.gateway.material import ANCHORS, SECOND, certificate, crl, holder, key, leaf, loaded
from tests.support import authority
from tests.support.authority import NOW

DOCUMENT = b'<?xml version="1.0"?>\n<Delivery xmlns="urn:example">\n  <Pay>100</Pay><!-- a word -->\n</Delivery>\n'
DER = holder()
END = NOW + timedelta(days=730)
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "incomes-register"


def sealed(document=DOCUMENT, der=DER, by=None, recipe=SignatureProfile.EXCLUSIVE):
    return sign_document(document, signer_for_key(by or authority.holder_key(1), der), recipe)


def verified(document, now=NOW, **changes):
    tls = changes.pop("tls", None)
    return Gateway(ANCHORS, **changes).verify(document, now, tls)


@pytest.mark.parametrize("recipe", list(SignatureProfile))
def test_an_accepted_document(recipe):
    found = verified(sealed(recipe=recipe), source=CrlSource([crl()]), channel=Channel.WS, tls=DER)
    assert found.verdict.accepted
    assert (found.verdict.customer_id, found.verdict.revocation) == (authority.CUSTOMER_ID, RevocationCheck.GOOD)
    assert found.certificate == DER
    assert found.octets == b'<Delivery xmlns="urn:example">\n  <Pay>100</Pay>\n</Delivery>'


def request(tag="RenewCertificateRequest"):
    return f'<a:{tag} xmlns:a="{SERVICE}"><Environment>TEST</Environment></a:{tag}>'.encode()


def nobody(document=DOCUMENT):
    return sealed(document, certificate_der(leaf(("Nobody", "Nobody"))), key("0123456-7"))


DOCUMENTS = {
    "one digit changed": (sealed().replace(b"100", b"900"), VerdictReason.SIGNATURE_INVALID),
    "white space changed": (sealed().replace(b"\n  <Pay", b"\n <Pay"), VerdictReason.SIGNATURE_INVALID),
    "a comment changed, which is not under the signature": (sealed().replace(b"a word", b"words"), None),
    "no signature": (DOCUMENT, VerdictReason.SIGNATURE_MISSING),
    "the signature is not last": (
        sealed().replace(b"</Delivery>", b"<X/></Delivery>"), VerdictReason.COVERS_SOMETHING_ELSE,
    ),
    "the signature is further down": (
        sealed().replace(b"<ds:Signature ", b"<X><ds:Signature ").replace(b"</ds:Signature>", b"</ds:Signature></X>"),
        VerdictReason.COVERS_SOMETHING_ELSE,
    ),
    "two signatures": (sealed().replace(b"<Pay>", sealed()[sealed().index(b"<ds:Sig") :-12] + b"<Pay>"),
        VerdictReason.COVERS_SOMETHING_ELSE),
    "a reference to a part": (sealed().replace(b'URI=""', b'URI="#a"'), VerdictReason.COVERS_SOMETHING_ELSE),
    "the signature's value changed": (
        sealed().replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>AAAA"), VerdictReason.SIGNATURE_INVALID,
    ),
    "a weak digest": (sealed().replace(b"xmlenc#sha256", b"xmldsig#sha1"), VerdictReason.SIGNATURE_INVALID),
    "a certificate of nobody": (nobody(), VerdictReason.UNTRUSTED),
    "of nobody and changed": (nobody().replace(b"100", b"900"), VerdictReason.UNTRUSTED),
    "no XML": (b"hello", VerdictReason.MALFORMED),
    "nothing": (b"", VerdictReason.MALFORMED),
    "a DOCTYPE": (b"<!DOCTYPE a>" + sealed()[22:], VerdictReason.MALFORMED),
    "another encoding": (DOCUMENT.replace(b"?>", b' encoding="ISO-8859-1"?>'), VerdictReason.MALFORMED),
    "over 20 MB": (b"<a>" + b" " * gateway.LARGEST_DOCUMENT + b"</a>", VerdictReason.MALFORMED),
    "a renewal": (sealed(request()), VerdictReason.COVERS_SOMETHING_ELSE),
    "an answer of the service": (sealed(request("GetCertificateResponse")), VerdictReason.COVERS_SOMETHING_ELSE),
    "a renewal without signature": (request(), VerdictReason.COVERS_SOMETHING_ELSE),
}  # fmt: skip


@pytest.mark.parametrize(("document", "reason"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents(document, reason):
    found = verified(document)
    assert found.verdict.reason is reason
    if reason is not None:
        assert (found.octets, found.certificate) == (None, None)
        assert found.verdict == Verdict(reason, found.verdict.sentence, found.verdict.values), "nobody is named"


LATER = {
    "expired": ({"now": END + SECOND}, VerdictReason.EXPIRED),
    "not valid yet": ({"now": NOW - SECOND}, VerdictReason.NOT_YET_VALID),
    "the last valid second": ({"now": END}, None),
    "another channel": ({"channel": Channel.SFTP}, VerdictReason.WRONG_CHANNEL),
    "revoked": ({"source": CrlSource([crl(revoked=(loaded(DER).serial_number,))])}, VerdictReason.REVOKED),
    "no list": ({"source": CrlSource()}, VerdictReason.STATUS_UNKNOWN),
    "another certificate than the connection's": ({"tls": holder(2)}, VerdictReason.SIGNATURE_INVALID),
    "another certificate for the same key": ({"tls": holder()}, VerdictReason.SIGNATURE_INVALID),
    "the connection's certificate": ({"tls": DER}, None),
}


@pytest.mark.parametrize(("changes", "reason"), LATER.values(), ids=LATER)
def test_a_whole_document_whose_certificate_does_not_count(changes, reason):
    found = verified(sealed(), **changes)
    assert found.verdict.reason is reason
    assert (found.octets is None) is (reason is not None)
    told = authority.CUSTOMER_ID if "tls" not in changes or reason is None else None
    assert found.verdict.customer_id == told


KNOWN = {
    **{name: (document, {}) for name, (document, _) in DOCUMENTS.items()},
    **{name: (sealed(), changes) for name, (changes, _) in LATER.items()},
    "an empty certificate of the connection": (sealed(), {"tls": b""}),
    "the certificate in PEM": (
        re.sub(b"(?<=<ds:X509Certificate>)[^<]+", encode_base64(certificate_pem(DER)).encode(), sealed()), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("document", "changes"), KNOWN.values(), ids=KNOWN)
def test_a_signer_of_earlier_documents_gets_the_same_verdict(document, changes):
    """The key of a signer is kept, and nothing else of earlier documents."""
    tls, now = changes.get("tls"), changes.get("now", NOW)
    gateway = Gateway(ANCHORS, **{name: value for name, value in changes.items() if name not in {"tls", "now"}})
    for octets in (DER, certificate_pem(DER)):
        gateway.identify(octets, NOW)
    gateway.verify(sealed(), now)
    assert gateway.verify(document, now, tls) == verified(document, **changes)


def test_the_certificate_of_a_known_signer_is_judged_once(monkeypatch):
    gateway = Gateway(ANCHORS)
    assert gateway.verify(sealed(), NOW).verdict.accepted
    monkeypatch.setattr(signature, "_judged_key", lambda *_: pytest.fail("a known certificate was loaded again"))
    assert gateway.verify(sealed(recipe=SignatureProfile.ENVELOPED), NOW, DER).certificate == DER


def test_nobody_is_named_for_what_he_did_not_sign():
    """The certificate is real, expired, and beside a signature that is not its key's."""
    other = sealed(by=authority.holder_key(2))
    assert verified(other, END + SECOND).verdict == verified(other).verdict
    assert verified(other).verdict.customer_id is None


UNUSED = {
    "of nobody": nobody,
    "of another than the connection's": lambda: sealed(der=holder()),
    "a huge exponent": lambda: sealed(der=huge(), by=key("0123456-7")),
}


def huge():
    modulus = (1 << 2047) + 1
    public = rsa.RSAPublicNumbers(2**1023 + 1, modulus).public_key()
    return certificate_der(leaf(("CA", "CA"), public=public))


@pytest.mark.parametrize("make", UNUSED.values(), ids=UNUSED)
def test_nothing_is_computed_with_a_key_that_is_not_taken(make, monkeypatch):
    document = make()
    monkeypatch.setattr(
        signature.algorithms, "verify_value", lambda *_: pytest.fail("the document's signature was computed")
    )
    gateway = Gateway([*ANCHORS, certificate("CA")])
    assert not gateway.verify(document, NOW, DER).verdict.accepted
    assert not gateway.verify(document, NOW, None if b"0123456-7" in document else DER).verdict.accepted


def test_a_text_of_ten_megabytes_and_one_that_is_longer():
    long = b"<a>" + b"x" * 9_900_000 + b"</a>"
    assert verified(sealed(long)).octets == long
    found = verified(sealed().replace(b"100", b"1" * 10_100_000))
    assert found.verdict.sentence == verdict_texts.MALFORMED_DOCUMENT


def crowded(count, *, declared=False):
    """Return a tag of more than 16 kB with `count` attributes, or declarations."""
    name = "xmlns:a" if declared else "a"
    return b"<a" + b"".join(b' %s%d="%s"' % (name.encode(), one, b"x" * 200) for one in range(count)) + b"/>"


TOO_MANY = {
    "elements": b"<b/>" * MOST_MARKS,
    "attributes": b'<b c=""/>' * (MOST_MARKS // 2),
    "comments": b"<!---->" * MOST_MARKS,
}
IN_ONE_TAG = {
    "attributes of one tag": crowded(129),
    "declarations of one tag": crowded(129, declared=True),
    "attributes of one tag behind much": b"<b>\n  text\n</b>" * 1000 + crowded(129),
    "attributes over lines, in other quotes": crowded(129).replace(b'"', b"'").replace(b"=", b"\t =\r\n"),
}


@pytest.mark.parametrize("much", [*TOO_MANY.values(), *IN_ONE_TAG.values()], ids=[*TOO_MANY, *IN_ONE_TAG])
def test_more_elements_or_attributes_than_any_document_has_are_not_made_a_tree_of(much, monkeypatch):
    # 4 MB of <a/> by any signer would take 130 MB, and a tag of a million attributes a second.
    monkeypatch.setattr(gateway.parser, "parse", lambda _: pytest.fail("it was parsed"))
    found = verified(b"<a>" + much + b"</a>").verdict
    why = verdict_texts.TOO_MANY_MARKS if much in TOO_MANY.values() else TOO_MUCH
    assert (found.reason, found.values["why"].text) == (VerdictReason.MALFORMED, why)


SO_MUCH_IS_TAKEN = {
    "one mark for twelve octets": b"<b>123456789</b>    \n    " * 210_000,
    "text that looks like attributes": b"<b>" + b'x="y" ' * 10_000 + b"</b>",
    "an attribute that looks like many": b"<b a='" + b'x="y" ' * 10_000 + b"'/>",
    "a long tag of 64 attributes": crowded(64).replace(b"x" * 200, b"x" * 400),
}


@pytest.mark.parametrize("much", SO_MUCH_IS_TAKEN.values(), ids=SO_MUCH_IS_TAKEN)
def test_what_only_looks_like_too_much_is_taken(much):
    assert verified(b"<a>" + much + b"</a>").verdict.reason is VerdictReason.SIGNATURE_MISSING


def test_where_a_document_is_broken_is_said_in_the_reader_s_language():
    found = verified(b"<a>\n<b>\n</a>").verdict
    assert "XML on virheellistä rivillä 3." in found.text(Language.FI)
    assert "the XML is not well-formed in line 3." in found.text(Language.EN)


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the official messages are not here")
def test_official_messages():
    anchors = chain.load_bundle((VECTORS / "test-issuing-ca.pem").read_bytes())
    found = [
        Gateway(anchors).verify(path.read_bytes(), datetime(2022, 1, 1, tzinfo=UTC)) for path in VECTORS.glob("*.xml")
    ]
    assert [one.verdict.reason for one in found] == [None] * 3
    assert {one.verdict.customer_id for one in found} == {"7013454-9"}
