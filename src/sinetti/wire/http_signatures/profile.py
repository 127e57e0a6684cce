"""HTTP message signatures (RFC 9421) over one POST, in the strict profile.

A gateway signs its sightings with it. The sender:

    parts = SignedComponents("POST", "/api/v1/sightings", "application/json", body)   # path without query
    headers = sign(parts, load_signing_key(pem), "gateway-name", now)   # all four, content-type and -digest too
    … post `body` with exactly these headers …

The receiver, who knows the headers by their lower-case names:

    parts = SignedComponents(method, path, headers.get("content-type", ""), body)
    name = verify(parts, headers, public_key_of, now)

`public_key_of(name)` returns what `load_public_key` read, or None. `verify` returns the signer's name, or raises
MessageSignatureError with its SignatureErrorReason. Keys: Ed25519, or ECDSA on P-256.

Covered are exactly @method, @path, content-type and content-digest (RFC 9530), in any order, and the parameters
created and keyid; alg and nonce may be present. Anything else is refused. `@authority` is not covered: a proxy may
write another Host, and the content of a message shows whose it is. `created` has to be within five minutes of now. A
replay within that time is accepted, so a signed message must be idempotent.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

SigningKey = Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | ec.EllipticCurvePublicKey

Key = TypeVar("Key")

WINDOW = timedelta(minutes=5)
"""Largest difference between `created` and now, in either direction."""

_COVERED = ("@method", "@path", "content-type", "content-digest")
_FIELDS = ("signature-input", "signature", "content-digest")
_PARAMETERS = frozenset({"created", "keyid", "alg", "nonce"})
_LABEL = "sinetti"
_ED25519, _ECDSA = "ed25519", "ecdsa-p256-sha256"  # RFC 9421, 6.2.2
_WIDTH = 32
"""Octets of each of r and s on P-256 (RFC 9421, 3.3.4)."""

# The grammar of RFC 8941 as far as this profile needs it: a line with more is refused.
_KEY = r"[a-z*][a-z0-9_.*-]{0,63}"
_NAMES = r'"[a-z@-]{1,40}"(?: "[a-z@-]{1,40}")*'
_INPUT = re.compile(
    rf"({_KEY})=(\(({_NAMES})\)"
    r'((?:;[a-z]{1,10}=(?:"[ !#-\[\]-~]{0,200}"|[0-9]{1,12}))*))'
)
_PARAMETER = re.compile(r';([a-z]+)=(?:"([^"]*)"|([0-9]+))')
_OCTETS = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]{{0,700}}={{0,2}}):")
_LONGEST_DIGEST = 64
"""Largest digest that is accepted, in octets."""
_DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}  # RFC 9530, 5: the two that are active


class SignatureErrorReason(StrEnum):
    """Reason for which a message's signature does not count.

    The values are sentences and contain nothing of the message.
    """

    MISSING = "the message has no signature: it needs Signature-Input, Signature and Content-Digest"
    SHAPE = "Signature-Input or Signature does not follow this profile"
    COVERED = "the signature must cover exactly @method, @path, content-type and content-digest"
    DIGEST = "Content-Digest does not match the body"
    CREATED = "the signature was not made within five minutes of now: set the clock, and sign again"
    SIGNER = "the key of this keyid is not known or no longer accepted"
    MISFIT = "the signature does not match"


class MessageSignatureError(ValueError):
    """Signature that does not count."""

    def __init__(self, wrong: SignatureErrorReason) -> None:
        super().__init__(wrong.value)
        self.wrong = wrong


@dataclass(frozen=True, slots=True)
class SignedComponents:
    """Signed components of a request.

    `path` is without a query, as it stands in the request line.
    """

    method: str
    path: str
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile(Generic[Key]):
    """Profile of signers: the algorithms of RFC 9421 for a key, and their check.

    A key with a single algorithm need not state it. `longest`: largest signature in octets. `holds` verifies; its
    arguments are the key, one of its algorithms, the signed octets, and the signature.
    """

    algorithms: Callable[[Key], tuple[str, ...]]
    holds: Callable[[Key, str, bytes, bytes], bool]
    longest: int


@dataclass(frozen=True, slots=True)
class _Stated:
    """Content of Signature-Input.

    `octets` is its value as written, which is signed (RFC 9421, 2.5).
    """

    label: str
    octets: str
    covered: tuple[str, ...]
    created: int
    key_id: str
    algorithm: str | None


def load_signing_key(pem: bytes, passphrase: bytes | None = None) -> SigningKey:
    """Read a PEM private key for signing messages.

    Raises ValueError with a sentence that contains nothing of the key.
    """
    try:
        key = load_pem_private_key(pem, passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("this is not a PEM private key, or its passphrase is missing or wrong") from None
    if not isinstance(key, SigningKey):
        raise ValueError(_KINDS)  # noqa: TRY004 - the octets are wrong, not the caller's types
    _public(key.public_key())
    return key


def load_public_key(pem: bytes) -> PublicKey:
    """Read a PEM public key for verifying messages.

    Raises ValueError with a sentence for people.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is not a PEM public key (BEGIN PUBLIC KEY)") from None
    return _public(key)


def sign(parts: SignedComponents, key: SigningKey, key_id: str, created: datetime) -> dict[str, str]:
    """Return the headers that sign a request.

    Raises ValueError for a key ID that is not allowed in a header.
    """
    return signed_headers(parts, key_id, created, _algorithm(key.public_key()), lambda octets: _value(key, octets))


def signed_headers(
    parts: SignedComponents, key_id: str, created: datetime, algorithm: str, value: Callable[[bytes], bytes]
) -> dict[str, str]:
    """Return the headers that sign a request with any key.

    `value` returns the signature of octets by this algorithm, in the form of RFC 9421, 3.3. Raises ValueError as
    `sign` does.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", key_id):
        raise ValueError("a key ID may have only letters, digits, dots, hyphens and underscores")
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(parts.body).digest()).decode('ascii')}:"
    listed = " ".join(f'"{name}"' for name in _COVERED)
    signature_params = f'({listed});created={int(created.timestamp())};keyid="{key_id}";alg="{algorithm}"'
    signature = value(_base(parts, digest, _COVERED, signature_params))
    return {
        "Content-Type": parts.content_type,
        "Content-Digest": digest,
        "Signature-Input": f"{_LABEL}={signature_params}",
        "Signature": f"{_LABEL}=:{base64.b64encode(signature).decode('ascii')}:",
    }


def verify(
    parts: SignedComponents, headers: Mapping[str, str], key_of: Callable[[str], PublicKey | None], now: datetime
) -> str:
    """Return the name of the signer of this request.

    `headers`: by their lower-case names. Raises MessageSignatureError.
    """
    return verify_with_profile(_GATEWAYS, parts, headers, key_of, now)


def verify_with_profile(
    profile: Profile[Key],
    parts: SignedComponents,
    headers: Mapping[str, str],
    key_of: Callable[[str], Key | None],
    now: datetime,
) -> str:
    """Return the name of the signer, with the keys and algorithms of a profile.

    Raises MessageSignatureError.
    """
    stated_line, signature_line, digest = (headers.get(name, "") for name in _FIELDS)
    if not (stated_line and signature_line and digest):
        raise MessageSignatureError(SignatureErrorReason.MISSING)
    signature_input = _stated(stated_line)
    label, value = _signature(signature_line)
    if signature_input.label != label or len(value) > profile.longest:
        raise MessageSignatureError(SignatureErrorReason.SHAPE)
    if sorted(signature_input.covered) != sorted(_COVERED):
        raise MessageSignatureError(SignatureErrorReason.COVERED)
    if abs(now.timestamp() - signature_input.created) > WINDOW.total_seconds():
        raise MessageSignatureError(SignatureErrorReason.CREATED)
    key = key_of(signature_input.key_id)
    if key is None:
        raise MessageSignatureError(SignatureErrorReason.SIGNER)
    algorithm = _chosen(profile.algorithms(key), signature_input.algorithm)
    octets = _base(parts, digest, signature_input.covered, signature_input.octets)
    if algorithm is None or not profile.holds(key, algorithm, octets, value):
        raise MessageSignatureError(SignatureErrorReason.MISFIT)
    # After the signature, so that an unknown sender cannot cause hashing of its body.
    if not _digest_fits(digest, parts.body):
        raise MessageSignatureError(SignatureErrorReason.DIGEST)
    return signature_input.key_id


_KINDS = "only Ed25519 keys and EC keys on P-256 sign messages"


def _public(key: object) -> PublicKey:
    if isinstance(key, Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError(_KINDS)


def _algorithm(key: PublicKey) -> str:
    return _ED25519 if isinstance(key, Ed25519PublicKey) else _ECDSA


def _chosen(algorithms: tuple[str, ...], claimed: str | None) -> str | None:
    """Return the algorithm to verify with, or None if no signature of the key can fit.

    It is the stated algorithm, if the key has it. Without a statement it is the only algorithm of the key.
    """
    if claimed is None:
        return algorithms[0] if len(algorithms) == 1 else None
    return claimed if claimed in algorithms else None


def _base(parts: SignedComponents, digest: str, covered: tuple[str, ...], signature_params: str) -> bytes:
    """Return the signature base (RFC 9421, 2.5).

    Raises MessageSignatureError for a value with a line end, which would be read as another line.
    """
    values = {
        "@method": parts.method,
        "@path": parts.path or "/",
        "content-type": parts.content_type.strip(" \t"),
        "content-digest": digest.strip(" \t"),
    }
    lines = [*((name, values[name]) for name in covered), ("@signature-params", signature_params)]
    if any(not value.isascii() or not value.replace("\t", " ").isprintable() for _, value in lines):
        raise MessageSignatureError(SignatureErrorReason.SHAPE)
    return "\n".join(f'"{name}": {value}' for name, value in lines).encode("ascii")


def _value(key: SigningKey, octets: bytes) -> bytes:
    if isinstance(key, Ed25519PrivateKey):
        return key.sign(octets)
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(_WIDTH, "big") + s.to_bytes(_WIDTH, "big")


def _holds(key: PublicKey, _algorithm: str, octets: bytes, value: bytes) -> bool:
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(value, octets)
            return True
        if len(value) != 2 * _WIDTH:
            return False
        r, s = int.from_bytes(value[:_WIDTH], "big"), int.from_bytes(value[_WIDTH:], "big")
        key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


_GATEWAYS: Profile[PublicKey] = Profile(lambda key: (_algorithm(key),), _holds, longest=150)


def _stated(line: str) -> _Stated:
    match = _INPUT.fullmatch(line.strip(" \t"))
    if match is None:
        raise MessageSignatureError(SignatureErrorReason.SHAPE)
    label, octets, names, parameters = match.groups()
    given: dict[str, str] = {}
    for name, text, number in _PARAMETER.findall(parameters):
        if name in given or name not in _PARAMETERS or bool(number) is not (name == "created"):
            raise MessageSignatureError(SignatureErrorReason.SHAPE)
        given[name] = number or text
    if "created" not in given or "keyid" not in given:
        raise MessageSignatureError(SignatureErrorReason.SHAPE)
    covered = tuple(re.findall(r'"([a-z@-]+)"', names))
    return _Stated(label, octets, covered, int(given["created"]), given["keyid"], given.get("alg"))


def _signature(line: str) -> tuple[str, bytes]:
    """Return the label and the octets of a Signature with one member."""
    match = _OCTETS.fullmatch(line.strip(" \t"))
    octets = _decoded(match[2]) if match else None
    if match is None or octets is None:
        raise MessageSignatureError(SignatureErrorReason.SHAPE)
    return match[1], octets


def _digest_fits(line: str, body: bytes) -> bool:
    """Return whether all digests fit, each of an accepted kind and none twice."""
    kinds = set()
    for member in line.split(","):
        match = _OCTETS.fullmatch(member.strip(" \t"))
        hashing = _DIGESTS.get(match[1]) if match else None
        if match is None or hashing is None or match[1] in kinds or len(match[2]) > 2 * _LONGEST_DIGEST:
            return False
        if not hmac.compare_digest(_decoded(match[2]) or b"", hashing(body).digest()):
            return False
        kinds.add(match[1])
    return True


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
