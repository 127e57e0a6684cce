"""Enrolment and renewal with plain requests, lxml and cryptography, step by step.

peer.py enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY     KEY: rsa-2048, rsa-3072, p256, p384
peer.py renew FOLDER URL CUSTOMER_ID KEY RECIPE                            RECIPE: exclusive, inclusive
peer.py versions

FOLDER holds server.pem (the trust anchors of TLS) and services.pem (the CAs of the signers of answers). The exit code
is 0 on success, 1 if the service refused, 2 if an answer is not trusted, 3 for anything else.
"""

import base64
import hashlib
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
DS = "http://www.w3.org/2000/09/xmldsig#"
ENVELOPED = DS + "enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
METHODS = {
    MORE + "rsa-sha256": (rsa.RSAPublicKey, hashes.SHA256()),
    MORE + "ecdsa-sha256": (ec.EllipticCurvePublicKey, hashes.SHA256()),
    MORE + "ecdsa-sha384": (ec.EllipticCurvePublicKey, hashes.SHA384()),
}
SIGNATURE = """<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>\
<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI=""><ds:Transforms>{transforms}</ds:Transforms>\
<ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>\
<ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data>\
</ds:KeyInfo></ds:Signature>"""
RSA_BITS = {"rsa-2048": 2048, "rsa-3072": 3072}
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}


class Refused(Exception):
    """The service refused the request; the arguments are its code and its text."""


class NotTrusted(Exception):
    """The signature of an answer is invalid or its signer is not trusted."""


def text64(octets):
    return base64.b64encode(octets).decode()


def keep(path, octets):
    """Write a temporary file and rename it, so that a file is never half written.

    The umask below keeps other users out.
    """
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(octets)
    part.replace(path)


def key_in(path, kind):
    """Return the key in a file; make it first if the file is missing.

    The key is stored before its first use. If an answer gets lost, the same command with the same key gets the answer
    again. Another key would be refused, and the transfer ids would be used up without a result.
    """
    if not path.exists():
        if kind in RSA_BITS:
            key = rsa.generate_private_key(65537, RSA_BITS[kind])
        else:
            key = ec.generate_private_key(CURVES[kind])
        keep(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return load_pem_private_key(path.read_bytes(), None)


def retrieval_id_in(path, ask):
    """Return the retrieval id in a file; ask for it first if the file is missing.

    The file stays until the certificate has come. A repeated command then continues where the last one stopped, also
    at a service that answers an order only once.
    """
    if not path.exists():
        keep(path, ask().encode())
    return path.read_text()


def hash_of(key):
    return hashes.SHA384() if key.key_size == 384 else hashes.SHA256()


def csr(key, customer_id):
    """Return a certificate signing request for this key.

    The service takes the key alone. The subject is information for people.
    """
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, customer_id)])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hash_of(key))
    return text64(made.public_bytes(Encoding.DER))


def message(element, **fields):
    """Return a request; its children are in the order of the schema.

    The element is qualified, its children are not.
    """
    inside = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f'<cer:{element} xmlns:cer="{SERVICE}">{inside}</cer:{element}>'.encode()


def canonical(node, algorithm):
    return etree.tostring(node, method="c14n", exclusive=algorithm == EXCLUSIVE, with_comments=False)


def signed(document, key, certificate, recipe):
    """Sign a request as a document of its own, before it is put into the envelope."""
    root = etree.fromstring(document)
    c14n, transforms = (EXCLUSIVE, (ENVELOPED, EXCLUSIVE)) if recipe == "exclusive" else (INCLUSIVE, (ENVELOPED,))
    family = "rsa" if isinstance(key, rsa.RSAPrivateKey) else "ecdsa"
    signature = etree.fromstring(
        SIGNATURE.format(
            DS=DS, SHA256=SHA256, c14n=c14n, method=f"{MORE}{family}-{hash_of(key).name}",
            transforms="".join(f'<ds:Transform Algorithm="{one}"/>' for one in transforms),
            digest=text64(hashlib.sha256(canonical(root, c14n)).digest()),
            certificate=text64(certificate.public_bytes(Encoding.DER)),
        )
    )  # fmt: skip
    root.append(signature)  # first into its place: an inclusive form holds what the element inherits there
    octets = canonical(signature[0], c14n)
    if family == "rsa":
        value = key.sign(octets, padding.PKCS1v15(), hash_of(key))
    else:  # XML Signature wants r and s beside each other, where cryptography gives DER
        width = key.key_size // 8
        pair = decode_dss_signature(key.sign(octets, ec.ECDSA(hash_of(key))))
        value = b"".join(number.to_bytes(width, "big") for number in pair)
    signature[1].text = text64(value)
    return etree.tostring(root)


def cut(octets):
    """Cut the content of the Body out of an envelope, octet for octet.

    An answer is signed before it is put into the envelope. An element of a parsed envelope would bring the envelope's
    namespaces along, and its inclusive canonical form would no longer be the signed one.
    """
    parser, path, found = expat.ParserCreate(namespace_separator=" "), [], []

    def start(name, _attributes):
        if path == [f"{SOAP} Envelope", f"{SOAP} Body"] and not found:
            found.append(parser.CurrentByteIndex)
        path.append(name)

    def end(name):
        path.pop()
        if name == f"{SOAP} Body" and len(path) == 1:
            found.append(parser.CurrentByteIndex)

    def doctype(*_):
        raise NotTrusted("an answer has no document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, doctype
    parser.Parse(octets, True)
    first, last = found
    return octets[first:last]


def only(parent, path):
    """Return the one element of this path.

    Forgeries hide in a second one.
    """
    found = parent.findall(path, {"ds": DS})
    if len(found) != 1:
        raise NotTrusted(f"{path} stands there {len(found)} times")
    return found[0]


def verified(document, anchors):
    """Check the one signature over a whole document; give what was digested, parsed anew, and nothing beside it."""
    root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    signature = only(root, ".//ds:Signature")
    info = only(signature, "ds:SignedInfo")
    reference = only(info, "ds:Reference")
    transforms = [one.get("Algorithm") for one in reference.findall(f"{{{DS}}}Transforms/{{{DS}}}Transform")]
    if (
        root[-1] is not signature
        or reference.get("URI") != ""
        or transforms not in ([ENVELOPED], [ENVELOPED, EXCLUSIVE])
    ):
        raise NotTrusted("the signature covers something else than the answer")
    if only(reference, "ds:DigestMethod").get("Algorithm") != SHA256:
        raise NotTrusted("the digest is not SHA-256")
    signer = x509.load_der_x509_certificate(
        base64.b64decode(only(signature, "ds:KeyInfo/ds:X509Data/ds:X509Certificate").text)
    )
    check_signer(signer, anchors)  # before its key verifies anything
    c14n = only(info, "ds:CanonicalizationMethod").get("Algorithm")
    if c14n not in (EXCLUSIVE, INCLUSIVE):
        raise NotTrusted("another canonical form")
    value = base64.b64decode(only(signature, "ds:SignatureValue").text)
    check_value(signer.public_key(), only(info, "ds:SignatureMethod").get("Algorithm"), value, canonical(info, c14n))
    digest = base64.b64decode(only(reference, "ds:DigestValue").text)
    root[-2].tail = (root[-2].tail or "") + (signature.tail or "")  # lxml takes the text after an element away with it
    root.remove(signature)
    octets = canonical(root, EXCLUSIVE if transforms[1:] else INCLUSIVE)
    if hashlib.sha256(octets).digest() != digest:
        raise NotTrusted("the answer was changed after it was signed")
    return etree.fromstring(octets)


def check_signer(signer, anchors):
    """Raise NotTrusted unless one of the anchors issued the signer's certificate.

    A CA's own certificate is refused as well.
    """
    # A production program takes the machine's date here. A test bench may have its clock years ahead of the machine,
    # so we take a date at which the signer's certificate was valid.
    date = signer.not_valid_before_utc
    if signer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        raise NotTrusted("a CA signs no answers")
    for anchor in anchors:
        try:
            signer.verify_directly_issued_by(anchor)
        except (ValueError, InvalidSignature):
            continue
        if all(one.not_valid_before_utc <= date <= one.not_valid_after_utc for one in (signer, anchor)):
            return
    raise NotTrusted("the signer's certificate does not come from services.pem")


def check_value(key, method, value, octets):
    """Verify a SignatureValue; key and algorithm must be of one family."""
    family, hashing = METHODS.get(method, (None, None))
    if family is None or not isinstance(key, family):
        raise NotTrusted("the signature's algorithm does not fit")
    try:
        if family is rsa.RSAPublicKey:
            key.verify(value, octets, padding.PKCS1v15(), hashing)
        else:
            half = len(value) // 2
            pair = encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))
            key.verify(pair, octets, ec.ECDSA(hashing))
    except InvalidSignature as bad:
        raise NotTrusted("the signature does not fit its signer") from bad


def call(folder, url, operation, document):
    """Send one request; return its verified answer.

    Raises Refused if the service refused it, and NotTrusted if the answer is not trusted.
    """
    sent = f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>'.encode() + document + b"</soap:Body></soap:Envelope>"
    kept = folder / "messages"
    kept.mkdir(exist_ok=True)
    number = len(list(kept.glob("*-request.xml"))) + 1
    keep(kept / f"{number:02}-request.xml", sent)
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation}"'}
    got = requests.post(
        url, data=sent, headers=headers, verify=str(folder / "server.pem"), timeout=60, allow_redirects=False
    )
    keep(kept / f"{number:02}-response.xml", got.content)
    got.raise_for_status()  # a refusal comes with 200; 500 is an unsigned SOAP Fault
    try:
        anchors = x509.load_pem_x509_certificates((folder / "services.pem").read_bytes())
        answer = verified(cut(got.content), anchors)
    except Exception as bad:  # any error of the libraries
        raise NotTrusted(f"{type(bad).__name__}: {bad}") from bad
    if answer.tag != f"{{{SERVICE}}}{operation[0].upper()}{operation[1:]}Response":
        raise NotTrusted("it answers another question")
    if answer.findtext("Result/Status") != "OK":
        raise Refused(*(answer.findtext(f"Result/ErrorInfo/{name}") for name in ("ErrorCode", "ErrorMessage")))
    return answer


def fetch(folder, url, customer_id, retrieval_id, key):
    """Retrieve a certificate; ask again while the service is issuing it.

    The function checks that the certificate is for our key.
    """
    document = message("GetCertificateRequest", Environment="TEST", CustomerId=customer_id, RetrievalId=retrieval_id)
    for left in reversed(range(11)):
        try:
            answer = call(folder, url, "getCertificate", document)
            break
        except Refused as no:
            if no.args[0] != "PKI021" or not left:
                raise
            time.sleep(1)
    certificate = x509.load_der_x509_certificate(base64.b64decode(answer.findtext("Certificate")))
    if certificate.public_key() != key.public_key():
        raise ValueError("the certificate is not of our key")
    return certificate.public_bytes(Encoding.PEM)


def enrol(folder, url, customer_id, transfer_id, transfer_password, kind):
    key, kept_id = key_in(folder / "key.pem", kind), folder / "retrieval-id"
    document = message(
        "SignNewCertificateRequest", Environment="TEST", CustomerId=customer_id, TransferId=transfer_id,
        TransferPassword=transfer_password, CertificateRequest=csr(key, customer_id),
    )  # fmt: skip
    retrieval_id = retrieval_id_in(
        kept_id, lambda: call(folder, url, "signNewCertificate", document).findtext("RetrievalId")
    )
    keep(folder / "certificate.pem", fetch(folder, url, customer_id, retrieval_id, key))
    kept_id.unlink()


def renew(folder, url, customer_id, kind, recipe):
    old_key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    old = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    key, kept_id = key_in(folder / "next-key.pem", kind), folder / "next-retrieval-id"
    document = message(
        "RenewCertificateRequest", Environment="TEST", CustomerId=customer_id, CertificateRequest=csr(key, customer_id)
    )
    request = signed(document, old_key, old, recipe)
    retrieval_id = retrieval_id_in(
        kept_id, lambda: call(folder, url, "renewCertificate", request).findtext("RetrievalId")
    )
    keep(folder / "next-certificate.pem", fetch(folder, url, customer_id, retrieval_id, key))
    kept_id.unlink()


def main(command="", *arguments):
    if not as_used([command, *arguments]):
        raise ValueError(f"how it is called:\n\n{__doc__}")
    if command == "versions":
        print(f"Python {sys.version.split()[0]}")
        for name in ("requests", "lxml", "cryptography"):
            print(name, version(name))
        return
    os.umask(0o077)  # keys, and messages with a password in them, are for their owner alone
    folder, url, *rest = arguments
    if not url.startswith("https://"):
        raise ValueError("without TLS anybody on the way reads the password")
    {"enrol": enrol, "renew": renew}[command](Path(folder), url, *rest)


def as_used(words):
    """Return True if a command line is one of those at the top of this file."""
    kinds, recipes = {*RSA_BITS, *CURVES}, {"exclusive", "inclusive"}
    match words:
        case ["versions"]:
            return True
        case ["enrol", _, _, _, _, _, kind]:
            return kind in kinds
        case ["renew", _, _, _, kind, recipe]:
            return kind in kinds and recipe in recipes
    return False


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Refused as no:
        sys.exit(print(*no.args, file=sys.stderr) or 1)
    except NotTrusted as bad:
        sys.exit(print(f"not trusted: {bad}", file=sys.stderr) or 2)
    except Exception as bad:
        sys.exit(print(f"{type(bad).__name__}: {bad}", file=sys.stderr) or 3)
