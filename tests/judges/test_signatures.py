"""xmlsec1, signxml and bergshamra judge our signatures, good and changed ones."""

import re

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.domain.values import KeyType
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.judges.signature_judges import JUDGES, Trusted, bergshamra, xmlsec1
from tests.support.authority import NOW, authority, holder_certificate, holder_key

DOCUMENTS = {
    "plain": b"<Delivery><Amount>12.50</Amount></Delivery>",
    "with namespaces": (
        b'<a:Delivery xmlns:a="urn:a" xmlns:unused="urn:unused"><a:Amount b:kind="x" xmlns:b="urn:b">1</a:Amount>'
        b"</a:Delivery>"
    ),
    "with a comment, white space and letters": (
        "<Delivery>\n  <!-- a word -->\n  <Name>Äkäslompolon Öljy &amp; Ånga</Name>\n</Delivery>".encode()
    ),
}
KEYS = (KeyType.RSA_2048, KeyType.RSA_3072, KeyType.EC_P256, KeyType.EC_P384)


def sealed(document: bytes, kind: KeyType, recipe: SignatureProfile) -> bytes:
    key = holder_key(kind=kind)
    return sign_document(document, signer_for_key(key, holder_certificate(key).public_bytes(Encoding.DER)), recipe)


def changed(document: bytes) -> bytes:
    """Change one character of the content."""
    return re.sub(rb">(\w)", lambda found: b">" + (b"9" if found[1] != b"9" else b"8"), document, count=1)


TRUSTED = Trusted(tuple(certificate for _, certificate in authority().entries.values()), NOW)

EVERY_JUDGE = pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
EVERY_KEY = pytest.mark.parametrize("kind", KEYS)
EVERY_RECIPE = pytest.mark.parametrize("recipe", SignatureProfile, ids=lambda recipe: recipe.name.lower())


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@EVERY_JUDGE
@EVERY_KEY
@EVERY_RECIPE
def test_takes_what_we_sign(document, judge, kind, recipe):
    assert judge(sealed(document, kind, recipe), TRUSTED)


@EVERY_JUDGE
@EVERY_KEY
@EVERY_RECIPE
def test_refuses_what_was_changed(judge, kind, recipe):
    assert not judge(changed(sealed(DOCUMENTS["plain"], kind, recipe)), TRUSTED)


@pytest.mark.parametrize("judge", [xmlsec1, bergshamra])
def test_wants_the_root(judge):
    """The judge is effective: without our root it accepts no signature."""
    without = Trusted(tuple(TRUSTED.ways), NOW)
    assert not judge(sealed(DOCUMENTS["plain"], KeyType.EC_P256, SignatureProfile.EXCLUSIVE), without)
