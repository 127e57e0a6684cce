"""Do these octets fit? Asked of a DigestValue and of a SignatureValue, also where they were made in another way."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from sinetti.diagnostics.causes import Cause
from sinetti.pki.encoding import PublicKey

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha1": hashes.SHA1,
}
_LENGTHS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")

# DigestInfo up to the digest itself (RFC 8017, 9.2, notes 1).
_DIGEST_INFOS = {
    bytes.fromhex("3031300d060960864801650304020105000420"): "sha256",
    bytes.fromhex("3041300d060960864801650304020205000430"): "sha384",
    bytes.fromhex("3051300d060960864801650304020305000440"): "sha512",
    bytes.fromhex("3021300906052b0e03021a05000414"): "sha1",
}


@dataclass(frozen=True, slots=True)
class Match:
    """The octets fit; `guess` None: in the way that the signature says. `name`: in which other way."""

    guess: Cause | None = None
    name: str | None = None


def name_of(uri: str | None) -> str | None:
    """The hash that an algorithm's URI ends with: sha1, sha256, sha384, sha512; None for any other."""
    found = (uri or "").rpartition("sha")[2]
    return f"sha{found}" if f"sha{found}" in _HASHES else None


def digest(name: str, octets: bytes) -> bytes:
    """The digest by a hash of this name; the use of SHA-1 here secures nothing."""
    return hashlib.new(name, octets, usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class DigestMatcher:
    """Compares with a DigestValue. `declared`: the hash that DigestMethod names."""

    declared: str
    text: str
    stated: bytes = field(repr=False)

    def asks(self, octets: bytes) -> Match | None:
        """Whether the DigestValue is of these octets; None if not."""
        return next((fit for name, wanted, fit in self._wanted() if digest(name, octets) == wanted), None)

    def _wanted(self) -> Iterator[tuple[str, bytes, Match]]:
        name = _LENGTHS.get(len(self.stated))
        if name is not None:
            yield name, self.stated, Match() if name == self.declared else Match(Cause.DIGEST_METHOD, name)
        # Hex digits are base64 as well: either they stand there themselves, or their characters were encoded.
        for written in (self.text, self.stated.decode("ascii", "replace")):
            name = _LENGTHS.get(len(written) // 2)
            if name is not None and _HEX.fullmatch(written):
                yield name, bytes.fromhex(written), Match(Cause.DIGEST_IN_HEX, name)


class SignatureMatcher:
    """Asks a public key of a SignatureValue. `made_by_key`: whether it is known that this key made it."""

    __slots__ = ("_declared", "_key", "_recovered", "_value", "made_by_key")

    def __init__(self, public_key: PublicKey, declared: str, value: bytes) -> None:
        """Take the key, whose bounds were looked at, the hash that SignatureMethod names, and the value."""
        self._key, self._declared, self._value = public_key, declared, value
        self._recovered = _recovered(public_key, value)
        self.made_by_key = self._recovered is not None

    def asks(self, octets: bytes) -> Match | None:
        """Whether the value was made over these octets by the declared hash, or is RSA's by any; None if not."""
        if isinstance(self._key, rsa.RSAPublicKey):
            return self._rsa(octets)
        return self._ecdsa(self._key, octets, self._declared)

    def asks_otherwise(self, octets: bytes) -> Match | None:
        """Whether the value was made over these octets in another way than `asks` knows; dear, so for one form."""
        if isinstance(self._key, rsa.RSAPublicKey):
            return self._pss(self._key, octets)
        for name in _HASHES:
            if self._ecdsa(self._key, octets, name) is not None:
                return Match(Cause.SIGNATURE_METHOD, name)
            if self._ecdsa(self._key, digest(name, octets), name) is not None:
                return Match(Cause.SIGNATURE_METHOD, f"{name}-twice")
        return None

    def _rsa(self, octets: bytes) -> Match | None:
        if self._recovered is None:
            return None
        for start, name in _DIGEST_INFOS.items():
            once = digest(name, octets)
            if self._recovered == start + once:
                return Match() if name == self._declared else Match(Cause.SIGNATURE_METHOD, name)
            if self._recovered == start + digest(name, once):
                return Match(Cause.SIGNATURE_METHOD, f"{name}-twice")
            if self._recovered == once:
                return Match(Cause.SIGNATURE_METHOD, f"{name}-without-digestinfo")
        return None

    def _pss(self, key: rsa.RSAPublicKey, octets: bytes) -> Match | None:
        for name, kind in _HASHES.items():
            with suppress(InvalidSignature, UnsupportedAlgorithm, ValueError):
                key.verify(self._value, octets, padding.PSS(padding.MGF1(kind()), padding.PSS.AUTO), kind())
                return Match(Cause.SIGNATURE_METHOD, f"pss-{name}")
        return None

    def _ecdsa(self, key: ec.EllipticCurvePublicKey, octets: bytes, name: str) -> Match | None:
        plain, fit = _plain(key, self._value)
        if plain is None:
            return None
        try:
            key.verify(plain, digest(name, octets), ec.ECDSA(Prehashed(_HASHES[name]())))
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return None
        return fit


def _recovered(public_key: PublicKey, value: bytes) -> bytes | None:
    """What an RSA signature of PKCS#1 v1.5 holds; None where this key did not make it."""
    if isinstance(public_key, rsa.RSAPublicKey):
        with suppress(InvalidSignature, ValueError, UnsupportedAlgorithm):
            return public_key.recover_data_from_signature(value, padding.PKCS1v15(), None)
    return None


def _plain(key: ec.EllipticCurvePublicKey, value: bytes) -> tuple[bytes | None, Match]:
    width = (key.curve.key_size + 7) // 8
    if len(value) == 2 * width:
        numbers = (int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big"))
        return encode_dss_signature(*numbers), Match()
    with suppress(ValueError):
        decode_dss_signature(value)
        return value, Match(Cause.ECDSA_IN_DER, "der")
    return None, Match()
