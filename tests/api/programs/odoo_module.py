"""The Odoo module, in Python: the strictest reader of answers.

RSA 3072; `soapenv:` and `cer:` both declared on the Envelope; `<soapenv:Header/>`; the CSR on one line. Such a module
does not renew; this one does what its author would write: sign the re-rooted element, [enveloped] alone.
"""

import base64
import hashlib
import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from signxml import XMLVerifier

NAME = "Odoo module"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
DS = "http://www.w3.org/2000/09/xmldsig#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WAY = {"content-type": "text/xml; charset=utf-8", "user-agent": "python-requests/2.31.0"}
NEW_ACTION, RENEW_ACTION, GET_ACTION = "signNewCertificate", "renewCertificate", "getCertificate"

_LARGEST_ANSWER = 1024 * 1024
_RETRIEVAL_ID = re.compile(r"[A-Za-z0-9-]{1,32}")
_CODE = re.compile(r"PKI\d{3}")


def make_key() -> rsa.RSAPrivateKey:
    """Make an RSA 3072 key."""
    return rsa.generate_private_key(65537, 3072)


def make_csr(key: rsa.RSAPrivateKey, customer_id: str, customer_name: str) -> bytes:
    """Make a CSR with CN = the customer id."""
    names = [(x509.NameOID.COMMON_NAME, customer_id), (x509.NameOID.COUNTRY_NAME, "FI")]
    subject = x509.Name([x509.NameAttribute(oid, text) for oid, text in names])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def new(customer_id: str, customer_name: str, ids: tuple[str, str], csr: bytes) -> bytes:
    """Render SignNewCertificate."""
    values = {"TransferId": ids[0], "TransferPassword": ids[1], "CertificateRequest": base64.b64encode(csr).decode()}
    return _envelope(_request("SignNewCertificateRequest", customer_id, customer_name, values))


def get(customer_id: str, customer_name: str, retrieval_id: str) -> bytes:
    """Render GetCertificate."""
    return _envelope(_request("GetCertificateRequest", customer_id, customer_name, {"RetrievalId": retrieval_id}))


def renew(customer_id: str, customer_name: str, csr: bytes, key: rsa.RSAPrivateKey, certificate: bytes) -> bytes:
    """Render RenewCertificate."""
    values = {"CertificateRequest": base64.b64encode(csr).decode()}
    request = _request("RenewCertificateRequest", customer_id, customer_name, values)
    return _envelope(_signed(request, key, certificate))


def read(body: bytes, customer_id: str) -> str:
    """Read RetrievalId or Certificate after every check except the services CA.

    Tests name the services CA to `checked`.
    """
    payload = checked(body)
    assert payload.findtext("Result/Status") == "OK", body
    retrieval_id, certificate = payload.findtext("RetrievalId"), payload.findtext("Certificate")
    if certificate is not None:
        check_certificate(certificate, customer_id)
        return certificate
    assert retrieval_id is not None
    assert _RETRIEVAL_ID.fullmatch(retrieval_id)
    return retrieval_id


def checked(body: bytes, services_ca: x509.Certificate | None = None) -> etree._Element:
    """Check an answer as strictly as this module does; return the signed payload."""
    assert len(body) <= _LARGEST_ANSWER
    assert b"<!DOCTYPE" not in body
    root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    bodies = root.findall(f"{{{SOAP}}}Body")
    assert len(bodies) == 1
    assert len(bodies[0]) == 1, "exactly one payload child"
    payload = bodies[0][0]
    certificates = payload.findall(f".//{{{DS}}}X509Certificate")
    assert len(certificates) == 1, "exactly one X509Certificate"
    signer = x509.load_der_x509_certificate(base64.b64decode(certificates[0].text or ""))
    if services_ca is not None:
        signer.verify_directly_issued_by(services_ca)
    constraints = signer.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.ca is False
    # Nothing but the SOAP declaration is dropped. Any other inherited namespace would change the inclusive form.
    text = re.sub(rb' xmlns:[A-Za-z0-9_-]+="' + re.escape(SOAP.encode()) + rb'"', b"", etree.tostring(payload))
    pem = signer.public_bytes(serialization.Encoding.PEM).decode()
    signed = XMLVerifier().verify(etree.fromstring(text), x509_cert=pem).signed_xml
    assert signed is not None
    for code in signed.findall("Result/ErrorInfo/ErrorCode"):
        assert _CODE.fullmatch(code.text or "")
    return signed


def check_certificate(text: str, customer_id: str, issuer: str = "Issuing") -> None:
    """Check that the certificate has one CN, the customer's.

    The issuer's CN must contain `issuer`.
    """
    certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert [name.value for name in names] == [customer_id]
    (issuer_name,) = certificate.issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert issuer in str(issuer_name.value)


def _request(name: str, customer_id: str, customer_name: str, values: dict[str, str]) -> etree._Element:
    root = etree.Element(f"{{{SERVICE}}}{name}", nsmap={"cer": SERVICE})
    for child, text in (
        {"Environment": "TEST", "CustomerId": customer_id, "CustomerName": customer_name} | values
    ).items():
        etree.SubElement(root, child).text = text
    return root


def _envelope(request: etree._Element) -> bytes:
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soapenv": SOAP, "cer": SERVICE})
    etree.SubElement(root, f"{{{SOAP}}}Header")
    etree.SubElement(root, f"{{{SOAP}}}Body").append(request)  # lxml drops the declaration that is there already
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def _signed(request: etree._Element, key: rsa.RSAPrivateKey, certificate: bytes) -> etree._Element:
    digest = hashlib.sha256(etree.tostring(request, method="c14n")).digest()
    signature = etree.SubElement(request, f"{{{DS}}}Signature", nsmap={"ds": DS})
    info = etree.SubElement(signature, f"{{{DS}}}SignedInfo")
    _algorithm(info, "CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#")
    _algorithm(info, "SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
    reference = etree.SubElement(info, f"{{{DS}}}Reference", URI="")
    _algorithm(etree.SubElement(reference, f"{{{DS}}}Transforms"), "Transform", f"{DS}enveloped-signature")
    _algorithm(reference, "DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256")
    etree.SubElement(reference, f"{{{DS}}}DigestValue").text = base64.b64encode(digest).decode()
    value = key.sign(etree.tostring(info, method="c14n", exclusive=True), padding.PKCS1v15(), hashes.SHA256())
    etree.SubElement(signature, f"{{{DS}}}SignatureValue").text = base64.b64encode(value).decode()
    data = etree.SubElement(etree.SubElement(signature, f"{{{DS}}}KeyInfo"), f"{{{DS}}}X509Data")
    etree.SubElement(data, f"{{{DS}}}X509Certificate").text = base64.b64encode(certificate).decode()
    return request


def _algorithm(parent: etree._Element, name: str, algorithm: str) -> None:
    etree.SubElement(parent, f"{{{DS}}}{name}", Algorithm=algorithm)
