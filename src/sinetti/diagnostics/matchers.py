"""Comparison of octets with a DigestValue or a SignatureValue.

A match is also found if the value was made, or written, in another way than the signature declares.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from sinetti.diagnostics.causes import Cause
from sinetti.pki.encoding import PublicKey
from sinetti.wire.xmldsig import parser

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha1": hashes.SHA1,
}
_LENGTHS = {16: "md5", 20: "sha1", 28: "sha224", 32: "sha256", 48: "sha384", 64: "sha512"}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_LEAST = 10
"""Octets of a digest that was cut off; fewer would fit by accident."""

# DigestInfo up to the digest itself (RFC 8017, 9.2, notes 1).
_DIGEST_INFOS = {
    bytes.fromhex("3031300d060960864801650304020105000420"): "sha256",
    bytes.fromhex("3041300d060960864801650304020205000430"): "sha384",
    bytes.fromhex("3051300d060960864801650304020305000440"): "sha512",
    bytes.fromhex("3021300906052b0e03021a05000414"): "sha1",
    bytes.fromhex("3020300c06082a864886f70d020505000410"): "md5",
}
_WITHOUT_NULL = {
    bytes([octets[0], octets[1] - 2, octets[2], octets[3] - 2]) + octets[4:-4] + octets[-2:]: name
    for octets, name in _DIGEST_INFOS.items()
}
"""The same without NULL, which a signature has to contain (RFC 8017, 9.2)."""


@dataclass(frozen=True)
class Match:
    """Match of octets.

    `guess`: the cause; None if they fit in the way that the signature declares. `name`: the other way.
    """

    guess: Cause | None = None
    name: str | None = None


def name_of(uri: str | None) -> str | None:
    """Return the hash that an algorithm's URI ends with; None for any other.

    sha1, sha256, sha384 or sha512.
    """
    text = (uri or "").rpartition("sha")[2]
    return f"sha{text}" if f"sha{text}" in _HASHES else None


def digest(name: str, octets: bytes) -> bytes:
    """Return the digest by a hash of this name; the use of SHA-1 here secures nothing."""
    # The constructor of its own takes half the time of `hashlib.new`, and most of a search is spent here.
    found: bytes = getattr(hashlib, name)(octets, usedforsecurity=False).digest()
    return found


def decodings(octets: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield other readings of octets: base64, hexadecimal digits, UTF-8, reversed.

    Hexadecimal digits are also base64, so a value in base64 may have been digits before it was decoded.
    """
    written = octets.decode("ascii", "replace").strip()
    again = parser.decode_base64(written)
    if again:
        yield "base64-twice", again
    for digits in (written, base64.b64encode(octets).decode()):
        if _HEX.fullmatch(digits):
            yield "hexadecimal", bytes.fromhex(digits)
    with suppress(UnicodeError):
        read = octets.decode().encode("latin-1")
        if read != octets:
            yield "through-text", read
    yield "reversed", octets[::-1]


_DIGEST_CAUSES = {
    "base64-twice": Cause.DIGEST_ENCODED_TWICE,
    "hexadecimal": Cause.DIGEST_IN_HEX,
    "through-text": Cause.DIGEST_ENCODING,
    "reversed": Cause.DIGEST_ENCODING,
}


class DigestMatcher:
    """Comparison with a DigestValue."""

    __slots__ = ("_wanted",)

    def __init__(self, declared: str, stated: bytes) -> None:
        """Store each reading of the value. `declared`: the hash that DigestMethod names."""
        name = _LENGTHS.get(len(stated))
        self._wanted: list[tuple[str, bytes, Match]] = []
        if name is not None:
            fit = Match() if name == declared else Match(Cause.DIGEST_METHOD, name)
            self._wanted.append((name, stated, fit))
        elif len(stated) >= _LEAST:
            self._wanted.append((declared or "sha256", stated, Match(Cause.DIGEST_ENCODING, "cut-off")))
        for how, read in decodings(stated):
            name = _LENGTHS.get(len(read))
            if name is not None:
                self._wanted.append((name, read, Match(_DIGEST_CAUSES[how], name)))

    def matches(self, octets: bytes) -> Match | None:
        """Return the match if the DigestValue is of these octets, or None."""
        for name, wanted, fit in self._wanted:
            once = digest(name, octets)
            if once[: len(wanted)] == wanted:
                return fit
            if fit.guess is None:
                for how, again in _written_out(once):
                    if digest(name, again) == wanted:
                        return Match(Cause.DIGEST_TWICE, f"{name}-of-{how}")
        return None


def _written_out(once: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a digest in the forms in which programs digest or sign it once more."""
    yield "digest", once
    yield "hexadecimal", once.hex().encode()
    yield "base64", base64.b64encode(once)
    yield "upper-case-hexadecimal", once.hex().upper().encode()


_VALUE_CAUSES = {
    "base64-twice": Cause.VALUE_TWICE,
    "hexadecimal": Cause.VALUE_IN_HEX,
    "through-text": Cause.THROUGH_TEXT,
    "reversed": Cause.VALUE_REVERSED,
}


class SignatureMatcher:
    """Comparison with a SignatureValue by a public key.

    `made_by_key`: True if this key is known to have made it. `fits_key`: False if it cannot be of such a key, by its
    length.
    """

    __slots__ = ("_content", "_declared", "_key", "_plain", "_value", "fits_key", "made_by_key")

    def __init__(self, public_key: PublicKey, declared: str, value: bytes) -> None:
        """Store the key, whose bounds were checked, the declared hash, and the value.

        `declared`: the hash that SignatureMethod names.
        """
        self._key, self._declared, self._value = public_key, declared, value
        self._content: tuple[str, bytes, Match] | None = None
        self._plain: list[tuple[bytes, Match]] = []
        size = (public_key.key_size + 7) // 8
        if isinstance(public_key, rsa.RSAPublicKey):
            self._content = _content_of(public_key, value)
            self.fits_key = len(value) == size
        else:
            self._plain = list(_plain(value, size))
            self.fits_key = any(fit.guess is not Cause.ECDSA_ZEROS for _, fit in self._plain)
        self.made_by_key = self._content is not None

    def matches(self, octets: bytes) -> Match | None:
        """Return the match if the value was made over these octets, or None.

        By the declared hash; for RSA, by any hash.
        """
        if isinstance(self._key, rsa.RSAPublicKey):
            return self._rsa(octets)
        return self._ecdsa(self._key, octets, self._declared)

    def asks_otherwise(self, octets: bytes) -> Match | None:
        """Return the match by a method that `matches` does not know, or None.

        This is expensive, so it is used for one form only.
        """
        if isinstance(self._key, rsa.RSAPublicKey):
            return self._pss(self._key, octets) or self._without_padding(self._key, octets)
        for name in _HASHES:
            if self._ecdsa(self._key, octets, name) is not None:
                return Match(Cause.SIGNATURE_HASH, name)
            for how, again in _written_out(digest(name, octets)):
                if self._ecdsa(self._key, again, name) is not None:
                    return Match(Cause.HASHED_TWICE, f"{name}-of-{how}")
        return self._by_other_order(self._key, octets)

    def _rsa(self, octets: bytes) -> Match | None:
        if self._content is None:
            return None
        name, signed, fit = self._content
        if fit.guess is Cause.NO_DIGEST_INFO:
            return fit if signed == octets else self._bare(signed, octets)
        once = digest(name, octets)
        if signed == once:
            return fit if fit.guess or name == self._declared else Match(Cause.SIGNATURE_HASH, name)
        for how, again in _written_out(once):
            if signed == digest(name, again):
                return Match(Cause.HASHED_TWICE, f"{name}-of-{how}")
        return None

    def _bare(self, signed: bytes, octets: bytes) -> Match | None:
        for name in _HASHES:
            for how, again in _written_out(digest(name, octets)):
                if signed == again:
                    return Match(Cause.NO_DIGEST_INFO, f"{name}-{how}")
        return None

    def _pss(self, key: rsa.RSAPublicKey, octets: bytes) -> Match | None:
        for name, kind in _HASHES.items():
            with suppress(InvalidSignature, UnsupportedAlgorithm, ValueError):
                key.verify(self._value, octets, padding.PSS(padding.MGF1(kind()), padding.PSS.AUTO), kind())
                return Match(Cause.PSS, f"pss-{name}")
        return None

    def _without_padding(self, key: rsa.RSAPublicKey, octets: bytes) -> Match | None:
        numbers = key.public_numbers()
        content = pow(int.from_bytes(self._value, "big"), numbers.e, numbers.n)
        if content == int.from_bytes(digest(self._declared or "sha256", octets), "big"):
            return Match(Cause.SIGNATURE_METHOD, "no-padding")
        return None

    def _ecdsa(self, key: ec.EllipticCurvePublicKey, octets: bytes, name: str) -> Match | None:
        return next((fit for plain, fit in self._plain if _verifies(key, plain, octets, name)), None)

    def _by_other_order(self, key: ec.EllipticCurvePublicKey, octets: bytes) -> Match | None:
        half = len(self._value) // 2
        r, s = self._value[:half], self._value[half:]
        orders = {"little-endian": (r[::-1], s[::-1]), "s-before-r": (s, r), "reversed": (s[::-1], r[::-1])}
        for order, pair in orders.items():
            plain = encode_dss_signature(*(int.from_bytes(octets, "big") for octets in pair))
            if _verifies(key, plain, octets, self._declared):
                return Match(Cause.VALUE_REVERSED, order)
        return None


def _content_of(key: rsa.RSAPublicKey, value: bytes) -> tuple[str, bytes, Match] | None:
    """Return hash, digest and fault in an RSA signature of PKCS#1 v1.5.

    None if this key did not make it.
    """
    for read, fit in _of_size(value, (key.key_size + 7) // 8):
        with suppress(InvalidSignature, ValueError, UnsupportedAlgorithm):
            content = key.recover_data_from_signature(read, padding.PKCS1v15(), None)
            for start, name in _DIGEST_INFOS.items():
                if content.startswith(start):
                    return name, content[len(start) :], fit
            for start, name in _WITHOUT_NULL.items():
                if content.startswith(start):
                    return name, content[len(start) :], Match(Cause.SIGNATURE_METHOD, "digestinfo-without-null")
            return "sha256", content, Match(Cause.NO_DIGEST_INFO, "octets")
    return None


def _of_size(value: bytes, size: int) -> Iterator[tuple[bytes, Match]]:
    """Yield readings of a value that have the size of an RSA signature."""
    readings = [(value, Match()), *((read, Match(_VALUE_CAUSES[how], how)) for how, read in decodings(value))]
    yield from ((read, fit) for read, fit in readings if len(read) == size)
    for read, fit in readings:
        for how, again in decodings(read):
            if len(again) == size != len(read):
                yield again, Match(fit.guess or _VALUE_CAUSES[how], how)
    if value and len(value) != size:
        yield value.rjust(size, b"\0")[-size:], Match(Cause.VALUE_LENGTH, "octets-before-it")
        yield value[:size].ljust(size, b"\0"), Match(Cause.VALUE_LENGTH, "octets-after-it")


def _plain(value: bytes, width: int) -> Iterator[tuple[bytes, Match]]:
    """Yield readings of an ECDSA value in DER; `width`: octets of r and of s."""
    readings = [(value, Match()), *((read, Match(_VALUE_CAUSES[how], how)) for how, read in decodings(value))]
    for read, fit in readings:
        if fit.guess is not Cause.VALUE_REVERSED:
            if len(read) == 2 * width:
                yield _in_der(read, width), fit
            with suppress(ValueError):
                decode_dss_signature(read)
                yield read, Match(fit.guess or Cause.ECDSA_IN_DER, "der")
    # A number that begins with zeros lost them, or got one before its sign bit, as Java's BigInteger writes it.
    if abs(len(value) - 2 * width) in {1, 2, 3}:
        for at in range(width - 3, width + 4):
            yield _in_der(value, at), Match(Cause.ECDSA_ZEROS, "zeros")


def _in_der(value: bytes, at: int) -> bytes:
    return encode_dss_signature(int.from_bytes(value[:at], "big"), int.from_bytes(value[at:], "big"))


def _verifies(key: ec.EllipticCurvePublicKey, plain: bytes, octets: bytes, name: str) -> bool:
    try:
        key.verify(plain, digest(name, octets), ec.ECDSA(Prehashed(_HASHES[name]())))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, KeyError):
        return False
    return True
