"""Requests over SOAP: read by the service, written by the client."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never
from xml.sax.saxutils import escape

from cryptography import x509
from lxml import etree

from sinetti.domain.requests import GetAsk, NewAsk, RenewAsk
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki.key_policy import check_key
from sinetti.wire.soap.envelope import Envelope, enclose, open_envelope
from sinetti.wire.soap.schema_types import (
    REQUESTS,
    SERVICE,
    Name,
    Operation,
    SchemaBroken,
    Value,
    parts_of,
    qualified,
    read_sequence,
)
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import Unparsable
from sinetti.wire.xmldsig.signature import SIGNATURE, Recipe, Seal

_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^"';\s]*)""", re.IGNORECASE)
_OPERATIONS = {qualified(operation.request): operation for operation in Operation}
_ACTIONS = {operation.value: operation for operation in Operation}
_SOAP_ACTION = "SOAPAction"


class NotSoap(ValueError):
    """No SOAP 1.1 envelope in UTF-8 with a known operation: only a Fault can answer. The text is ours alone."""


class BadRequest(ValueError):
    """The operation is known but the message breaks the schema at `element`: a name of our schema, or `SOAPAction`."""

    def __init__(self, operation: Operation, element: str) -> None:
        """Keep what the answer needs."""
        super().__init__(f"{element} is missing, misplaced or not of the right form")
        self.operation = operation
        self.element = element


class SignatureRefused(ValueError):
    """The signature of a RenewCertificate request is missing, broken, outside the shape, or covers something else."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A request that keeps to the schema. For RENEW nothing in it is proven yet: `ask_of` proves it."""

    operation: Operation
    environment: Environment
    customer_id: str
    values: Mapping[Name, Value] = field(repr=False)
    envelope: Envelope = field(repr=False)


def open_request(body: bytes, content_type: str | None, soap_action: str | None) -> Opened:
    """Open a request; the headers are what HTTP gave, None where absent.

    Raises NotSoap or BadRequest. A signature is left to `ask_of`: whatever is wrong with one is PKI030, not PKI001.
    """
    # 1 The envelope, and the operation by the Body's element.
    declared = _CHARSET.findall(content_type or "")
    if any(one.casefold() not in {"utf-8", "utf8"} for one in declared):
        why = "Send the message in UTF-8: Content-Type: text/xml; charset=utf-8."
        raise NotSoap(why)
    try:
        envelope = open_envelope(body)
    except Unparsable as bad:
        why = f"Send a SOAP 1.1 envelope in UTF-8 without DOCTYPE ({bad})."
        raise NotSoap(why) from bad
    operation = _OPERATIONS.get(str(envelope.payload.tag))
    if operation is None:
        why = "The Body holds no operation of this service: see its WSDL."
        raise NotSoap(why)
    # 2 SOAPAction, quoted or not, may be empty or absent, but names no other operation.
    action = (soap_action or "").strip().strip('"').strip()
    if action and _ACTIONS.get(action) is not operation:
        raise BadRequest(operation, _SOAP_ACTION)
    # 3 The schema.
    try:
        values = _values_of(operation, envelope)
    except SchemaBroken as broken:
        raise BadRequest(operation, broken.element) from broken
    return Opened(operation, _environment(values), _text(values, Name.CUSTOMER_ID), values, envelope)


def ask_of(opened: Opened, policy: KeyPolicy) -> NewAsk | RenewAsk | GetAsk:
    """What the service is asked.

    For RENEW the presented key is checked against `policy`, then the signature; the ask is read anew from the octets
    that were digested. Raises SignatureRefused.
    """
    values = opened.values
    match opened.operation:
        case Operation.NEW:
            return NewAsk(
                opened.environment,
                opened.customer_id,
                _name(values),
                _text(values, Name.TRANSFER_ID),
                _text(values, Name.TRANSFER_PASSWORD),
                _octets(values, Name.CERTIFICATE_REQUEST),
            )
        case Operation.GET:
            return GetAsk(opened.environment, opened.customer_id, _name(values), _text(values, Name.RETRIEVAL_ID))
        case Operation.RENEW:
            return _renewal(opened.envelope.candidates(), policy)
        case never:
            assert_never(never)


def render_new(ask: NewAsk) -> bytes:
    """Write a SignNewCertificate request. Raises ValueError for a value outside the schema."""
    return enclose(
        _payload(
            Operation.NEW,
            _who(ask)
            | {
                Name.TRANSFER_ID: ask.transfer_id,
                Name.TRANSFER_PASSWORD: ask.transfer_password,
                Name.CERTIFICATE_REQUEST: ask.request,
            },
        )
    )


def render_get(ask: GetAsk) -> bytes:
    """Write a GetCertificate request. Raises ValueError for a value outside the schema."""
    return enclose(_payload(Operation.GET, _who(ask) | {Name.RETRIEVAL_ID: ask.retrieval_id}))


def render_renew(ask: RenewAsk, seal: Seal, recipe: Recipe = Recipe.EXCLUSIVE) -> bytes:
    """Write a RenewCertificate request, signed before it is put into its envelope; `seal` is that of `ask.signer`.

    Raises ValueError for a value outside the schema, or the seal of another certificate.
    """
    if seal.certificate != ask.signer:
        why = "the seal is not that of the certificate to be renewed"
        raise ValueError(why)
    payload = _payload(Operation.RENEW, _who(ask) | {Name.CERTIFICATE_REQUEST: ask.request})
    return enclose(signature.sign_document(payload, seal, recipe))


def _values_of(operation: Operation, envelope: Envelope) -> dict[Name, Value]:
    if envelope.crowded:
        raise SchemaBroken(operation.request)
    parts = parts_of(envelope.payload, operation.request)
    if operation is Operation.RENEW:
        parts = [part for part in parts if part.tag != SIGNATURE]
    return read_sequence(parts, REQUESTS[operation], operation.request)


def _renewal(candidates: Iterable[etree._Element], policy: KeyPolicy) -> RenewAsk:
    def accept(certificate: x509.Certificate) -> bool:
        return isinstance(check_key(certificate.public_key(), policy), str)

    try:
        verified = signature.verify_document(candidates, accept)
        signed = parser.parse(verified.octets)
        parts = parts_of(signed, Operation.RENEW.request)
        values = read_sequence(parts, REQUESTS[Operation.RENEW], Operation.RENEW.request)
    except (Unparsable, SignatureMissing, SignatureInvalid, SchemaBroken) as bad:
        raise SignatureRefused(str(bad)) from bad
    if signed.tag != qualified(Operation.RENEW.request):
        why = "the signature covers something else than the request"
        raise SignatureRefused(why)
    return RenewAsk(
        _environment(values),
        _text(values, Name.CUSTOMER_ID),
        _name(values),
        _octets(values, Name.CERTIFICATE_REQUEST),
        verified.certificate,
    )


def _environment(values: Mapping[Name, Value]) -> Environment:
    return Environment(_text(values, Name.ENVIRONMENT))


def _name(values: Mapping[Name, Value]) -> str | None:
    return _text(values, Name.CUSTOMER_NAME) if Name.CUSTOMER_NAME in values else None


def _text(values: Mapping[Name, Value], name: Name) -> str:
    return str(values[name])


def _octets(values: Mapping[Name, Value], name: Name) -> bytes:
    value = values[name]
    return value if isinstance(value, bytes) else value.encode()


def _who(ask: NewAsk | RenewAsk | GetAsk) -> dict[Name, Value | None]:
    return {
        Name.ENVIRONMENT: ask.environment.value,
        Name.CUSTOMER_ID: ask.customer_id,
        Name.CUSTOMER_NAME: ask.customer_name,
    }


def _payload(operation: Operation, values: Mapping[Name, Value | None]) -> bytes:
    """Write the request element as a document of its own, and read it back: what the schema refuses is never sent."""
    inside = ""
    for name in (one.name for one in REQUESTS[operation]):
        value = values[name]
        if value is not None:
            text = parser.encode_base64(value) if isinstance(value, bytes) else escape(value)
            inside += f"<{name}>{text}</{name}>"
    written = f'<cer:{operation.request} xmlns:cer="{SERVICE}">{inside}</cer:{operation.request}>'.encode()
    read_sequence(parts_of(parser.parse(written), operation.request), REQUESTS[operation], operation.request)
    return written
