"""Adapter from WSGI (PEP 3333) to the handlers of the ASGI application.

It gets a collected request and returns one complete response. A body with the attribute `streaming`, as Django has it,
is sent part by part.

So the portal has the same server as the APIs. granian's own WSGI server loses chunked bodies, and eight stalled
senders block it (docs/e-service/pages.md).
"""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from sinetti.server.asgi import RequestLimits
from sinetti.server.http import BodyStream, Request, Response, text_response

_KIB = 1024
_FILES = RequestLimits(body=6 * _KIB * _KIB, discarded=8 * _KIB * _KIB, collecting=60.0, answering=120.0, at_once=4)
_LARGER = {
    # A pasted request, percent-encoded: up to three octets for one.
    "/fetch": RequestLimits(body=64 * _KIB, discarded=256 * _KIB),
    # Hundreds of chosen certificates, each with a separate transaction.
    "/settings": RequestLimits(body=256 * _KIB, discarded=_KIB * _KIB, answering=120.0),
    # A file of at most 5 MB, or a list of serials (docs/e-service/clerks.md). Few at once: anonymous users may send one
    # too.
    "/staff/organisations/load": _FILES,
    "/staff/revocations/new": _FILES,
}


def portal_limits(address: str) -> RequestLimits:
    """Return the limits of requests to the portal at this address.

    Most requests are a form with two fields; some pages need more. If `address` has a path, the proxy may keep or
    remove it in the requests that it passes on.
    """
    before = urlsplit(address).path.rstrip("/")
    request_limits = {f"{start}{path}": limits for start in ("", before) for path, limits in _LARGER.items()}
    return RequestLimits(body=16 * _KIB, discarded=128 * _KIB, paths=tuple(request_limits.items()))


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_OWN = frozenset({"content-length", "x-request-id", "x-content-type-options"})
"""Headers that the ASGI application writes itself."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)


@dataclass(frozen=True)
class WsgiEndpoint:
    """WSGI application at its public `address`; `given` is part of every environ."""

    application: Application
    address: str
    given: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            del exc_info  # no octet is sent before the end, so the last call counts
            started[:] = [(status, headers)]

        if not _is_text(request.path):
            return text_response(400, "The address of the page is not valid UTF-8.")
        if not _is_utf8(request.headers.get("content-type", "")):
            return text_response(415, "Forms must be sent in UTF-8.")
        body = self.application(build_environ(request, self.address, self.given), start_response)
        if getattr(body, "streaming", False):
            ((status, headers),) = started
            parts = BodyStream(iter(body), getattr(body, "close", _nothing))
            return replace(_reply(int(status[:3]), headers, b"", request.path), parts=parts)
        try:
            octets = b"".join(body)
        finally:
            getattr(body, "close", _nothing)()
        ((status, headers),) = started
        return _reply(int(status[:3]), headers, octets, request.path)


def build_environ(request: Request, address: str, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the environ of a request (PEP 3333).

    Scheme and host name are those of `address`, for every peer. If `address` has a path, the proxy may keep or remove
    it in the requests that it passes on. The same applies to its port: a Host without one gets it, because browsers
    name it in the origin of a form.
    """
    place = urlsplit(address)
    before = place.path.rstrip("/")
    path = request.path.removeprefix(before) if request.path.startswith(f"{before}/") else request.path
    values: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": before,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "REMOTE_ADDR": request.caller,
        "SERVER_NAME": place.hostname or "",
        "SERVER_PORT": str(place.port or {"https": 443}.get(place.scheme, 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": place.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "sinetti.request_id": request.request_id,
        **given,
    }
    for name, value in request.headers.items():
        # A name with an underscore would become the same variable as one with a hyphen.
        if "_" not in name and name not in {"content-type", "content-length"}:
            values[f"HTTP_{name.upper().replace('-', '_')}"] = value
    host = values.get("HTTP_HOST", "")
    if place.port is not None and host.lower() == place.netloc.rpartition(":")[0].lower():
        values["HTTP_HOST"] = f"{host}:{place.port}"
    return values


def _reply(status: int, headers: list[tuple[str, str]], body: bytes, path: str) -> Response:
    others = {name.lower(): value.strip() for name, value in headers if name.lower() not in {*_OWN, "set-cookie"}}
    kind = others.pop("content-type", "application/octet-stream")
    cookies = tuple(value.strip() for name, value in headers if name.lower() == "set-cookie")
    return Response(status, kind, body, others, {"path": _logged_path(status, path)}, cookies)


def _nothing() -> None:
    """Do nothing, for bodies without a close method."""


def _logged_path(status: int, path: str) -> str:
    """Return the part of a path that may appear in the log.

    It is the first segment of a known path. Secrets are in later segments.
    """
    first = path.split("/")[1] if status < HTTPStatus.BAD_REQUEST and path.startswith("/") else "…"
    return f"/{first}"


def _is_utf8(content_type: str) -> bool:
    """Return whether no charset except UTF-8 is named.

    Applications decode even the URL by the named charset, with any codec of Python.
    """
    return all(one.casefold() == "utf-8" for one in _CHARSET.findall(content_type))


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
