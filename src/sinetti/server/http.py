"""HTTP requests and responses as handlers see them. Header names are lower-case."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from sinetti.infra.traces import Trace

SOAP_PATH = "/2017/10/CertificateServices"
"""Path of the certificate service, which all client programs know."""

current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
"""Id of the request that this thread works on, for each of its log entries."""


@dataclass(frozen=True)
class Request:
    """One complete request.

    `path` is decoded, `query` is not. The server generates `request_id`, 32 hex digits.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    request_id: str
    body: bytes = field(repr=False)
    caller: str = ""
    """Address of the caller, if known."""
    trace: Trace | None = field(default=None, repr=False, compare=False)
    """Trace of the request, if this process makes traces."""


@dataclass(frozen=True)
class BodyStream:
    """Body that is produced while it is sent.

    Different threads may produce the parts, so a part must not rely on its thread: no cursor, no open transaction.
    `close` is called once, at the end.
    """

    octets: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True)
class Response:
    """One response.

    `log_fields` go into the log and are not sent; None: no log entry for this response. `cookies` are values of
    Set-Cookie, each in a separate header (RFC 6265, 3). With `parts`, these are the body.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    log_fields: Mapping[str, str] | None = field(default_factory=dict)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    parts: BodyStream | None = field(default=None, repr=False)


def text_response(status: int, text: str, **headers: str) -> Response:
    """Return a plain text response. Header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, "text/plain; charset=utf-8", f"{text}\n".encode(), named)


def json_body(value: object) -> bytes:
    """Return a JSON document that ends with a new line, as a terminal needs it."""
    return f"{json.dumps(value, ensure_ascii=False)}\n".encode()


def json_reply(status: int, value: object) -> Response:
    """Return a JSON response."""
    return Response(status, "application/json", json_body(value))


def problem_response(status: int, reason: str, detail: str) -> Response:
    """Return a problem document (RFC 9457) with the extension member `reason`."""
    value = {"type": "about:blank", "title": reason, "status": status, "detail": detail, "reason": reason}
    return Response(status, "application/problem+json", json_body(value))
