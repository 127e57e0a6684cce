"""XML signatures with faults, one at each place where a signer can fail.

The module is independent of `wire`.
"""

import base64
import hashlib
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from tests.support import faults, xml_signing
from tests.support.xml_signing import ENVELOPED_ALONE, EXCLUSIVE, INCLUSIVE, OURS, PLACE, Shape

SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DECOMPOSED = "A\u0308iti"
INCLUSIVE_INFO = replace(ENVELOPED_ALONE, info_c14n=INCLUSIVE)


def request(inside="", *, name="Äiti &amp; isä Oy", csr=None, root="", prefix="cer", end="") -> str:
    """Return a renewal request with a placeholder for the signature.

    `inside` is inserted before the certificate signing request.
    """
    csr = csr or base64.b64encode(faults.der("next-rsa-2048")).decode()
    named, declared = (f"{prefix}:", f"xmlns:{prefix}") if prefix else ("", "xmlns")
    plain = "" if prefix else ' xmlns=""'
    return (
        f'<{named}RenewCertificateRequest {declared}="{SERVICE}"{root}><Environment{plain}>TEST</Environment>'
        f"<CustomerId{plain}>0123456-7</CustomerId><CustomerName{plain}>{name}</CustomerName>{inside}"
        f"<CertificateRequest{plain}>{csr}</CertificateRequest>{PLACE}{end}</{named}RenewCertificateRequest>"
    )


def c14n(text: bytes, algorithm: str = EXCLUSIVE) -> bytes:
    """Return the canonical form of a whole document."""
    return xml_signing._c14n(etree.fromstring(text).getroottree(), algorithm, None)


def canonical(document: str, shape: Shape = OURS) -> bytes:
    """Return the canonical form of a document, as a shape defines, without signature."""
    return c14n(document.replace(PLACE, "").encode(), shape.document_c14n)


@dataclass(frozen=True)
class Faults:
    """Deviations from a correct signature.

    - `digested`: octets whose digest is stated.
    - `info`: maps the canonical SignedInfo to the octets that are signed.
    - `hashing`: hash algorithm for the document.
    - `stated`: maps the octets of the digest to those of DigestValue.
    - `sign`: maps octets to a SignatureValue.
    - `value`: maps the SignatureValue to another one.
    """

    digested: bytes | None = None
    info: object = None
    hashing: str = "sha256"
    stated: object = None
    sign: object = None
    value: object = None


def signed(document: str, shape: Shape = OURS, faults: Faults = Faults()) -> bytes:
    """Sign a document that has a signature placeholder, with faults."""
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
    """Return an ECDSA signature in DER, as most libraries produce it."""
    half = len(value) // 2
    numbers = (int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
    return encode_dss_signature(*numbers)


def indented(octets: bytes) -> bytes:
    """Return the document indented as editors do."""
    root = etree.fromstring(octets)
    etree.indent(root)
    return etree.tostring(root, encoding="utf-8")


def envelope(payload: bytes, declarations: str = "", start: str = "") -> bytes:
    """Put a payload into an envelope with more namespace declarations."""
    return xml_signing.envelope(payload, declarations=declarations, start=start)
