"""Interoperability vectors of signxml's source distribution.

They are signatures made by others since 2001. Vectors of the accepted shape verify. The others are refused, for the
reason that an independent reading in this module gives. `scripts/interop` downloads them, since this project may not
copy them.
"""

import re
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from sinetti.wire.xmldsig.errors import SignatureErrorCode, SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected
from sinetti.wire.xmldsig.signature import verify_document
from tests.house.tree import ROOT
from tests.support.postgres import skip_or_fail

FOLDER = ROOT / "build" / "interop"
DS = {"ds": "http://www.w3.org/2000/09/xmldsig#"}
METHODS = re.compile(r"http://www\.w3\.org/2001/04/xmldsig-more#(rsa|ecdsa)-sha(256|384|512)")

DOCTYPE, ENCODING, MISSING = "a DOCTYPE", "the declared encoding is not UTF-8", "there is no signature"
OURS = "inside our shape"

AT_LEAST = {
    DOCTYPE: 9,
    ENCODING: 1,
    MISSING: 6,
    SignatureErrorCode.MISPLACED: 140,
    SignatureErrorCode.PARTS: 20,
    SignatureErrorCode.METHOD: 9,
}
"""Least number of vectors of each kind, so that missing vectors fail the test."""


def vectors() -> list[Path]:
    """Return the documents, sorted by name."""
    return sorted(FOLDER.glob("signxml-*/test/**/*.xml"))


def expected(octets: bytes) -> str:
    """Return the expected reason for a document, by an independent reading.

    It is the first property of the document that is outside the accepted shape.
    """
    if b"<!DOCTYPE" in octets:
        return DOCTYPE
    if re.match(rb"<\?xml[^>]*encoding=.(?!utf-8)", octets, re.IGNORECASE):
        return ENCODING
    root = etree.fromstring(octets)
    signatures = root.xpath("//ds:Signature", namespaces=DS)
    if not signatures:
        return MISSING
    if signatures != root.xpath("/*/*[last()][self::ds:Signature]", namespaces=DS):
        return SignatureErrorCode.MISPLACED
    parts = [etree.QName(one).localname for one in signatures[0].xpath("*")]
    inside = [etree.QName(one).localname for one in signatures[0].xpath("ds:SignedInfo/*", namespaces=DS)]
    if parts != ["SignedInfo", "SignatureValue", "KeyInfo"]:
        return SignatureErrorCode.PARTS
    if inside != ["CanonicalizationMethod", "SignatureMethod", "Reference"]:
        return SignatureErrorCode.PARTS
    method = signatures[0].xpath("string(ds:SignedInfo/ds:SignatureMethod/@Algorithm)", namespaces=DS)
    return OURS if METHODS.fullmatch(method) else SignatureErrorCode.METHOD


def told(octets: bytes) -> str:
    """Return our reason for a document."""
    try:
        verify_document(octets, lambda _: True)
    except SignatureMissing:
        return MISSING
    except SignatureInvalid as bad:
        return str(bad)
    except XmlRejected as bad:
        return next((kind for kind in (DOCTYPE, ENCODING) if str(bad).startswith(kind)), str(bad))
    return OURS


@pytest.fixture(scope="module")
def found():
    """Return the documents with the expected reasons."""
    if not vectors():
        skip_or_fail("the interoperability vectors are not there (scripts/interop fetches them)")
    return {place: expected(place.read_bytes()) for place in vectors()}


def test_each_is_judged_as_it_should_be(found):
    assert {place: told(place.read_bytes()) for place in found} == found


def test_there_are_enough_of_each_kind(found):
    counted = Counter(found.values())
    assert {kind: number for kind, number in AT_LEAST.items() if counted[kind] < number} == {}
    assert counted[OURS] == 0, "docs/contributors/judges.md says that none of them is"
