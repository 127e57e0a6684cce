"""Search for the signed octets, form by form, until digest or signature fit.

Matchers compare octets with a DigestValue or a SignatureValue, also if those were made in another way than declared.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from typing import cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature

from sinetti.diagnostics import candidates, certificates
from sinetti.diagnostics.candidates import Candidate
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.diff import ByteDiff, first_difference
from sinetti.diagnostics.signed_message import SignatureInfo, SignedElement
from sinetti.domain.values import KeyPolicy
from sinetti.pki.encoding import AnyPublicKey, PublicKey, describes_curve
from sinetti.pki.key_policy import check_key_policy, is_rsa
from sinetti.wire.xmldsig.algorithms import Canonical

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
    """Match of octets.

    `guess`: the cause; None if they fit in the way that the signature declares. `name`: the other way.
    """

    guess: Cause | None = None
    name: str | None = None


def name_of(uri: str | None) -> str | None:
    """Return the hash that an algorithm's URI ends with; None for any other.

    sha1, sha256, sha384 or sha512.
    """
    found = (uri or "").rpartition("sha")[2]
    return f"sha{found}" if f"sha{found}" in _HASHES else None


def digest(name: str, octets: bytes) -> bytes:
    """Return the digest by a hash of this name; the use of SHA-1 here secures nothing."""
    return hashlib.new(name, octets, usedforsecurity=False).digest()


@dataclass(frozen=True, slots=True)
class DigestMatcher:
    """Comparison with a DigestValue. `declared`: the hash that DigestMethod names."""

    declared: str
    text: str
    stated: bytes = field(repr=False)

    def matches(self, octets: bytes) -> Match | None:
        """Return the match if the DigestValue is of these octets, or None."""
        return next((fit for name, wanted, fit in self._wanted() if digest(name, octets) == wanted), None)

    def _wanted(self) -> Iterator[tuple[str, bytes, Match]]:
        name = _LENGTHS.get(len(self.stated))
        if name is not None:
            yield name, self.stated, Match() if name == self.declared else Match(Cause.DIGEST_METHOD, name)
        # Hex digits are also base64: either they are the value, or their characters were encoded.
        for written in (self.text, self.stated.decode("ascii", "replace")):
            name = _LENGTHS.get(len(written) // 2)
            if name is not None and _HEX.fullmatch(written):
                yield name, bytes.fromhex(written), Match(Cause.DIGEST_IN_HEX, name)


class SignatureMatcher:
    """Comparison with a SignatureValue by a public key.

    `made_by_key`: True if this key is known to have made it.
    """

    __slots__ = ("_declared", "_key", "_recovered", "_value", "made_by_key")

    def __init__(self, public_key: PublicKey, declared: str, value: bytes) -> None:
        """Store the key, whose bounds were checked, the declared hash, and the value.

        `declared`: the hash that SignatureMethod names.
        """
        self._key, self._declared, self._value = public_key, declared, value
        self._recovered = _recovered(public_key, value)
        self.made_by_key = self._recovered is not None

    def matches(self, octets: bytes) -> Match | None:
        """Return the match if the value was made over these octets, or None.

        By the declared hash; for RSA, by any hash.
        """
        if isinstance(self._key, rsa.RSAPublicKey):
            return self._rsa(octets)
        return self._ecdsa(self._key, octets, self._declared)

    def asks_otherwise(self, octets: bytes) -> Match | None:
        """Return the match by a method that `asks` does not know, or None.

        This is expensive, so it is used for one form only.
        """
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
    """Return the content of an RSA signature of PKCS#1 v1.5.

    None if this key did not make it.
    """
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


AS_LOGGED = "as-logged"
"""Name of the form of octets that the program claims to have signed."""

_EXCLUSIVE = Canonical(exclusive=True)
_POLICY = KeyPolicy(small_exponent=True)
_MOST_OTHER_KEYS = 4
_FORMS_FOR_OTHER_KEYS = 6


@dataclass(frozen=True, slots=True)
class DiagnosisContext:
    """Context of a diagnosis.

    `anchors`: the CAs that issue to signers of requests and documents; `services`: those that issue to signers of
    answers and receipts; None: not known. `now` (UTC): the time at which their certificates are judged. `others`:
    certificates whose keys may have signed. `signed`: the octets that the program signed, as it logged them. `enough`
    returns True when the search has to stop.
    """

    policy: KeyPolicy = _POLICY
    anchors: Sequence[x509.Certificate] | None = None
    services: Sequence[x509.Certificate] | None = None
    now: datetime | None = None
    others: Sequence[x509.Certificate] = ()
    signed: bytes | None = field(default=None, repr=False)
    enough: Callable[[], bool] = lambda: False

    def accepts(self, certificate: x509.Certificate) -> bool:
        """Return whether the bounds of a certificate's key allow verifying with it."""
        return not describes_curve(certificate) and self.accepts_key(certificate.public_key())

    def accepts_key(self, key: AnyPublicKey) -> bool:
        """Return whether a key is within the bounds of signing keys.

        False for a key that is neither RSA nor EC.
        """
        return isinstance(check_key_policy(key, self.policy), str)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of both sides.

    `received`: the canonical form here. `signed`: the signer's octets if they are known, by the name of `form`.
    `proven`: True if the digest or the signature is of `signed`; otherwise the program only claims to have signed it.
    `method`: the way of digesting or signing, if other than declared.
    """

    received: bytes = field(repr=False)
    signed: bytes | None = field(default=None, repr=False)
    form: str | None = None
    proven: bool = False
    difference: ByteDiff | None = None
    guesses: tuple[Cause, ...] = ()
    method: str | None = None

    def without_octets(self) -> "Comparison":
        """Return the same without any octets of the message."""
        return replace(self, received=b"", signed=None, difference=None)


def compare_document(taken: SignedElement, signature_info: SignatureInfo, question: DiagnosisContext) -> Comparison:
    """Compare the document with its DigestValue."""
    forms = candidates.document_forms(taken, signature_info.document_form or _EXCLUSIVE)
    oracle = DigestMatcher(
        name_of(signature_info.digest_method) or "", signature_info.digest_text, signature_info.digest or b""
    )
    declared = next(forms)
    found = _found(chain([declared], forms), oracle.matches, question)
    if found is not None:
        return _sides(declared, *found)
    if question.signed is None:
        return Comparison(declared.octets, guesses=(Cause.TEXT_CHANGED,))
    logged = Candidate(Cause.TEXT_CHANGED, AS_LOGGED, question.signed)
    return replace(_sides(declared, logged, Match()), proven=oracle.matches(logged.octets) is not None)


def compare_signed_info(
    taken: SignedElement,
    signature_info: SignatureInfo,
    question: DiagnosisContext,
    key: x509.Certificate,
    document: bytes,
) -> Comparison:
    """Compare SignedInfo with its SignatureValue.

    `document`: the document's canonical form here.
    """
    declared_form, hashing = signature_info.info_form or _EXCLUSIVE, name_of(signature_info.signature_method) or ""

    def forms() -> Iterator[Candidate]:
        return candidates.info_forms(taken, declared_form, document)

    declared = next(forms())
    # `accepts` has checked it: RSA or EC, nothing else.
    oracle = SignatureMatcher(cast("PublicKey", key.public_key()), hashing, signature_info.value or b"")
    found = _found(forms(), oracle.matches, question)
    if found is None:
        thorough = oracle.asks_otherwise(declared.octets)
        found = None if thorough is None else (declared, thorough)
    if found is not None:
        return _sides(declared, found[0], _of_its_kind(found[1], key, signature_info))
    others = islice(certificates.other_keys(signature_info, question.others), _MOST_OTHER_KEYS)
    for other in filter(question.accepts_key, others):
        asked = SignatureMatcher(cast("PublicKey", other), hashing, signature_info.value or b"")
        found = _found(islice(forms(), _FORMS_FOR_OTHER_KEYS), asked.matches, question)
        if found is not None:
            return _sides(declared, replace(found[0], guess=Cause.OTHER_CERTIFICATE), found[1])
    logged = question.signed
    if logged is not None and oracle.matches(logged) is not None:
        return _sides(declared, Candidate(Cause.SIGNED_INFO_CHANGED, AS_LOGGED, logged), Match())
    return Comparison(declared.octets, guesses=(Cause.SIGNED_INFO_CHANGED if oracle.made_by_key else Cause.WRONG_KEY,))


def _of_its_kind(fit: Match, key: x509.Certificate, signature_info: SignatureInfo) -> Match:
    """Return the match, or the mismatch of the stated method and the kind of key."""
    kind = "rsa" if is_rsa(key.public_key()) else "ecdsa"
    if fit.guess is None and f"#{kind}-" not in (signature_info.signature_method or ""):
        return Match(Cause.SIGNATURE_METHOD, kind)
    return fit


def _found(
    forms: Iterable[Candidate], asks: Callable[[bytes], Match | None], question: DiagnosisContext
) -> tuple[Candidate, Match] | None:
    """Return the first form that fits; None if none does, or if it took too long."""
    for form in forms:
        fit = asks(form.octets)
        if fit is not None:
            return form, fit
        if question.enough():
            break
    return None


def _sides(declared: Candidate, form: Candidate, fit: Match) -> Comparison:
    guesses = tuple(guess for guess in (form.also, form.guess, fit.guess) if guess is not None)
    received = form.octets if form.guess is None else declared.octets
    return Comparison(
        received,
        form.octets,
        form.name,
        proven=True,
        difference=first_difference(form.octets, received),
        guesses=guesses,
        method=fit.name,
    )
