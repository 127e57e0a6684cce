"""Content of a file for `sinetti explain`.

The signed element, its place in the file, and the statements of its signature. The file is read leniently, since it is
mostly broken; `xmldsig` alone decides on the facts.
"""

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography import x509
from lxml import etree

from sinetti.wire import receipts
from sinetti.wire.soap import envelope as soap_envelope
from sinetti.wire.soap.envelope import SOAP, Envelope
from sinetti.wire.soap.schema_types import LARGEST_REQUEST, SERVICE, ElementName, Operation
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig import signature as xmldsig_signature
from sinetti.wire.xmldsig.algorithms import Canonical
from sinetti.wire.xmldsig.errors import SignatureInvalid
from sinetti.wire.xmldsig.parser import DS, XmlRejected
from sinetti.wire.xmldsig.signature import SIGNATURE

_SECRET = ElementName.TRANSFER_PASSWORD.lower().encode()


class MessageType(StrEnum):
    """Kind of message."""

    REQUEST = "request"
    RESPONSE = "response"
    FAULT = "fault"
    RECEIPT = "receipt"
    DOCUMENT = "document"


class NotAnEnvelope(XmlRejected):
    """XML with a root named Envelope that is no SOAP 1.1 envelope with a payload."""


@dataclass(frozen=True)
class SignedElement:
    """Signed element in its file.

    `octets`: the whole file without byte order mark. `root`: the element in place, in its envelope if it has one.
    `start` and `end`: its place in the octets.
    """

    octets: bytes = field(repr=False)
    root: etree._Element
    envelope: Envelope | None
    start: int
    end: int

    def candidates(self) -> Iterator[etree._Element]:
        """Yield the roots that the verifier tries, made anew."""
        if self.envelope is not None:
            yield from self.envelope.candidates()
        else:
            yield parser.parse(self.octets)

    def in_place(self) -> etree._Element:
        """Return the element once more, in its envelope, for changes."""
        if self.envelope is not None:
            return soap_envelope.parse_envelope(self.octets).payload
        return parser.parse(self.octets)

    def declared_by_envelope(self, root: etree._Element) -> tuple[str | None, ...]:
        """Return the prefixes that a candidate has from its envelope.

        None is the default namespace.
        """
        if self.envelope is None:
            return ()
        return tuple(prefix for prefix in root.nsmap if prefix not in self.envelope.own)

    @property
    def kind(self) -> MessageType:
        """Kind of message, by the name of its element."""
        name = etree.QName(self.root)
        if self.root.tag == f"{{{SOAP}}}Fault":
            return MessageType.FAULT
        if name.namespace == receipts.NAMESPACE:
            return MessageType.RECEIPT
        if name.namespace == SERVICE and name.localname in {operation.response for operation in Operation}:
            return MessageType.RESPONSE
        return MessageType.DOCUMENT if self.operation is None else MessageType.REQUEST

    @property
    def operation(self) -> Operation | None:
        """Operation of a request; None for anything else."""
        return next(
            (operation for operation in Operation if self.root.tag == f"{{{SERVICE}}}{operation.request}"), None
        )


@dataclass(frozen=True)
class SignatureInfo:
    """Statements of a signature; None if one is missing or repeated.

    `value` and `digest` are octets.
    """

    transforms: tuple[str, ...]
    canonicalisation: str | None
    signature_method: str | None
    digest_method: str | None
    digest_text: str
    digest: bytes | None
    value: bytes | None = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    modulus: bytes | None = field(repr=False)
    exponent: bytes | None
    document_form: Canonical | None
    info_form: Canonical | None


def may_hold_secret(octets: bytes) -> bool:
    """Return whether octets may contain a one-time password.

    Such octets are never shown. A log may be in UTF-16, as PowerShell writes redirected output.
    """
    return _SECRET in octets.replace(b"\0", b"").lower()


def extract(octets: bytes) -> SignedElement:
    """Extract the element that a signature has to cover. Raises XmlRejected.

    It is the Body's payload, or the document.
    """
    octets = parser.without_bom(octets)
    parser.run_parser(parser.hardened_parser(), octets)
    if etree.QName(parser.tree_of(octets)).localname != "Envelope":
        return SignedElement(octets, parser.parse(octets), None, 0, len(octets))
    # The demands on a document do not apply to an envelope, whose content may have no canonical form.
    try:
        opened = soap_envelope.parse_envelope(octets)
    except XmlRejected as bad:
        raise NotAnEnvelope(str(bad)) from bad
    return SignedElement(octets, opened.payload, opened, *opened.span)


def read_signature(root: etree._Element) -> SignatureInfo | None:
    """Read the first signature of a tree; None if there is none."""
    signature = next(root.iter(SIGNATURE), None)
    if signature is None:
        return None
    info = signature.find(f"{{{DS}}}SignedInfo")
    digest_text = "".join(_text(signature, "SignedInfo/Reference/DigestValue").split())
    return SignatureInfo(
        transforms=tuple(str(element.get("Algorithm")) for element in signature.iter(f"{{{DS}}}Transform")),
        canonicalisation=_algorithm(signature, "SignedInfo/CanonicalizationMethod"),
        signature_method=_algorithm(signature, "SignedInfo/SignatureMethod"),
        digest_method=_algorithm(signature, "SignedInfo/Reference/DigestMethod"),
        digest_text=digest_text,
        digest=_octets(digest_text),
        value=_octets(_text(signature, "SignatureValue")),
        certificates=tuple(
            filter(None, (_octets(element.text or "") for element in signature.iter(f"{{{DS}}}X509Certificate")))
        ),
        modulus=_octets(_text(signature, "KeyInfo/KeyValue/RSAKeyValue/Modulus")),
        exponent=_octets(_text(signature, "KeyInfo/KeyValue/RSAKeyValue/Exponent")),
        document_form=_document_form(signature),
        info_form=_info_form(info),
    )


def info_of(root: etree._Element) -> etree._Element:
    """Return the SignedInfo of the first signature, which is known to be there."""
    return next(next(root.iter(SIGNATURE)).iterchildren(f"{{{DS}}}SignedInfo"))


def find_csr(taken: SignedElement) -> x509.CertificateSigningRequest | None:
    """Return the certificate signing request in a message; None if unreadable."""
    text = taken.root.findtext(ElementName.CERTIFICATE_REQUEST)
    octets = _octets(text or "")
    if octets is None or len(octets) > LARGEST_REQUEST:
        return None
    with suppress(ValueError, x509.InvalidVersion):
        return x509.load_der_x509_csr(octets)
    return None


def span_of(octets: bytes, name: str, start: int) -> tuple[int, int]:
    """Return the place of the first element of XML Signature with this name.

    The search begins at `start`. If there is none, the place is empty. The octets have passed the parser. An
    empty-element tag is skipped, since it has no content.
    """
    pairs: list[tuple[int, int]] = []
    begun: list[int] = []
    scanner = parser.hardened_parser()
    wanted = f"{DS}\n{name}"

    def begins(written: str, _attributes: object) -> None:
        if written == wanted or written.startswith(f"{wanted}\n"):
            begun.append(scanner.CurrentByteIndex)

    def ends(written: str) -> None:
        if written == wanted or written.startswith(f"{wanted}\n"):
            first, last = begun.pop(), scanner.CurrentByteIndex
            if first != last and first >= start:
                pairs.append((first, octets.index(b">", last) + 1))

    scanner.StartElementHandler, scanner.EndElementHandler = begins, ends
    parser.run_parser(scanner, octets)
    return min(pairs, default=(start, start))


def _find(signature: etree._Element, path: str) -> etree._Element | None:
    return signature.find("/".join(f"{{{DS}}}{name}" for name in path.split("/")))


def _text(signature: etree._Element, path: str) -> str:
    element = _find(signature, path)
    return "" if element is None else parser.value(element) or ""


def _algorithm(signature: etree._Element, path: str) -> str | None:
    element = _find(signature, path)
    return None if element is None else element.get("Algorithm")


def _octets(text: str) -> bytes | None:
    with suppress(binascii.Error, ValueError):
        return base64.b64decode("".join(text.split()), validate=True) or None
    return None


def _document_form(signature: etree._Element) -> Canonical | None:
    transforms = _find(signature, "SignedInfo/Reference/Transforms")
    if transforms is None:
        return None
    with suppress(SignatureInvalid):
        return xmldsig_signature.read_transforms(transforms)
    return None


def _info_form(info: etree._Element | None) -> Canonical | None:
    method = None if info is None else info.find(f"{{{DS}}}CanonicalizationMethod")
    if method is None:
        return None
    with suppress(SignatureInvalid):
        return xmldsig_signature.c14n_of(method)
    return None
