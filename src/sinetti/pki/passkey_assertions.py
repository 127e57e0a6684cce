"""Assertions of passkeys (WebAuthn), verified again from what a log has of them.

The formats are those of WebAuthn (7.2) and COSE (RFC 9053).
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

AnyPasskey = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_Verifier = Callable[[Any, bytes, bytes], None]

_CURVES: Mapping[int, ec.EllipticCurve] = {1: ec.SECP256R1(), 2: ec.SECP384R1(), 3: ec.SECP521R1(), 8: ec.SECP256K1()}
_TYPE, COSE_ALGORITHM, _CURVE, _X, _Y = 1, 3, -1, -2, -3
"""Places of a COSE key."""

_OKP, _EC2, _RSA = 1, 2, 3
_PRESENT, _VERIFIED = 0x01, 0x04
_HEAD = 37
"""Octets of authenticator data before its optional parts."""


class PasskeyError(ValueError):
    """Assertion that proves nothing; the sentence says why."""


@dataclass(frozen=True)
class LoggedAssertion:
    """Assertion with what its verification needs.

    `public_key` is a SubjectPublicKeyInfo, `algorithm` the number of COSE.
    """

    nonce: bytes = field(repr=False)
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes
    algorithm: int


def to_spki(key: Mapping[int, Any]) -> bytes:
    """Convert a COSE key to a SubjectPublicKeyInfo. Raises PasskeyError."""
    try:
        return _load_cose(key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (KeyError, TypeError, ValueError) as bad:
        raise PasskeyError("keys of the passkey's type cannot be verified") from bad


def _load_cose(key: Mapping[int, Any]) -> AnyPasskey:
    if key[_TYPE] == _OKP:
        return Ed25519PublicKey.from_public_bytes(key[_X])
    if key[_TYPE] == _EC2:
        x, y = (int.from_bytes(key[place], "big") for place in (_X, _Y))
        return ec.EllipticCurvePublicNumbers(x, y, _CURVES[key[_CURVE]]).public_key()
    if key[_TYPE] != _RSA:
        raise KeyError(_TYPE)
    modulus, exponent = (int.from_bytes(key[place], "big") for place in (-1, -2))
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def verify_assertion(assertion: LoggedAssertion, digest: bytes) -> None:
    """Verify that a passkey confirmed what has this digest. Raises PasskeyError.

    The challenge must be SHA-256 of the nonce and the digest. Presence and verification of the user must be proven, and
    the relying party must be the host of the origin.
    """
    try:
        client = json.loads(assertion.client_data)
        challenge, kind, origin = client["challenge"], client["type"], urlsplit(client["origin"])
    except (ValueError, KeyError, TypeError, AttributeError) as bad:
        raise PasskeyError("the assertion's client data cannot be read") from bad
    wanted = urlsafe_b64encode(hashlib.sha256(assertion.nonce + digest).digest()).decode().rstrip("=")
    if (kind, challenge) != ("webauthn.get", wanted):
        raise PasskeyError("the passkey signed another challenge than that of the proposal")
    data = assertion.authenticator_data
    party = hashlib.sha256((origin.hostname or "").encode()).digest()
    if len(data) < _HEAD or data[:32] != party or data[32] & (_PRESENT | _VERIFIED) != _PRESENT | _VERIFIED:
        raise PasskeyError("the passkey did not prove both this site and its user")
    _verify(assertion, data + hashlib.sha256(assertion.client_data).digest())


def origin_of(client_data: bytes) -> str:
    """Return the site that a verified assertion was made for."""
    return str(json.loads(client_data)["origin"])


def _verify(assertion: LoggedAssertion, signed: bytes) -> None:
    try:
        key = load_der_public_key(assertion.public_key)
        _VERIFIERS[assertion.algorithm](key, assertion.signature, signed)
    except (InvalidSignature, KeyError, ValueError, TypeError, AttributeError) as bad:
        raise PasskeyError("the passkey's signature does not fit") from bad


def _of_curve(digest: hashes.HashAlgorithm) -> _Verifier:
    return lambda key, signature, signed: key.verify(signature, signed, ec.ECDSA(digest))


def _of_rsa(scheme: padding.AsymmetricPadding) -> _Verifier:
    return lambda key, signature, signed: key.verify(signature, signed, scheme, hashes.SHA256())


_VERIFIERS: Mapping[int, _Verifier] = {
    -7: _of_curve(hashes.SHA256()),
    -8: lambda key, signature, signed: key.verify(signature, signed),
    -35: _of_curve(hashes.SHA384()),
    -36: _of_curve(hashes.SHA512()),
    -37: _of_rsa(padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)),
    -47: _of_curve(hashes.SHA256()),
    -257: _of_rsa(padding.PKCS1v15()),
}
"""Verification by the number of the algorithm, for what fido2 accepts."""


def decode_web64(text: str) -> bytes:
    """Decode base64url without padding. Raises PasskeyError."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as bad:
        raise PasskeyError("a part of the assertion is not base64url") from bad
