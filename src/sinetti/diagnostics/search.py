"""Looks for the octets that were signed: form after form, until digest or signature is of one of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from typing import cast

from cryptography import x509

from sinetti.diagnostics import candidates, certificates
from sinetti.diagnostics.candidates import Candidate
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.diff import ByteDiff, first_difference
from sinetti.diagnostics.matchers import DigestMatcher, Match, SignatureMatcher, name_of
from sinetti.diagnostics.signed_message import SignatureInfo, SignedElement
from sinetti.domain.values import KeyPolicy
from sinetti.pki.encoding import AnyPublicKey, PublicKey
from sinetti.pki.key_policy import check_key_policy, is_rsa
from sinetti.pki.spki import describes_curve
from sinetti.wire.xmldsig.algorithms import Canonical

AS_LOGGED = "as-logged"
"""The form of octets that the program says it signed."""

_EXCLUSIVE = Canonical(exclusive=True)
_POLICY = KeyPolicy(small_exponent=True)
_MOST_OTHER_KEYS = 4
_FORMS_FOR_OTHER_KEYS = 6


@dataclass(frozen=True, slots=True)
class DiagnosisContext:
    """What is known beside the message.

    `anchors`: the CAs that issue to who signs requests and documents; `services`: to who signs answers and receipts;
    None: not known. `now` (UTC) is what their certificates are judged at. `others`: certificates whose keys may have
    signed. `signed`: what the program signed, as it logged it. `enough` says when to look no further.
    """

    policy: KeyPolicy = _POLICY
    anchors: Sequence[x509.Certificate] | None = None
    services: Sequence[x509.Certificate] | None = None
    now: datetime | None = None
    others: Sequence[x509.Certificate] = ()
    signed: bytes | None = field(default=None, repr=False)
    enough: Callable[[], bool] = lambda: False

    def accepts(self, certificate: x509.Certificate) -> bool:
        """Whether the bounds of a certificate's key allow to verify with it."""
        return not describes_curve(certificate) and self.accepts_key(certificate.public_key())

    def accepts_key(self, key: AnyPublicKey) -> bool:
        """Whether these are bounds of a key that signs; what is neither RSA nor EC does not."""
        return isinstance(check_key_policy(key, self.policy), str)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`received`: the canonical form here. `signed`: the signer's octets where they are known, by the name of `form`.

    `proven`: whether the digest or the signature is of `signed`; else it is what the program says that it signed.
    `method`: how it was digested or signed, if in another way than stated.
    """

    received: bytes = field(repr=False)
    signed: bytes | None = field(default=None, repr=False)
    form: str | None = None
    proven: bool = False
    difference: ByteDiff | None = None
    guesses: tuple[Cause, ...] = ()
    method: str | None = None

    def without_octets(self) -> "Comparison":
        """The same with nothing of what stands in the message."""
        return replace(self, received=b"", signed=None, difference=None)


def compare_document(taken: SignedElement, stated: SignatureInfo, question: DiagnosisContext) -> Comparison:
    """Compare the document with its DigestValue."""
    forms = candidates.document_forms(taken, stated.document_form or _EXCLUSIVE)
    oracle = DigestMatcher(name_of(stated.digest_method) or "", stated.digest_text, stated.digest or b"")
    declared = next(forms)
    found = _found(chain([declared], forms), oracle.asks, question)
    if found is not None:
        return _sides(declared, *found)
    if question.signed is None:
        return Comparison(declared.octets, guesses=(Cause.TEXT_CHANGED,))
    logged = Candidate(Cause.TEXT_CHANGED, AS_LOGGED, question.signed)
    return replace(_sides(declared, logged, Match()), proven=oracle.asks(logged.octets) is not None)


def compare_signed_info(
    taken: SignedElement, stated: SignatureInfo, question: DiagnosisContext, key: x509.Certificate, document: bytes
) -> Comparison:
    """Compare SignedInfo with its SignatureValue; `document` is the document's canonical form here."""
    declared_form, hashing = stated.info_form or _EXCLUSIVE, name_of(stated.signature_method) or ""

    def forms() -> Iterator[Candidate]:
        return candidates.info_forms(taken, declared_form, document)

    declared = next(forms())
    # `accepts` has looked at it: RSA or EC, nothing else.
    oracle = SignatureMatcher(cast("PublicKey", key.public_key()), hashing, stated.value or b"")
    found = _found(forms(), oracle.asks, question)
    if found is None:
        thorough = oracle.asks_otherwise(declared.octets)
        found = None if thorough is None else (declared, thorough)
    if found is not None:
        return _sides(declared, found[0], _of_its_kind(found[1], key, stated))
    others = islice(certificates.other_keys(stated, question.others), _MOST_OTHER_KEYS)
    for other in filter(question.accepts_key, others):
        asked = SignatureMatcher(cast("PublicKey", other), hashing, stated.value or b"")
        found = _found(islice(forms(), _FORMS_FOR_OTHER_KEYS), asked.asks, question)
        if found is not None:
            return _sides(declared, replace(found[0], guess=Cause.OTHER_CERTIFICATE), found[1])
    logged = question.signed
    if logged is not None and oracle.asks(logged) is not None:
        return _sides(declared, Candidate(Cause.SIGNED_INFO_CHANGED, AS_LOGGED, logged), Match())
    return Comparison(declared.octets, guesses=(Cause.SIGNED_INFO_CHANGED if oracle.made_by_key else Cause.WRONG_KEY,))


def _of_its_kind(fit: Match, key: x509.Certificate, stated: SignatureInfo) -> Match:
    """The same, unless the method that is stated is one of another kind of keys: then that is what is wrong."""
    kind = "rsa" if is_rsa(key.public_key()) else "ecdsa"
    if fit.guess is None and f"#{kind}-" not in (stated.signature_method or ""):
        return Match(Cause.SIGNATURE_METHOD, kind)
    return fit


def _found(
    forms: Iterable[Candidate], asks: Callable[[bytes], Match | None], question: DiagnosisContext
) -> tuple[Candidate, Match] | None:
    """The first form that fits; None where none does, or it took too long."""
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
