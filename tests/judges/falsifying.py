"""Proxy between a peer and the service that falsifies answers.

A peer has to refuse every falsified answer.
"""

import hmac
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from sinetti.pki.encoding import PrivateKey, certificate_der
from sinetti.testbench.core.server_certificate import ServerFiles, make_server_certificate
from sinetti.wire.xmldsig.parser import encode_base64
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support.authority import holder_key
from tests.support.programs import fetched

DS = "http://www.w3.org/2000/09/xmldsig#"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

Change = Callable[[bytes], bytes | None]
"""Function that returns an altered answer, or None if the answer gets lost."""


def _payload(envelope: bytes) -> tuple[etree._Element, etree._Element]:
    root = etree.fromstring(envelope)
    return root, root.find(f"{{{SOAP}}}Body")[0]


def a_character_of_a_value(envelope: bytes) -> bytes:
    """Change a character of the retrieval id or of the certificate."""
    return re.sub(
        rb"(<(?:RetrievalId|Certificate)>.{20})(.)",
        lambda found: found[1] + (b"A" if found[2] != b"A" else b"B"),
        envelope,
        count=1,
        flags=re.DOTALL,
    )


def no_signature(envelope: bytes) -> bytes:
    """Remove the signature."""
    root, payload = _payload(envelope)
    payload.remove(payload.find(f"{{{DS}}}Signature"))
    return etree.tostring(root)


def a_stranger_signed(envelope: bytes) -> bytes:
    """Sign the same answer with a stranger's key.

    The stranger's certificate has all the names of the right one.
    """
    text = next(etree.fromstring(envelope).iter(f"{{{DS}}}X509Certificate")).text
    copied = _with_another_key(x509.load_pem_x509_certificate(_pem(text)))
    return signed_by(holder_key(9), copied)(envelope)


def signed_by(key: PrivateKey, certificate: x509.Certificate, *along: x509.Certificate) -> Change:
    """Return a change that signs the same answer with another key.

    KeyInfo also holds the certificates in `along`.
    """

    def change(envelope: bytes) -> bytes:
        root, payload = _payload(envelope)
        payload.remove(payload.find(f"{{{DS}}}Signature"))
        alone = etree.tostring(etree.fromstring(etree.tostring(payload)), method="c14n", exclusive=True)
        signed = etree.fromstring(
            sign_document(alone, signer_for_key(key, certificate_der(certificate)), SignatureProfile.EXCLUSIVE)
        )
        data = next(signed.iter(f"{{{DS}}}X509Data"))
        for one in along:
            etree.SubElement(data, f"{{{DS}}}X509Certificate").text = encode_base64(certificate_der(one))
        payload.getparent().replace(payload, signed)
        return etree.tostring(root)

    return change


def another_answer_beside_the_signed_one(envelope: bytes) -> bytes:
    """Move the signed answer into the Header and put another into its place.

    The answer in the Body is unsigned and has other values.
    """
    root, payload = _payload(envelope)
    changed = _payload(no_signature(a_character_of_a_value(envelope)))[1]
    payload.getparent().replace(payload, changed)
    root.find(f"{{{SOAP}}}Header").append(payload)
    return etree.tostring(root)


def the_signed_answer_inside_another(envelope: bytes) -> bytes:
    """Wrap the signed answer into another answer.

    The outer answer has the right signature. That signature carries the right answer, over which it was made.
    """
    root, payload = _payload(envelope)
    changed = _payload(no_signature(a_character_of_a_value(envelope)))[1]
    payload.getparent().replace(payload, changed)
    signature = payload.find(f"{{{DS}}}Signature")
    payload.remove(signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(payload)
    changed.append(signature)
    return etree.tostring(root)


def an_unsigned_answer_before_the_signed_one(envelope: bytes) -> bytes:
    """Put another answer into the Body, before the signed one."""
    root, payload = _payload(envelope)
    payload.addprevious(_payload(no_signature(a_character_of_a_value(envelope)))[1])
    return etree.tostring(root)


def a_document_type(envelope: bytes) -> bytes:
    """Put a document type before the envelope.

    Attacks on parsers begin like this. No SOAP message has a document type.
    """
    return b'<!DOCTYPE e [<!ENTITY e "e">]>' + etree.tostring(etree.fromstring(envelope))


def keyed_with_the_public_key(envelope: bytes) -> bytes:
    """Sign another answer by HMAC, with the right signer's public key as secret.

    The public key is not secret, so an attacker can make such a signature.
    """
    changed = a_character_of_a_value(envelope)
    text = next(etree.fromstring(envelope).iter(f"{{{DS}}}X509Certificate")).text
    right = x509.load_pem_x509_certificate(_pem(text))
    root = etree.fromstring(signed_by(holder_key(9), right)(changed))
    info = next(root.iter(f"{{{DS}}}SignedInfo"))
    info.find(f"{{{DS}}}SignatureMethod").set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")
    secret = right.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    octets = hmac.digest(secret, etree.tostring(info, method="c14n", exclusive=True), "sha256")
    next(root.iter(f"{{{DS}}}SignatureValue")).text = encode_base64(octets)
    return etree.tostring(root)


CHANGES: dict[str, Change] = {
    change.__name__.replace("_", " "): change
    for change in (
        a_character_of_a_value,
        no_signature,
        a_stranger_signed,
        another_answer_beside_the_signed_one,
        the_signed_answer_inside_another,
        an_unsigned_answer_before_the_signed_one,
        a_document_type,
        keyed_with_the_public_key,
    )
}
"""Changes that a peer has to refuse, by name."""


@contextmanager
def falsifying(
    service: str, anchor: Path, change: Change, folder: Path, *, elsewhere: str | None = None
) -> Iterator[tuple[str, Path]]:
    """Run the proxy before a service until the block ends; yield address and anchor.

    `service` is the address of the service and `anchor` its TLS anchor. With `elsewhere` the proxy redirects calls to
    this address and does not forward them.
    """
    files = ServerFiles(folder / "leaf.pem", folder / "key.pem", folder / "anchor.pem")
    make_server_certificate(files)
    here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    here.load_cert_chain(files.certificate, files.key)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            """Forward the WSDL; it names this address."""
            octets = self._asked(None, {})
            self._answer(octets.replace(origin(service).encode(), origin(address).encode()))

        def do_POST(self) -> None:
            """Forward a call and return a changed answer."""
            body = self.rfile.read(int(self.headers["content-length"]))
            if elsewhere is not None:
                self._answer(b"", 307, location=elsewhere)
                return
            kept = {name: value for name in ("Content-Type", "SOAPAction") if (value := self.headers[name])}
            self._answer(change(self._asked(body, kept)))

        def _asked(self, body: bytes | None, headers: dict[str, str]) -> bytes:
            return fetched(origin(service) + self.path, body, server=anchor, headers=headers)

        def _answer(self, octets: bytes | None, status: int = 200, **headers: str) -> None:
            if octets is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "text/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(octets)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(octets)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = here.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    address = f"https://127.0.0.1:{server.server_address[1]}{urlsplit(service).path}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield address, files.trust
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def origin(address: str) -> str:
    """Return an address without its path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _pem(text: str) -> bytes:
    lines = "\n".join(text.split())
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


def _with_another_key(right: x509.Certificate) -> x509.Certificate:
    """Copy a certificate, but with another key.

    Subject, issuer, serial, dates and extensions stay.
    """
    builder = x509.CertificateBuilder(
        right.issuer,
        right.subject,
        holder_key(9).public_key(),
        right.serial_number,
        right.not_valid_before_utc,
        right.not_valid_after_utc,
    )
    for extension in right.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    made = builder.sign(holder_key(9), right.signature_hash_algorithm)
    return x509.load_der_x509_certificate(made.public_bytes(Encoding.DER))
