"""Enrolment and renewal with zeep, from the service's WSDL.

signxml makes and verifies the signatures.

peer.py enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY     KEY: rsa-2048, rsa-3072, p256, p384
peer.py renew FOLDER URL CUSTOMER_ID KEY RECIPE                            RECIPE: exclusive, inclusive
peer.py versions

FOLDER holds server.pem (the trust anchors of TLS) and services.pem (the CAs of the signers of answers). The exit code
is 0 on success, 1 if the service refused, 2 if an answer is not trusted, 3 for anything else.
"""

import base64
import copy
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from xml.parsers import expat

import requests
import zeep
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from lxml import etree
from signxml import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConfiguration,
    SignatureMethod,
    XMLSigner,
    XMLVerifier,
)

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
NAMES = {"ds": "http://www.w3.org/2000/09/xmldsig#"}
EXCLUSIVE = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
INCLUSIVE = CanonicalizationMethod.CANONICAL_XML_1_0
METHODS = {SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256, SignatureMethod.ECDSA_SHA384}
RSA_BITS = {"rsa-2048": 2048, "rsa-3072": 3072}
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1()}


class Refused(Exception):
    """The service refused the request; the arguments are its code and its text."""


class NotTrusted(Exception):
    """The signature of an answer is invalid or its signer is not trusted."""


class Transport(zeep.Transport):
    """Transport that posts zeep's messages and verifies the answers.

    Of an answer zeep gets what was signed and nothing beside it.
    """

    def __init__(self, folder):
        session = requests.Session()
        session.verify = str(folder / "server.pem")
        session.trust_env = False  # else REQUESTS_CA_BUNDLE in the environment would put another file in its place
        session.max_redirects = 0  # a redirection could carry the password elsewhere
        super().__init__(session=session, operation_timeout=60)
        self.anchors = folder / "services.pem"
        self.kept = folder / "messages"
        self.kept.mkdir(exist_ok=True)

    def post(self, address, message, headers):
        number = len(list(self.kept.glob("*-request.xml"))) + 1
        keep(self.kept / f"{number:02}-request.xml", message)
        got = super().post(address, message, headers)
        keep(self.kept / f"{number:02}-response.xml", got.content)
        got.raise_for_status()  # a refusal comes with 200; 500 is an unsigned SOAP Fault
        operation = headers["SOAPAction"].strip('"')
        try:
            answer = verified(cut(got.content), self.anchors)
        except Exception as bad:  # any error of the libraries
            raise NotTrusted(f"{type(bad).__name__}: {bad}") from bad
        if answer.tag != f"{{{SERVICE}}}{operation[0].upper()}{operation[1:]}Response":
            raise NotTrusted("it answers another question")
        envelope = etree.fromstring(f'<soap:Envelope xmlns:soap="{SOAP}"><soap:Body/></soap:Envelope>')
        envelope[0].append(answer)
        return SimpleNamespace(status_code=200, headers=got.headers, encoding="utf-8", content=etree.tostring(envelope))


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


def verified(document, anchors):
    """Check the one signature over a whole document; give what was digested, parsed anew."""
    root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    signature, *others = root.findall(".//ds:Signature", NAMES)
    certificate, *more = signature.findall(".//ds:X509Certificate", NAMES)
    # signxml would take further certificates as links of the chain. services.pem holds the root, which the CAs of other
    # kinds of certificate come from as well: with a link of his own choice any holder could sign answers.
    if others or more or root[-1] is not signature:
        raise NotTrusted("one signature, by one certificate, as the last child: this is something else")
    if signature.find("ds:SignedInfo/ds:Reference", NAMES).get("URI") != "":
        raise NotTrusted("the signature covers something else than the answer")
    config = SignatureConfiguration(
        location="./",
        signature_methods=frozenset(METHODS),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
        default_reference_c14n_method=INCLUSIVE,
        # A production program leaves this out, and signxml takes the machine's date. A test bench may have its clock
        # years ahead of the machine, so we take a date at which the signer's certificate was valid.
        verification_time=x509.load_der_x509_certificate(base64.b64decode(certificate.text)).not_valid_before_utc,
    )
    return XMLVerifier().verify(document, ca_pem_file=str(anchors), expect_config=config).signed_xml


class Signing(zeep.Plugin):
    """Plugin that signs a renewal after zeep has written it."""

    def __init__(self, key, certificate, recipe):
        self.key, self.certificate, self.recipe = key, certificate, recipe

    def egress(self, envelope, http_headers, operation, _binding_options):
        if operation.name == "renewCertificate":
            body = envelope.find(f"{{{SOAP}}}Body")
            # The signature covers the request as a document of its own: take it out of the envelope, then sign it.
            alone = copy.deepcopy(body[0])
            etree.cleanup_namespaces(alone)
            body[0] = self.signed(alone)
        return envelope, http_headers

    def signed(self, request):
        exclusive = self.recipe == "exclusive"
        method = f"{'rsa' if isinstance(self.key, rsa.RSAPrivateKey) else 'ecdsa'}-{hash_of(self.key).name}"
        signer = XMLSigner(signature_algorithm=method, c14n_algorithm=EXCLUSIVE if exclusive else INCLUSIVE)
        # The inclusive recipe names [enveloped] alone: what follows from that is inclusive C14N 1.0.
        return signer.sign(
            request, key=self.key, cert=[self.certificate], exclude_c14n_transform_element=not exclusive
        )  # fmt: skip


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
    return made.public_bytes(Encoding.DER)


def connect(folder, url, *plugins):
    """Read the WSDL; return a service at the given address.

    The address in the WSDL is ignored.
    """
    client = zeep.Client(f"{url}?wsdl", transport=Transport(folder), plugins=plugins)
    return client.create_service(f"{{{SERVICE}}}CertificateServicesSoap", url)


def accepted(answer):
    if answer.Result.Status != "OK":
        raise Refused(answer.Result.ErrorInfo[0].ErrorCode, answer.Result.ErrorInfo[0].ErrorMessage)
    return answer


def fetch(service, who, retrieval_id, key):
    """Retrieve a certificate; ask again while the service is issuing it.

    The function checks that the certificate is for our key.
    """
    for left in reversed(range(11)):
        try:
            answer = accepted(service.getCertificate(**who, RetrievalId=retrieval_id))
            break
        except Refused as no:
            if no.args[0] != "PKI021" or not left:
                raise
            time.sleep(1)
    certificate = x509.load_der_x509_certificate(answer.Certificate)
    if certificate.public_key() != key.public_key():
        raise ValueError("the certificate is not of our key")
    return certificate.public_bytes(Encoding.PEM)


def enrol(folder, url, customer_id, transfer_id, transfer_password, kind):
    service = connect(folder, url)
    who = {"Environment": "TEST", "CustomerId": customer_id}
    key, kept_id = key_in(folder / "key.pem", kind), folder / "retrieval-id"
    ids = {"TransferId": transfer_id, "TransferPassword": transfer_password}
    request = csr(key, customer_id)  # zeep writes octets as base64
    retrieval_id = retrieval_id_in(
        kept_id,
        lambda: accepted(service.signNewCertificate(**who, **ids, CertificateRequest=request)).RetrievalId,
    )
    keep(folder / "certificate.pem", fetch(service, who, retrieval_id, key))
    kept_id.unlink()


def renew(folder, url, customer_id, kind, recipe):
    old_key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    old = x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
    service = connect(folder, url, Signing(old_key, old, recipe))
    who = {"Environment": "TEST", "CustomerId": customer_id}
    key, kept_id = key_in(folder / "next-key.pem", kind), folder / "next-retrieval-id"
    request = csr(key, customer_id)
    # The schema asks for a Signature; zeep leaves it out, and the plugin puts it in.
    fields = {**who, "CertificateRequest": request, "Signature": zeep.xsd.SkipValue}
    retrieval_id = retrieval_id_in(kept_id, lambda: accepted(service.renewCertificate(**fields)).RetrievalId)
    keep(folder / "next-certificate.pem", fetch(service, who, retrieval_id, key))
    kept_id.unlink()


def main(command="", *arguments):
    if not as_used([command, *arguments]):
        raise ValueError(f"how it is called:\n\n{__doc__}")
    if command == "versions":
        print(f"Python {sys.version.split()[0]}")
        for name in ("zeep", "signxml", "lxml", "cryptography"):
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
