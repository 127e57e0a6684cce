"""HTTP client for one request to a configured address.

It follows no redirects and repeats no request. It uses a proxy only if the caller names one.
"""

import contextlib
import http
import http.client
import logging
import socket
import ssl
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.urls import PORTS, url_path

_log = logging.getLogger(__name__)

_TLS_ALERT = b"\x15\x03"
"""Beginning of a TLS alert, with which TLS answers a request that is no handshake.

Content type alert, version 3.x (RFC 8446, 5.1 and 6).
"""


class HttpStage(Enum):
    """Stage at which a request failed."""

    UNREACHABLE = auto()
    """There was no connection, so the server read nothing of the request."""
    LOST = auto()
    """The request may have arrived, but there is no complete response."""
    TOO_LONG = auto()
    """The response is longer than the limit."""


class HttpError(Exception):
    """Missing or incomplete response; the text has the system's reason.

    `peer_speaks_tls` is true if a server that expects TLS answered a request without it. `__cause__` is the exception
    of the system or of http.client.
    """

    def __init__(self, why: str, stage: HttpStage, *, peer_speaks_tls: bool = False) -> None:
        """Store the reason and the stage."""
        super().__init__(why)
        self.stage = stage
        self.peer_speaks_tls = peer_speaks_tls


@dataclass(frozen=True)
class Proxy:
    """HTTP proxy for a tunnel; `headers` are sent to it alone."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class HttpRequest:
    """HTTP request.

    `limit` is the longest accepted response in octets; with `truncates` a longer one is cut one octet later instead of
    rejected. `within` is the time limit in seconds for the exchange, and `connect_within` for a single wait while
    connecting. `context` None: TLS 1.2 or newer with the system's anchors.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    limit: int = 64 * 1024
    truncates: bool = False
    within: float = 30.0
    connect_within: float | None = None
    context: ssl.SSLContext | None = field(default=None, repr=False)
    proxy: Proxy | None = None


@dataclass(frozen=True)
class HttpResponse:
    """HTTP response; header names are lower-case.

    `peer` is the server's TLS certificate as ssl.SSLSocket.getpeercert returns it, None without TLS.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    peer: Mapping[str, object] | None = field(default=None, repr=False)


def send_request(wanted: HttpRequest) -> HttpResponse:
    """Send one request and return the response.

    Raises HttpError if there is no complete response.
    """
    begun, outcome = monotonic_seconds(), "no answer"
    connection = _connection(wanted)
    try:
        _connect(connection, wanted)
        response = _exchange(connection, wanted)
        outcome = f"HTTP {response.status}, {len(response.body)} octets"
        return response
    finally:
        connection.close()
        if _log.isEnabledFor(logging.DEBUG):
            # Neither query nor body: they may hold identifiers.
            place = wanted.url.partition("?")[0]
            _log.debug("%s %s: %s after %.2f s", wanted.method, place, outcome, monotonic_seconds() - begun)


def stream_body(wanted: HttpRequest) -> Generator[bytes]:
    """Yield the parts of a response (200) as they arrive, until the server ends it.

    `within` is the time limit for the beginning of the response, and then for each part. Close the generator to end
    the connection. Raises HttpError, also for another status and for a response that breaks off.
    """
    connection, stack = _connection(wanted), contextlib.ExitStack()
    try:
        _connect(connection, wanted)
        with deadline(connection, wanted.within):
            _send(connection, wanted)
            response = stack.enter_context(contextlib.closing(connection.getresponse()))
        if response.status != http.HTTPStatus.OK:
            raise HttpError(f"HTTP {response.status}", HttpStage.LOST)
        while part := response.read1(wanted.limit):
            yield part
    except (OSError, http.client.HTTPException) as bad:
        raise HttpError(_reason(bad), HttpStage.LOST) from bad
    finally:
        stack.close()
        connection.close()


def fetch_body(url: str, within: float) -> bytes | None:
    """Return the body that an address answers with; None if nothing is there (404).

    Raises HttpError, which names the address, also for another status.
    """
    try:
        reply = send_request(HttpRequest(url, within=within))
    except HttpError as failed:
        raise HttpError(f"{url}: {failed}", failed.stage) from failed
    if reply.status == http.HTTPStatus.NOT_FOUND:
        return None
    if reply.status != http.HTTPStatus.OK:
        raise HttpError(f"{url}: HTTP {reply.status}", HttpStage.LOST)
    return reply.body


_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which the module ssl does not name."""


def tls_context(anchors: str | None = None, *, checks_dates: bool = True) -> ssl.SSLContext:
    """Return a context for TLS 1.2 or newer; `anchors` (PEM) replace the system's."""
    # create_default_context takes ASCII; comments beside the certificates may have other characters.
    known = None if anchors is None else anchors.encode("ascii", "replace").decode("ascii")
    context = ssl.create_default_context(cadata=known)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not checks_dates:
        context.verify_flags |= _NO_CHECK_TIME
    return context


@contextlib.contextmanager
def deadline(connection: http.client.HTTPConnection, within: float) -> Iterator[threading.Event]:
    """Limit the time for the use of a connection, even if the other side sends slowly.

    Raises TimeoutError after `within` seconds.
    """
    late = threading.Event()
    watchdog = threading.Timer(within, _cut, (connection, late))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield late
    finally:
        watchdog.cancel()
        # A connection that was shut down may look complete: http.client treats it as the end of headers.
        if late.is_set():
            raise TimeoutError(f"it took longer than {within:g} s")


def _connection(wanted: HttpRequest) -> http.client.HTTPConnection:
    parts = urlsplit(wanted.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    patience = wanted.connect_within or wanted.within
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=patience)
    context = wanted.context or tls_context()
    if wanted.proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=patience, context=context)
    connection = http.client.HTTPSConnection(wanted.proxy.host, wanted.proxy.port, timeout=patience, context=context)
    connection.set_tunnel(host, port, dict(wanted.proxy.headers))
    return connection


def _connect(connection: http.client.HTTPConnection, wanted: HttpRequest) -> None:
    try:
        with deadline(connection, wanted.within) as late:
            connection.connect()
            if late.is_set():  # during the TLS handshake there was no socket to shut down
                raise TimeoutError
        connection.sock.settimeout(wanted.within)
    except (OSError, http.client.HTTPException, UnicodeError) as bad:  # a host with a part longer than 63 octets
        raise HttpError(_reason(bad), HttpStage.UNREACHABLE) from bad


def _exchange(connection: http.client.HTTPConnection, wanted: HttpRequest) -> HttpResponse:
    try:
        with deadline(connection, wanted.within):
            _send(connection, wanted)
            peer = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
            response = connection.getresponse()
            body = response.read(wanted.limit + 1)
        if response.length and len(body) <= wanted.limit:
            # http.client treats an early end of the connection as the end of the body.
            raise http.client.IncompleteRead(body, response.length)
    except (OSError, http.client.HTTPException) as bad:
        speaks_tls = urlsplit(wanted.url).scheme == "http" and _refused_by_tls(connection, bad)
        raise HttpError(_reason(bad), HttpStage.LOST, peer_speaks_tls=speaks_tls) from bad
    if len(body) > wanted.limit and not wanted.truncates:
        raise HttpError(f"the answer is longer than {wanted.limit} octets", HttpStage.TOO_LONG)
    named = {name.lower(): value for name, value in reversed(response.getheaders())}  # the first of a name counts
    return HttpResponse(response.status, named, body, peer)


def _send(connection: http.client.HTTPConnection, wanted: HttpRequest) -> None:
    query = urlsplit(wanted.url).query
    target = url_path(wanted.url) + (f"?{query}" if query else "")
    headers = {"User-Agent": "sinetti", "Connection": "close", **wanted.headers}
    connection.request(wanted.method, target, wanted.body, headers)


def _reason(bad: Exception) -> str:
    return getattr(bad, "strerror", None) or str(bad) or type(bad).__name__


def _refused_by_tls(connection: http.client.HTTPConnection, bad: OSError | http.client.HTTPException) -> bool:
    """Return whether the server at that port expects TLS.

    Such a server reads only the first octets of a request, which are no handshake.
    """
    if isinstance(bad, http.client.BadStatusLine):
        return str(bad).encode("iso-8859-1", "replace").startswith(_TLS_ALERT)
    octets = b""
    # A client that is refused while still sending finds the alert in place of the answer.
    with contextlib.suppress(OSError):
        if isinstance(bad, BrokenPipeError | ConnectionResetError) and connection.sock is not None:
            octets = connection.sock.recv(len(_TLS_ALERT))
    return octets == _TLS_ALERT


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    # Shut down the descriptor itself, below TLS, so that a read in progress returns at once.
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
