"""Requests that people keep in files: the authority's sample signer, SoapUI, curl.

The sample signer uses .NET SignedXml. CRLF line ends, pretty-printing, an XML comment, the CSR pasted with its line
breaks, `xmlns:cer` on the Envelope and an empty Header as in the FAQ's sample. The signed file has declarations of its
own. KeyInfo also holds the key's numbers.
"""

import base64
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AttributeOID
from lxml import etree
from signxml import XMLVerifier

from tests.api.programs import dotnet_xml

NAME = "sample signer, SoapUI and curl"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
DS = "http://www.w3.org/2000/09/xmldsig#"
WAY = {"content-type": "text/xml;charset=UTF-8", "accept-encoding": "gzip,deflate"}
NEW_ACTION, RENEW_ACTION, GET_ACTION = '"signNewCertificate"', '""', '"getCertificate"'

_LINE = "\r\n"


def make_key() -> rsa.RSAPrivateKey:
    """Make an RSA 2048 key."""
    return rsa.generate_private_key(65537, 2048)


def make_csr(key: rsa.RSAPrivateKey, customer_id: str, customer_name: str) -> bytes:
    """Make a CSR with the subject for which `openssl req -new` prompts."""
    names = [
        (x509.NameOID.COUNTRY_NAME, "FI"),
        (x509.NameOID.STATE_OR_PROVINCE_NAME, "Some-State"),
        (x509.NameOID.ORGANIZATION_NAME, customer_name),
        (x509.NameOID.COMMON_NAME, customer_id),
        (x509.NameOID.EMAIL_ADDRESS, "nimi@sinisiipi.example"),
    ]
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in names])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject)
    made = made.add_attribute(AttributeOID.CHALLENGE_PASSWORD, b"abcd")
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def new(customer_id: str, customer_name: str, ids: tuple[str, str], csr: bytes) -> bytes:
    """Render SignNewCertificate, pasted into SoapUI."""
    values = {"TransferId": ids[0], "TransferPassword": ids[1], "CertificateRequest": _pasted(csr)}
    return _envelope(_request("SignNewCertificateRequest", customer_id, customer_name, values))


def get(customer_id: str, customer_name: str, retrieval_id: str) -> bytes:
    """Render GetCertificate, pasted into SoapUI."""
    return _envelope(_request("GetCertificateRequest", customer_id, customer_name, {"RetrievalId": retrieval_id}))


def renew(customer_id: str, customer_name: str, csr: bytes, key: rsa.RSAPrivateKey, certificate: bytes) -> bytes:
    """Render RenewCertificate: sign a file and paste the result into an envelope.

    curl sends the envelope.
    """
    declared = f' xmlns:cer="{SERVICE}" xmlns:xd="{DS}"'
    values = {"CertificateRequest": _pasted(csr)}
    document = _request("RenewCertificateRequest", customer_id, customer_name, values, declared)
    return _envelope(dotnet_xml.signed(document, key, _key_info(key, certificate)))


def read(body: bytes, _customer_id: str) -> str:
    """Read the answer's value, after SignedXml has checked the re-rooted payload."""
    found = re.search(rb"<SOAP-ENV:Body>(.*)</SOAP-ENV:Body>", body, re.DOTALL)
    assert found is not None
    (text,) = re.findall(rb"<ds:X509Certificate>([^<]*)<", found[1])
    pem = x509.load_der_x509_certificate(base64.b64decode(text)).public_bytes(serialization.Encoding.PEM).decode()
    payload = XMLVerifier().verify(etree.fromstring(found[1]), x509_cert=pem).signed_xml
    assert payload is not None
    assert payload.findtext("Result/Status") == "OK", body
    return payload.findtext("RetrievalId") or payload.findtext("Certificate") or ""


def _request(name: str, customer_id: str, customer_name: str, values: dict[str, str], declared: str = "") -> str:
    everything = {"Environment": "TEST", "CustomerId": customer_id, "CustomerName": customer_name} | values
    lines = [f"   <{child}>{text}</{child}>" for child, text in everything.items()]
    lines.insert(2, "   <!--Optional:-->")
    return _LINE.join([f"<cer:{name}{declared}>", *lines, f"</cer:{name}>"])


def _envelope(payload: str) -> bytes:
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:cer="{SERVICE}">',
        "   <soapenv:Header/>",
        "   <soapenv:Body>",
        f"      {payload}",
        "   </soapenv:Body>",
        "</soapenv:Envelope>",
        "",
    ]
    return _LINE.join(lines).encode()


def _pasted(octets: bytes) -> str:
    lines = re.findall(".{1,64}", base64.b64encode(octets).decode())
    return _LINE + _LINE.join(lines) + _LINE


def _key_info(key: rsa.RSAPrivateKey, certificate: bytes) -> str:
    numbers = key.public_key().public_numbers()
    modulus = numbers.n.to_bytes(key.key_size // 8, "big")
    subject = x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
    return (
        f"<KeyValue><RSAKeyValue><Modulus>{base64.b64encode(modulus).decode()}</Modulus><Exponent>AQAB</Exponent>"
        f"</RSAKeyValue></KeyValue><X509Data><X509SubjectName>{subject}</X509SubjectName>"
        f"<X509Certificate>{base64.b64encode(certificate).decode()}</X509Certificate></X509Data>"
    )
