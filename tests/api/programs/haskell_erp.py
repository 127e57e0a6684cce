"""Haskell ERP that writes and signs requests as text and reads answers as text.

Prefixes `cer:` and `ser:` on the request element, `soap:` envelope without Header, SOAPAction unquoted, transform
[enveloped] alone over its own text, a Signature in the default namespace. CSR: RSA 2048 with e=3, SHA-512, CN and O
empty, an extensionRequest.
"""

import base64
import hashlib
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

NAME = "Haskell ERP"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
DS = "http://www.w3.org/2000/09/xmldsig#"
WAY = {"content-type": "text/xml; charset=utf-8"}
NEW_ACTION, RENEW_ACTION, GET_ACTION = "signNewCertificate", "renewCertificate", "getCertificate"

_SHA512_RSA = bytes.fromhex("300d06092a864886f70d01010d0500")


def make_key() -> rsa.RSAPrivateKey:
    """Make an RSA 2048 key with the exponent 3."""
    return rsa.generate_private_key(3, 2048)


def make_csr(key: rsa.RSAPrivateKey, customer_id: str, customer_name: str) -> bytes:
    """Build PKCS#10 octet by octet, with empty names and a requested key usage."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = _der(
        0x30, _attribute("550406", 0x13, b"FI"), _attribute("55040a", 0x0C, b""), _attribute("550403", 0x0C, b"")
    )
    usage = _der(0x30, bytes.fromhex("0603551d0f"), bytes.fromhex("0101ff"), _der(0x04, bytes.fromhex("030205a0")))
    extension_request = _der(0x30, bytes.fromhex("06092a864886f70d01090e"), _der(0x31, _der(0x30, usage)))
    info = _der(0x30, b"\x02\x01\x00", name, public, _der(0xA0, extension_request))
    signature = key.sign(info, padding.PKCS1v15(), hashes.SHA512())
    return _der(0x30, info, _SHA512_RSA, _der(0x03, b"\0" + signature))


def new(customer_id: str, customer_name: str, ids: tuple[str, str], csr: bytes) -> bytes:
    """Render SignNewCertificate."""
    inside = _tag("TransferId", ids[0]) + _tag("TransferPassword", ids[1]) + _tag("CertificateRequest", _base64(csr))
    return _envelope(_request("SignNewCertificateRequest", customer_id, customer_name, inside))


def get(customer_id: str, customer_name: str, retrieval_id: str) -> bytes:
    """Render GetCertificate."""
    return _envelope(_request("GetCertificateRequest", customer_id, customer_name, _tag("RetrievalId", retrieval_id)))


def renew(customer_id: str, customer_name: str, csr: bytes, key: rsa.RSAPrivateKey, certificate: bytes) -> bytes:
    """Render RenewCertificate as text.

    The text is hashed as it stands, and the signature is put into the text.
    """
    text = _request("RenewCertificateRequest", customer_id, customer_name, _tag("CertificateRequest", _base64(csr)))
    digest = _base64(hashlib.sha256(text.encode()).digest())
    info = (
        '<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></CanonicalizationMethod>'
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></SignatureMethod>'
        f'<Reference URI=""><Transforms><Transform Algorithm="{DS}enveloped-signature"></Transform></Transforms>'
        '<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></DigestMethod>'
        f"<DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
    )
    value = key.sign(f'<SignedInfo xmlns="{DS}">{info}'.encode(), padding.PKCS1v15(), hashes.SHA256())
    signature = (
        f'<Signature xmlns="{DS}"><SignedInfo>{info}<SignatureValue>{_base64(value)}</SignatureValue>'
        f"<KeyInfo><X509Data><X509Certificate>{_base64(certificate)}</X509Certificate></X509Data></KeyInfo></Signature>"
    )
    end = text.rindex("</")
    return _envelope(text[:end] + signature + text[end:])


def read(body: bytes, _customer_id: str) -> str:
    """Read RetrievalId or Certificate from an answer that passed the textual check."""
    text = checked(body)
    found = re.search(r"<(RetrievalId|Certificate)>([^<]*)</\1>", text)
    assert found is not None, text
    return found[2]


def checked(body: bytes, accept: x509.Certificate | None = None) -> str:
    """Check an answer as text and return the payload.

    It cuts the text at the exact strings that this program looks for.
    """
    text = body.decode("utf-8")
    start = re.match(r"(?:<\?xml[^>]*\?>)?<SOAP-ENV:Envelope [^>]*>(?:<SOAP-ENV:Header/>)?<SOAP-ENV:Body>", text)
    assert start is not None, "no Header, or exactly this one"
    payload = text[start.end() : text.index("</SOAP-ENV:Body>")]
    info = _between(payload, "<ds:SignedInfo>", "</ds:SignedInfo>")
    value = base64.b64decode(_between(payload, "<ds:SignatureValue>", "</ds:SignatureValue>"))
    pem = _between(payload, "<ds:X509Certificate>", "</ds:X509Certificate>")
    assert pem.startswith("\n"), "a newline right after"
    assert pem.endswith("\n"), "and right before"
    certificate = x509.load_pem_x509_certificate(
        f"-----BEGIN CERTIFICATE-----{pem}-----END CERTIFICATE-----\n".encode()
    )
    assert accept is None or certificate == accept
    _fits(certificate.public_key(), value, f'<ds:SignedInfo xmlns:ds="{DS}">{info}</ds:SignedInfo>'.encode())
    unsigned = re.sub(r"<ds:Signature .*</ds:Signature>", "", payload, flags=re.DOTALL)
    digest = base64.b64decode(_between(info, "<ds:DigestValue>", "</ds:DigestValue>"))
    assert hashlib.sha256(unsigned.encode()).digest() == digest
    result = payload.index("<Result>")
    for name in ("<RetrievalId>", "<Certificate>"):
        assert payload.find(name) < result, "before Result"
    assert "\r" not in payload
    assert "&#" not in payload
    return payload


def _fits(public_key, value: bytes, octets: bytes) -> None:
    # The program knows RSA alone; tests that have EC answers judge those by signxml.
    if isinstance(public_key, rsa.RSAPublicKey):
        public_key.verify(value, octets, padding.PKCS1v15(), hashes.SHA256())


def _between(text: str, start: str, end: str) -> str:
    assert text.count(start) == text.count(end) == 1, f"{start} literally, once"
    return text[text.index(start) + len(start) : text.index(end)]


def _tag(name: str, text: str) -> str:
    return f"<{name}>{text}</{name}>"


def _request(name: str, customer_id: str, customer_name: str, inside: str) -> str:
    who = _tag("Environment", "TEST") + _tag("CustomerId", customer_id) + _tag("CustomerName", customer_name)
    declared = f'xmlns:cer="{SERVICE}" xmlns:ser="{SERVICE}"'
    return f"<cer:{name} {declared}>{who}{inside}</cer:{name}>"


def _envelope(payload: str) -> bytes:
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<soap:Body>{payload}</soap:Body></soap:Envelope>"
    )
    return text.encode()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _attribute(oid: str, kind: int, value: bytes) -> bytes:
    return _der(0x31, _der(0x30, _der(0x06, bytes.fromhex(oid)), _der(kind, value)))
