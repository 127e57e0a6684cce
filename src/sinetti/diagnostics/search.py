"""Search for the signed octets, form by form, until digest or signature fit."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from typing import cast

from cryptography import x509

from sinetti.diagnostics import candidates, certificates
from sinetti.diagnostics.candidates import Candidate
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.contents import KnownContent
from sinetti.diagnostics.matchers import DigestMatcher, Match, SignatureMatcher, name_of
from sinetti.diagnostics.signed_message import SignatureInfo, SignedElement, find_csr
from sinetti.diagnostics.values import went_through_text
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki.encoding import AnyPublicKey, PublicKey, describes_curve
from sinetti.pki.key_policy import check_key_policy, is_rsa
from sinetti.pki.policy_oids import channel_from_policy
from sinetti.wire.soap.schema_types import REQUESTS, ElementName
from sinetti.wire.xmldsig.algorithms import Canonical

SHOWN = 40
"""Octets of context on each side of the first difference."""

_CHUNK = 4096
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
_ONE_BYTE = 0x100
_FOUR_DIGITS = 0x10000


@dataclass(frozen=True)
class ByteDiff:
    """First difference of two forms.

    `line` and `column` count from 1, in characters; `offset` from 0, in octets. `before` is the common text just
    before it. `signed` and `received` begin with the difference. All three are excerpts of at most 40 octets, made
    visible.
    """

    line: int
    column: int
    offset: int
    before: str
    signed: str
    received: str


def first_difference(signed: bytes, received: bytes) -> ByteDiff | None:
    """Return the first difference of the signed and the received octets, or None."""
    if signed == received:
        return None
    at = _begin_of_character(signed, received, _first_octet(signed, received))
    before = received[:at]
    line_start = before.rfind(b"\n") + 1
    return ByteDiff(
        line=before.count(b"\n") + 1,
        column=len(before[line_start:].decode("utf-8", "replace")) + 1,
        offset=at,
        before=visible(_tail(before)),
        signed=visible(signed[at : at + SHOWN]),
        received=visible(received[at : at + SHOWN]),
    )


def visible(octets: bytes) -> str:
    r"""Return octets as visible text on one line.

    Escapes are `\n`, `\r`, `\t`, `\\` and `\xNN`; combining and unprintable characters become `\uNNNN`. A character
    that is cut in the middle is shown by its octets, as is anything that is not UTF-8.
    """
    return "".join(map(_visible_char, octets.decode("utf-8", "surrogateescape")))


def _visible_char(sign: str) -> str:
    if sign in _NAMED:
        return _NAMED[sign]
    number = ord(sign)
    if "\udc80" <= sign <= "\udcff":
        return f"\\x{number - 0xDC00:02x}"
    # Composed and decomposed letters look the same, and no-break spaces as spaces.
    if sign.isprintable() and not unicodedata.combining(sign):
        return sign
    if number < _ONE_BYTE:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < _FOUR_DIGITS else f"\\U{number:08x}"


def _first_octet(one: bytes, other: bytes) -> int:
    shorter = min(len(one), len(other))
    for start in range(0, shorter, _CHUNK):
        left, right = one[start : start + _CHUNK], other[start : start + _CHUNK]
        for at, (here, there) in enumerate(zip(left, right, strict=False)) if left != right else ():
            if here != there:
                return start + at
    return shorter


def _begin_of_character(signed: bytes, received: bytes, at: int) -> int:
    """Step back to the first octet of a UTF-8 character.

    Its other octets are 10xxxxxx.
    """
    while at and any(len(side) > at and side[at] & 0xC0 == 0x80 for side in (signed, received)):  # noqa: PLR2004
        at -= 1
    return at


def _tail(before: bytes) -> bytes:
    tail = before[-SHOWN:]
    while len(tail) < len(before) and tail[:1] and tail[0] & 0xC0 == 0x80:  # noqa: PLR2004
        tail = tail[1:]
    return tail


AS_LOGGED = "as-logged"
"""Name of the form of octets that the program claims to have signed."""

_EXCLUSIVE = Canonical(exclusive=True)
_POLICY = KeyPolicy(small_exponent=True)
_MOST_OTHER_KEYS = 5
_FORMS_FOR_OTHER_KEYS = 6
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""Object identifier of CMS signed-data (RFC 5652, 5.1)."""

_OID_WITHIN = 32
_LEAST_FORMS, _MOST_OCTETS = 120, 100_000_000
"""Forms of a document to try, and their octets altogether.

A document of 900 kB takes less than a second.
"""

_SIZES = frozenset({64, 96, 256, 384, 512})
"""Octets of signatures by keys of the usual sizes."""


@dataclass(frozen=True)
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

    @property
    def environment(self) -> Environment | None:
        """Environment of the service, if the CAs of holders have one."""
        environments = {known[1] for anchor in self.anchors or () if (known := channel_from_policy(anchor)) is not None}
        return environments.pop() if len(environments) == 1 else None

    def accepts(self, certificate: x509.Certificate) -> bool:
        """Return whether the bounds of a certificate's key allow verifying with it."""
        return not describes_curve(certificate) and self.accepts_key(certificate.public_key())

    def accepts_key(self, key: AnyPublicKey) -> bool:
        """Return whether a key is within the bounds of signing keys.

        False for a key that is neither RSA nor EC.
        """
        return isinstance(check_key_policy(key, self.policy), str)


@dataclass(frozen=True)
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


def compare_document(
    taken: SignedElement, signature_info: SignatureInfo, question: DiagnosisContext, key: x509.Certificate
) -> Comparison:
    """Compare the document with its DigestValue.

    `key`: the certificate in the signature.
    """
    known = _known_content(taken, key)
    forms = candidates.document_forms(taken, signature_info.document_form or _EXCLUSIVE, known)
    oracle = DigestMatcher(name_of(signature_info.digest_method) or "", signature_info.digest or b"")
    declared = next(forms)
    most = max(_LEAST_FORMS, _MOST_OCTETS // (len(declared.octets) or 1))
    matches = _found(chain([declared], islice(forms, most)), oracle.matches, question)
    if matches is not None:
        return _sides(declared, *matches)
    if question.signed is None:
        return Comparison(declared.octets, guesses=(Cause.TEXT_CHANGED,))
    logged = Candidate(Cause.TEXT_CHANGED, AS_LOGGED, question.signed)
    return replace(_sides(declared, logged, Match()), proven=oracle.matches(logged.octets) is not None)


def _known_content(taken: SignedElement, key: x509.Certificate) -> KnownContent:
    """Return the values that the certificate, the CSR and the schema have."""
    names = {
        ElementName.CUSTOMER_ID: x509.NameOID.COMMON_NAME,
        ElementName.CUSTOMER_NAME: x509.NameOID.ORGANIZATION_NAME,
    }
    texts: dict[str, tuple[str, ...]] = {ElementName.ENVIRONMENT: tuple(Environment)}
    request = find_csr(taken)
    for element, oid in names.items():
        for one in (key, request) if request is not None else (key,):
            with suppress(ValueError, TypeError):
                attributes = one.subject.get_attributes_for_oid(oid)
                texts[element] = (*texts.get(element, ()), *(str(name.value) for name in attributes))
    fields = REQUESTS[taken.operation] if taken.operation is not None else ()
    return KnownContent(texts, tuple(field.name.value for field in fields))


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
    value = signature_info.value or b""

    def forms() -> Iterator[Candidate]:
        return candidates.info_forms(taken, declared_form, document)

    declared = next(forms())
    # `accepts` has checked it: RSA or EC, nothing else.
    oracle = SignatureMatcher(cast("PublicKey", key.public_key()), hashing, value)
    fit = oracle.matches(declared.octets) or oracle.asks_otherwise(declared.octets)
    matches = _found(forms(), oracle.matches, question) if fit is None else (declared, fit)
    if matches is not None:
        return _sides(declared, matches[0], _of_its_kind(matches[1], key, signature_info))
    others = islice(certificates.other_keys(signature_info, question.others, find_csr(taken)), _MOST_OTHER_KEYS)
    for other, guess in others:
        if question.accepts_key(other):
            asked = SignatureMatcher(cast("PublicKey", other), hashing, value)
            matches = _found(islice(forms(), _FORMS_FOR_OTHER_KEYS), asked.matches, question)
            if matches is not None:
                return _sides(declared, replace(matches[0], guess=guess), matches[1])
    logged = question.signed
    if logged is not None and oracle.matches(logged) is not None:
        return _sides(declared, Candidate(Cause.SIGNED_INFO_CHANGED, AS_LOGGED, logged), Match())
    return Comparison(declared.octets, guesses=(_of_unknown(oracle, value),))


def _of_unknown(oracle: SignatureMatcher, value: bytes) -> Cause:
    """Return the cause if no form fits a value."""
    if _SIGNED_DATA in value[:_OID_WITHIN]:
        return Cause.CMS
    if went_through_text(value):
        return Cause.THROUGH_TEXT
    if not oracle.fits_key and len(value) not in _SIZES:
        return Cause.VALUE_LENGTH
    return Cause.SIGNED_INFO_CHANGED if oracle.made_by_key else Cause.WRONG_KEY


def _of_its_kind(fit: Match, key: x509.Certificate, signature_info: SignatureInfo) -> Match:
    """Return the match, or the mismatch of the stated method and the kind of key."""
    kind = "rsa" if is_rsa(key.public_key()) else "ecdsa"
    if fit.guess is None and f"#{kind}-" not in (signature_info.signature_method or ""):
        return Match(Cause.KEY_KIND, kind)
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
