"""Private keys in another place, with the key interfaces of cryptography.

A caller need not know where a key is. Subclasses sign; export and any other use are refused.
"""

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol, Self, runtime_checkable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.serialization import Encoding, KeySerializationEncryption, PrivateFormat

SignedOctets = bytes | bytearray | memoryview
"""Octets to sign, as cryptography takes them."""


@runtime_checkable
class BatchSigningKey(Protocol):
    """Key that signs several octets in one request."""

    def sign_all(self, several: Sequence[bytes]) -> Sequence[bytes]:
        """Return a signature for each, or raise SignatureRefused or SignerUnavailable."""


class KeyElsewhere:
    """Operations that no key in another place supports; `where` names the place."""

    where = ""

    def private_numbers(self) -> NoReturn:
        """Raise UnsupportedAlgorithm: the key does not leave its place."""
        self._stays()

    def private_bytes(
        self,
        encoding: Encoding,  # noqa: ARG002 - the interface's
        format: PrivateFormat,  # noqa: A002, ARG002 - the interface's
        encryption_algorithm: KeySerializationEncryption,  # noqa: ARG002 - the interface's
    ) -> NoReturn:
        """Raise UnsupportedAlgorithm: the key does not leave its place."""
        self._stays()

    def private_bytes_raw(self) -> NoReturn:
        """Raise UnsupportedAlgorithm: the key does not leave its place."""
        self._stays()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> Self:
        return self

    def _stays(self) -> NoReturn:
        refuse_use(f"the key is {self.where} and cannot leave it")


class RsaKeyElsewhere(KeyElsewhere, rsa.RSAPrivateKey):
    """RSA key in another place, by its public half."""

    _public: rsa.RSAPublicKey

    @property
    def key_size(self) -> int:
        """Length of the modulus in bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public

    def decrypt(self, ciphertext: bytes, padding: AsymmetricPadding) -> NoReturn:  # noqa: ARG002 - the interface's
        """Raise UnsupportedAlgorithm: the key is for signatures."""
        refuse_use("the key is for signatures")


class EcKeyElsewhere(KeyElsewhere, ec.EllipticCurvePrivateKey):
    """EC key in another place, by its public half."""

    _public: ec.EllipticCurvePublicKey

    @property
    def curve(self) -> ec.EllipticCurve:
        """Curve of the key."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Length of the curve's order in bits."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Return the public half."""
        return self._public

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:  # noqa: ARG002
        """Raise UnsupportedAlgorithm: the key is for signatures."""
        refuse_use("the key is for signatures")


def refuse_use(why: str) -> NoReturn:
    """Raise UnsupportedAlgorithm."""
    raise UnsupportedAlgorithm(why)
