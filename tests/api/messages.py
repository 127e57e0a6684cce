"""Minimal requests, for tests of one wrong value.

The folder `programs/` has the requests of programs in the field.
"""

import base64
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"


def base64_of(octets: bytes) -> str:
    """Return one line of base64."""
    return base64.b64encode(octets).decode()


def element(name: str, values: dict[str, str | None]) -> str:
    """Write a request element; a value of None is left out."""
    inside = "".join(f"<{child}>{text}</{child}>" for child, text in values.items() if text is not None)
    return f'<c:{name} xmlns:c="{SERVICE}">{inside}</c:{name}>'


def enveloped(payload: str, *, start: str = "", declarations: str = "") -> bytes:
    """Put the payload into an envelope."""
    return (f'{start}<s:Envelope xmlns:s="{SOAP}"{declarations}><s:Body>{payload}</s:Body></s:Envelope>').encode()


def signed(document: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, certificate: bytes) -> str:
    """Sign a request element with a P-256 or RSA key.

    The transforms are enveloped and exclusive C14N. The signature is the element's last child.
    """
    kind = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa"
    digest = hashlib.sha256(_c14n(etree.fromstring(document))).digest()
    info = (
        f'<ds:SignedInfo xmlns:ds="{DS}">'
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{_MORE}{kind}-sha256"></ds:SignatureMethod><ds:Reference URI="">'
        f'<ds:Transforms><ds:Transform Algorithm="{DS}enveloped-signature"></ds:Transform>'
        f'<ds:Transform Algorithm="{EXCLUSIVE}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{_SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{base64_of(digest)}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    value = _value(key, info.encode())
    signature = (
        f'<ds:Signature xmlns:ds="{DS}">{info}<ds:SignatureValue>{base64_of(value)}</ds:SignatureValue><ds:KeyInfo>'
        f"<ds:X509Data><ds:X509Certificate>{base64_of(certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</ds:Signature>"
    )
    before, closing, after = document.rpartition("</")
    return f"{before}{signature}{closing}{after}"


def _value(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, octets: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    numbers = decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def _c14n(root: etree._Element) -> bytes:
    return etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
