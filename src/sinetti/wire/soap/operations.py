"""Parse and render per operation: the room's front door. `requests` and `responses` hold the two halves."""

from sinetti.wire.soap.requests import (
    BadRequest,
    NotSoap,
    Opened,
    SignatureRefused,
    ask_of,
    open_request,
    render_get,
    render_new,
    render_renew,
)
from sinetti.wire.soap.responses import (
    AnswerFault,
    AnswerNotTrusted,
    AnswerUnreadable,
    ErrorInfo,
    Failure,
    Response,
    read_response,
    render_fault,
    render_response,
)
from sinetti.wire.soap.schema_types import Operation

__all__ = [
    "AnswerFault",
    "AnswerNotTrusted",
    "AnswerUnreadable",
    "BadRequest",
    "ErrorInfo",
    "Failure",
    "NotSoap",
    "Opened",
    "Operation",
    "Response",
    "SignatureRefused",
    "ask_of",
    "open_request",
    "read_response",
    "render_fault",
    "render_get",
    "render_new",
    "render_renew",
    "render_response",
]
