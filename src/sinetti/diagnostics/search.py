"""Looks for the octets that were signed: form after form, until digest or signature is of one of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from typing import cast

from cryptography import x509

from sinetti.diagnostics import candidates, certificates
from sinetti.diagnostics.candidates import Form
from sinetti.diagnostics.causes import Guess
from sinetti.diagnostics.diff import Difference, first_difference
from sinetti.diagnostics.matchers import DigestOracle, Fit, SignatureOracle, name_of
from sinetti.diagnostics.signed_message import Stated, Taken
from sinetti.domain.values import KeyPolicy
from sinetti.pki.encoding import AnyPublicKey, PublicKey
from sinetti.pki.key_policy import check_key, is_rsa
from sinetti.pki.spki import describes_curve
from sinetti.wire.xmldsig.algorithms import Canonical

AS_LOGGED = "as-logged"
"""The form of octets that the program says it signed."""

_EXCLUSIVE = Canonical(exclusive=True)
_POLICY = KeyPolicy(small_exponent=True)
_MOST_OTHER_KEYS = 4
_FORMS_FOR_OTHER_KEYS = 6


@dataclass(frozen=True, slots=True)
class Question:
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
        return isinstance(check_key(key, self.policy), str)


@dataclass(frozen=True, slots=True)
class Sides:
    """`received`: the canonical form here. `signed`: the signer's octets where they are known, by the name of `form`.

    `proven`: whether the digest or the signature is of `signed`; else it is what the program says that it signed.
    `method`: how it was digested or signed, if in another way than stated.
    """

    received: bytes = field(repr=False)
    signed: bytes | None = field(default=None, repr=False)
    form: str | None = None
    proven: bool = False
    difference: Difference | None = None
    guesses: tuple[Guess, ...] = ()
    method: str | None = None

    def without_octets(self) -> "Sides":
        """The same with nothing of what stands in the message."""
        return replace(self, received=b"", signed=None, difference=None)


def document_sides(taken: Taken, stated: Stated, question: Question) -> Sides:
    """Compare the document with its DigestValue."""
    forms = candidates.document_forms(taken, stated.document_form or _EXCLUSIVE)
    oracle = DigestOracle(name_of(stated.digest_method) or "", stated.digest_text, stated.digest or b"")
    declared = next(forms)
    found = _found(chain([declared], forms), oracle.asks, question)
    if found is not None:
        return _sides(declared, *found)
    if question.signed is None:
        return Sides(declared.octets, guesses=(Guess.TEXT_CHANGED,))
    logged = Form(Guess.TEXT_CHANGED, AS_LOGGED, question.signed)
    return replace(_sides(declared, logged, Fit()), proven=oracle.asks(logged.octets) is not None)


def info_sides(taken: Taken, stated: Stated, question: Question, key: x509.Certificate, document: bytes) -> Sides:
    """Compare SignedInfo with its SignatureValue; `document` is the document's canonical form here."""
    declared_form, hashing = stated.info_form or _EXCLUSIVE, name_of(stated.signature_method) or ""

    def forms() -> Iterator[Form]:
        return candidates.info_forms(taken, declared_form, document)

    declared = next(forms())
    # `accepts` has looked at it: RSA or EC, nothing else.
    oracle = SignatureOracle(cast("PublicKey", key.public_key()), hashing, stated.value or b"")
    found = _found(forms(), oracle.asks, question)
    if found is None:
        thorough = oracle.asks_otherwise(declared.octets)
        found = None if thorough is None else (declared, thorough)
    if found is not None:
        return _sides(declared, found[0], _of_its_kind(found[1], key, stated))
    others = islice(certificates.other_keys(stated, question.others), _MOST_OTHER_KEYS)
    for other in filter(question.accepts_key, others):
        asked = SignatureOracle(cast("PublicKey", other), hashing, stated.value or b"")
        found = _found(islice(forms(), _FORMS_FOR_OTHER_KEYS), asked.asks, question)
        if found is not None:
            return _sides(declared, replace(found[0], guess=Guess.OTHER_CERTIFICATE), found[1])
    logged = question.signed
    if logged is not None and oracle.asks(logged) is not None:
        return _sides(declared, Form(Guess.SIGNED_INFO_CHANGED, AS_LOGGED, logged), Fit())
    return Sides(declared.octets, guesses=(Guess.SIGNED_INFO_CHANGED if oracle.made_by_key else Guess.WRONG_KEY,))


def _of_its_kind(fit: Fit, key: x509.Certificate, stated: Stated) -> Fit:
    """The same, unless the method that is stated is one of another kind of keys: then that is what is wrong."""
    kind = "rsa" if is_rsa(key.public_key()) else "ecdsa"
    if fit.guess is None and f"#{kind}-" not in (stated.signature_method or ""):
        return Fit(Guess.SIGNATURE_METHOD, kind)
    return fit


def _found(forms: Iterable[Form], asks: Callable[[bytes], Fit | None], question: Question) -> tuple[Form, Fit] | None:
    """The first form that fits; None where none does, or it took too long."""
    for form in forms:
        fit = asks(form.octets)
        if fit is not None:
            return form, fit
        if question.enough():
            break
    return None


def _sides(declared: Form, form: Form, fit: Fit) -> Sides:
    guesses = tuple(guess for guess in (form.also, form.guess, fit.guess) if guess is not None)
    received = form.octets if form.guess is None else declared.octets
    return Sides(
        received,
        form.octets,
        form.name,
        proven=True,
        difference=first_difference(form.octets, received),
        guesses=guesses,
        method=fit.name,
    )
