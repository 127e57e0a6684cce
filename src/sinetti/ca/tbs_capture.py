"""Keys that sign nothing: they note which octets a builder wants signed, so that the real key can be elsewhere.

cryptography's builders take any subclass of its key classes and call `sign`. What they build around our mark is for
looking at (lint) and nothing else; the octets noted are what the signer gets.
"""

from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sinetti.pki.encoding import PublicKey

_MARK = b"\0"


def _never(*_: object, **__: object) -> NoReturn:
    why = "there is no private key here, only a note of what to sign"
    raise NotImplementedError(why)


class TbsCaptureKey(rsa.RSAPrivateKey):
    """Stands in for an RSA key; `octets` is what was last asked to be signed."""

    decrypt = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never

    def __init__(self, public_key: rsa.RSAPublicKey) -> None:
        """Stand in for the private half of this key."""
        self._public_key = public_key
        self.octets = b""

    @property
    def key_size(self) -> int:
        """Size in bits."""
        return self._public_key.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Give the public half."""
        return self._public_key

    def sign(self, data: bytes, padding: object, algorithm: object) -> bytes:  # noqa: ARG002
        """Note the octets and give a mark back."""
        self.octets = bytes(data)
        return _MARK


class RecordingEcKey(ec.EllipticCurvePrivateKey):
    """Stands in for an EC key; `octets` is what was last asked to be signed."""

    exchange = private_numbers = private_bytes = __copy__ = __deepcopy__ = _never

    def __init__(self, public_key: ec.EllipticCurvePublicKey) -> None:
        """Stand in for the private half of this key."""
        self._public_key = public_key
        self.octets = b""

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        """Size in bits."""
        return self._public_key.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Give the public half."""
        return self._public_key

    def sign(self, data: bytes, signature_algorithm: object) -> bytes:  # type: ignore[override]  # noqa: ARG002
        """Note the octets and give a mark back."""
        self.octets = bytes(data)
        return _MARK


def capture_key(public_key: PublicKey) -> TbsCaptureKey | RecordingEcKey:
    """Give the stand-in for the private half of a CA's key."""
    return TbsCaptureKey(public_key) if isinstance(public_key, rsa.RSAPublicKey) else RecordingEcKey(public_key)
