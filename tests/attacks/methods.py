"""Shapes of method: transforms, algorithms and values that are not accepted.

Most of them are right by their own rules.
"""

import hashlib
import hmac
import re
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from sinetti.domain.values import KeyType
from tests.attacks.messages import (
    BROKEN,
    P256_ORDER,
    RSA,
    TAKEN,
    Attack,
    Given,
    Make,
    encode,
    otherwise,
    p256,
    with_value,
)
from tests.support.xml_signing import (
    DS,
    ENVELOPED,
    EXCLUSIVE,
    INCLUSIVE,
    MORE,
    PLACE,
    beside,
    kept,
    transform,
)

_ENVELOPED, _EXCLUSIVE, _INCLUSIVE = (transform(one) for one in (ENVELOPED, EXCLUSIVE, INCLUSIVE))
_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
_C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"
_WITH_COMMENTS = {EXCLUSIVE: f"{EXCLUSIVE}WithComments", INCLUSIVE: f"{INCLUSIVE}#WithComments"}


def _path(expression: str) -> str:
    return transform(_XPATH, f'<P:XPath xmlns:P="{DS}">{expression}</P:XPath>')


def _filtered(kind: str, expression: str) -> str:
    return transform(_FILTER, f'<f:XPath xmlns:f="{_FILTER}" Filter="{kind}">{expression}</f:XPath>')


_STYLE = (
    '<x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0"><x:output method="text"/>'
    '<x:template match="/">signed</x:template></x:stylesheet>'
)
_ESCAPE = _STYLE.replace("signed", '<x:value-of select="document(&quot;file:///etc/hostname&quot;)"/>')


def _forged_under(digested: bytes, *transforms: str) -> Make:
    """Sign a forged document so that the signature covers only `digested`.

    The transforms select it. Only a wrong verifier would accept the document.
    """
    digest = hashlib.sha256(digested).digest()
    return lambda given: given.signed(given.draft(given.evil), transforms=transforms, digest_value=digest)


def _by(*transforms: str, c14n: str = EXCLUSIVE) -> Attack:
    return Attack(otherwise(transforms=transforms, document_c14n=c14n), BROKEN)


_SOME = etree.tostring(etree.fromstring("<Environment>TEST</Environment>"), method="c14n")
TRANSFORMS = {
    "XPath that leaves the signature out, as enveloped does": _by(
        _path("not(ancestor-or-self::P:Signature)"), _EXCLUSIVE
    ),
    "XPath that selects one value of a forged document": Attack(
        _forged_under(_SOME, _ENVELOPED, _path("ancestor-or-self::Environment")), BROKEN
    ),
    "XPath in place of C14N": _by(_ENVELOPED, _path("true()"), c14n=INCLUSIVE),
    "XPath filter 2 that selects one value of a forged document": Attack(
        _forged_under(_SOME, _ENVELOPED, _filtered("intersect", "//Environment")), BROKEN
    ),
    "XPath filter 2 that subtracts the forged value": Attack(
        _forged_under(_SOME, _filtered("subtract", "//*[not(self::Environment)]"), _EXCLUSIVE), BROKEN
    ),
    "XSLT that makes a constant of a forged document": Attack(
        _forged_under(b"signed", _ENVELOPED, transform(_XSLT, _STYLE)), BROKEN
    ),
    "XSLT first": Attack(_forged_under(b"signed", transform(_XSLT, _STYLE), _EXCLUSIVE), BROKEN),
    "XSLT that reads a file": Attack(_forged_under(b"signed", _ENVELOPED, transform(_XSLT, _ESCAPE)), BROKEN),
    "XSLT within the enveloped transform": _by(transform(ENVELOPED, _STYLE), _EXCLUSIVE),
    "base64": _by(_ENVELOPED, transform(f"{DS}base64")),
    "base64 before enveloped": _by(transform(f"{DS}base64"), _ENVELOPED),
    "decryption": _by(_ENVELOPED, transform("http://www.w3.org/2002/07/decrypt#XML")),
    "STR-Transform of WS-Security": _by(_ENVELOPED, transform(_SECURITY)),
    "a transform that is unknown": _by(_ENVELOPED, transform("urn:example:identity")),
    "a transform without a name": _by(_ENVELOPED, "<P:Transform/>"),
    "a transform in another namespace": _by(_ENVELOPED, f'<Transform xmlns="urn:x" Algorithm="{EXCLUSIVE}"/>'),
    "C14N 1.1 of the document": _by(_ENVELOPED, transform(_C14N_11), c14n=INCLUSIVE),
    "C14N 1.1 of SignedInfo": Attack(otherwise(info_c14n=_C14N_11), BROKEN),
    "exclusive C14N with comments of the document": _by(
        _ENVELOPED, transform(_WITH_COMMENTS[EXCLUSIVE]), c14n=_WITH_COMMENTS[EXCLUSIVE]
    ),
    "inclusive C14N with comments of the document": _by(
        _ENVELOPED, transform(_WITH_COMMENTS[INCLUSIVE]), c14n=_WITH_COMMENTS[INCLUSIVE]
    ),
    "exclusive C14N with comments of SignedInfo": Attack(otherwise(info_c14n=_WITH_COMMENTS[EXCLUSIVE]), BROKEN),
    "inclusive C14N with comments of SignedInfo": Attack(otherwise(info_c14n=_WITH_COMMENTS[INCLUSIVE]), BROKEN),
    "no transform": _by(),
    "no Transforms element": Attack(
        lambda given: re.sub("<ds:Transforms>.*</ds:Transforms>", "", given.message), BROKEN
    ),
    "C14N without enveloped": _by(_EXCLUSIVE),
    "C14N before enveloped": _by(_EXCLUSIVE, _ENVELOPED),
    "enveloped twice": _by(_ENVELOPED, _ENVELOPED),
    "three transforms, C14N twice": _by(_ENVELOPED, _EXCLUSIVE, _EXCLUSIVE),
    "three transforms, enveloped twice": _by(_ENVELOPED, _ENVELOPED, _EXCLUSIVE),
    "inclusive after exclusive C14N": _by(_ENVELOPED, _EXCLUSIVE, _INCLUSIVE),
    "InclusiveNamespaces with prefixes of others": Attack(
        otherwise(
            transforms=(_ENVELOPED, transform(EXCLUSIVE, kept("s soap xs #default"))), document_prefixes="s soap xs"
        ),
        TAKEN,
    ),
    "InclusiveNamespaces of SignedInfo with prefixes of others": Attack(otherwise(info_prefixes="s soap xs"), TAKEN),
    "InclusiveNamespaces with a hundred prefixes": Attack(
        otherwise(info_prefixes=" ".join(f"p{number}" for number in range(100))), BROKEN
    ),
    "InclusiveNamespaces of inclusive C14N": Attack(otherwise(info_c14n=INCLUSIVE, info_prefixes="c"), BROKEN),
}
"""Shapes of the transforms that turn the document into octets."""


def public_of(certificate: bytes) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Return the public key of a certificate (DER)."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return key


SPKI = PublicFormat.SubjectPublicKeyInfo
SECRETS: dict[str, Callable[[bytes], bytes]] = {
    "the certificate": bytes,
    "the certificate's base64": lambda der: encode(der).encode(),
    "the certificate's PEM": lambda der: x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM),
    "the public key": lambda der: public_of(der).public_bytes(Encoding.DER, SPKI),
    "the public key's PEM": lambda der: public_of(der).public_bytes(Encoding.PEM, SPKI),
    "the point on the curve": lambda der: public_of(der).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    "nothing": lambda _der: b"",
}
"""Public data that a confused verifier could take for a secret."""


def _hmac(secret: Callable[[bytes], bytes], hashing: str = "sha256", length: int | None = None) -> Make:
    """Sign the forged document by HMAC with public data as key.

    `length` is the length of the truncated HMAC in bits.
    """

    def make(given: Given) -> str:
        inside = "" if length is None else f"<P:HMACOutputLength>{length}</P:HMACOutputLength>"
        cut = None if length is None else (length + 7) // 8

        def sign(_key: object, octets: bytes) -> bytes:
            return hmac.digest(secret(given.signer[1]), octets, hashing)[:cut] or b"\0"

        method = (MORE if hashing != "sha1" else DS) + f"hmac-{hashing}"
        return given.signed(given.draft(given.evil), method=method, method_inside=inside, sign=sign)

    return make


def _rsa_pss(key: object, octets: bytes) -> bytes:
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.sign(octets, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def _rsa(**changes: object) -> Attack:
    return Attack(otherwise(**changes), BROKEN, of=RSA, key=KeyType.RSA_2048)


def _plain(key: object, octets: bytes) -> bytes:
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(octets, ec.ECDSA(hashes.SHA256()))


def _with_sha1(key: object, octets: bytes) -> bytes:
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return beside(key, key.sign(octets, ec.ECDSA(hashes.SHA1())))  # noqa: S303 - one to be refused


def _digested(name: str, uri: str) -> Attack:
    def make(given: Given) -> str:
        document = etree.fromstring(given.draft().replace(PLACE, ""))
        octets = etree.tostring(document, method="c14n", exclusive=True)
        return given.signed(digest=uri, digest_value=hashlib.new(name, octets, usedforsecurity=False).digest())

    return Attack(make, BROKEN)


def _rsa_without_name(key: object, octets: bytes) -> bytes:
    """Sign the bare hash by PKCS#1 v1.5, without the name of its algorithm."""
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    hashed = hashlib.sha256(octets).digest()
    block = b"\x00\x01" + b"\xff" * (256 - 3 - len(hashed)) + b"\x00" + hashed
    return pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n).to_bytes(256, "big")


_WIDTH = 32


def _numbers(change_them: Callable[[int, int], tuple[int, int]]) -> Make:
    """Change r and s of the signature."""

    def change_octets(value: bytes) -> bytes:
        changed = change_them(int.from_bytes(value[:_WIDTH], "big"), int.from_bytes(value[_WIDTH:], "big"))
        return b"".join(number.to_bytes(_WIDTH, "big") for number in changed)

    return with_value(change_octets)


ALGORITHMS = {
    **{f"HMAC with {name} as its secret": Attack(_hmac(secret), BROKEN) for name, secret in SECRETS.items()},
    "HMAC with SHA-1": Attack(_hmac(bytes, "sha1"), BROKEN),
    "HMAC cut to 8 bits": Attack(_hmac(bytes, length=8), BROKEN),
    "HMAC cut to nothing": Attack(_hmac(bytes, length=0), BROKEN),
    "an HMACOutputLength beside ECDSA": Attack(
        otherwise(method_inside="<P:HMACOutputLength>8</P:HMACOutputLength>"), BROKEN
    ),
    "a digest by SHA-1": _digested("sha1", f"{DS}sha1"),
    "a digest by SHA-224": _digested("sha224", f"{MORE}sha224"),
    "a digest by MD5": _digested("md5", f"{MORE}md5"),
    "a digest by RIPEMD-160's name": _digested("sha1", "http://www.w3.org/2001/04/xmlenc#ripemd160"),
    "a digest by SHA3-256": _digested("sha3_256", "http://www.w3.org/2007/05/xmldsig-more#sha3-256"),
    "a digest without a name": _digested("sha256", ""),
    "a digest with a salt inside its method": Attack(otherwise(digest_inside="<P:Salt>AAAA</P:Salt>"), BROKEN),
    "a digest of nothing": Attack(lambda given: given.signed(digest_value=hashlib.sha256(b"").digest()), BROKEN),
    "RSA with SHA-1": _rsa(method=f"{DS}rsa-sha1"),
    "RSA with MD5 by name": _rsa(method=f"{MORE}rsa-md5", sign=_rsa_without_name),
    "RSA-PSS": _rsa(method="http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1", sign=_rsa_pss),
    "RSA-PSS under the name of PKCS#1 v1.5": _rsa(sign=_rsa_pss),
    "RSA over a hash whose algorithm is not said": _rsa(sign=_rsa_without_name),
    "RSA under the name of ECDSA": _rsa(
        method=f"{MORE}ecdsa-sha256", sign=lambda key, octets: key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
    ),
    "RSA with a zero before its value": Attack(
        with_value(lambda value: b"\0" + value), BROKEN, of=RSA, key=KeyType.RSA_2048
    ),
    "RSA of the value one": Attack(with_value(lambda value: bytes(255) + b"\1"), BROKEN, of=RSA, key=KeyType.RSA_2048),
    "ECDSA with SHA-1": Attack(otherwise(method=f"{MORE}ecdsa-sha1", sign=_with_sha1), BROKEN),
    "ECDSA with SHA-224": Attack(
        otherwise(
            method=f"{MORE}ecdsa-sha224",
            sign=lambda key, octets: beside(key, p256(key).sign(octets, ec.ECDSA(hashes.SHA224()))),
        ),
        BROKEN,
    ),
    "ECDSA under the name of RSA": Attack(
        otherwise(method=f"{MORE}rsa-sha256", sign=lambda key, octets: beside(key, _plain(key, octets))), BROKEN
    ),
    "DSA by name": Attack(otherwise(method=f"{DS}dsa-sha1", sign=_with_sha1), BROKEN),
    "Ed25519 by name": Attack(
        otherwise(method="http://www.w3.org/2021/04/xmldsig-more#eddsa-ed25519", sign=_with_sha1), BROKEN
    ),
    "no signature method's name": Attack(
        otherwise(method="", sign=lambda key, octets: beside(key, _plain(key, octets))), BROKEN
    ),
    "a blank after the signature method's name": Attack(
        otherwise(method=f"{MORE}ecdsa-sha256 ", sign=lambda key, octets: beside(key, _plain(key, octets))), BROKEN
    ),
    "ECDSA in DER": Attack(otherwise(sign=_plain), BROKEN),
    "r and s too wide": Attack(with_value(lambda value: b"\0" + value[:_WIDTH] + b"\0" + value[_WIDTH:]), BROKEN),
    "r and s too narrow": Attack(with_value(lambda value: value[1:_WIDTH] + value[_WIDTH + 1 :]), BROKEN),
    "a zero between r and s": Attack(with_value(lambda value: value[:_WIDTH] + b"\0" + value[_WIDTH:]), BROKEN),
    "an octet after s": Attack(with_value(lambda value: value + b"\0"), BROKEN),
    "r and s zero": Attack(_numbers(lambda r, s: (0, 0)), BROKEN),
    "r and s the order of the group": Attack(_numbers(lambda r, s: (P256_ORDER, P256_ORDER)), BROKEN),
    "r zero": Attack(_numbers(lambda r, s: (0, s)), BROKEN),
    "r and s exchanged": Attack(_numbers(lambda r, s: (s, r)), BROKEN),
    "a bit of the value changed": Attack(_numbers(lambda r, s: (r, s ^ 1)), BROKEN),
    "the other s, which fits as well": Attack(_numbers(lambda r, s: (r, P256_ORDER - s)), TAKEN),
}
"""Shapes of the digest and signature algorithms and of the signature's value."""
