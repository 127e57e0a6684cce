"""A WSGI application as a door: what the edge has collected goes in, and one answer comes out (PEP 3333).

It comes out whole; a body that says of itself that it is `streaming`, as Django's do, goes on part by part.

So that pages for people stand behind the same edge as machine doors do: granian's own WSGI loses bodies that come in
chunks, and stands still behind eight senders that stall (docs/pages.md).
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
    # A request that somebody pasted, in the form that percent signs make of it: up to three octets for one.
    "/fetch": RequestLimits(body=64 * _KIB, discarded=256 * _KIB),
    # Hundreds of chosen certificates, each with a transaction of its own.
    "/settings": RequestLimits(body=256 * _KIB, discarded=_KIB * _KIB, answering=120.0),
    # A file of at most 5 MB, or a list of serials (docs/clerks.md). Who is not signed in may send one too: few at once.
    "/staff/organisations/load": _FILES,
    "/staff/revocations/new": _FILES,
}


def portal_limits(address: str) -> RequestLimits:
    """What a browser may send to pages at this address: mostly a form with two fields, to some pages more.

    Where `address` has a path, the proxy may leave it before what it passes on, or take it away.
    """
    before = urlsplit(address).path.rstrip("/")
    found = {f"{start}{path}": limits for start in ("", before) for path, limits in _LARGER.items()}
    return RequestLimits(body=16 * _KIB, discarded=128 * _KIB, paths=tuple(found.items()))


Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_OWN = frozenset({"content-length", "x-request-id", "x-content-type-options"})
"""Headers that the edge writes itself."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WsgiEndpoint:
    """Serves the application at `address`, as people see it from outside; `given` stands in every environ."""

    application: Application
    address: str
    given: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        said: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
            del exc_info  # nothing was sent before the end: whatever was said last counts
            said[:] = [(status, headers)]

        if not _is_text(request.path):
            return text_response(400, "The address of the page is not text in UTF-8.")
        if not _is_utf8(request.headers.get("content-type", "")):
            return text_response(415, "Forms are taken in UTF-8 alone.")
        body = self.application(build_environ(request, self.address, self.given), start_response)
        if getattr(body, "streaming", False):
            ((status, headers),) = said
            parts = BodyStream(iter(body), getattr(body, "close", _nothing))
            return replace(_reply(int(status[:3]), headers, b"", request.path), parts=parts)
        try:
            octets = b"".join(body)
        finally:
            getattr(body, "close", _nothing)()
        ((status, headers),) = said
        return _reply(int(status[:3]), headers, octets, request.path)


def build_environ(request: Request, address: str, given: Mapping[str, object]) -> dict[str, Any]:
    """What PEP 3333 wants to know of a request.

    Scheme and name are those of `address`, whoever speaks for people.

    Where `address` has a path, the proxy may leave it before what it passes on, or take it away.
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
        # A name with an underscore would pass for another one with a hyphen.
        if "_" not in name and name not in {"content-type", "content-length"}:
            values[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return values


def _reply(status: int, headers: list[tuple[str, str]], body: bytes, path: str) -> Response:
    others = {name.lower(): value.strip() for name, value in headers if name.lower() not in {*_OWN, "set-cookie"}}
    kind = others.pop("content-type", "application/octet-stream")
    cookies = tuple(value.strip() for name, value in headers if name.lower() == "set-cookie")
    return Response(status, kind, body, others, {"path": _shown(status, path)}, cookies)


def _nothing() -> None:
    """Close what has nothing to be closed."""


def _shown(status: int, path: str) -> str:
    """What of a path may stand in the log: where it begins, if it is one of ours.

    Secrets come behind that.
    """
    first = path.split("/")[1] if status < HTTPStatus.BAD_REQUEST and path.startswith("/") else "…"
    return f"/{first}"


def _is_utf8(content_type: str) -> bool:
    """Whether no other charset is named: applications decode even the address by it, with any codec that Python has."""
    return all(one.casefold() == "utf-8" for one in _CHARSET.findall(content_type))


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
