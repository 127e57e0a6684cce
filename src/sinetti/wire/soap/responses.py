"""Responses over SOAP: the service signs them, the client reads them.

Faults too, which are not signed.

Programs in the field read responses as text (facts sheet, 3). Therefore:

- The payload declares all its prefixes itself.
- Values stand on one line without CR.
- RetrievalId or Certificate comes before Result.
- ds:Signature is the last child.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never
from xml.sax.saxutils import escape

from cryptography import x509
from lxml import etree

from sinetti.domain.requests import AcceptedResponse, CertificateResponse
from sinetti.wire.soap.envelope import SOAP, parse_envelope, wrap_in_envelope
from sinetti.wire.soap.schema_types import (
    SERVICE,
    TEXT,
    ElementName,
    ElementSpec,
    Operation,
    SchemaViolation,
    binary,
    child_elements,
    qualified,
    read_sequence,
    token,
)
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.algorithms import LARGEST_CERTIFICATE
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected
from sinetti.wire.xmldsig.signature import PreparedSignature, SignatureProfile
from sinetti.wire.xmldsig.signers import DocumentSigner

LONGEST_MESSAGE = 255
"""Largest number of characters of an ErrorMessage (facts sheet, 2)."""

_OK, _FAIL = "OK", "FAIL"
_CERTIFICATE = ElementSpec(ElementName.CERTIFICATE, binary(LARGEST_CERTIFICATE))
_RETRIEVAL_ID = ElementSpec(ElementName.RETRIEVAL_ID, TEXT[ElementName.RETRIEVAL_ID])
_STATUS = ElementSpec(ElementName.STATUS, token(_OK, _FAIL))
_ERROR = (
    ElementSpec(ElementName.ERROR_CODE, TEXT[ElementName.ERROR_CODE]),
    ElementSpec(ElementName.ERROR_MESSAGE, TEXT[ElementName.ERROR_MESSAGE]),
)


class UntrustedResponse(ValueError):
    """Answer without a trusted signature.

    The signature is missing, broken or outside the shape, or its signer is not accepted.
    """


class UnreadableResponse(ValueError):
    """Answer that cannot be read.

    It is no SOAP 1.1 envelope, answers another operation, or breaks the schema.
    """


class SoapFault(Exception):
    """SOAP Fault of the service, which is not signed.

    The text is the faultstring, which comes from outside.
    """


@dataclass(frozen=True, slots=True)
class Failure:
    """Refusal as the protocol expresses it.

    `code` is PKI and three digits, `message` at most 255 characters.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One error of a response."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class SoapResponse:
    """Trusted answer.

    `certificate` and `signer` are DER. With `status_ok`, the requested value is there.
    """

    status_ok: bool
    retrieval_id: str | None
    certificate: bytes | None = field(repr=False)
    errors: tuple[ErrorInfo, ...]
    signer: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PreparedResponse:
    """Response that lacks the value of its signature."""

    signature: PreparedSignature
    start: bytes = field(repr=False)
    end: bytes = field(repr=False)

    def finish(self, plain: bytes) -> bytes:
        """Write the envelope with a plain signature over the octets of `signature`."""
        return wrap_in_envelope(self.start + self.signature.finish(plain) + self.end)


def render_response(
    operation: Operation,
    answer: AcceptedResponse | CertificateResponse | Failure,
    seal: DocumentSigner,
    recipe: SignatureProfile = SignatureProfile.EXCLUSIVE,
) -> bytes:
    """Write a signed response."""
    prepared = prepare_response(operation, answer, seal, recipe)
    return prepared.finish(seal.sign(prepared.signature.octets))


def prepare_response(
    operation: Operation,
    answer: AcceptedResponse | CertificateResponse | Failure,
    seal: DocumentSigner,
    recipe: SignatureProfile,
) -> PreparedResponse:
    """Prepare a response.

    It is signed as a separate document before the envelope is added.
    """
    match answer:
        case AcceptedResponse(retrieval_id):
            inside = _element(ElementName.RETRIEVAL_ID, retrieval_id) + _result(_OK)
        case CertificateResponse(certificate):
            inside = _element(ElementName.CERTIFICATE, parser.encode_base64(certificate)) + _result(_OK)
        case Failure(code, message):
            # One line, and never longer than the type: a validating program would otherwise lose the code as well.
            text = " ".join(message.split())[:LONGEST_MESSAGE]
            error = _element(ElementName.ERROR_CODE, code) + _element(ElementName.ERROR_MESSAGE, text)
            inside = _result(_FAIL, f"<{ElementName.ERROR_INFO}>{error}</{ElementName.ERROR_INFO}>")
        case never:
            assert_never(never)
    # In canonical form for either profile, so it need not be parsed to be signed. Tests verify it independently.
    start = f'<cer:{operation.response} xmlns:cer="{SERVICE}">{inside}'.encode()
    end = f"</cer:{operation.response}>".encode()
    return PreparedResponse(signature.prepare_signature(start + end, seal, recipe), start, end)


def render_fault(text: str, *, actor_is_client: bool) -> bytes:
    """Write a SOAP 1.1 Fault (SOAP 1.1, 4.4).

    Client for faults that the sender must correct, Server for the rest.
    """
    code = "Client" if actor_is_client else "Server"
    escaped = escape(" ".join(text.split()))
    return wrap_in_envelope(
        f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:{code}</faultcode>"
        f"<faultstring>{escaped}</faultstring></SOAP-ENV:Fault>".encode()
    )


def read_response(body: bytes, operation: Operation, accept_signer: Callable[[x509.Certificate], bool]) -> SoapResponse:
    """Read the answer to `operation` from the octets that its signature covers.

    `accept_signer` judges the certificate (issuer, dates, bounds of its key) before its key verifies anything. Raises
    SoapFault, UnreadableResponse, UntrustedResponse.
    """
    try:
        envelope = parse_envelope(body)
    except XmlRejected as bad:
        raise UnreadableResponse(str(bad)) from bad
    if envelope.payload.tag == f"{{{SOAP}}}Fault":
        raise SoapFault(_fault_text(envelope.payload))
    if envelope.has_extra_content or envelope.payload.tag != qualified(operation.response):
        raise UnreadableResponse("it does not answer the request")
    try:
        verified = signature.verify_document(envelope.candidates(), accept_signer)
        signed = parser.parse(verified.octets)
    except (XmlRejected, SignatureMissing, SignatureInvalid) as bad:
        raise UntrustedResponse(str(bad)) from bad
    try:
        return _response(signed, operation, verified.certificate)
    except SchemaViolation as broken:
        raise UnreadableResponse(str(broken)) from broken


def _element(name: ElementName, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _result(status: str, inside: str = "") -> str:
    return f"<{ElementName.RESULT}>{_element(ElementName.STATUS, status)}{inside}</{ElementName.RESULT}>"


def _fault_text(fault: etree._Element) -> str:
    texts = [parser.value(part) or "" for part in parser.children(fault) if part.tag == "faultstring"]
    return " ".join(" ".join(texts).split()) or "no reason given"


def _response(signed: etree._Element, operation: Operation, signer: bytes) -> SoapResponse:
    """Read a response element without its signature. Raises SchemaViolation."""
    parts = child_elements(signed, operation.response)
    if not parts or parts[-1].tag != ElementName.RESULT:
        raise SchemaViolation(ElementName.RESULT)
    gives = _CERTIFICATE if operation is Operation.GET else _RETRIEVAL_ID
    values = read_sequence(parts[:-1], (ElementSpec(gives.name, gives.read, optional=True),), operation.response)
    status_ok, errors = _read_result(parts[-1])
    if status_ok and gives.name not in values:
        raise SchemaViolation(gives.name)
    given = values.get(gives.name)
    return SoapResponse(
        status_ok,
        given if isinstance(given, str) else None,
        given if isinstance(given, bytes) else None,
        errors,
        signer,
    )


def _read_result(result: etree._Element) -> tuple[bool, tuple[ErrorInfo, ...]]:
    parts = child_elements(result, ElementName.RESULT)
    status = read_sequence(parts[:1], (_STATUS,), ElementName.RESULT)[ElementName.STATUS]
    errors = []
    for part in parts[1:]:
        if part.tag != ElementName.ERROR_INFO:
            raise SchemaViolation(ElementName.RESULT)
        values = read_sequence(child_elements(part, ElementName.ERROR_INFO), _ERROR, ElementName.ERROR_INFO)
        errors.append(ErrorInfo(str(values[ElementName.ERROR_CODE]), str(values[ElementName.ERROR_MESSAGE])))
    return status == _OK, tuple(errors)
