"""OpenSSH public keys, and signatures made by `ssh-keygen -Y sign`.

The envelope is that of OpenSSH's PROTOCOL.sshsig, the FIDO2 keys those of PROTOCOL.u2f.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key

LARGEST = 16_384
"""Largest file of a key or a signature; one by RSA of 8192 bits has 3,600 octets."""

_MAGIC = b"SSHSIG"
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_LEAST_RSA = 3072
_PRESENT, _VERIFIED = 0x01, 0x04
_OPENSSH = (Encoding.OpenSSH, PublicFormat.OpenSSH)
_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}
_EC_HASHES: dict[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}

AnySshKey = Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


class SshKeyError(ValueError):
    """Public key that is not accepted; the sentence says why."""


class SshSignatureError(ValueError):
    """Signature that does not count; the sentence says why."""


@dataclass(frozen=True)
class SshPublicKey:
    """A public key in its one-line form, without comment.

    `application` is set for keys in a FIDO2 authenticator. `blob` are the octets that the line has in base64.
    """

    kind: str
    blob: bytes = field(repr=False)
    key: AnySshKey = field(repr=False)
    application: str = ""

    @property
    def line(self) -> str:
        """The key as `ssh-keygen` writes it, without a comment."""
        return f"{self.kind} {base64.b64encode(self.blob).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """The fingerprint as `ssh-keygen -l` shows it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii").rstrip("=")
        return f"SHA256:{digest}"

    @property
    def is_fido2(self) -> bool:
        """True if the private key is in a FIDO2 authenticator."""
        return bool(self.application)


class SshReader:
    """Reader of the SSH data types (RFC 4251, 5). Raises ValueError at the end."""

    def __init__(self, octets: bytes) -> None:
        self._octets, self._at = octets, 0

    def take(self, count: int) -> bytes:
        """Return the next octets."""
        octets = self._octets[self._at : self._at + count]
        if len(octets) != count:
            raise ValueError("it ends too early")
        self._at += count
        return octets

    def number(self) -> int:
        """Return a uint32."""
        return int(struct.unpack(">I", self.take(4))[0])

    def string(self) -> bytes:
        """Return a string."""
        return self.take(self.number())

    def end(self) -> None:
        """Raise ValueError unless everything was read."""
        if self._at != len(self._octets):
            raise ValueError("it has octets after its end")


def string(octets: bytes) -> bytes:
    """Encode an SSH string."""
    return struct.pack(">I", len(octets)) + octets


def load_key(text: bytes) -> SshPublicKey:
    """Read the line of a public key file. Raises SshKeyError."""
    words = text.split(None, 2)
    if b"PRIVATE KEY" in text:
        raise SshKeyError("it is a private key: keep it secret, and give the file that ends in .pub")
    if len(text) > LARGEST or len(text.strip().splitlines()) != 1 or len(words) < 2:  # noqa: PLR2004 - kind and key
        raise SshKeyError("it is not an OpenSSH public key of one line")
    try:
        blob = base64.b64decode(words[1], validate=True)
        key = load_ssh_public_key(b" ".join(words[:2]))
    except (ValueError, binascii.Error, UnsupportedAlgorithm, NotImplementedError) as bad:
        raise SshKeyError("it is not an OpenSSH public key of a known type") from bad
    kind = words[0].decode("ascii")
    if "-cert-" in kind or not isinstance(key, Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise SshKeyError(f"keys of the type {kind} are not accepted: make an Ed25519, ECDSA, RSA or FIDO2 key")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _LEAST_RSA:
        raise SshKeyError(f"the RSA key has {key.key_size} bits, and {_LEAST_RSA} are the least: make an Ed25519 key")
    accepted = key
    # One key must not have two fingerprints, as with zeros before a number.
    if not kind.startswith("sk-") and accepted.public_bytes(*_OPENSSH).split()[1] != words[1]:
        raise SshKeyError("its octets are not in the form that ssh-keygen writes")
    try:
        return SshPublicKey(kind, blob, accepted, _application(kind, blob))
    except ValueError as bad:
        raise SshKeyError("the FIDO2 key is damaged: make one with ssh-keygen") from bad


def _application(kind: str, blob: bytes) -> str:
    """Return the application of a FIDO2 key, the last string of its blob.

    `load_ssh_public_key` has checked that it begins with "ssh:".
    """
    if not kind.startswith("sk-"):
        return ""
    reader = SshReader(blob)
    # Type and key; an ECDSA key has its curve between them.
    parts = [reader.string() for _ in range(4 if kind.startswith("sk-ecdsa-") else 3)]
    reader.end()
    return parts[-1].decode("ascii")


def verify_signature(
    armored: bytes, message: bytes, key: SshPublicKey, namespace: str, *, user_verification: bool = False
) -> None:
    """Verify a signature that `ssh-keygen -Y sign -n NAMESPACE` made over a message.

    A signature of a FIDO2 key must prove user presence and, with `user_verification`, user verification. Raises
    SshSignatureError.
    """
    verify_digest(armored, message_digests(message), key, namespace, user_verification=user_verification)


def message_digests(message: bytes) -> dict[str, bytes]:
    """Return the digests of a message by the names that signatures give them."""
    return {name: hashlib.new(name, message).digest() for name in ("sha256", "sha512")}


def verify_digest(
    armored: bytes,
    digests: Mapping[str, bytes],
    key: SshPublicKey,
    namespace: str,
    *,
    user_verification: bool = False,
) -> None:
    """Verify a signature without the message itself, as `verify_signature` does.

    `digests` are those of `message_digests`. Raises SshSignatureError.
    """
    signer, octets, reserved, algorithm, signature = _envelope(armored)
    if octets != namespace.encode():
        raise SshSignatureError(f"it is for another purpose: sign with ssh-keygen -Y sign -n {namespace}")
    if signer != key.blob:
        raise SshSignatureError(f"it was made with another key than {key.fingerprint}")
    digest = digests.get(algorithm.decode("latin-1"))
    if digest is None:
        raise SshSignatureError("its digest is neither sha256 nor sha512")
    signed = _MAGIC + string(octets) + string(reserved) + string(algorithm) + string(digest)
    _verify(signature, signed, key, user_verification=user_verification)


def load_signer(armored: bytes) -> SshPublicKey:
    """Return the key that a signature names. Raises SshSignatureError and SshKeyError."""
    blob = _envelope(armored)[0]
    return load_key(b" ".join((SshReader(blob).string(), base64.b64encode(blob))))


def load_attesting_certificate(attestation: bytes) -> x509.Certificate:
    """Return the certificate in an attestation that `ssh-keygen` wrote, unverified.

    Raises ValueError.
    """
    reader = SshReader(attestation)
    reader.string()
    return x509.load_der_x509_certificate(reader.string())


def armor(text: str) -> bytes:
    """Return the file of a signature whose base64 a log has."""
    return b"\n".join((_BEGIN, text.encode("ascii"), _END))


def _envelope(armored: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Return signer, namespace, reserved part, name of the digest, and signature."""
    try:
        envelope = SshReader(_unarmored(armored))
        if envelope.take(len(_MAGIC)) != _MAGIC or envelope.number() != 1:
            raise SshSignatureError("it is not an SSH signature of version 1")
        parts = (envelope.string(), envelope.string(), envelope.string(), envelope.string(), envelope.string())
        envelope.end()
    except (ValueError, binascii.Error) as bad:
        if isinstance(bad, SshSignatureError):
            raise
        raise SshSignatureError(f"the file is not a signature of ssh-keygen -Y sign ({bad})") from bad
    return parts


def _unarmored(armored: bytes) -> bytes:
    lines = armored.strip().splitlines()
    if len(armored) > LARGEST or len(lines) < 3 or (lines[0].strip(), lines[-1].strip()) != (_BEGIN, _END):  # noqa: PLR2004
        raise ValueError("the first and the last line are missing")
    return base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)


def _verify(blob: bytes, signed: bytes, key: SshPublicKey, *, user_verification: bool) -> None:
    try:
        reader = SshReader(blob)
        kind, signature = reader.string(), reader.string()
        if key.is_fido2:
            flags, counter = reader.take(1), reader.take(4)
            _check_flags(flags[0], user_verification=user_verification)
            application = hashlib.sha256(key.application.encode()).digest()
            signed = application + flags + counter + hashlib.sha256(signed).digest()
        reader.end()
        _verify_octets(kind, signature, signed, key)
    except InvalidSignature as bad:
        raise SshSignatureError("it does not fit these octets: sign exactly the file that approval show wrote") from bad
    except SshSignatureError:
        raise
    except ValueError as bad:
        raise SshSignatureError(f"its octets are damaged ({bad})") from bad


def _check_flags(flags: int, *, user_verification: bool) -> None:
    if not flags & _PRESENT:
        raise SshSignatureError("the authenticator did not prove that a person touched it")
    if user_verification and not flags & _VERIFIED:
        raise SshSignatureError(
            "the authenticator did not verify its user: make a key with ssh-keygen -O verify-required"
        )


def _verify_octets(kind: bytes, signature: bytes, signed: bytes, key: SshPublicKey) -> None:
    """Verify the signature proper. Raises InvalidSignature or ValueError."""
    if isinstance(key.key, rsa.RSAPublicKey):
        if kind not in _RSA_HASHES:
            raise ValueError("an RSA key signs with rsa-sha2-256 or rsa-sha2-512")
        key.key.verify(signature, signed, padding.PKCS1v15(), _RSA_HASHES[kind])
        return
    if kind != key.kind.encode():
        raise ValueError("its type is not that of the key")
    if isinstance(key.key, Ed25519PublicKey):
        key.key.verify(signature, signed)
        return
    numbers = SshReader(signature)
    r, s = (int.from_bytes(numbers.string(), "big") for _ in range(2))
    numbers.end()
    key.key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_EC_HASHES[key.key.key_size]))
