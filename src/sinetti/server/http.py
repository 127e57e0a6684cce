"""What a door sees of HTTP, and what it gives back. Header names are lower-case."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

SOAP_PATH = "/2017/10/CertificateServices"
"""Where the certificate service is: the path that every program knows."""

current_request: ContextVar[str | None] = ContextVar("current_request", default=None)
"""The id of the request that this thread works on: the log names it in every line."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whole.

    `path` is decoded, `query` is not; `request_id` is ours, 32 hex digits.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    request_id: str
    body: bytes = field(repr=False)
    caller: str = ""
    """The address that it came from, where that is known."""


@dataclass(frozen=True, slots=True)
class BodyStream:
    """A body that is made while it is sent.

    Each part may be made by another thread; `close` is called once, at last.

    So a part holds nothing of its thread: no cursor, no open transaction.
    """

    octets: Iterator[bytes]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    `noted` is for the log, and not sent; None: this answer leaves no line there.

    `cookies` are values of Set-Cookie, each a header of its own (RFC 6265, 3). With `parts` these are its body.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    log_fields: Mapping[str, str] | None = field(default_factory=dict)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    parts: BodyStream | None = field(default=None, repr=False)


def text_response(status: int, text: str, **headers: str) -> Response:
    """An answer in plain words. Header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, "text/plain; charset=utf-8", f"{text}\n".encode(), named)


def json_reply(status: int, value: object) -> Response:
    """An answer in JSON."""
    return Response(status, "application/json", json.dumps(value, ensure_ascii=False).encode())


def problem_response(status: int, reason: str, detail: str) -> Response:
    """A problem document (RFC 9457) with our member `reason`."""
    value = {"type": "about:blank", "title": reason, "status": status, "detail": detail, "reason": reason}
    return Response(status, "application/problem+json", json.dumps(value, ensure_ascii=False).encode())
