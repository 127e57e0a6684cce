"""Writing and signing of the vectors' messages.

It uses lxml and cryptography, not the product's writer.

Signatures can be reproduced octet for octet: RSA PKCS#1 v1.5 has no randomness, and ECDSA derives its number from key
and digest (RFC 6979).
"""

import base64
import hashlib
import textwrap
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DS = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED = f"{DS}enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
WITH_COMMENTS = f"{EXCLUSIVE}WithComments"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

AnyKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_P384_BITS = 384
_LINE = 76


@dataclass(frozen=True, slots=True)
class Style:
    """Style in which a program writes ds:Signature.

    `prefix` "" is the default namespace, and `end` is the line end of base64.
    """

    transforms: tuple[str, ...] = (ENVELOPED, EXCLUSIVE)
    info: str = EXCLUSIVE
    prefix: str = "ds"
    end: str = ""
    uri: str = ""


OURS, ALONE = Style(), Style(transforms=(ENVELOPED,))
DOTNET = Style((ENVELOPED,), INCLUSIVE, prefix="")


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document, with the octets that were digested and that were signed."""

    document: str
    canonical: bytes
    signed_info: bytes


def hash_of(key: AnyKey) -> hashes.SHA256 | hashes.SHA384:
    """Return SHA-256 for RSA and P-256, SHA-384 for P-384 (RFC 5758, 3.2)."""
    large = isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size >= _P384_BITS
    return hashes.SHA384() if large else hashes.SHA256()


def plain_signature(key: AnyKey, octets: bytes) -> bytes:
    """Sign, always with the same result: PKCS#1 v1.5, or ECDSA in DER."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hash_of(key))
    return key.sign(octets, ec.ECDSA(hash_of(key), deterministic_signing=True))


def c14n(element: etree._Element, algorithm: str) -> bytes:
    """Return the canonical form of an element, by the algorithm's URI."""
    exclusive = algorithm.startswith(EXCLUSIVE)
    if element.getparent() is not None and not exclusive:
        # lxml's inclusive form of an element in place repeats declarations: copy it with the surrounding ones.
        element = etree.fromstring(etree.tostring(element, encoding="utf-8", with_tail=False))
    return bytes(
        etree.tostring(element, method="c14n", exclusive=exclusive, with_comments=algorithm.endswith("WithComments"))
    )


def request(operation: str, values: dict[str, str], declared: str = "") -> str:
    """Write a request element on one line, as a document of its own."""
    inside = "".join(f"<{name}>{text}</{name}>" for name, text in values.items())
    return f'<cer:{operation}Request xmlns:cer="{SERVICE}"{declared}>{inside}</cer:{operation}Request>'


def enveloped(payload: str, declared: str = "", start: str = "", header: str = "") -> str:
    """Put a payload into a SOAP 1.1 envelope."""
    around = f'<soapenv:Envelope xmlns:soapenv="{SOAP}"{declared}>{header}<soapenv:Body>'
    return f"{start}{around}{payload}</soapenv:Body></soapenv:Envelope>"


def placed(document: str, last_child: str) -> str:
    """Insert an element as the root's last child."""
    end = document.rindex("</")
    return document[:end] + last_child + document[end:]


def signed(document: str, key: AnyKey, certificate: bytes, style: Style = OURS) -> Signed:
    """Sign a document as a whole; `certificate` is DER."""
    last = style.transforms[-1]
    canonical = c14n(etree.fromstring(document.encode()), INCLUSIVE if last == ENVELOPED else last)
    info = _signed_info(canonical, key, style)
    name = f"{style.prefix}:" if style.prefix else ""
    declared = f'xmlns:{style.prefix}="{DS}"' if style.prefix else f'xmlns="{DS}"'

    def signature(value: str) -> str:
        shown = style.end + _base64(certificate, style) + style.end
        inside = (
            f"{info}<{name}SignatureValue>{value}</{name}SignatureValue><{name}KeyInfo><{name}X509Data>"
            f"<{name}X509Certificate>{shown}</{name}X509Certificate></{name}X509Data></{name}KeyInfo>"
        )
        return f"<{name}Signature {declared}>{inside}</{name}Signature>"

    root = etree.fromstring(placed(document, signature("")).encode())
    element = next(root.iter(f"{{{DS}}}SignedInfo"))
    octets = c14n(element, style.info)
    value = _value(key, plain_signature(key, octets))
    return Signed(placed(document, signature(_base64(value, style))), canonical, octets)


def _signed_info(canonical: bytes, key: AnyKey, style: Style) -> str:
    name = f"{style.prefix}:" if style.prefix else ""
    kind = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa"
    transforms = "".join(f'<{name}Transform Algorithm="{one}"></{name}Transform>' for one in style.transforms)
    digest = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
    return (
        f'<{name}SignedInfo><{name}CanonicalizationMethod Algorithm="{style.info}"></{name}CanonicalizationMethod>'
        f'<{name}SignatureMethod Algorithm="{MORE}{kind}-{hash_of(key).name}"></{name}SignatureMethod>'
        f'<{name}Reference URI="{style.uri}"><{name}Transforms>{transforms}</{name}Transforms>'
        f'<{name}DigestMethod Algorithm="{SHA256}"></{name}DigestMethod>'
        f"<{name}DigestValue>{digest}</{name}DigestValue></{name}Reference></{name}SignedInfo>"
    )


def _value(key: AnyKey, plain: bytes) -> bytes:
    """Return a signature in the form of XML Signature.

    For ECDSA these are both numbers, side by side (XML Signature 1.1, 6.4.3).
    """
    if isinstance(key, rsa.RSAPrivateKey):
        return plain
    size = (key.key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(plain))


def _base64(octets: bytes, style: Style) -> str:
    text = base64.b64encode(octets).decode()
    return style.end.join(textwrap.wrap(text, _LINE)) if style.end else text
