"""Test client that calls a SOAP endpoint in the same process.

It exchanges octets with the endpoint and judges the signature of every answer.
"""

import re
from dataclasses import dataclass, replace
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier

from sinetti.api.soap import PATH, SoapEndpoint
from sinetti.ca.issuance_request import LeafProfile
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import certificate_der, generate_key
from sinetti.server.http import Request, Response
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support.authority import issue, leaf_plan, response_signer, services_issuer
from tests.support.scene import REQUEST, Scene

ADDRESS = f"https://pki.sinetti.example{PATH}"
SERVICE = "http://certificates.vero.fi/2017/10/certificateservices"
LONGEST_MESSAGE = 255
_BODY = re.compile(rb"<SOAP-ENV:Body>(.*)</SOAP-ENV:Body>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """Content of a response; none of it counts before its signature is judged."""

    element: str
    status: str
    retrieval_id: str | None
    certificate: str | None
    codes: tuple[str, ...]
    messages: tuple[str, ...]

    @property
    def code(self) -> str | None:
        """Single error code; None for OK."""
        assert len(self.codes) <= 1, "more than one code"
        return self.codes[0] if self.codes else None

    @property
    def message(self) -> str:
        """Single message text."""
        (message,) = self.messages
        return message


@dataclass(slots=True)
class Counter:
    """SOAP endpoint with the scene behind it.

    `signer` is the certificate (PEM) that must have signed its answers.
    """

    scene: Scene
    door: SoapEndpoint
    signer: str

    def post(self, body: bytes, headers: dict[str, str] | None = None) -> Response:
        """Send one message with these headers (lower-case names)."""
        return self.door(
            Request("POST", PATH, "", headers or {"content-type": "text/xml; charset=utf-8"}, REQUEST, body)
        )

    def get(self, query: str = "", *, path: str = PATH, method: str = "GET", language: str | None = None) -> Response:
        """Ask for a page."""
        headers = {"accept-language": language} if language is not None else {}
        return self.door(Request(method, path, query, headers, REQUEST, b""))

    def ask(self, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        """Send one message; return its answer, which is signed and no Fault."""
        return self.judged(self.post(body, headers))

    def judged(self, reply: Response) -> Answer:
        """Read an answer after signxml verified that the service signed it."""
        assert reply.status == 200, reply.body
        assert reply.content_type == "text/xml; charset=utf-8"
        return read(judged(payload_of(reply.body), self.signer))

    def on(self, scene: Scene) -> "Counter":
        """Put the same endpoint in front of a changed scene."""
        return Counter(scene, replace(self.door, ctx=scene.ctx), self.signer)


def opened_counter(
    scene: Scene, recipe: SignatureProfile = SignatureProfile.EXCLUSIVE, leaf: KeyType | None = None
) -> Counter:
    """Open an endpoint that signs with the test authority's response signer.

    With `leaf`, it signs with a response signer whose key has this type.
    """
    key, certificate = response_signer() if leaf is None else services_leaf(leaf)
    seal = signer_for_key(key, certificate_der(certificate))
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return Counter(scene, SoapEndpoint(scene.ctx, ADDRESS, recipe, lambda: seal), pem)


@cache
def services_leaf(kind: KeyType):
    """Issue a response signer whose key is of this type."""
    key = generate_key(kind)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key, issue(leaf_plan(key.public_key()), services_issuer(), kind=LeafProfile.SERVICES)


def payload_of(body: bytes) -> bytes:
    """Cut the Body's content out of an answer, as text."""
    found = _BODY.search(body)
    assert found is not None, body
    return found[1]


def judged(payload: bytes, signer: str) -> etree._Element:
    """Let signxml verify the payload, and return what was signed.

    It verifies the payload as a document of its own with this certificate.
    """
    one_signature = SignatureConfiguration(expect_references=1, location="./")
    result = XMLVerifier().verify(etree.fromstring(payload), x509_cert=signer, expect_config=one_signature)
    assert result.signed_xml is not None
    return result.signed_xml


def read(element: etree._Element) -> Answer:
    """Read a response element."""

    def texts(path: str) -> tuple[str, ...]:
        return tuple(found.text or "" for found in element.findall(path))

    def text(path: str) -> str | None:
        return element.findtext(path)

    name = etree.QName(element)
    assert name.namespace == SERVICE
    return Answer(
        name.localname,
        text("Result/Status") or "",
        text("RetrievalId"),
        text("Certificate"),
        texts("Result/ErrorInfo/ErrorCode"),
        texts("Result/ErrorInfo/ErrorMessage"),
    )


def fault(reply: Response) -> tuple[str, str]:
    """Read a SOAP 1.1 Fault; return its code and its text."""
    assert reply.status == 500, reply.body
    assert reply.content_type == "text/xml; charset=utf-8"
    root = etree.fromstring(reply.body)
    found = root.find("{*}Body/{http://schemas.xmlsoap.org/soap/envelope/}Fault")
    assert found is not None, reply.body
    return found.findtext("faultcode") or "", found.findtext("faultstring") or ""
