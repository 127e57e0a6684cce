"""HTTP message signatures (RFC 9421) with the key of a holder's certificate.

Shape, covered components and times are those of `profile.py`. `keyid` names the certificate: the SHA-256 of its DER in
lower-case hex, or its id of RFC 9773, 4.1. The algorithm follows from the key, and no other is accepted:

| key | algorithms |
|---|---|
| RSA of 2048 to 4096 bits | rsa-pss-sha512, rsa-v1_5-sha256; `alg` has to say which |
| P-256 | ecdsa-p256-sha256 |
| P-384 | ecdsa-p384-sha384 |

Keys of gateways are not accepted here, and keys of holders are not accepted in `profile.py`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sinetti.pki.encoding import PrivateKey, PublicKey
from sinetti.wire.http_signatures.profile import Profile, SignedComponents, signed_headers, verify_with_profile


class HttpSignatureAlgorithm(StrEnum):
    """Signature algorithms of holders' keys (RFC 9421, 6.2.2)."""

    RSA_PSS = "rsa-pss-sha512"
    RSA = "rsa-v1_5-sha256"
    P256 = "ecdsa-p256-sha256"
    P384 = "ecdsa-p384-sha384"


Signer = Callable[[HttpSignatureAlgorithm, bytes], bytes]
"""Function that signs octets with one of these algorithms (RFC 9421, 3.3).

For RSA it returns the octets of RFC 8017. For ECDSA it returns r and s, each as wide as the curve, one after the other
(as PKCS#11's CKM_ECDSA returns them).
"""

_SMALLEST, _LARGEST = 2048, 4096
_SALT = 64
"""Octets of the salt of rsa-pss-sha512 (RFC 9421, 3.3.1)."""

_WIDTH: Mapping[HttpSignatureAlgorithm, int] = {HttpSignatureAlgorithm.P256: 32, HttpSignatureAlgorithm.P384: 48}
_HASH: Mapping[HttpSignatureAlgorithm, Callable[[], hashes.HashAlgorithm]] = {
    HttpSignatureAlgorithm.P256: hashes.SHA256,
    HttpSignatureAlgorithm.P384: hashes.SHA384,
}


def algorithms(key: PublicKey) -> tuple[HttpSignatureAlgorithm, ...]:
    """Return the algorithms that this key may sign with, the preferred one first.

    Empty for a key of another kind or size.
    """
    if isinstance(key, rsa.RSAPublicKey):
        return (
            (HttpSignatureAlgorithm.RSA_PSS, HttpSignatureAlgorithm.RSA)
            if _SMALLEST <= key.key_size <= _LARGEST
            else ()
        )
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, ec.SECP256R1):
            return (HttpSignatureAlgorithm.P256,)
        if isinstance(key.curve, ec.SECP384R1):
            return (HttpSignatureAlgorithm.P384,)
    return ()


def certificate_signer(key: PrivateKey) -> Signer:
    """Return a signer for a private key in memory."""

    def value(algorithm: HttpSignatureAlgorithm, octets: bytes) -> bytes:
        if isinstance(key, rsa.RSAPrivateKey):
            if algorithm is HttpSignatureAlgorithm.RSA_PSS:
                return key.sign(octets, _pss(), hashes.SHA512())
            return key.sign(octets, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(_HASH[algorithm]())))
        return r.to_bytes(_WIDTH[algorithm], "big") + s.to_bytes(_WIDTH[algorithm], "big")

    return value


def sign(
    parts: SignedComponents, key_id: str, created: datetime, algorithm: HttpSignatureAlgorithm, signer: Signer
) -> dict[str, str]:
    """Return the headers that sign a request with the certificate that `key_id` names."""
    return signed_headers(parts, key_id, created, algorithm, lambda octets: signer(algorithm, octets))


def verify(
    parts: SignedComponents, headers: Mapping[str, str], key_of: Callable[[str], PublicKey | None], now: datetime
) -> str:
    """Return the key ID of the signer of this request.

    `headers`: by their lower-case names. Raises MessageSignatureError.
    """
    return verify_with_profile(_HOLDERS, parts, headers, key_of, now)


def _holds(key: PublicKey, algorithm: str, octets: bytes, value: bytes) -> bool:
    chosen = HttpSignatureAlgorithm(algorithm)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            if chosen is HttpSignatureAlgorithm.RSA_PSS:
                key.verify(value, octets, _pss(), hashes.SHA512())
            else:
                key.verify(value, octets, padding.PKCS1v15(), hashes.SHA256())
            return True
        width = _WIDTH[chosen]
        if len(value) != 2 * width:
            return False
        r, s = int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big")
        key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(_HASH[chosen]()))
    except InvalidSignature:
        return False
    return True


def _pss() -> padding.PSS:
    return padding.PSS(padding.MGF1(hashes.SHA512()), _SALT)


_HOLDERS: Profile[PublicKey] = Profile(algorithms, _holds, longest=_LARGEST // 8)
