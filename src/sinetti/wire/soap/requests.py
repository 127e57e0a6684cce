"""Requests over SOAP: the service reads them, the client writes them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never
from xml.sax.saxutils import escape

from cryptography import x509
from lxml import etree

from sinetti.domain.requests import EnrolRequest, RenewRequest, RetrieveRequest, SignatureProof
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki.key_policy import check_key_policy
from sinetti.wire.soap.envelope import Envelope, parse_envelope, wrap_in_envelope
from sinetti.wire.soap.schema_types import (
    REQUESTS,
    SERVICE,
    ElementName,
    Operation,
    SchemaViolation,
    Value,
    child_elements,
    qualified,
    read_sequence,
)
from sinetti.wire.xmldsig import parser, signature
from sinetti.wire.xmldsig.errors import SignatureInvalid, SignatureMissing
from sinetti.wire.xmldsig.parser import XmlRejected
from sinetti.wire.xmldsig.signature import SIGNATURE, SignatureProfile
from sinetti.wire.xmldsig.signers import DocumentSigner

_CHARSET = re.compile(r""";\s*charset\s*=\s*["']?([^"';\s]*)""", re.IGNORECASE)
_OPERATIONS = {qualified(operation.request): operation for operation in Operation}
_ACTIONS = {operation.value: operation for operation in Operation}
_SOAP_ACTION = "SOAPAction"


class NotSoapError(ValueError):
    """Body that is no SOAP 1.1 envelope in UTF-8 with a known operation.

    Only a Fault can answer it. The text contains nothing of the body.
    """


class SchemaError(ValueError):
    """Message of a known operation that breaks the schema at `element`.

    `element`: a name of the schema, or `SOAPAction`.
    """

    def __init__(self, operation: Operation, element: str) -> None:
        """Store the operation and the element for the answer."""
        super().__init__(f"{element} is missing, misplaced or malformed")
        self.operation = operation
        self.element = element


class RequestSignatureError(ValueError):
    """Invalid signature of a RenewCertificate request.

    It is missing, broken, outside the shape, or covers something else.
    """


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """Request that conforms to the schema.

    For RENEW nothing in it is proven yet: `verified_request` proves it.
    """

    operation: Operation
    environment: Environment
    customer_id: str
    values: Mapping[ElementName, Value] = field(repr=False)
    envelope: Envelope = field(repr=False)


def parse_request(body: bytes, content_type: str | None, soap_action: str | None) -> ParsedRequest:
    """Parse a request; the headers are those of HTTP, None if absent.

    Raises NotSoapError or SchemaError. `verified_request` checks the signature: any fault of it is PKI030, not PKI001.
    """
    # 1 The envelope, and the operation by the Body's element.
    declared = _CHARSET.findall(content_type or "")
    if any(one.casefold() not in {"utf-8", "utf8"} for one in declared):
        raise NotSoapError("Send the message in UTF-8: Content-Type: text/xml; charset=utf-8.")
    try:
        envelope = parse_envelope(body)
    except XmlRejected as bad:
        raise NotSoapError(f"Send a SOAP 1.1 envelope in UTF-8 without DOCTYPE ({bad}).") from bad
    operation = _OPERATIONS.get(str(envelope.payload.tag))
    if operation is None:
        raise NotSoapError("The Body contains no operation of this service. See its WSDL.")
    # 2 SOAPAction, quoted or not, may be empty or absent, but names no other operation.
    action = (soap_action or "").strip().strip('"').strip()
    if action and _ACTIONS.get(action) is not operation:
        raise SchemaError(operation, _SOAP_ACTION)
    # 3 The schema.
    try:
        values = _values_of(operation, envelope)
    except SchemaViolation as broken:
        raise SchemaError(operation, broken.element) from broken
    return ParsedRequest(operation, _environment(values), _text(values, ElementName.CUSTOMER_ID), values, envelope)


def verified_request(opened: ParsedRequest, policy: KeyPolicy) -> EnrolRequest | RenewRequest | RetrieveRequest:
    """Return the request to the service, with its signature verified.

    For RENEW, check the presented key against `policy`, then the signature. The request is read anew from the octets
    that were digested. Raises RequestSignatureError.
    """
    values = opened.values
    match opened.operation:
        case Operation.NEW:
            return EnrolRequest(
                opened.environment,
                opened.customer_id,
                _name(values),
                _text(values, ElementName.TRANSFER_ID),
                _text(values, ElementName.TRANSFER_PASSWORD),
                _octets(values, ElementName.CERTIFICATE_REQUEST),
            )
        case Operation.GET:
            return RetrieveRequest(
                opened.environment, opened.customer_id, _name(values), _text(values, ElementName.RETRIEVAL_ID)
            )
        case Operation.RENEW:
            return _renewal(opened.envelope.candidates(), policy)
        case never:
            assert_never(never)


def render_new(ask: EnrolRequest) -> bytes:
    """Write a SignNewCertificate request.

    Raises ValueError for a value outside the schema.
    """
    return wrap_in_envelope(
        _payload(
            Operation.NEW,
            _who(ask)
            | {
                ElementName.TRANSFER_ID: ask.transfer_id,
                ElementName.TRANSFER_PASSWORD: ask.transfer_password,
                ElementName.CERTIFICATE_REQUEST: ask.request,
            },
        )
    )


def render_get(ask: RetrieveRequest) -> bytes:
    """Write a GetCertificate request.

    Raises ValueError for a value outside the schema.
    """
    return wrap_in_envelope(_payload(Operation.GET, _who(ask) | {ElementName.RETRIEVAL_ID: ask.retrieval_id}))


def render_renew(
    ask: RenewRequest, seal: DocumentSigner, recipe: SignatureProfile = SignatureProfile.EXCLUSIVE
) -> bytes:
    """Write a RenewCertificate request, signed before it is put into its envelope.

    `seal` is the signer of the certificate `ask.signer`. Raises ValueError for a value outside the schema, or the
    signer of another certificate.
    """
    if seal.certificate != ask.signer:
        raise ValueError("the signature is not that of the certificate to be renewed")
    payload = _payload(Operation.RENEW, _who(ask) | {ElementName.CERTIFICATE_REQUEST: ask.request})
    return wrap_in_envelope(signature.sign_document(payload, seal, recipe))


def _values_of(operation: Operation, envelope: Envelope) -> dict[ElementName, Value]:
    if envelope.has_extra_content:
        raise SchemaViolation(operation.request)
    parts = child_elements(envelope.payload, operation.request)
    if operation is Operation.RENEW:
        parts = [part for part in parts if part.tag != SIGNATURE]
    return read_sequence(parts, REQUESTS[operation], operation.request)


def _renewal(candidates: Iterable[etree._Element], policy: KeyPolicy) -> RenewRequest:
    def accept(certificate: x509.Certificate) -> bool:
        return isinstance(check_key_policy(certificate.public_key(), policy), str)

    try:
        verified = signature.verify_document(candidates, accept)
        signed = parser.parse(verified.octets)
        parts = child_elements(signed, Operation.RENEW.request)
        values = read_sequence(parts, REQUESTS[Operation.RENEW], Operation.RENEW.request)
    except (XmlRejected, SignatureMissing, SignatureInvalid, SchemaViolation) as bad:
        raise RequestSignatureError(str(bad)) from bad
    if signed.tag != qualified(Operation.RENEW.request):
        raise RequestSignatureError("the signature covers something other than the request")
    return RenewRequest(
        _environment(values),
        _text(values, ElementName.CUSTOMER_ID),
        _name(values),
        _octets(values, ElementName.CERTIFICATE_REQUEST),
        verified.certificate,
        SignatureProof(verified.certificate, verified.signed_info, verified.signature, verified.octets),
    )


def _environment(values: Mapping[ElementName, Value]) -> Environment:
    return Environment(_text(values, ElementName.ENVIRONMENT))


def _name(values: Mapping[ElementName, Value]) -> str | None:
    return _text(values, ElementName.CUSTOMER_NAME) if ElementName.CUSTOMER_NAME in values else None


def _text(values: Mapping[ElementName, Value], name: ElementName) -> str:
    return str(values[name])


def _octets(values: Mapping[ElementName, Value], name: ElementName) -> bytes:
    value = values[name]
    return value if isinstance(value, bytes) else value.encode()


def _who(ask: EnrolRequest | RenewRequest | RetrieveRequest) -> dict[ElementName, Value | None]:
    return {
        ElementName.ENVIRONMENT: ask.environment.value,
        ElementName.CUSTOMER_ID: ask.customer_id,
        ElementName.CUSTOMER_NAME: ask.customer_name,
    }


def _payload(operation: Operation, values: Mapping[ElementName, Value | None]) -> bytes:
    """Write the request element as a separate document and check it.

    It is read back, so that no request is sent that breaks the schema. Raises SchemaViolation.
    """
    inside = ""
    for name in (element.name for element in REQUESTS[operation]):
        value = values[name]
        if value is not None:
            text = parser.encode_base64(value) if isinstance(value, bytes) else escape(value)
            inside += f"<{name}>{text}</{name}>"
    written = f'<cer:{operation.request} xmlns:cer="{SERVICE}">{inside}</cer:{operation.request}>'.encode()
    read_sequence(child_elements(parser.parse(written), operation.request), REQUESTS[operation], operation.request)
    return written
