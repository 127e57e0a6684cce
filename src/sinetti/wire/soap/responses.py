"""Responses over SOAP: signed by the service, read by the client. Faults too, which nobody signs.

Programs in the field read responses as text (facts sheet, 3): the payload declares all its prefixes itself, values
stand on one line without CR, RetrievalId or Certificate comes before Result, and ds:Signature is the last child.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never
from xml.sax.saxutils import escape

from cryptography import x509
from lxml import etree

from sinetti.domain.requests import Accepted, Collected
from sinetti.wire.soap.envelope import SOAP, enclose, open_envelope
from sinetti.wire.soap.schema_types import (
    SERVICE,
    TEXT,
    Field,
    Name,
    Operation,
    SchemaBroken,
    binary,
    parts_of,
    qualified,
    read_sequence,
    token,
)
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.algorithms import LARGEST_CERTIFICATE
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import Unparsable
from sinetti.wire.xmldsig.signature import Recipe, Seal

LONGEST_MESSAGE = 255
"""Characters of an ErrorMessage (facts sheet, 2)."""

_OK, _FAIL = "OK", "FAIL"
_CERTIFICATE = Field(Name.CERTIFICATE, binary(LARGEST_CERTIFICATE))
_RETRIEVAL_ID = Field(Name.RETRIEVAL_ID, TEXT[Name.RETRIEVAL_ID])
_STATUS = Field(Name.STATUS, token(_OK, _FAIL))
_ERROR = (Field(Name.ERROR_CODE, TEXT[Name.ERROR_CODE]), Field(Name.ERROR_MESSAGE, TEXT[Name.ERROR_MESSAGE]))


class AnswerNotTrusted(ValueError):
    """The answer's signature is missing, broken or outside the shape, or its signer is not accepted."""


class AnswerUnreadable(ValueError):
    """The answer is no SOAP 1.1 envelope, answers another operation, or breaks the schema."""


class AnswerFault(Exception):
    """The service answered with a SOAP Fault, which nobody signs; the text is the faultstring, from outside."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A "no" as the wire says it: `code` is PKI and three digits, `message` at most 255 characters."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One error of a response."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Response:
    """A trusted answer. `certificate` and `signer` are DER; with `status_ok` what was asked for is there."""

    status_ok: bool
    retrieval_id: str | None
    certificate: bytes | None = field(repr=False)
    errors: tuple[ErrorInfo, ...]
    signer: bytes = field(repr=False)


def render_response(
    operation: Operation, answer: Accepted | Collected | Failure, seal: Seal, recipe: Recipe = Recipe.EXCLUSIVE
) -> bytes:
    """Write a response, signed as a document of its own before it is put into its envelope."""
    match answer:
        case Accepted(retrieval_id):
            inside = _element(Name.RETRIEVAL_ID, retrieval_id) + _result(_OK)
        case Collected(certificate):
            inside = _element(Name.CERTIFICATE, parser.encode_base64(certificate)) + _result(_OK)
        case Failure(code, message):
            # One line, and never longer than the type: a program that validates would lose the code as well.
            told = " ".join(message.split())[:LONGEST_MESSAGE]
            error = _element(Name.ERROR_CODE, code) + _element(Name.ERROR_MESSAGE, told)
            inside = _result(_FAIL, f"<{Name.ERROR_INFO}>{error}</{Name.ERROR_INFO}>")
        case never:
            assert_never(never)
    # Written in canonical form, by either recipe: it need not be parsed to be signed. Judges in the tests would tell.
    start = f'<cer:{operation.response} xmlns:cer="{SERVICE}">{inside}'.encode()
    end = f"</cer:{operation.response}>".encode()
    return enclose(start + signature.signature_over(start + end, seal, recipe) + end)


def render_fault(text: str, *, actor_is_client: bool) -> bytes:
    """Write a SOAP 1.1 Fault (SOAP 1.1, 4.4): Client for what the sender must change, Server for the rest."""
    code = "Client" if actor_is_client else "Server"
    told = escape(" ".join(text.split()))
    return enclose(
        f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:{code}</faultcode>"
        f"<faultstring>{told}</faultstring></SOAP-ENV:Fault>".encode()
    )


def read_response(body: bytes, operation: Operation, accept_signer: Callable[[x509.Certificate], bool]) -> Response:
    """Read the answer to `operation` out of the octets that its signature covers.

    `accept_signer` judges the certificate (issuer, dates, bounds of its key) before its key verifies anything. Raises
    AnswerFault, AnswerUnreadable, AnswerNotTrusted.
    """
    try:
        envelope = open_envelope(body)
    except Unparsable as bad:
        raise AnswerUnreadable(str(bad)) from bad
    if envelope.payload.tag == f"{{{SOAP}}}Fault":
        raise AnswerFault(_fault_text(envelope.payload))
    if envelope.crowded or envelope.payload.tag != qualified(operation.response):
        why = "it is no answer to what was asked"
        raise AnswerUnreadable(why)
    try:
        verified = signature.verify_document(envelope.candidates(), accept_signer)
        signed = parser.parse(verified.octets)
    except (Unparsable, SignatureMissing, SignatureInvalid) as bad:
        raise AnswerNotTrusted(str(bad)) from bad
    try:
        return _response(signed, operation, verified.certificate)
    except SchemaBroken as broken:
        raise AnswerUnreadable(str(broken)) from broken


def _element(name: Name, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


def _result(status: str, inside: str = "") -> str:
    return f"<{Name.RESULT}>{_element(Name.STATUS, status)}{inside}</{Name.RESULT}>"


def _fault_text(fault: etree._Element) -> str:
    said = [parser.value(part) or "" for part in parser.children(fault) if part.tag == "faultstring"]
    return " ".join(" ".join(said).split()) or "no reason given"


def _response(signed: etree._Element, operation: Operation, signer: bytes) -> Response:
    """Read a response element without its signature. Raises SchemaBroken."""
    parts = parts_of(signed, operation.response)
    if not parts or parts[-1].tag != Name.RESULT:
        raise SchemaBroken(Name.RESULT)
    gives = _CERTIFICATE if operation is Operation.GET else _RETRIEVAL_ID
    values = read_sequence(parts[:-1], (Field(gives.name, gives.read, optional=True),), operation.response)
    status_ok, errors = _read_result(parts[-1])
    if status_ok and gives.name not in values:
        raise SchemaBroken(gives.name)
    given = values.get(gives.name)
    return Response(
        status_ok,
        given if isinstance(given, str) else None,
        given if isinstance(given, bytes) else None,
        errors,
        signer,
    )


def _read_result(result: etree._Element) -> tuple[bool, tuple[ErrorInfo, ...]]:
    parts = parts_of(result, Name.RESULT)
    status = read_sequence(parts[:1], (_STATUS,), Name.RESULT)[Name.STATUS]
    errors = []
    for part in parts[1:]:
        if part.tag != Name.ERROR_INFO:
            raise SchemaBroken(Name.RESULT)
        told = read_sequence(parts_of(part, Name.ERROR_INFO), _ERROR, Name.ERROR_INFO)
        errors.append(ErrorInfo(str(told[Name.ERROR_CODE]), str(told[Name.ERROR_MESSAGE])))
    return status == _OK, tuple(errors)
