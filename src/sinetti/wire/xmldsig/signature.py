"""Enveloped XML signature of a fixed shape, signed and verified.

The shape (XML Signature 1.1; facts sheet, 2):

- ds:Signature is the last child of the root and the only one in the document.
- It has one Reference `""`.
- The transforms are [enveloped] or [enveloped, one C14N without comments].
- The digest is SHA-256, SHA-384 or SHA-512, the signature RSA PKCS#1 v1.5 or ECDSA.
- It has one X509Certificate.

Everything else is refused. A caller may act on the octets that were digested, and on nothing beside them.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree

from sinetti.pki.encoding import AnyPublicKey, describes_curve
from sinetti.wire.xmldsig import algorithms, parser
from sinetti.wire.xmldsig.algorithms import (
    ENVELOPED,
    EXCLUSIVE,
    INCLUSIVE,
    LARGEST_CERTIFICATE,
    LARGEST_FORM,
    SHA256,
    Canonical,
    XmlSignatureAlgorithm,
)
from sinetti.wire.xmldsig.errors import SignatureErrorCode, SignatureInvalid, SignatureMissing, WrongReference
from sinetti.wire.xmldsig.parser import DS, XmlRejected, children
from sinetti.wire.xmldsig.signers import DocumentSigner

SIGNATURE = f"{{{DS}}}Signature"

_XML = "{http://www.w3.org/XML/1998/namespace}"
_LINE = 76
_SIGNED_INFO = f'<ds:SignedInfo xmlns:ds="{DS}">'

_METHODS = frozenset(XmlSignatureAlgorithm)

# C14N looks for each of them at every element. Programs list the prefixes that their envelopes declare.
_MOST_PREFIXES = 32


class SignatureProfile(Enum):
    """The two signature profiles in use (facts sheet, 2)."""

    EXCLUSIVE = "enveloped, then exclusive C14N"
    ENVELOPED = "enveloped alone, which implies inclusive C14N"


@dataclass(frozen=True, slots=True)
class PreparedSignature:
    """ds:Signature that lacks its value.

    `octets` are SignedInfo in its canonical form, which the signer signs. `certificate` is the signer's (DER).
    """

    octets: bytes = field(repr=False)
    certificate: bytes = field(repr=False)

    def finish(self, plain: bytes) -> bytes:
        """Write ds:Signature with a plain signature over the octets."""
        public_key, lines = _key_and_base64(self.certificate)
        info = "<ds:SignedInfo>" + self.octets.decode().removeprefix(_SIGNED_INFO)
        value = parser.encode_base64(algorithms.encode_value(public_key, plain))
        return (
            f'<ds:Signature xmlns:ds="{DS}">{info}<ds:SignatureValue>{value}</ds:SignatureValue>'
            f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{lines}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            "</ds:Signature>"
        ).encode()


@dataclass(frozen=True, slots=True)
class VerifiedDocument:
    """Verified document.

    `octets`: the canonical form that was digested. `certificate`: DER; its key verified the signature, but its trust
    is not judged here. `signed_info`: the canonical form that was signed. `signature`: the octets of SignatureValue.
    """

    octets: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    signed_info: bytes = field(default=b"", repr=False, compare=False)
    signature: bytes = field(default=b"", repr=False, compare=False)


def sign_document(document: bytes, seal: DocumentSigner, recipe: SignatureProfile) -> bytes:
    """Insert the signature of a whole document as the root's last child.

    Every other octet stays (but a BOM). Raises ValueError for malformed XML, for a document that has a ds:Signature
    already, and for one without a canonical form.
    """
    document = parser.without_bom(document)
    root = parser.parse(document)
    if next(root.iter(SIGNATURE), None) is not None:
        raise ValueError("the document already has a signature")
    signature = signature_over(Canonical(recipe is SignatureProfile.EXCLUSIVE).whole(root), seal, recipe)
    end = parser.root_end(document)
    if not document.startswith(b"</", end):  # an empty-element tag has no content: open it
        root.text = ""
        document = etree.tostring(root.getroottree(), encoding="utf-8")
        end = parser.root_end(document)
    return document[:end] + signature + document[end:]


def signature_over(canonical: bytes, seal: DocumentSigner, recipe: SignatureProfile) -> bytes:
    """Write ds:Signature over a document in its canonical form."""
    prepared = prepare_signature(canonical, seal, recipe)
    return prepared.finish(seal.sign(prepared.octets))


def prepare_signature(canonical: bytes, seal: DocumentSigner, recipe: SignatureProfile) -> PreparedSignature:
    """Prepare ds:Signature over a document in its canonical form.

    SignedInfo is written in its canonical form, so that it stands as signed. Programs in the field read the signature
    as text (facts sheet, 3): no attributes within, and the certificate between newlines.
    """
    digest = algorithms.digest_of(SHA256, canonical)
    transforms = [ENVELOPED, EXCLUSIVE] if recipe is SignatureProfile.EXCLUSIVE else [ENVELOPED]
    written = "".join(f'<ds:Transform Algorithm="{transform}"></ds:Transform>' for transform in transforms)
    inside = (
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{seal.algorithm.value}"></ds:SignatureMethod>'
        f'<ds:Reference URI=""><ds:Transforms>{written}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{parser.encode_base64(digest or b'')}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    return PreparedSignature(f"{_SIGNED_INFO}{inside}".encode(), seal.certificate)


@lru_cache(maxsize=16)
def _key_and_base64(certificate: bytes) -> tuple[AnyPublicKey, str]:
    text = parser.encode_base64(certificate)
    lines = "\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return x509.load_der_x509_certificate(certificate).public_key(), lines


def verify_document(
    document: bytes | Iterable[etree._Element],
    accept_key: Callable[[x509.Certificate], bool],
    known_key: Callable[[bytes], AnyPublicKey | None] = lambda _der: None,
) -> VerifiedDocument:
    """Verify a document, or the first that fits of several candidates for it.

    The candidates are given by their roots, which are taken apart. `accept_key` judges the presented certificate
    before anything is verified with its key (which is known to load). `known_key` returns the key of a certificate
    (DER) that the caller has accepted before; None: it is loaded and judged. A key that is kept verifies faster.
    Raises XmlRejected (a ValueError) for malformed XML, SignatureMissing, SignatureInvalid, each for the first
    candidate.
    """
    first: ValueError | None = None
    for root in [parser.parse(document)] if isinstance(document, bytes) else document:
        try:
            return _verify(root, lambda der: known_key(der) or _judged_key(der, accept_key))
        except (XmlRejected, SignatureMissing, SignatureInvalid) as bad:
            first = first or bad
    raise first or SignatureInvalid(SignatureErrorCode.NOT_CUT)


def _verify(root: etree._Element, key_of: Callable[[bytes], AnyPublicKey]) -> VerifiedDocument:
    # 1 The one signature, and its three parts. An Object would be a place for unsigned content.
    elements = list(root.iter(SIGNATURE))
    if not elements:
        raise SignatureMissing(SignatureErrorCode.MISSING)
    if elements != list(itertools.islice(root.iterchildren("*", reversed=True), 1)):
        raise WrongReference(SignatureErrorCode.MISPLACED)
    info, value, key_info = _take(elements[0], "SignedInfo", "SignatureValue", "KeyInfo")
    # 2 SignedInfo against the shape.
    method, algorithm, reference = _take(info, "CanonicalizationMethod", "SignatureMethod", "Reference")
    _demand(algorithm.get("Algorithm") in _METHODS and not children(algorithm), SignatureErrorCode.METHOD)
    if reference.get("URI") != "":
        raise WrongReference(SignatureErrorCode.ELSEWHERE)
    transforms, digesting, digest = _take(reference, "Transforms", "DigestMethod", "DigestValue")
    _demand(not children(digesting), SignatureErrorCode.DIGEST_METHOD)
    info_form, document_form = c14n_of(method), read_transforms(transforms)
    # 3 The presented key, within bounds before it is used.
    certificate = _presented(key_info)
    public_key = key_of(certificate)
    # 4 The signature over SignedInfo, while it still stands in its document; all of its content is checked.
    signature, claimed_digest = _octets(value), _octets(digest)
    signed = signed_info(info, info_form)
    fits = algorithms.verify_value(public_key, XmlSignatureAlgorithm(algorithm.get("Algorithm", "")), signed, signature)
    _demand(fits, SignatureErrorCode.SIGNATURE_MISFIT)
    # 5 The digest, over the document without its signature.
    remove(elements[0], root)
    octets = document_form.whole(root, LARGEST_FORM)
    _demand(
        algorithms.digest_of(digesting.get("Algorithm"), octets) == claimed_digest, SignatureErrorCode.DIGEST_MISFIT
    )
    return VerifiedDocument(octets, certificate, signed, signature)


def _demand(condition: bool, flaw: SignatureErrorCode) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise SignatureInvalid(flaw)


def _take(parent: etree._Element, *names: str) -> list[etree._Element]:
    elements = children(parent)
    _demand([child.tag for child in elements] == [f"{{{DS}}}{name}" for name in names], SignatureErrorCode.PARTS)
    return elements


def _octets(element: etree._Element) -> bytes:
    octets = parser.decode_base64(parser.value(element))
    if not octets:
        raise SignatureInvalid(SignatureErrorCode.NOT_BASE64)
    return octets


def c14n_of(method: etree._Element) -> Canonical:
    """Return the canonical form that an element names.

    Raises SignatureInvalid for one that is not accepted.
    """
    algorithm, inside = method.get("Algorithm"), children(method)
    _demand(algorithm in {EXCLUSIVE, INCLUSIVE}, SignatureErrorCode.CANONICALISATION)
    if not inside:
        return Canonical(algorithm == EXCLUSIVE)
    kept = [child for child in inside if child.tag == f"{{{EXCLUSIVE}}}InclusiveNamespaces" and not children(child)]
    _demand(algorithm == EXCLUSIVE and len(inside) == len(kept) == 1, SignatureErrorCode.CANONICALISATION)
    prefixes = tuple(dict.fromkeys(kept[0].get("PrefixList", "").split()))
    _demand(len(prefixes) <= _MOST_PREFIXES, SignatureErrorCode.CANONICALISATION)
    return Canonical(exclusive=True, prefixes=prefixes)


def read_transforms(transforms: etree._Element) -> Canonical:
    """Return the canonical form that is digested.

    Raises SignatureInvalid for transforms outside the two profiles.
    """
    match children(transforms):
        case [first] if first.get("Algorithm") == ENVELOPED and not children(first):
            chosen = Canonical(exclusive=False)
        case [first, second] if first.get("Algorithm") == ENVELOPED and not children(first):
            chosen = c14n_of(second)
        case _:
            raise SignatureInvalid(SignatureErrorCode.TRANSFORMS)
    _demand(all(child.tag == f"{{{DS}}}Transform" for child in children(transforms)), SignatureErrorCode.TRANSFORMS)
    return chosen


def _presented(key_info: etree._Element) -> bytes:
    parts = children(key_info)
    known = {f"{{{DS}}}{name}" for name in ("KeyName", "KeyValue", "X509Data")}
    certificates = list(key_info.iter(f"{{{DS}}}X509Certificate"))
    _demand({part.tag for part in parts} <= known and len(certificates) == 1, SignatureErrorCode.NOT_ONE_CERTIFICATE)
    around = [part for part in parts if part.tag == f"{{{DS}}}X509Data"]
    _demand(certificates[0].getparent() in around, SignatureErrorCode.NO_X509_DATA)
    der = _octets(certificates[0])
    _demand(len(der) <= LARGEST_CERTIFICATE, SignatureErrorCode.CERTIFICATE_TOO_LONG)
    return der


def _judged_key(der: bytes, accept_key: Callable[[x509.Certificate], bool]) -> AnyPublicKey:
    try:
        certificate = x509.load_der_x509_certificate(der)
        public_key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as bad:
        raise SignatureInvalid(SignatureErrorCode.CERTIFICATE_UNREADABLE) from bad
    _demand(accept_key(certificate) and not describes_curve(certificate), SignatureErrorCode.KEY_NOT_ACCEPTED)
    return public_key


def signed_info(info: etree._Element, canonical: Canonical) -> bytes:
    """Return the octets that SignatureValue covers; `info` stands in its document."""
    if canonical.exclusive:
        return canonical.octets(info)
    # Inclusive C14N of a part also includes xml: attributes of ancestors (C14N 1.0, 2.4): make it a whole with them.
    whole = parser.parse(etree.tostring(info, encoding="utf-8", with_tail=False))
    for ancestor in info.iterancestors():
        for name, text in ancestor.attrib.items():
            if str(name).startswith(_XML) and name not in whole.attrib:
                whole.set(name, text)
    return canonical.octets(whole)


def remove(element: etree._Element, parent: etree._Element) -> None:
    """Remove an element and keep the text after it, which lxml counts as its part."""
    before = element.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)
