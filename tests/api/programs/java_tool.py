"""The Java command-line tool: JAX-WS and JSR-105.

Prefixes of JAXB (`ns2` is XML Signature), no white space, transforms [enveloped, exclusive C14N], KeyInfo with the
certificate alone, base64 of the JDK in lines that end with `&#13;`.
Declarations stand on the payload, or have moved to the envelope (`java_tool_moved`).
"""

import base64
import hashlib
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

NAME = "Java command-line tool"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
WAY = {"content-type": "text/xml; charset=utf-8", "accept": "text/xml, multipart/related"}
NEW_ACTION, RENEW_ACTION, GET_ACTION = '"signNewCertificate"', '"renewCertificate"', '"getCertificate"'

_DECLARED = f' xmlns:ns2="{DS}" xmlns:ns3="{SERVICE}"'


def make_key() -> rsa.RSAPrivateKey:
    """Make an RSA 2048 key."""
    return rsa.generate_private_key(65537, 2048)


def make_csr(key: rsa.RSAPrivateKey, customer_id: str, customer_name: str) -> bytes:
    """Make a CSR with CN = the organisation's name, C = FI."""
    names = [(x509.NameOID.COMMON_NAME, customer_name), (x509.NameOID.COUNTRY_NAME, "FI")]
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in names])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def new(customer_id: str, customer_name: str, ids: tuple[str, str], csr: bytes) -> bytes:
    """Render SignNewCertificate."""
    values = {"TransferId": ids[0], "TransferPassword": ids[1], "CertificateRequest": base64.b64encode(csr).decode()}
    return envelope(_request("SignNewCertificateRequest", customer_id, customer_name, values))


def get(customer_id: str, customer_name: str, retrieval_id: str) -> bytes:
    """Render GetCertificate."""
    values = {"RetrievalId": retrieval_id}
    return envelope(_request("GetCertificateRequest", customer_id, customer_name, values))


def renew(customer_id: str, customer_name: str, csr: bytes, key: rsa.RSAPrivateKey, certificate: bytes) -> bytes:
    """Render RenewCertificate."""
    values = {"CertificateRequest": base64.b64encode(csr).decode()}
    payload = _request("RenewCertificateRequest", customer_id, customer_name, values)
    return envelope(signed(payload, key, certificate))


def read(body: bytes, _customer_id: str) -> str:
    """Read the answer's value as JAXB would; this program checks no signature."""
    root = etree.fromstring(body)
    assert root.findtext(".//Result/Status") == "OK", body
    return root.findtext(".//RetrievalId") or root.findtext(".//Certificate") or ""


def signed(payload: str, key: rsa.RSAPrivateKey, certificate: bytes) -> str:
    """Sign the element as a document of its own."""
    digest = hashlib.sha256(_exclusive(etree.fromstring(payload))).digest()
    info = (
        f'<ns2:SignedInfo><ns2:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        '<ns2:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ns2:Reference URI="">'
        f'<ns2:Transforms><ns2:Transform Algorithm="{DS}enveloped-signature"/>'
        f'<ns2:Transform Algorithm="{EXCLUSIVE}"/></ns2:Transforms>'
        '<ns2:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ns2:DigestValue>{base64.b64encode(digest).decode()}</ns2:DigestValue></ns2:Reference></ns2:SignedInfo>"
    )
    placed = etree.fromstring(_placed(payload, f"<ns2:Signature>{info}</ns2:Signature>"))
    value = key.sign(_exclusive(placed.find(f".//{{{DS}}}SignedInfo")), padding.PKCS1v15(), hashes.SHA256())
    signature = (
        f"<ns2:Signature>{info}<ns2:SignatureValue>{_lines(value)}</ns2:SignatureValue><ns2:KeyInfo><ns2:X509Data>"
        f"<ns2:X509Certificate>{_lines(certificate)}</ns2:X509Certificate></ns2:X509Data></ns2:KeyInfo></ns2:Signature>"
    )
    return _placed(payload, signature)


def envelope(payload: str, *, moved: bool = False) -> bytes:
    """Write the envelope in one line, as JAX-WS does.

    With `moved`, the payload's declarations stand on the envelope.
    """
    outer = ""
    if moved:
        payload, outer = payload.replace(_DECLARED, "", 1), _DECLARED
    return (
        '<?xml version="1.0" ?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"'
        f"{outer}><S:Body>{payload}</S:Body></S:Envelope>"
    ).encode()


def _request(name: str, customer_id: str, customer_name: str, values: dict[str, str]) -> str:
    everything = {"Environment": "TEST", "CustomerId": customer_id, "CustomerName": customer_name} | values
    inside = "".join(f"<{child}>{text}</{child}>" for child, text in everything.items())
    return f"<ns3:{name}{_DECLARED}>{inside}</ns3:{name}>"


def _placed(payload: str, signature: str) -> str:
    end = payload.rindex("</")
    return payload[:end] + signature + payload[end:]


def _exclusive(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _lines(octets: bytes) -> str:
    """Encode in Base64 as the JDK does, in lines of 76 characters that end with CR LF.

    XML writes the CR as a character reference.
    """
    return "&#13;\n".join(re.findall(".{1,76}", base64.b64encode(octets).decode()))
