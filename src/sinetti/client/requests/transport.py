"""One POST to the service and its answer, with nothing clever between: no redirects, no retries, no second address.

TLS 1.2 or newer; `http://` only to this machine itself. A proxy that the system names is used for https to others (as a
tunnel, so it sees nothing of the message) and never for this machine.
"""

import base64
import contextlib
import http.client
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages import messages as messages_module
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.service_address import PORTS, ServiceUrl, _is_host, is_loopback
from sinetti.domain.values import Language

LIMIT = 1024 * 1024
"""The longest answer that is read, in octets."""

CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 60.0
"""From the first octet sent to the last one read, whatever the other side does in between."""

BUSY = frozenset({408, 429, 502, 503, 504})
"""HTTP statuses that pass (RFC 9110, 15.5 and 15.6; RFC 6585, 4)."""

IN_VAIN = frozenset(
    {
        messages.TLS_NOT_TRUSTED,
        messages.SPEAKS_TLS,
        messages.REDIRECTED,
        messages.WRONG_ADDRESS,
        messages_module.PROXY_UNREADABLE,
    }
)
"""What the same command comes upon again: something has to be corrected first."""

_LONGEST_RETRY = 366 * 86_400
"""Seconds: whoever wants to be left alone for longer is taken to mean this."""


_TLS_ALERT = b"\x15\x03"
"""How TLS begins to refuse what is none (RFC 8446, 5.1 and 6): content type alert, version 3.x."""


class ServiceErrorKind(Enum):
    """How far a call came."""

    NOT_REACHED = "nothing of the request was read by anybody"
    LOST = "the request may have arrived, but there is no answer"
    NOT_SERVED = "the service answered that it does not serve just now"
    NOT_TRUSTED = "something answered that cannot be relied on"


class ServiceError(Exception):
    """A call without an answer that counts."""

    def __init__(self, kind: ServiceErrorKind, message: Message, retry_after: timedelta | None = None) -> None:
        """Keep how far the call came, what to tell the person, and when the service wants to be asked again."""
        super().__init__(message.text)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after

    @property
    def is_permanent(self) -> bool:
        """Whether the same command would come upon it again."""
        return self.message.text in IN_VAIN


@dataclass(frozen=True, slots=True)
class SoapPost:
    """One SOAP message on its way out.

    `tls_ca` (PEM) holds the only anchors of the server; None: the system's.
    """

    address: ServiceUrl
    action: str
    body: bytes
    language: Language
    tls_ca: str | None


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One call of any kind on its way out; `headers` go beside those that every call has. `tls_ca` as in `SoapPost`.

    Without a body it is a GET.
    """

    address: ServiceUrl
    headers: Mapping[str, str]
    body: bytes | None
    language: Language
    tls_ca: str | None


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """What came back.

    `content_type` is without parameters, in lower case; `body` is at most one octet over LIMIT.

    `retry_after`: how long the service wants to be left alone, where it says so.
    """

    status: int
    content_type: str
    body: bytes
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ServerProbe:
    """What a service shows of itself.

    `date` is its clock; `tls_until` (UTC) is None without TLS.
    """

    status: int
    date: datetime | None
    tls_until: datetime | None = None
    tls_issuer: str = ""


def call(post: SoapPost) -> bytes:
    """Send one message and return the body of the answer: HTTP 200, or 500 (SOAP 1.1, 6.2). Raises ServiceError."""
    headers = {
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": f'"{post.action}"',
        "Accept": "text/xml",
    }
    answer = send_request(ServiceRequest(post.address, headers, post.body, post.language, post.tls_ca))
    if answer.status not in (200, 500):
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(messages.WRONG_ADDRESS, status=answer.status))
    return whole_body(answer)


def send_request(outgoing: ServiceRequest) -> ServiceResponse:
    """Make one call and return its answer, whatever its status, but for redirects and `BUSY`. Raises ServiceError."""
    connection = _connected(outgoing)
    try:
        headers = {
            **outgoing.headers,
            "Accept-Language": outgoing.language.value,
            "Connection": "close",
            "User-Agent": "sinetti",
        }
        with _deadline(connection):
            method = "GET" if outgoing.body is None else "POST"
            connection.request(method, outgoing.address.path, outgoing.body, headers)
            response = connection.getresponse()
            body = response.read(LIMIT + 1)
        _whole(response, body)
    except (OSError, http.client.HTTPException) as bad:
        raise _lost(outgoing.address, connection, bad) from bad
    finally:
        connection.close()
    if 300 <= response.status < 400:  # noqa: PLR2004 - the class of redirects (RFC 9110, 15.4)
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(messages.REDIRECTED))
    rest = retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
    if response.status in BUSY:
        raise ServiceError(
            ServiceErrorKind.NOT_SERVED, make_message(messages.HTTP_STATUS, status=response.status), rest
        )
    return ServiceResponse(response.status, response.headers.get_content_type(), body, rest)


def retry_after(text: str | None, date: str | None) -> timedelta | None:
    """Read a Retry-After (RFC 9110, 10.2.3): seconds, or an instant, which counts from the answer's own Date.

    So no clock of ours is asked. What is neither says nothing.
    """
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text[:9]), _LONGEST_RETRY))
    try:
        rest = parsedate_to_datetime(text) - parsedate_to_datetime(date or "")
    except (ValueError, TypeError, IndexError, OverflowError):  # one of them with a zone, the other without
        return None
    return max(rest, timedelta())


def probe(address: ServiceUrl, tls_ca: str | None, language: Language) -> ServerProbe:
    """Ask for the page that the service shows to browsers, and say what came along with it. Raises ServiceError."""
    outgoing = ServiceRequest(address, {}, b"", language, tls_ca)
    connection = _connected(outgoing)
    try:
        headers = {"Accept-Language": language.value, "Connection": "close", "User-Agent": "sinetti"}
        with _deadline(connection):
            connection.request("GET", address.path, headers=headers)
            presented = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
            response = connection.getresponse()
            response.read(LIMIT)
    except (OSError, http.client.HTTPException) as bad:
        raise _lost(address, connection, bad) from bad
    finally:
        connection.close()
    return _look(response, presented)


def whole_body(answer: ServiceResponse) -> bytes:
    """Give the body of an answer.

    Raises ServiceError for one that is longer than any that is read.
    """
    if len(answer.body) > LIMIT:
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(messages.ANSWER_TOO_LONG))
    return answer.body


def _look(response: http.client.HTTPResponse, presented: Mapping[str, object] | None) -> ServerProbe:
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, OverflowError):
        date = None
    if date is not None and date.tzinfo is None:  # "-0000": the sender says nothing of its zone (RFC 5322, 3.3)
        date = date.replace(tzinfo=UTC)
    if presented is None:
        return ServerProbe(response.status, date)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(presented["notAfter"])), UTC)
    issuer = presented.get("issuer", ())
    names = {pair[0]: pair[1] for part in issuer for pair in part} if isinstance(issuer, tuple) else {}
    named = names.get("commonName") or names.get("organizationName") or ""
    return ServerProbe(response.status, date, until, named)


@contextlib.contextmanager
def _deadline(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Give what is done with a connection its time, however slowly the other side sends. Raises TimeoutError."""
    late = threading.Event()
    watchdog = threading.Timer(ANSWER_SECONDS, _cut, (connection, late))
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        # A connection that was cut may look like one that ended well: http.client takes it for the end of headers.
        if late.is_set():
            raise TimeoutError


def _lost(
    address: ServiceUrl, connection: http.client.HTTPConnection, bad: OSError | http.client.HTTPException
) -> ServiceError:
    if not address.secure and _refused_by_tls(connection, bad):
        told = make_message(messages.SPEAKS_TLS, host=address.host, port=address.port)
        return ServiceError(ServiceErrorKind.NOT_REACHED, told)
    # TLS may leave without a word, too (OpenSSL does where it sees a request of HTTP), or its word be lost.
    may_be_tls = not address.secure and isinstance(bad, ConnectionError | http.client.BadStatusLine)
    word = messages.ANSWER_LOST_PLAIN if may_be_tls else messages.ANSWER_LOST
    return ServiceError(ServiceErrorKind.LOST, make_message(word, why=error_reasons.translate_reason(bad)))


def _refused_by_tls(connection: http.client.HTTPConnection, bad: OSError | http.client.HTTPException) -> bool:
    """Whether TLS listens there.

    It reads no more than the first octets of a request, which are no handshake.
    """
    if isinstance(bad, http.client.BadStatusLine):
        return str(bad).encode("iso-8859-1", "replace").startswith(_TLS_ALERT)
    found = b""
    # Whoever is told to go away while still sending finds the alert where the answer would be.
    with contextlib.suppress(OSError):
        if isinstance(bad, BrokenPipeError | ConnectionResetError) and connection.sock is not None:
            found = connection.sock.recv(len(_TLS_ALERT))
    return found == _TLS_ALERT


def _whole(response: http.client.HTTPResponse, body: bytes) -> None:
    # http.client takes a connection that ends too early for the end of headers or body.
    if response.length and len(body) <= LIMIT:
        raise http.client.IncompleteRead(body, response.length)


def _connected(outgoing: ServiceRequest) -> http.client.HTTPConnection:
    address = outgoing.address
    try:
        connection = _secure(address, outgoing.tls_ca) if address.secure else _plain(address)
        with _deadline(connection):
            connection.connect()
        connection.sock.settimeout(ANSWER_SECONDS)
    except ssl.SSLCertVerificationError as bad:
        told = make_message(messages.TLS_NOT_TRUSTED, host=address.host, why=error_reasons.translate_reason(bad))
        raise ServiceError(ServiceErrorKind.NOT_REACHED, told) from bad
    except (OSError, http.client.HTTPException) as bad:
        told = make_message(
            messages.NOT_REACHED, host=address.host, port=address.port, why=error_reasons.translate_reason(bad)
        )
        raise ServiceError(ServiceErrorKind.NOT_REACHED, told) from bad
    return connection


def _plain(address: ServiceUrl) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address.host, address.port, timeout=CONNECT_SECONDS)


def _secure(address: ServiceUrl, tls_ca: str | None) -> http.client.HTTPConnection:
    # create_default_context with anchors of its own loads none of the system's. It takes ASCII; a person's comment
    # beside the certificates may be something else.
    anchors = None if tls_ca is None else tls_ca.encode("ascii", "replace").decode("ascii")
    context = ssl.create_default_context(cadata=anchors)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    proxy = _proxy(address.host)
    if proxy is None:
        return http.client.HTTPSConnection(address.host, address.port, timeout=CONNECT_SECONDS, context=context)
    parts, host, port = _taken_apart(proxy)
    connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context)
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
    connection.set_tunnel(address.host, address.port, headers)
    return connection


def _taken_apart(proxy: str) -> tuple[SplitResult, str, int]:
    """Take the address of a proxy apart; host and port beside.

    Raises ServiceError, with no word of a password in it.
    """
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        host, port = parts.hostname or "", parts.port or PORTS["http"]
    except ValueError:
        host = ""
    if not _is_host(host):
        raise ServiceError(ServiceErrorKind.NOT_REACHED, make_message(messages_module.PROXY_UNREADABLE))
    return parts, host, port


def _proxy(host: str) -> str | None:
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get("https")


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    # The descriptor itself is shut, below TLS, so that a read in progress returns at once.
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
