"""Seeds: messages and documents.

They have every operation, recipe and key, in the envelopes of the field.
"""

from collections.abc import Iterator
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fuzz import material
from sinetti.domain.requests import AcceptedResponse, CertificateResponse, EnrolRequest, RenewRequest, RetrieveRequest
from sinetti.domain.values import Environment
from sinetti.pki import encoding
from sinetti.wire.soap import operations
from sinetti.wire.soap.operations import Failure, Operation
from sinetti.wire.xmldsig.algorithms import algorithm_for
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import DocumentSigner

WHO = "0123456-7"
NAME = "Sinisiipi & Pojat Oy"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

_DOCUMENTS = {
    "plain": b"<r><a>1</a></r>",
    "prefixed": b'<?xml version="1.0"?>\n<p:r xmlns:p="urn:p" xmlns="urn:d" xml:lang="fi">'
    b'<a p:b="&quot;&#9;"/>t<?i d?></p:r>',
    "around": b'<?before?><r xmlns:unused="urn:u"><!-- c --><![CDATA[<&]]>&#13;\n</r>\n<!-- c --><?after it?>',
}


@cache
def seal(kind: str) -> DocumentSigner:
    """Return a deterministic signer, whose octets are always the same."""

    def sign(octets: bytes) -> bytes:
        key = material.key(kind)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(octets, ec.ECDSA(encoding.hash_for(key.public_key()), deterministic_signing=True))
        return encoding.sign(key, octets)

    return DocumentSigner(material.der(kind), sign, algorithm_for(material.key(kind).public_key()))


@cache
def signing_request(kind: str) -> bytes:
    """Return a signing request (DER) of this key, with a deterministic signature."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(material.certificate(kind).subject)
    key = material.key(kind)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        request = builder.sign(key, encoding.hash_for(key.public_key()), ecdsa_deterministic=True)
    else:
        request = builder.sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.DER)


def requests() -> Iterator[tuple[str, bytes]]:
    """Yield requests in their envelopes, by names."""
    new = EnrolRequest(Environment.TEST, WHO, NAME, "1" * 32, "Abcdefgh12345678", signing_request("p256"))
    yield "new", operations.render_new(new)
    yield "get", operations.render_get(RetrieveRequest(Environment.TEST, WHO, None, "0123456789abcdef0123456789abcdef"))
    yield "renew-unsigned", _without_signature(_renewal("p256", SignatureProfile.EXCLUSIVE))
    for kind in material.KINDS:
        for recipe in SignatureProfile:
            yield f"renew-{kind}-{recipe.name.lower()}", _renewal(kind, recipe)
    bare = _renewal("p256", SignatureProfile.ENVELOPED)
    inside = bare[bare.index(b"<cer:") : bare.index(b"</SOAP-ENV:Body>")]
    for name, start in {
        "more-declared": f'<s:Envelope xmlns:s="{SOAP}" xmlns:x="urn:x" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">',
        "with-header": f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}"><s:Header><a/></s:Header>',
        "default": f'<s:Envelope xmlns:s="{SOAP}" xmlns="urn:default">',
    }.items():
        yield name, start.encode() + b"<s:Body>\n" + inside + b"<!-- c --></s:Body></s:Envelope>"
    outside = inside.replace(b' xmlns:cer="http://certificates.vero.fi/2017/10/certificateservices"', b"", 1)
    yield (
        "declared-outside",
        (
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:cer="http://certificates.vero.fi/2017/10/certificateservices"><s:Body>'
        ).encode()
        + outside
        + b"</s:Body></s:Envelope>",
    )


def responses() -> Iterator[tuple[str, bytes]]:
    """Yield answers in their envelopes, by names, and a fault."""
    collected, failure = CertificateResponse(material.der("p256")), Failure("PKI034", "Too early: <again> & again.")
    for recipe in SignatureProfile:
        with_recipe = recipe.name.lower()
        yield f"collected-{with_recipe}", operations.render_response(Operation.GET, collected, seal("p256"), recipe)
        yield f"failure-{with_recipe}", operations.render_response(Operation.GET, failure, seal("p384"), recipe)
    yield "accepted", operations.render_response(Operation.NEW, AcceptedResponse("a" * 32), seal("rsa-2048"))
    yield "renewed", operations.render_response(Operation.RENEW, AcceptedResponse("a" * 32), seal("p256"))
    yield "fault", operations.render_fault("Send a SOAP 1.1 envelope.", actor_is_client=True)


def documents() -> Iterator[tuple[str, bytes]]:
    """Yield signed documents, by names."""
    for kind in material.KINDS:
        for recipe in SignatureProfile:
            yield f"{kind}-{recipe.name.lower()}", sign_document(_DOCUMENTS["plain"], seal(kind), recipe)
    for name in ("prefixed", "around"):
        for recipe in SignatureProfile:
            yield f"{name}-{recipe.name.lower()}", sign_document(_DOCUMENTS[name], seal("p256"), recipe)


def _renewal(kind: str, recipe: SignatureProfile) -> bytes:
    ask = RenewRequest(Environment.TEST, WHO, NAME, signing_request("p256"), material.der(kind))
    return operations.render_renew(ask, seal(kind), recipe)


def _without_signature(message: bytes) -> bytes:
    start, end = message.index(b"<ds:Signature"), message.index(b"</ds:Signature>")
    return message[:start] + message[end + len(b"</ds:Signature>") :]
