"""xmlsec1 (libxml2 and OpenSSL, in C) and signxml judge the signatures that we make: good ones, and changed ones."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import InvalidDigest, SignatureConfiguration, XMLVerifier
from signxml.exceptions import InvalidInput, InvalidSignature

from sinetti.domain.values import KeyType
from sinetti.wire.xmldsig import Recipe, seal_of, sign_document
from tests.support.authority import NOW, authority, holder_certificate, holder_key
from tests.support.postgres import skip_or_fail

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


def sealed(document: bytes, kind: KeyType, recipe: Recipe) -> bytes:
    key = holder_key(kind=kind)
    return sign_document(document, seal_of(key, holder_certificate(key).public_bytes(Encoding.DER)), recipe)


def changed(document: bytes) -> bytes:
    """Change one character of the content."""
    return re.sub(rb">(\w)", lambda found: b">" + (b"9" if found[1] != b"9" else b"8"), document, count=1)


@pytest.fixture(scope="session")
def anchors(tmp_path_factory) -> list[str]:
    """Give xmlsec1 the CAs: the root as trusted, the others as ways up to it."""
    folder = tmp_path_factory.mktemp("anchors")
    options = []
    for name, (_, certificate) in authority().entries.items():
        place = folder / f"{name}.pem"
        place.write_bytes(certificate.public_bytes(Encoding.PEM))
        own_issuer = certificate.subject == certificate.issuer
        options += ["--trusted-pem" if own_issuer else "--untrusted-pem", str(place)]
    return options


def xmlsec1(document: bytes, anchors: list[str], folder: Path) -> bool:
    """Whether xmlsec1 takes the document at the instant of the tests, with no other trust than the anchors."""
    program = shutil.which("xmlsec1")
    if program is None:
        skip_or_fail("xmlsec1 is not installed (scripts/packages judges says how)")
    place = folder / "document.xml"
    place.write_bytes(document)
    clock = ["--verification-gmt-time", NOW.strftime("%Y-%m-%d %H:%M:%S")]
    done = subprocess.run([program, "--verify", *anchors, *clock, str(place)], capture_output=True, check=False)
    return done.returncode == 0


def signxml(document: bytes, kind: KeyType) -> bool:
    """Whether signxml takes the document with the holder's certificate given."""
    expected = SignatureConfiguration(expect_references=1, location="./")
    try:
        XMLVerifier().verify(
            etree.fromstring(document),
            x509_cert=holder_certificate(holder_key(kind=kind)).public_bytes(Encoding.PEM).decode(),
            expect_config=expected,
        )
    except (InvalidDigest, InvalidSignature, InvalidInput):
        return False
    return True


EVERY_DOCUMENT = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
EVERY_KEY = pytest.mark.parametrize("kind", KEYS)
EVERY_RECIPE = pytest.mark.parametrize("recipe", Recipe, ids=lambda recipe: recipe.name.lower())


@EVERY_DOCUMENT
@EVERY_KEY
@EVERY_RECIPE
def test_xmlsec1_takes_what_we_sign(document, kind, recipe, anchors, tmp_path):
    assert xmlsec1(sealed(document, kind, recipe), anchors, tmp_path)


@EVERY_KEY
@EVERY_RECIPE
def test_xmlsec1_refuses_what_was_changed(kind, recipe, anchors, tmp_path):
    assert not xmlsec1(changed(sealed(DOCUMENTS["plain"], kind, recipe)), anchors, tmp_path)


def test_xmlsec1_wants_the_root(tmp_path):
    """The judge judges: without our root it takes nothing."""
    assert not xmlsec1(sealed(DOCUMENTS["plain"], KeyType.EC_P256, Recipe.EXCLUSIVE), [], tmp_path)


@EVERY_DOCUMENT
@EVERY_KEY
def test_signxml_takes_what_we_sign(document, kind):
    assert signxml(sealed(document, kind, Recipe.EXCLUSIVE), kind)


@EVERY_KEY
def test_signxml_refuses_what_was_changed(kind):
    assert not signxml(changed(sealed(DOCUMENTS["plain"], kind, Recipe.EXCLUSIVE)), kind)
