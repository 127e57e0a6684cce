"""Why a signature does not fit: what was taken, both sides' octets where they can be known, and a guess.

A verifier knows of the signer's octets a digest alone. So what programs do wrong is done to the document, one fault
after the other, until the digest is that of the octets: then both sides are known. Whether it fits is asked of
`xmldsig` alone. What each guess means: docs/explain.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cryptography import x509
from lxml import etree

from sinetti.diagnostics import certificates, search, signed_message
from sinetti.diagnostics.causes import Guess
from sinetti.diagnostics.certificates import Shown
from sinetti.diagnostics.search import Question, Sides
from sinetti.diagnostics.signed_message import Kind, NotAnEnvelope, Stated, Taken
from sinetti.wire.soap.schema_types import Operation
from sinetti.wire.xmldsig import algorithms, signature
from sinetti.wire.xmldsig.errors import Flaw, SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import Unparsable
from sinetti.wire.xmldsig.signature import SIGNATURE

_SHAPES = {
    Flaw.MISPLACED: Guess.MISPLACED,
    Flaw.ELSEWHERE: Guess.ELSEWHERE,
    Flaw.NOT_CUT: Guess.NOT_CUT,
    Flaw.PARTS: Guess.PARTS,
    Flaw.METHOD: Guess.METHOD,
    Flaw.DIGEST_METHOD: Guess.METHOD,
    Flaw.CANONICALISATION: Guess.METHOD,
    Flaw.TRANSFORMS: Guess.METHOD,
    Flaw.NOT_BASE64: Guess.NOT_BASE64,
    Flaw.NOT_ONE_CERTIFICATE: Guess.NO_CERTIFICATE,
    Flaw.NO_X509_DATA: Guess.NO_CERTIFICATE,
    Flaw.CERTIFICATE_TOO_LONG: Guess.CERTIFICATE_UNREADABLE,
    Flaw.CERTIFICATE_UNREADABLE: Guess.CERTIFICATE_UNREADABLE,
    Flaw.KEY_NOT_ACCEPTED: Guess.KEY_NOT_ACCEPTED,
}
_MISFITS = frozenset({Flaw.SIGNATURE_MISFIT, Flaw.DIGEST_MISFIT})
_UNKNOWN = frozenset({Guess.TEXT_CHANGED, Guess.SIGNED_INFO_CHANGED, Guess.WRONG_KEY})
"""Guesses that are made where no form fits: they come after those that were found."""


class Verdict(StrEnum):
    """What became of it."""

    FITS = "fits"
    REFUSED = "refused"
    NOTHING_SIGNED = "nothing-signed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Element:
    """What was taken. `cut`: `document`, or `envelope` with the prefixes of the declarations that came with it."""

    name: str
    kind: Kind
    operation: Operation | None
    cut: str
    declarations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`guesses`: what to mend, first things first; none if it fits. `why`: of a closed list, in English.

    `withheld`: a one-time password may stand in the message, so its octets are not here. `unfinished`: not every form
    was tried, since it took too long.
    """

    verdict: Verdict
    guesses: tuple[Guess, ...] = ()
    why: str | None = None
    element: Element | None = None
    stated: Stated | None = field(default=None, repr=False)
    certificate: Shown | None = None
    document: Sides | None = None
    signed_info: Sides | None = None
    withheld: bool = False
    unfinished: bool = False


def explain(octets: bytes, question: Question) -> Explanation:
    """Explain a SOAP message or a signed document. Never raises for what stands in the octets."""
    try:
        taken = signed_message.take(octets)
    except Unparsable as bad:
        what = Guess.NOT_SOAP_11 if isinstance(bad, NotAnEnvelope) else Guess.NOT_XML
        return Explanation(Verdict.UNREADABLE, (what,), str(bad))
    if taken.kind is Kind.FAULT or taken.operation in {Operation.NEW, Operation.GET}:
        return Explanation(Verdict.NOTHING_SIGNED, (Guess.NOTHING_SIGNED,), element=_element(taken, None))
    flaw, root, presented = _verified(taken, question)
    stated = signed_message.stated(taken.root)
    anchors = question.services if taken.kind in {Kind.RESPONSE, Kind.RECEIPT} else question.anchors
    certificate, judged = _certificate(presented, anchors, question)
    told = Explanation(
        Verdict.REFUSED if flaw is not None or judged is not None else Verdict.FITS,
        () if judged is None else (judged,),
        None if flaw is None else str(flaw),
        _element(taken, root),
        stated,
        certificate,
    )
    guess = _guess_of_shape(flaw, taken, stated)
    if guess is not None:
        return replace(told, guesses=(guess, *told.guesses))
    return told if stated is None or presented is None else _compared(told, taken, stated, question, presented)


def _verified(
    taken: Taken, question: Question
) -> tuple[ValueError | None, etree._Element | None, x509.Certificate | None]:
    """Verify as the service does: the first candidate's flaw, None if one fits; that candidate; what was presented."""
    presented: list[x509.Certificate] = []

    def accept(certificate: x509.Certificate) -> bool:
        presented.append(certificate)
        return question.accepts(certificate)

    first: tuple[ValueError, etree._Element] | None = None
    for root in taken.candidates():
        try:
            signature.verify_document([root], accept)
        except (Unparsable, SignatureMissing, SignatureInvalid) as bad:
            first = first or (bad, root)
        else:
            return None, root, presented[-1]
    shown = presented[-1] if presented else None
    return (*first, shown) if first else (SignatureInvalid(Flaw.NOT_CUT), None, shown)


def _certificate(
    presented: x509.Certificate | None, anchors: Sequence[x509.Certificate] | None, question: Question
) -> tuple[Shown | None, Guess | None]:
    """Give what stands in the certificate, and why it does not count; None for what is not known."""
    if presented is None:
        return None, None
    try:
        certificate = certificates.shown(presented, anchors)
    except ValueError:
        return None, Guess.CERTIFICATE_UNREADABLE
    return certificate, certificates.judged(certificate, question.now)


def _element(taken: Taken, root: etree._Element | None) -> Element:
    prefixes = () if root is None else taken.declared_by_envelope(root)
    name = etree.QName(taken.root).localname
    cut = "document" if taken.envelope is None else "envelope"
    return Element(name, taken.kind, taken.operation, cut, tuple(prefix or "" for prefix in prefixes))


def _guess_of_shape(flaw: ValueError | None, taken: Taken, stated: Stated | None) -> Guess | None:
    """What is wrong before any octets are compared; None where they have to be."""
    if flaw is None:
        return None
    if str(flaw) in _MISFITS:
        # A digest by a method that is not taken never fits, however right it is.
        is_taken = stated is None or algorithms.digest_of(stated.digest_method, b"") is not None
        return None if is_taken else Guess.METHOD
    if isinstance(flaw, SignatureMissing):
        anywhere = next(taken.root.getroottree().getroot().iter(SIGNATURE), None)
        return Guess.NO_SIGNATURE if anywhere is None else Guess.OUTSIDE
    return next((guess for known, guess in _SHAPES.items() if known == str(flaw)), Guess.NOT_CUT)


def _compared(
    told: Explanation, taken: Taken, stated: Stated, question: Question, presented: x509.Certificate
) -> Explanation:
    """Look for both sides' octets, and put the guesses in order."""
    if told.why is None:  # one of the first forms fits, so there is no need to hurry
        question = replace(question, enough=lambda: False)
    try:
        document = search.document_sides(taken, stated, question)
    except Unparsable:  # SignedInfo has a canonical form, or there would be another flaw; the document has none
        return replace(told, guesses=(Guess.NOT_CUT, *told.guesses))
    signed_info = search.info_sides(taken, stated, question, presented, document.received)
    known = [guess for guess in (*document.guesses, *signed_info.guesses) if guess not in _UNKNOWN]
    guesses = dict.fromkeys((*known, *signed_info.guesses, *document.guesses, *told.guesses))
    unfinished = question.enough() and not (document.proven and signed_info.proven)
    withheld = any(map(signed_message.may_hold_secret, (taken.octets, question.signed or b"")))
    if withheld:
        document, signed_info = document.without_octets(), signed_info.without_octets()
    return replace(
        told,
        guesses=tuple(guesses),
        document=document,
        signed_info=signed_info,
        withheld=withheld,
        unfinished=unfinished,
    )
