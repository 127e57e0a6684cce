"""C# program with a WCF proxy that omits CustomerName and checks nothing.

The subject of its CSR is nonsense. XmlSerializer puts the request into the default namespace, and each child out of
it; xsi and xsd stand on the Body. Such a program does not renew; this one signs with SignedXml before it sends.
"""

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from tests.api.programs import dotnet_xml

NAME = "C# with a WCF proxy"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
WAY = {"content-type": "text/xml; charset=utf-8", "expect": "100-continue"}
NEW_ACTION, RENEW_ACTION, GET_ACTION = '"signNewCertificate"', '"renewCertificate"', '"getCertificate"'

_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'


def make_key() -> rsa.RSAPrivateKey:
    """Make an RSA 2048 key."""
    return rsa.generate_private_key(65537, 2048)


def make_csr(key: rsa.RSAPrivateKey, customer_id: str, customer_name: str) -> bytes:
    """Return a CSR whose subject is meaningless."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CN=test,O=test;;")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def new(customer_id: str, _customer_name: str, ids: tuple[str, str], csr: bytes) -> bytes:
    """Render SignNewCertificate."""
    values = {"TransferId": ids[0], "TransferPassword": ids[1], "CertificateRequest": base64.b64encode(csr).decode()}
    return _envelope(_request("SignNewCertificateRequest", customer_id, values))


def get(customer_id: str, _customer_name: str, retrieval_id: str) -> bytes:
    """Render GetCertificate."""
    return _envelope(_request("GetCertificateRequest", customer_id, {"RetrievalId": retrieval_id}))


def renew(customer_id: str, _customer_name: str, csr: bytes, key: rsa.RSAPrivateKey, certificate: bytes) -> bytes:
    """Render RenewCertificate."""
    values = {"CertificateRequest": base64.b64encode(csr).decode()}
    data = f"<X509Data><X509Certificate>{base64.b64encode(certificate).decode()}</X509Certificate></X509Data>"
    return _envelope(dotnet_xml.signed(_request("RenewCertificateRequest", customer_id, values), key, data))


def read(body: bytes, _customer_id: str) -> str:
    """Read the answer's value as XmlSerializer would."""
    payload = etree.fromstring(body).find("{*}Body")[0]  # type: ignore[index]
    assert payload.findtext("Result/Status") == "OK", body
    return payload.findtext("RetrievalId") or payload.findtext("Certificate") or ""


def _request(name: str, customer_id: str, values: dict[str, str]) -> str:
    everything = {"Environment": "TEST", "CustomerId": customer_id} | values
    inside = "".join(f'<{child} xmlns="">{text}</{child}>' for child, text in everything.items())
    return f'<{name} xmlns="{SERVICE}">{inside}</{name}>'


def _envelope(payload: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        f"<s:Body {_XSI}>{payload}</s:Body></s:Envelope>"
    ).encode()
