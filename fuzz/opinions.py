"""Second opinion on every document that is read and every accepted signature.

It shares only OpenSSL with the first: expat reads, `xml_reading` canonicalises, hashlib digests.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from fuzz.target import must
from fuzz.xml_reading import EXCLUSIVE, Document, Element, Form, NotRead, read
from sinetti.wire.xmldsig import parser
from sinetti.wire.xmldsig.signature import VerifiedDocument

DS = "http://www.w3.org/2000/09/xmldsig#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
_ENVELOPED = DS + "enveloped-signature"
HASHES: Mapping[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


@contextmanager
def parsers_agree() -> Iterator[None]:
    """Check within the block that expat and libxml2 agree.

    A document that expat refuses never reaches libxml2. Both give the same result for a document that they accept.
    """
    plain = parser.tree_of

    def tree_of(octets: bytes) -> etree._Element:
        try:
            document = read(octets)
        except NotRead as bad:
            must(condition=False, sentence=f"libxml2 is asked for nothing that expat refuses: {bad}")
        root = plain(octets)
        # libxml2 leaves "&" in a namespace name unescaped, so wire/xmldsig/parser.py canonicalises no such document.
        if any("&" in uri for one in document.root.below() for uri in one.scope.values()):
            return root
        # A namespace name that is relative, or no URI for libxml2, has no canonical form (C14N 1.0, 1.3).
        with suppress(etree.C14NError):
            made = etree.tostring(root, method="c14n", exclusive=True, with_comments=False)
            must(made == EXCLUSIVE.part(document.root), "expat and libxml2 make the same of a document")
        return root

    parser.tree_of = tree_of
    try:
        yield
    finally:
        parser.tree_of = plain


def is_borne_out(source: bytes, verified: VerifiedDocument) -> None:
    """Check that the signature in this document (octets) is valid.

    The returned octets must be those that it covers.
    """
    document = read(source)
    (signature,) = [one for one in document.root.below() if one.name.uri == DS and one.name.local == "Signature"]
    must(signature is document.root.elements[-1], "the signature is the last child of the root")
    info, value, _ = signature.elements
    must(_signature_holds(info, _octets(value), verified.certificate), "the signature is computed again, and holds")
    document.root.content.remove(signature)
    _merge(document.root)
    covers(info, document, verified.octets)
    holds_alone(verified.octets)


def covers(info: Element, document: Document, octets: bytes) -> None:
    """Check the digest in SignedInfo.

    It must be that of these octets, and they must be the document's canonical form.
    """
    reference = info.elements[2]
    must(dict(_named(reference)).get("URI") == "", "the reference is to the whole document")
    transforms, method, digest = reference.elements
    hashing = hashlib.new("sha" + dict(_named(method))["Algorithm"][-3:])
    hashing.update(octets)
    must(hashing.digest() == _octets(digest), "the digest is that of the returned octets")
    chosen = [dict(_named(one))["Algorithm"] for one in transforms.elements]
    must(chosen[0] == _ENVELOPED and len(chosen) in {1, 2}, "the transforms are one of the two recipes")
    form = Form(exclusive=False) if len(chosen) == 1 else _form(transforms.elements[1])
    must(form.whole(document) == octets, "the returned octets are the document without its signature")


def holds_alone(octets: bytes) -> None:
    """Check that canonical octets are complete.

    Alone they are read as they were digested, and no piece of them is a document.
    """
    again = parser.parse(octets)
    exclusive = EXCLUSIVE.whole(read(octets))
    must(EXCLUSIVE.part(read(octets).root) == parser.exclusive(again), "what is returned reads as it was digested")
    must(exclusive == EXCLUSIVE.whole(read(exclusive)), "a canonical form is that of itself")
    end = parser.root_end(octets)
    for cut in (octets[: end + 1], octets[:end], octets[: end // 2]):
        try:
            parser.parse(cut)
        except parser.XmlRejected:
            continue
        must(condition=False, sentence="a piece of a document is no document")


def _signature_holds(info: Element, value: bytes, certificate: bytes) -> bool:
    canonicalisation, method, _ = info.elements
    signed, algorithm = _form(canonicalisation).part(info), dict(_named(method))["Algorithm"]
    hashing, key = HASHES[algorithm[-3:]](), x509.load_der_x509_certificate(certificate).public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            must("#rsa-" in algorithm, "an RSA key goes with an RSA method")
            key.verify(value, signed, padding.PKCS1v15(), hashing)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            must("#ecdsa-" in algorithm, "an EC key goes with an ECDSA method")
            half = len(value) // 2
            numbers = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
            key.verify(encode_dss_signature(*numbers), signed, ec.ECDSA(hashing))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _form(method: Element) -> Form:
    algorithm = dict(_named(method))["Algorithm"]
    must(algorithm in {_EXCLUSIVE, _INCLUSIVE}, "canonicalisation is one of the two")
    kept = [dict(_named(one)).get("PrefixList", "").split() for one in method.elements]
    return Form(algorithm == _EXCLUSIVE, tuple(kept[0]) if kept else ())


def _named(element: Element) -> Iterator[tuple[str, str]]:
    yield from ((name.local, value) for name, value in element.attributes if not name.uri)


def _octets(element: Element) -> bytes:
    return base64.b64decode("".join((element.text or "").split()))


def _merge(element: Element) -> None:
    """Merge two texts that an element between them kept apart."""
    merged: list[object] = []
    for one in element.content:
        if isinstance(one, str) and merged and isinstance(merged[-1], str):
            merged[-1] += one
        else:
            merged.append(one)
    element.content[:] = merged  # type: ignore[assignment]
