"""Private key objects whose keys are in a PKCS#11 token.

They implement the private key interfaces of cryptography, so that a caller need not know where a key is stored. They
use no PKCS#11 library themselves: a function that makes plain signatures is an argument. Each signature is verified
with the public key before a caller gets it, because a faulty token may return any octets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding

from sinetti.pki import key_policy
from sinetti.pki.encoding import PrivateKey, PublicKey, sign
from sinetti.pki.second_library import verify_digest
from sinetti.pki.signers import KeyMissing
from sinetti.pki.signers.key_elsewhere import EcKeyElsewhere, KeyElsewhere, RsaKeyElsewhere, SignedOctets, refuse_use
from sinetti.pki.signers.pkcs11_uri import TokenKey

Ed25519 = ed25519.Ed25519PublicKey
TokenPublicKey = PublicKey | Ed25519
"""Public halves of the keys that a token may hold for Sinetti."""

ED25519 = "ed25519"
"""Kind of the log's keys, which no certificate has."""


_DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha384": bytes.fromhex("3041300d060960864801650304020205000430"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""Prefix of a digest in an RSA signature (RFC 8017, 9.2, note 1)."""


@dataclass(frozen=True)
class PlainSignature:
    """Request for a signature in a token.

    `mechanism` is the name of a PKCS#11 mechanism. `pss` is the hash of a PSS signature and the length of its salt.
    """

    octets: bytes
    mechanism: str
    pss: tuple[str, int] | None = None


@dataclass(frozen=True)
class KeyFacts:
    """Attributes of a private key in a token, as the token reports them.

    `is_local`: the token generated the key. `is_never_extractable`: the key could never leave it.
    """

    is_local: bool
    is_never_extractable: bool
    is_sensitive: bool


class TokenSign(Protocol):
    """Function that signs in a token."""

    def __call__(self, key: TokenKey, wanted: PlainSignature, verifies: Callable[[bytes], bool]) -> bytes:
        """Return a signature that `verifies` accepts.

        Raises SignerUnavailable if the token cannot be used or returns another signature, and KeyMissing if it lacks
        the key.
        """


class TokenMap(Protocol):
    """Function that uses several sessions of a token at once."""

    def __call__(self, act: Callable[[bytes], bytes], given: Sequence[bytes]) -> list[bytes]:
        """Return the result for each, or raise the first error after all have ended."""


class _TokenKeyBase(KeyElsewhere):
    """Signatures of a token's key.

    `is_missing` is True after a token was found to lack the key.
    """

    where = "in a token"
    _sign_plain: TokenSign
    _key: TokenKey
    is_missing = False

    def _signed(self, wanted: PlainSignature, verifies: Callable[[bytes], bool]) -> bytes:
        try:
            return self._sign_plain(self._key, wanted, verifies)
        except KeyMissing:
            self.is_missing = True
            raise


class _CertificateKeyBase(_TokenKeyBase):
    """Several signatures at once, each in a session of its own."""

    _in_sessions: TokenMap

    def sign_all(self, several: Sequence[bytes]) -> list[bytes]:
        """Sign several octets as `encoding.sign` does.

        Raises SignerUnavailable if the token cannot be used.
        """
        return self._in_sessions(partial(sign, cast("PrivateKey", self)), several)


def one_by_one(act: Callable[[bytes], bytes], given: Sequence[bytes]) -> list[bytes]:
    """Return the results of a function, called in one session."""
    return [act(octets) for octets in given]


class TokenRsaKey(_CertificateKeyBase, RsaKeyElsewhere):
    """RSA key in a token, for PKCS#1 v1.5 and PSS signatures only.

    Hash algorithms are SHA-256, SHA-384 and SHA-512.
    """

    def __init__(
        self, key: TokenKey, public: rsa.RSAPublicKey, sign_plain: TokenSign, in_sessions: TokenMap = one_by_one
    ) -> None:
        """Store the location of the key, its public half, and the functions that sign."""
        self._key, self._public, self._sign_plain, self._in_sessions = key, public, sign_plain, in_sessions

    def sign(
        self,
        data: SignedOctets,
        padding: AsymmetricPadding,
        algorithm: utils.Prehashed | utils.NoDigestInfo | hashes.HashAlgorithm,
    ) -> bytes:
        """Sign octets, or their digest (Prehashed).

        Raises UnsupportedAlgorithm for another padding or hash, and SignerUnavailable if the token cannot be used.
        """
        if isinstance(algorithm, utils.NoDigestInfo):
            refuse_use("signatures without DigestInfo are not made with keys of a token")
        hashed, digest = _digest(data, algorithm)
        if hashed.name not in _DIGEST_INFO:
            refuse_use(f"no signatures over {hashed.name} are made with keys of a token")
        if isinstance(padding, _PSS):
            wanted = PlainSignature(digest, "RSA_PKCS_PSS", _pss(padding, hashed.name))
        elif isinstance(padding, _PKCS1):
            wanted = PlainSignature(_DIGEST_INFO[hashed.name] + digest, "RSA_PKCS")
        else:
            refuse_use("only PKCS#1 v1.5 and PSS signatures are made with keys of a token")
        how = utils.Prehashed(hashed)
        return self._signed(wanted, lambda octets: _accepts(lambda: self._public.verify(octets, digest, padding, how)))


class TokenEcKey(_CertificateKeyBase, EcKeyElsewhere):
    """P-256 or P-384 key in a token, for ECDSA signatures in DER only."""

    def __init__(
        self,
        key: TokenKey,
        public: ec.EllipticCurvePublicKey,
        sign_plain: TokenSign,
        in_sessions: TokenMap = one_by_one,
    ) -> None:
        """Store the location of the key, its public half, and the functions that sign."""
        self._key, self._public, self._sign_plain, self._in_sessions = key, public, sign_plain, in_sessions

    def sign(self, data: SignedOctets, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign octets, or their digest (Prehashed).

        Raises SignerUnavailable if the token cannot be used.
        """
        hashed, digest = _digest(data, signature_algorithm.algorithm)
        size = (self.key_size + 7) // 8
        # The leftmost bits of a longer digest count (FIPS 186-5, 6.4.1); not every token truncates it.
        wanted = PlainSignature(digest[:size], "ECDSA")
        return _in_der(
            self._signed(wanted, lambda octets: verify_digest(self._public, digest, hashed, _in_der(octets)))
        )


class TokenEd25519Key(_TokenKeyBase, ed25519.Ed25519PrivateKey):
    """Ed25519 key in a token (CKM_EDDSA)."""

    def __init__(self, key: TokenKey, public: Ed25519, sign_plain: TokenSign) -> None:
        """Store the location of the key, its public half, and the function that signs."""
        self._key, self._public, self._sign_plain = key, public, sign_plain

    def public_key(self) -> Ed25519:
        """Return the public half."""
        return self._public

    def sign(self, data: SignedOctets) -> bytes:
        """Sign octets. Raises SignerUnavailable if the token cannot be used."""
        octets = bytes(data)
        wanted = PlainSignature(octets, "EDDSA")
        return self._signed(wanted, lambda seen: _accepts(lambda: self._public.verify(seen, octets)))


def located(key: TokenKey, public: TokenPublicKey) -> TokenKey:
    """Return the location with the id of the public half; an Ed25519 key has none."""
    return key if isinstance(public, Ed25519) else replace(key, key_id=key_policy.key_id(public))


TokenPrivateKey = TokenRsaKey | TokenEcKey
"""Keys of certificates in a token."""


def certificate_key(
    key: TokenKey, public: PublicKey, sign_plain: TokenSign, in_sessions: TokenMap = one_by_one
) -> TokenPrivateKey:
    """Return a private key object for an RSA or EC key of a token.

    The token is accessed at the first signature, not before.
    """
    whole = located(key, public)
    if isinstance(public, rsa.RSAPublicKey):
        return TokenRsaKey(whole, public, sign_plain, in_sessions)
    return TokenEcKey(whole, public, sign_plain, in_sessions)


_PKCS1, _PSS, _MGF1 = padding.PKCS1v15, padding.PSS, padding.MGF1
"""Aliases, since the interface of `sign` has a parameter named `padding`."""


def _pss(wanted: padding.PSS, name: str) -> tuple[str, int]:
    salt, mask = wanted._salt_length, wanted.mgf  # noqa: SLF001 - it has no public name
    if not isinstance(salt, int) or not isinstance(mask, _MGF1) or mask._algorithm.name != name:  # noqa: SLF001 - same
        refuse_use("a PSS signature needs a salt of a stated length, and one hash for all")
    return name, salt


def _in_der(plain: bytes) -> bytes:
    half = len(plain) // 2
    return utils.encode_dss_signature(int.from_bytes(plain[:half], "big"), int.from_bytes(plain[half:], "big"))


def _accepts(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except InvalidSignature:
        return False
    return True


def _digest(data: SignedOctets, algorithm: object) -> tuple[hashes.HashAlgorithm, bytes]:
    if isinstance(algorithm, utils.Prehashed):
        return algorithm._algorithm, bytes(data)  # noqa: SLF001 - it has no public name
    assert isinstance(algorithm, hashes.HashAlgorithm)  # noqa: S101 - what cryptography takes
    digest = hashes.Hash(algorithm)
    digest.update(bytes(data))
    return algorithm, digest.finalize()
