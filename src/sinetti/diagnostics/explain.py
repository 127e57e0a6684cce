"""Diagnosis of a signature that does not verify.

It has the signed element, both sides' octets if they can be found, and a probable cause. A verifier knows only a
digest of the signer's octets. So the diagnosis applies common faults of programs to the document, one after the other,
until the digest fits: then both sides are known. `xmldsig` alone decides whether the signature verifies.
docs/integrators/explain.md explains each cause.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from sinetti.diagnostics import certificates, search, shapes, signed_message, values
from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.certificates import CertificateInfo
from sinetti.diagnostics.search import Comparison, DiagnosisContext
from sinetti.diagnostics.signed_message import MessageType, SignatureInfo, SignedElement, read_signature
from sinetti.diagnostics.values import Finding
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki import csr
from sinetti.wire.soap.schema_types import REQUESTS, ElementName, Operation, SchemaViolation, read_sequence
from sinetti.wire.xmldsig import algorithms, parser, signature
from sinetti.wire.xmldsig.errors import SignatureErrorCode, SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected, children
from sinetti.wire.xmldsig.signature import SIGNATURE

_ASCII, _ID = re.compile(r"[!-~]+"), re.compile(r"[A-Za-z0-9-]+")
_FORMS = {
    ElementName.CUSTOMER_ID: _ASCII,
    ElementName.TRANSFER_PASSWORD: _ASCII,
    ElementName.TRANSFER_ID: _ID,
    ElementName.RETRIEVAL_ID: _ID,
}
"""Characters of the ids that the service issues.

Other ones come from word processors and spreadsheets.
"""

_PASSWORD, _TRANSFER_ID = re.compile(r"[A-Za-z0-9]{16}"), re.compile(r"[0-9]{32}")


def find_in_request(taken: SignedElement, policy: KeyPolicy, environment: Environment | None = None) -> Finding | None:
    """Return the first fault of a request beside its signature, or None.

    `environment` is that of the service, if it is known.
    """
    operation = taken.operation
    if operation is None:
        meant = operation_meant(taken.root)
        return None if meant is None else Finding(Cause.OTHER_OPERATION, {"element": meant.request})
    fields = [child for child in children(taken.root) if child.tag != SIGNATURE]
    if any(etree.QName(field).namespace for field in fields):
        return Finding(Cause.QUALIFIED, {})
    texts = {str(field.tag): (parser.value(field) or "").strip() for field in fields}
    fault = _certificate_request(taken, texts, policy) or _form(texts) or _schema(fields, operation)
    if fault is None and operation is not Operation.RENEW and taken.root.find(SIGNATURE) is not None:
        return Finding(Cause.UNEXPECTED, {"element": "ds:Signature"})
    return fault or _for_another(texts, _signer(taken), environment)


def operation_meant(root: etree._Element) -> Operation | None:
    """Return the operation of a request whose element has another name or namespace."""
    name = etree.QName(root).localname.casefold().removesuffix("request")
    return next((operation for operation in Operation if operation.value.casefold() == name), None)


def _form(texts: dict[str, str]) -> Finding | None:
    password, transfer = texts.get(ElementName.TRANSFER_PASSWORD, ""), texts.get(ElementName.TRANSFER_ID, "")
    if _PASSWORD.fullmatch(transfer) and _TRANSFER_ID.fullmatch(password):
        return Finding(Cause.IDS_SWAPPED, {})
    for name, form in _FORMS.items():
        if texts.get(name) and not form.fullmatch(texts[name]):
            return Finding(Cause.FOREIGN_CHARACTERS, {"element": name})
    return None


def _schema(fields: list[etree._Element], operation: Operation) -> Finding | None:
    try:
        read_sequence(fields, REQUESTS[operation], operation.request)
    except SchemaViolation as bad:
        names = [str(field.tag) for field in fields]
        order = [field.name.value for field in REQUESTS[operation]]
        known = [name for name in names if name in order]
        extra = [name for name in names if name in set(ElementName) and (name not in order or names.count(name) > 1)]
        if extra:
            return Finding(Cause.UNEXPECTED, {"element": extra[0]})
        if known != sorted(known, key=order.index):
            cause = Cause.SCHEMA_ORDER
        else:
            cause = Cause.SCHEMA if bad.element in {*names, operation.request} else Cause.ELEMENT_MISSING
        return Finding(cause, {"element": bad.element})
    return None


def _certificate_request(taken: SignedElement, texts: dict[str, str], policy: KeyPolicy) -> Finding | None:
    """Return the fault of the certificate signing request, or None."""
    name = ElementName.CERTIFICATE_REQUEST
    text = texts.get(name, "")
    if not text:
        return None
    fault = values.find_in_der(name, text, x509.load_der_x509_csr)
    if fault is not None:
        return fault
    octets = parser.decode_base64(text) or b""
    read = csr.read_request(octets, policy)
    if not isinstance(read, Rejection):
        return Finding(Cause.KEY_REUSED, {}) if _is_key_of_signer(octets, taken) else None
    try:
        request = x509.load_der_x509_csr(octets)
    except (ValueError, x509.InvalidVersion):
        return Finding(Cause.CSR_UNREADABLE, {"element": name})
    if read.reason is RejectionReason.KEY_NOT_ACCEPTED:
        return Finding(Cause.KEY_NOT_ACCEPTED, {"element": name, "content": values.name_of_key(request)})
    return Finding(Cause.CSR_SIGNATURE, {"element": name})


def _for_another(
    texts: dict[str, str], signer: x509.Certificate | None, environment: Environment | None
) -> Finding | None:
    """Return the fault of a request that another service or another certificate takes."""
    asked = texts[ElementName.ENVIRONMENT]
    if environment not in {None, asked}:
        return Finding(Cause.OTHER_ENVIRONMENT, {"content": asked})
    try:
        names = [] if signer is None else signer.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    except ValueError:
        return None
    if len(names) == 1 and names[0].value != texts[ElementName.CUSTOMER_ID]:
        return Finding(Cause.OTHER_CUSTOMER, {"content": str(names[0].value)})
    return None


def _is_key_of_signer(octets: bytes, taken: SignedElement) -> bool:
    if (signer := _signer(taken)) is None:
        return False
    try:
        keys = [x509.load_der_x509_csr(octets).public_key(), signer.public_key()]
    except (ValueError, UnsupportedAlgorithm):
        return False
    first, second = (key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    return first == second


def _signer(taken: SignedElement) -> x509.Certificate | None:
    signature = read_signature(taken.root)
    try:
        return x509.load_der_x509_certificate(signature.certificates[0]) if signature is not None else None
    except (ValueError, IndexError, x509.InvalidVersion):
        return None


_SHAPES = {
    SignatureErrorCode.MISPLACED: Cause.MISPLACED,
    SignatureErrorCode.ELSEWHERE: Cause.ELSEWHERE,
    SignatureErrorCode.CERTIFICATE_TOO_LONG: Cause.CERTIFICATE_UNREADABLE,
    SignatureErrorCode.KEY_NOT_ACCEPTED: Cause.KEY_NOT_ACCEPTED,
}
_MISFITS = frozenset({SignatureErrorCode.SIGNATURE_MISFIT, SignatureErrorCode.DIGEST_MISFIT})
_UNKNOWN = frozenset({Cause.TEXT_CHANGED, Cause.SIGNED_INFO_CHANGED, Cause.WRONG_KEY})
"""Causes that are reported if no form fits; they come after the causes found."""


class DiagnosisResult(StrEnum):
    """Result of a diagnosis."""

    FITS = "fits"
    REFUSED = "refused"
    NOTHING_SIGNED = "nothing-signed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Element:
    """Element that was examined.

    `cut`: `document`, or `envelope`. `declarations`: prefixes whose declarations came from the envelope.
    """

    name: str
    kind: MessageType
    operation: Operation | None
    cut: str
    declarations: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """Diagnosis of one message.

    `guesses`: the causes to correct, the first to correct first; none if it fits. `why`: a reason of a closed list, in
    English. `withheld`: a one-time password may stand in the message, so its octets are not here. `unfinished`: not
    every form was tried, since it took too long. `named`: the names in the texts of the guesses. `probable`: the
    guesses that the message suggests, but no digest proves.
    """

    verdict: DiagnosisResult
    guesses: tuple[Cause, ...] = ()
    why: str | None = None
    element: Element | None = None
    stated: SignatureInfo | None = field(default=None, repr=False)
    certificate: CertificateInfo | None = None
    document: Comparison | None = None
    signed_info: Comparison | None = None
    withheld: bool = False
    unfinished: bool = False
    named: Mapping[str, str] = field(default_factory=dict)
    probable: frozenset[Cause] = frozenset()


def diagnose(octets: bytes, question: DiagnosisContext) -> Diagnosis:
    """Explain a SOAP message or a signed document.

    Never raises for any content of the octets.
    """
    try:
        taken = signed_message.extract(octets)
    except XmlRejected as bad:
        content = values.name_of_file(octets)
        cause = shapes.find_in_unreadable(octets, bad) if content is None else Cause.OTHER_FILE
        return Diagnosis(DiagnosisResult.UNREADABLE, (cause,), str(bad), named={"content": content or ""})
    displaced = shapes.find_in_envelope(taken)
    if displaced is not None:
        return Diagnosis(DiagnosisResult.REFUSED, (displaced,), element=_element(taken, None))
    if taken.kind is MessageType.FAULT or taken.operation in {Operation.NEW, Operation.GET}:
        nothing = Diagnosis(DiagnosisResult.NOTHING_SIGNED, (Cause.NOTHING_SIGNED,), element=_element(taken, None))
        return _with_request_fault(replace(nothing, guesses=()), taken, question) or nothing
    diagnosis = _signature_diagnosis(taken, question)
    # Where the signature itself fits, the service reads the request before it judges the certificate.
    if diagnosis.why is None or (Cause.NO_SIGNATURE in diagnosis.guesses and operation_meant(taken.root)):
        return _with_request_fault(diagnosis, taken, question) or diagnosis
    return diagnosis


def _with_request_fault(diagnosis: Diagnosis, taken: SignedElement, question: DiagnosisContext) -> Diagnosis | None:
    """Return a diagnosis with the request's own fault; None if there is none."""
    fault = find_in_request(taken, question.policy, question.environment)
    if fault is None or (fault.cause is Cause.OTHER_CUSTOMER and Cause.NOT_OURS in diagnosis.guesses):
        return None
    unsigned = fault.cause is Cause.OTHER_OPERATION and operation_meant(taken.root) is not Operation.RENEW
    others = [guess for guess in diagnosis.guesses if guess is not Cause.NO_SIGNATURE or not unsigned]
    return replace(diagnosis, verdict=DiagnosisResult.REFUSED, guesses=(fault.cause, *others), named=fault.named)


def _signature_diagnosis(taken: SignedElement, question: DiagnosisContext) -> Diagnosis:
    flaw, root, presented = _verified(taken, question)
    signature_info = signed_message.read_signature(taken.root)
    anchors = question.services if taken.kind in {MessageType.RESPONSE, MessageType.RECEIPT} else question.anchors
    certificate, judged = _certificate(presented, anchors, question)
    diagnosis = Diagnosis(
        DiagnosisResult.REFUSED if flaw is not None or judged is not None else DiagnosisResult.FITS,
        () if judged is None else (judged,),
        None if flaw is None else str(flaw),
        _element(taken, root),
        signature_info,
        certificate,
    )
    guess = _guess_of_shape(flaw, taken, signature_info)
    if guess is not None:
        named = guess.named
        if guess.cause is Cause.KEY_NOT_ACCEPTED and presented is not None:
            named = {"element": "X509Certificate", "content": values.name_of_key(presented)}
        return replace(diagnosis, guesses=(guess.cause, *diagnosis.guesses), named=named)
    return (
        diagnosis
        if signature_info is None or presented is None
        else _compared(diagnosis, taken, signature_info, question, presented)
    )


def _verified(
    taken: SignedElement, question: DiagnosisContext
) -> tuple[ValueError | None, etree._Element | None, x509.Certificate | None]:
    """Verify as the service does.

    Return the first candidate's error or None if one fits, that candidate, and the presented certificate.
    """
    presented: list[x509.Certificate] = []

    def accept(certificate: x509.Certificate) -> bool:
        presented.append(certificate)
        return question.accepts(certificate)

    first: tuple[ValueError, etree._Element] | None = None
    for root in taken.candidates():
        try:
            signature.verify_document([root], accept)
        except (XmlRejected, SignatureMissing, SignatureInvalid) as bad:
            first = first or (bad, root)
        else:
            return None, root, presented[-1]
    last_presented = presented[-1] if presented else None
    return (*first, last_presented) if first else (SignatureInvalid(SignatureErrorCode.NOT_CUT), None, last_presented)


def _certificate(
    presented: x509.Certificate | None, anchors: Sequence[x509.Certificate] | None, question: DiagnosisContext
) -> tuple[CertificateInfo | None, Cause | None]:
    """Return the content of the certificate, and the objection to it.

    None for what is not known.
    """
    if presented is None:
        return None, None
    try:
        certificate = certificates.describe(presented, anchors)
    except ValueError:
        return None, Cause.CERTIFICATE_UNREADABLE
    return certificate, certificates.validity_problem(certificate, question.now)


def _element(taken: SignedElement, root: etree._Element | None) -> Element:
    prefixes = () if root is None else taken.declared_by_envelope(root)
    name = etree.QName(taken.root).localname
    cut = "document" if taken.envelope is None else "envelope"
    return Element(name, taken.kind, taken.operation, cut, tuple(prefix or "" for prefix in prefixes))


def _guess_of_shape(
    flaw: ValueError | None, taken: SignedElement, signature_info: SignatureInfo | None
) -> Finding | None:
    """Return the cause that is known before octets are compared, or None."""
    if flaw is None:
        return None
    if str(flaw) in _MISFITS:
        # A digest by a method that is not accepted never fits, even a correct one.
        is_taken = signature_info is None or algorithms.digest_of(signature_info.digest_method, b"") is not None
        return None if is_taken else shapes.find_in_signature(SignatureErrorCode.DIGEST_METHOD, taken.root)
    if isinstance(flaw, SignatureMissing):
        return Finding(_missing(taken), {})
    body = taken.root.getparent()
    if str(flaw) == SignatureErrorCode.NOT_CUT and body is not None and "\ufeff" in "".join(map(str, body.itertext())):
        return Finding(Cause.DECLARATION_INSIDE, {})
    if str(flaw) == SignatureErrorCode.NOT_CUT and any(
        element.tag == SIGNATURE for element in taken.root.itersiblings()
    ):
        return Finding(Cause.OUTSIDE, {})
    shape = shapes.find_in_signature(str(flaw), taken.root)
    cut = Cause.RELATIVE_NAMESPACE if shapes.has_relative_namespace(taken.root) else Cause.NOT_CUT
    return shape or Finding(next((guess for known, guess in _SHAPES.items() if known == str(flaw)), cut), {})


def _missing(taken: SignedElement) -> Cause:
    everything = taken.root.getroottree().getroot()
    if next(everything.iter(SIGNATURE), None) is not None:
        return Cause.OUTSIDE
    is_named = any(etree.QName(element).localname == "Signature" for element in everything.iter("*"))
    return Cause.OTHER_NAMESPACE if is_named else Cause.NO_SIGNATURE


def _compared(
    diagnosis: Diagnosis,
    taken: SignedElement,
    signature_info: SignatureInfo,
    question: DiagnosisContext,
    presented: x509.Certificate,
) -> Diagnosis:
    """Find both sides' octets, and sort the causes."""
    if diagnosis.why is None:  # one of the first forms fits, so no time limit is needed
        question = replace(question, enough=lambda: False)
    try:
        document = search.compare_document(taken, signature_info, question, presented)
    except XmlRejected:  # SignedInfo has a canonical form, or there would be another error; the document has none
        return replace(diagnosis, guesses=(Cause.RELATIVE_NAMESPACE, *diagnosis.guesses))
    signed_info = search.compare_signed_info(taken, signature_info, question, presented, document.received)
    known = [guess for guess in (*document.guesses, *signed_info.guesses) if guess not in _UNKNOWN]
    probable = _evidence(taken, question, document, signed_info, presented)
    guesses = dict.fromkeys((*known, *probable, *signed_info.guesses, *document.guesses, *diagnosis.guesses))
    for cause in probable:
        for vague in (Cause.WRONG_KEY, Cause.VALUE_LENGTH) if cause in _OF_THE_KEY else (Cause.TEXT_CHANGED,):
            guesses.pop(vague, None)
    unfinished = question.enough() and not (document.proven and signed_info.proven)
    withheld = any(map(signed_message.may_hold_secret, (taken.octets, question.signed or b"")))
    if withheld:
        document, signed_info = document.without_octets(), signed_info.without_octets()
    return replace(
        diagnosis,
        guesses=tuple(guesses),
        document=document,
        signed_info=signed_info,
        withheld=withheld,
        unfinished=unfinished,
        probable=frozenset(probable),
        named={"element": "SignatureValue"},
    )


_OF_THE_KEY = frozenset({Cause.CA_CERTIFICATE, Cause.PLUS_LOST})
"""Causes that the signature itself suggests."""

_EVIDENCE = {
    Cause.SCHEMA_ORDER: Cause.REORDERED,
    Cause.ELEMENT_MISSING: Cause.FIELD_DROPPED,
    Cause.OTHER_OPERATION: Cause.NAMESPACE_CHANGED,
}
"""Faults of a request, and the causes that they suggest if no form fits."""


def _evidence(
    taken: SignedElement,
    question: DiagnosisContext,
    document: Comparison,
    signed_info: Comparison,
    presented: x509.Certificate,
) -> list[Cause]:
    """Return the causes that the message suggests where no form fits."""
    causes = []
    if not signed_info.proven and certificates.is_ca(presented):
        causes.append(Cause.CA_CERTIFICATE)
    elif Cause.VALUE_LENGTH in signed_info.guesses and shapes.has_lost_plus_signs(taken.root):
        causes.append(Cause.PLUS_LOST)
    if Cause.TEXT_CHANGED in document.guesses and not document.proven:
        fault = find_in_request(taken, question.policy)
        if fault is not None and fault.cause in _EVIDENCE:
            causes.append(_EVIDENCE[fault.cause])
        elif document.received and (visible := shapes.find_in_text(document.received)) is not None:
            causes.append(visible)
    return causes
