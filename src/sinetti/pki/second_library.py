"""Check of signatures by another library than the one that signs.

With `sinetti[fast]` it is AWS-LC (awscrt): a fault of one library is then not confirmed by itself, and a P-384
signature takes half of the time. Without it, for RSA keys and for other curves, cryptography checks.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.pki import encoding
from sinetti.pki.encoding import PublicKey, hash_for

_CURVES = frozenset({"secp256r1", "secp384r1"})


class _EcKey(Protocol):
    def verify(self, digest: bytes, signature: bytes) -> bool:
        """Return True if the key made a signature of a digest."""


def _loader() -> Callable[[bytes], _EcKey] | None:
    """Return the function that loads a public key (DER), or None without the library."""
    try:
        from awscrt.crypto import EC  # noqa: PLC0415 - it is optional
    except ImportError:
        return None
    return cast("Callable[[bytes], _EcKey]", EC.new_key_from_der_data)


_load = _loader()


def verify(public_key: PublicKey, octets: bytes, signature: bytes) -> bool:
    """Return True if this key made the signature, as `encoding.verify` does."""
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        return encoding.verify(public_key, octets, signature)
    hashed = hash_for(public_key)
    return verify_digest(public_key, hashlib.new(hashed.name, octets).digest(), hashed, signature)


def verify_digest(
    public_key: ec.EllipticCurvePublicKey, digest: bytes, hashed: hashes.HashAlgorithm, signature: bytes
) -> bool:
    """Return True if this key made the signature of a digest.

    Raises ValueError if the digest has another length than the hash, as `encoding.verify_digest` does.
    """
    # AWS-LC takes octets of any length, and ignores those after the length of the curve's order.
    is_whole = len(digest) == hashed.digest_size
    if _load is None or not is_whole or public_key.curve.name not in _CURVES:
        return encoding.verify_digest(public_key, digest, hashed, signature)
    try:
        return _key(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).verify(digest, signature)
    except (RuntimeError, ValueError):  # octets that the library cannot read are no signature
        return False


@lru_cache(maxsize=64)
def _key(spki: bytes) -> _EcKey:
    assert _load is not None  # noqa: S101 - `verify_digest` looked
    return _load(spki)


def library() -> str:
    """Return the library that checks EC signatures."""
    return "cryptography" if _load is None else "AWS-LC"
