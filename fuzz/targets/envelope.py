"""Opening of an envelope.

The payload can be extracted in several ways, which all give the same element.
"""

from contextlib import suppress

from lxml import etree

from fuzz import messages
from fuzz.opinions import parsers_agree
from fuzz.target import Target, must
from fuzz.xml_changing import change
from fuzz.xml_reading import EXCLUSIVE, Element, read
from sinetti.wire.soap.envelope import SOAP, parse_envelope, wrap_in_envelope
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.parser import XmlRejected


def check(octets: bytes) -> None:
    """Open the envelope, and check each candidate with the second opinion."""
    with parsers_agree():
        try:
            envelope = parse_envelope(octets)
        except XmlRejected:
            return
        payload = payload_of(octets)
        must(envelope.payload.tag == _tag(payload), "the payload is the Body's first element")
        for root in envelope.candidates():
            made = etree.tostring(root.getroottree(), encoding="utf-8")
            must(EXCLUSIVE.part(read(made).root) == EXCLUSIVE.part(payload), "each candidate is the payload")
            must(parser.exclusive(root) == parser.exclusive(envelope.payload), "comments are the same too")
        with suppress(XmlRejected):  # no canonical form
            parser.exclusive(envelope.payload)
            _again(payload)


def payload_of(octets: bytes) -> Element:
    """Find the first element in the Body, by expat alone."""
    root = read(octets).root
    (body,) = [one for one in root.elements if (one.name.uri, one.name.local) == (SOAP, "Body")]
    return body.elements[0]


def _tag(element: Element) -> str:
    return f"{{{element.name.uri}}}{element.name.local}" if element.name.uri else element.name.local


def _again(payload: Element) -> None:
    """Check that the payload survives a new envelope unchanged."""
    canonical = EXCLUSIVE.part(payload)
    try:
        again = next(parse_envelope(wrap_in_envelope(canonical)).candidates(), None)
    except XmlRejected:
        again = None
    must(again is not None, "what was taken out of an envelope can be put into one")
    assert again is not None  # noqa: S101 - checked above
    must(parser.exclusive(again) == canonical, "an envelope gives back what was put into it")


TARGET = Target("envelope", check, lambda: dict(messages.requests()), change)
