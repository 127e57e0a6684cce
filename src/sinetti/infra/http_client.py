"""One HTTP request to a configured address and its answer, with nothing clever between: no redirects, no retries.

No proxy of the machine either: where the gateway may speak to is said in one place, its settings.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


class InvalidUrl(ValueError):
    """An address that is not called; the text says why."""


class HttpError(Exception):
    """There is no whole answer; the text says why, in the system's words."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request.

    `limit` is the longest answer that is read, in octets; `within` seconds all of it may take.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    limit: int = 64 * 1024
    within: float = 30.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def check_url(url: str) -> str:
    """Give back an address that can be called. Raises InvalidUrl."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not url.isascii() or any(sign.isspace() for sign in url):
        why = f"{url!r} is no address: it starts with http:// or https:// and names a host"
        raise InvalidUrl(why)
    if parts.username is not None or parts.password is not None or parts.fragment:
        why = f"{url!r}: an address holds no user name, no password and no fragment"
        raise InvalidUrl(why)
    return url


def url_path(url: str) -> str:
    """Give the path of an address, without its query."""
    return urlsplit(url).path or "/"


def send_request(wanted: HttpRequest) -> HttpResponse:
    """Make one request. Raises HttpError."""
    parts = urlsplit(wanted.url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], wanted.within)
    target = url_path(wanted.url) + (f"?{parts.query}" if parts.query else "")
    try:
        with _deadline(connection, wanted.within) as late:
            connection.connect()
            if late.is_set():  # while TLS was agreed on there was nothing to cut
                raise TimeoutError
            headers = {"User-Agent": "sinetti", "Connection": "close", **wanted.headers}
            connection.request(wanted.method, target, wanted.body, headers)
            response = connection.getresponse()
            body = response.read(wanted.limit + 1)
        if len(body) > wanted.limit:
            why = f"the answer is longer than {wanted.limit} octets"
            raise HttpError(why)
        if response.length:
            # http.client takes a connection that ends too early for the end of the body.
            raise http.client.IncompleteRead(body, response.length)
        return HttpResponse(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    except (OSError, http.client.HTTPException, UnicodeError) as bad:  # a host with a part longer than 63 octets
        why = getattr(bad, "strerror", None) or str(bad) or type(bad).__name__
        raise HttpError(why) from bad
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int, within: float) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=within)
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return http.client.HTTPSConnection(host, port, timeout=within, context=context)


@contextlib.contextmanager
def _deadline(connection: http.client.HTTPConnection, within: float) -> Iterator[threading.Event]:
    """Give what is done with a connection its time, however slowly the other side sends. Raises TimeoutError."""
    late = threading.Event()
    watchdog = threading.Timer(within, _cut, (connection, late))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield late
    finally:
        watchdog.cancel()
        # A connection that was cut may look like one that ended well: http.client takes it for the end of headers.
        if late.is_set():
            sentence = f"it took longer than {within:g} s"
            raise TimeoutError(sentence)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    # The descriptor itself is shut, below TLS, so that a read in progress returns at once.
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
