"""Accepted algorithms of XML Signature: C14N, digests, RSA PKCS#1 v1.5 and ECDSA."""

import hashlib
import io
import math
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

from sinetti.pki import encoding
from sinetti.pki.encoding import AnyPublicKey
from sinetti.wire.xmldsig.parser import DS, TOO_MUCH, XmlRejected

ENVELOPED = DS + "enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"

LARGEST_FORM = 64_000_000
"""Octets of a canonical form that is verified.

Three times the largest document of a gateway. Exclusive C14N repeats a declaration at each element that uses it if the
parent element does not. `<a:b/>` 400,000 times with a namespace name of 250 characters would make 100 MB of 2.4 MB.
Any sender with some valid SignedInfo could send that.
"""

_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_DIGESTS = {
    SHA256: hashlib.sha256,
    _MORE + "sha384": hashlib.sha384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashlib.sha512,
}


class XmlSignatureAlgorithm(StrEnum):
    """Accepted signature methods (RFC 9231, 2.3)."""

    RSA_SHA256 = _MORE + "rsa-sha256"
    RSA_SHA384 = _MORE + "rsa-sha384"
    RSA_SHA512 = _MORE + "rsa-sha512"
    ECDSA_SHA256 = _MORE + "ecdsa-sha256"
    ECDSA_SHA384 = _MORE + "ecdsa-sha384"
    ECDSA_SHA512 = _MORE + "ecdsa-sha512"


_HASHES: dict[XmlSignatureAlgorithm, type[hashes.HashAlgorithm]] = {
    XmlSignatureAlgorithm.RSA_SHA256: hashes.SHA256,
    XmlSignatureAlgorithm.RSA_SHA384: hashes.SHA384,
    XmlSignatureAlgorithm.RSA_SHA512: hashes.SHA512,
    XmlSignatureAlgorithm.ECDSA_SHA256: hashes.SHA256,
    XmlSignatureAlgorithm.ECDSA_SHA384: hashes.SHA384,
    XmlSignatureAlgorithm.ECDSA_SHA512: hashes.SHA512,
}
_DEFAULT = "#default"
"""Name of the default namespace in a PrefixList (Exclusive C14N 1.0, 4)."""

_NO_FORM = "a relative namespace name has no canonical form"

_RSA = frozenset({XmlSignatureAlgorithm.RSA_SHA256, XmlSignatureAlgorithm.RSA_SHA384, XmlSignatureAlgorithm.RSA_SHA512})


class _Written:
    """Buffer of limited size; a longer write raises XmlRejected."""

    def __init__(self, most: int | None) -> None:
        self._octets, self._left = io.BytesIO(), math.inf if most is None else most

    def write(self, octets: bytes) -> int:
        self._left -= len(octets)
        if self._left < 0:
            raise XmlRejected(TOO_MUCH)
        return self._octets.write(octets)

    def getvalue(self) -> bytes:
        return self._octets.getvalue()


@dataclass(frozen=True, slots=True)
class Canonical:
    """C14N without comments.

    Exclusive, with the prefixes of an InclusiveNamespaces, or inclusive 1.0.
    """

    exclusive: bool
    prefixes: tuple[str, ...] = ()

    def octets(self, node: etree._Element) -> bytes:
        """Return the canonical form of an element.

        Raises XmlRejected for a relative namespace name, which has none (C14N 1.0, 1.3).
        """
        try:
            return etree.tostring(
                node, method="c14n", exclusive=self.exclusive, with_comments=False, inclusive_ns_prefixes=self._kept()
            )
        except etree.C14NError as bad:
            raise XmlRejected(_NO_FORM) from bad

    def whole(self, root: etree._Element, most: int | None = None) -> bytes:
        """Return the canonical form of the whole document of a root.

        Raises XmlRejected as `octets` does, or if the form has more than `most` octets. It is written in parts, so
        that one copy less is in memory: 8 MB for a document of 10 MB.
        """
        written = _Written(most)
        try:
            root.getroottree().write_c14n(  # type: ignore[call-arg]  # the stubs know no `exclusive`
                written,  # type: ignore[arg-type]  # and want all that a file can
                exclusive=self.exclusive,
                with_comments=False,
                inclusive_ns_prefixes=self._kept(),
            )
        except etree.C14NError as bad:
            raise XmlRejected(_NO_FORM) from bad
        return written.getvalue()

    def _kept(self) -> list[str]:
        if _DEFAULT in self.prefixes:
            # lxml ignores a prefix whose name no document of this thread contains; this one now contains it.
            etree.fromstring(f'<x xmlns:a="{_DEFAULT}"/>')
        return list(self.prefixes)


def digest_of(algorithm: str | None, octets: bytes) -> bytes | None:
    """Return the digest by the algorithm of this URI; None if that is not accepted."""
    hashing = _DIGESTS.get(algorithm or "")
    return None if hashing is None else hashing(octets).digest()


def algorithm_for(public_key: AnyPublicKey) -> XmlSignatureAlgorithm:
    """Return the signature method of a key, with the hash of `signatures.hash_for`.

    Raises ValueError for a key that is neither RSA nor EC.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return XmlSignatureAlgorithm(f"{_MORE}rsa-{encoding.hash_for(public_key).name}")
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return XmlSignatureAlgorithm(f"{_MORE}ecdsa-{encoding.hash_for(public_key).name}")
    raise ValueError("only RSA and EC keys sign documents")


def encode_value(public_key: AnyPublicKey, signature: bytes) -> bytes:
    """Return a plain signature in the form of SignatureValue.

    ECDSA as r and s, one after the other (XML Signature 1.1, 6.4.3).
    """
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        return signature
    return b"".join(number.to_bytes(_width(public_key), "big") for number in decode_dss_signature(signature))


def verify_value(public_key: AnyPublicKey, algorithm: XmlSignatureAlgorithm, octets: bytes, value: bytes) -> bool:
    """Return whether a SignatureValue fits.

    False also if key and algorithm are of different families.
    """
    hashing = _HASHES[algorithm]()
    try:
        if isinstance(public_key, rsa.RSAPublicKey) and algorithm in _RSA:
            public_key.verify(value, octets, padding.PKCS1v15(), hashing)
            return True
        if isinstance(public_key, ec.EllipticCurvePublicKey) and algorithm not in _RSA:
            public_key.verify(_plain(public_key, value), octets, ec.ECDSA(hashing))
            return True
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return False


def _plain(public_key: ec.EllipticCurvePublicKey, value: bytes) -> bytes:
    width = _width(public_key)
    if len(value) != 2 * width:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big"))


def _width(public_key: ec.EllipticCurvePublicKey) -> int:
    """Return the number of octets of each of r and s."""
    return (public_key.curve.key_size + 7) // 8


LARGEST_CERTIFICATE = 32_768
"""Largest certificate in octets of DER (facts sheet, 2)."""
