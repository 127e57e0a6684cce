"""Parse and render per operation: the room's front door. `requests` and `responses` hold the two halves."""

from sinetti.wire.soap.requests import (
    NotSoapError,
    ParsedRequest,
    RequestSignatureError,
    SchemaError,
    parse_request,
    render_get,
    render_new,
    render_renew,
    verified_request,
)
from sinetti.wire.soap.responses import (
    ErrorInfo,
    Failure,
    SoapFault,
    SoapResponse,
    UnreadableResponse,
    UntrustedResponse,
    read_response,
    render_fault,
    render_response,
)
from sinetti.wire.soap.schema_types import Operation

__all__ = [
    "ErrorInfo",
    "Failure",
    "NotSoapError",
    "Operation",
    "ParsedRequest",
    "RequestSignatureError",
    "SchemaError",
    "SoapFault",
    "SoapResponse",
    "UnreadableResponse",
    "UntrustedResponse",
    "parse_request",
    "read_response",
    "render_fault",
    "render_get",
    "render_new",
    "render_renew",
    "render_response",
    "verified_request",
]
