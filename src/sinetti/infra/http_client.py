"""HTTP client for one request to a configured address.

It follows no redirects and repeats no request. It ignores the machine's proxy settings, since the gateway's settings
alone say which hosts it may contact.
"""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sinetti.infra.urls import PORTS, url_path


class HttpError(Exception):
    """Missing or incomplete response; the text has the system's reason."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """HTTP request.

    `limit` is the longest accepted response in octets. `within` is the time limit for the whole exchange in seconds.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    limit: int = 64 * 1024
    within: float = 30.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """HTTP response; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def send_request(wanted: HttpRequest) -> HttpResponse:
    """Send one request and return the response.

    Raises HttpError if there is no complete response.
    """
    parts = urlsplit(wanted.url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], wanted.within)
    target = url_path(wanted.url) + (f"?{parts.query}" if parts.query else "")
    try:
        with deadline(connection, wanted.within) as late:
            connection.connect()
            if late.is_set():  # during the TLS handshake there was no socket to shut down
                raise TimeoutError
            headers = {"User-Agent": "sinetti", "Connection": "close", **wanted.headers}
            connection.request(wanted.method, target, wanted.body, headers)
            response = connection.getresponse()
            body = response.read(wanted.limit + 1)
        if len(body) > wanted.limit:
            why = f"the answer is longer than {wanted.limit} octets"
            raise HttpError(why)
        if response.length:
            # http.client treats an early end of the connection as the end of the body.
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
            sentence = f"it took longer than {within:g} s"
            raise TimeoutError(sentence)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    # Shut down the descriptor itself, below TLS, so that a read in progress returns at once.
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
