"""Signs as programs do that get it wrong: a fault at each place where one can be. Independent of `wire`."""

import base64
import hashlib
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from tests.support import xml_signing
from tests.support.xml_signing import ENVELOPED_ALONE, EXCLUSIVE, INCLUSIVE, OURS, PLACE, Shape

SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DECOMPOSED = "A\u0308iti"
INCLUSIVE_INFO = replace(ENVELOPED_ALONE, info_c14n=INCLUSIVE)


def request(inside="", *, name="Äiti &amp; isä Oy", csr=None, root="", prefix="cer", end="") -> str:
    """A renewal request with the signature's place; `inside` stands before the certificate signing request."""
    csr = csr or base64.b64encode(bytes(range(256)) * 3).decode()
    named, declared = (f"{prefix}:", f"xmlns:{prefix}") if prefix else ("", "xmlns")
    plain = "" if prefix else ' xmlns=""'
    return (
        f'<{named}RenewCertificateRequest {declared}="{SERVICE}"{root}><Environment{plain}>TEST</Environment>'
        f"<CustomerId{plain}>0123456-7</CustomerId><CustomerName{plain}>{name}</CustomerName>{inside}"
        f"<CertificateRequest{plain}>{csr}</CertificateRequest>{PLACE}{end}</{named}RenewCertificateRequest>"
    )


def c14n(text: bytes, algorithm: str = EXCLUSIVE) -> bytes:
    """The canonical form of a whole document."""
    return xml_signing._c14n(etree.fromstring(text).getroottree(), algorithm, None)


def canonical(document: str, shape: Shape = OURS) -> bytes:
    """The canonical form that a shape says, without the signature."""
    return c14n(document.replace(PLACE, "").encode(), shape.document_c14n)


@dataclass(frozen=True)
class Faults:
    """What is done otherwise.

    `digested`: octets whose digest is stated; `info`: canonical SignedInfo to what is signed; `hashing`: by what the
    document is digested; `stated`: octets of the digest to those of DigestValue; `sign`: octets to a SignatureValue;
    `value`: SignatureValue to another.
    """

    digested: bytes | None = None
    info: object = None
    hashing: str = "sha256"
    stated: object = None
    sign: object = None
    value: object = None


def signed(document: str, shape: Shape = OURS, faults: Faults = Faults()) -> bytes:
    """Sign a document that has a signature's place, with faults."""
    octets = canonical(document, shape) if faults.digested is None else faults.digested
    digest = hashlib.new(faults.hashing, octets).digest()
    digest = faults.stated(digest) if faults.stated else digest
    draft = document.replace(PLACE, xml_signing._signature(shape, digest, b""))
    info = next(etree.fromstring(draft.encode()).iter(f"{{{xml_signing.DS}}}Signature"))[0]
    form = xml_signing._c14n(info, shape.info_c14n, shape.info_prefixes)
    form = faults.info(form) if faults.info else form
    value = faults.sign(form) if faults.sign else xml_signing._sign(shape, form)
    value = faults.value(value) if faults.value else value
    return document.replace(PLACE, xml_signing._signature(shape, digest, value)).encode()


def in_der(value: bytes) -> bytes:
    """An ECDSA signature as most libraries give it."""
    half = len(value) // 2
    numbers = (int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    return encode_dss_signature(*numbers)


def indented(octets: bytes) -> bytes:
    """As editors lay documents out."""
    root = etree.fromstring(octets)
    etree.indent(root)
    return etree.tostring(root, encoding="utf-8")


def envelope(payload: bytes, declarations: str = "", start: str = "") -> bytes:
    """Put a payload into an envelope with more declarations."""
    return xml_signing.envelope(payload, declarations=declarations, start=start)
