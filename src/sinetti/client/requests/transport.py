"""One HTTP request to the service and its answer.

There are no redirects, no retries and no second address. TLS 1.2 or newer; `http://` only to this machine itself. The
system's proxy is used for https to other machines (as a tunnel, so that it cannot read the message) and never for this
machine.
"""

import base64
import contextlib
import http.client
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import SplitResult, unquote, urlsplit

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.service_address import ServiceUrl
from sinetti.domain.values import Language
from sinetti.infra.http_client import deadline
from sinetti.infra.urls import PORTS, is_host_name, is_loopback

LIMIT = 1024 * 1024
"""Longest answer that is read, in octets."""

CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 60.0
"""Time limit from the first octet sent to the last one read."""

BUSY = frozenset({408, 429, 502, 503, 504})
"""HTTP statuses of temporary errors (RFC 9110, 15.5 and 15.6; RFC 6585, 4)."""

IN_VAIN = frozenset(
    {
        messages.TLS_NOT_TRUSTED,
        messages.SPEAKS_TLS,
        messages.REDIRECTED,
        messages.WRONG_ADDRESS,
        messages.PROXY_UNREADABLE,
    }
)
"""Messages of permanent errors: something has to be corrected first.

The same command would meet them again.
"""

_LONGEST_RETRY = 366 * 86_400
"""Longest Retry-After in seconds; a longer one is shortened to this."""


_TLS_ALERT = b"\x15\x03"
"""Beginning of a TLS alert, with which TLS answers a request that is no handshake.

Content type alert, version 3.x (RFC 8446, 5.1 and 6).
"""


class ServiceErrorKind(Enum):
    """Stage at which a call failed."""

    NOT_REACHED = "the service read nothing of the request"
    LOST = "the request may have arrived, but there is no answer"
    NOT_SERVED = "the service answered that it does not serve just now"
    NOT_TRUSTED = "something answered that cannot be relied on"


class ServiceError(Exception):
    """Call without a trusted answer."""

    def __init__(self, kind: ServiceErrorKind, message: Message, retry_after: timedelta | None = None) -> None:
        """Store the stage of the failure, its message, and the requested delay."""
        super().__init__(message.text)
        self.kind = kind
        self.message = message
        self.retry_after = retry_after

    @property
    def is_permanent(self) -> bool:
        """True if the same command would meet the error again."""
        return self.message.text in IN_VAIN


@dataclass(frozen=True, slots=True)
class SoapPost:
    """SOAP message to send.

    `tls_ca` (PEM) holds the only anchors of the server; None: the system's.
    """

    address: ServiceUrl
    action: str
    body: bytes
    language: Language
    tls_ca: str | None


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """HTTP request to send; without a body it is a GET.

    `headers` are sent in addition to the common ones. `tls_ca` as in `SoapPost`.
    """

    address: ServiceUrl
    headers: Mapping[str, str]
    body: bytes | None
    language: Language
    tls_ca: str | None


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """HTTP answer.

    `content_type` is without parameters, in lower case; `body` is at most one octet over LIMIT. `retry_after`: delay
    that the service asked for, if any.
    """

    status: int
    content_type: str
    body: bytes
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ServerProbe:
    """Properties of a server, as a probe finds them.

    `date` is its clock; `tls_until` (UTC) is None without TLS.
    """

    status: int
    date: datetime | None
    tls_until: datetime | None = None
    tls_issuer: str = ""


def call(post: SoapPost) -> bytes:
    """Send one message and return the body of the answer.

    HTTP 200, or 500 (SOAP 1.1, 6.2). Raises ServiceError.
    """
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
    """Send one request and return its answer, with any other status.

    Raises ServiceError for redirects, for statuses in `BUSY` and without an answer.
    """
    connection = _connected(outgoing)
    try:
        headers = {
            **outgoing.headers,
            "Accept-Language": outgoing.language.value,
            "Connection": "close",
            "User-Agent": "sinetti",
        }
        with deadline(connection, ANSWER_SECONDS):
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
    """Read a Retry-After (RFC 9110, 10.2.3): seconds, or an instant.

    An instant counts from the answer's own Date, so that the local clock does not matter. Return None for any other
    text.
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
    """Request the page that the service shows to browsers; return its properties.

    Raises ServiceError.
    """
    outgoing = ServiceRequest(address, {}, b"", language, tls_ca)
    connection = _connected(outgoing)
    try:
        headers = {"Accept-Language": language.value, "Connection": "close", "User-Agent": "sinetti"}
        with deadline(connection, ANSWER_SECONDS):
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
    """Return the body of an answer.

    Raises ServiceError if it is longer than LIMIT.
    """
    if len(answer.body) > LIMIT:
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(messages.ANSWER_TOO_LONG))
    return answer.body


def _look(response: http.client.HTTPResponse, presented: Mapping[str, object] | None) -> ServerProbe:
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, OverflowError):
        date = None
    if date is not None and date.tzinfo is None:  # "-0000": the sender does not state its zone (RFC 5322, 3.3)
        date = date.replace(tzinfo=UTC)
    if presented is None:
        return ServerProbe(response.status, date)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(presented["notAfter"])), UTC)
    issuer = presented.get("issuer", ())
    names = {pair[0]: pair[1] for part in issuer for pair in part} if isinstance(issuer, tuple) else {}
    named = names.get("commonName") or names.get("organizationName") or ""
    return ServerProbe(response.status, date, until, named)


def _lost(
    address: ServiceUrl, connection: http.client.HTTPConnection, bad: OSError | http.client.HTTPException
) -> ServiceError:
    if not address.secure and _refused_by_tls(connection, bad):
        told = make_message(messages.SPEAKS_TLS, host=address.host, port=address.port)
        return ServiceError(ServiceErrorKind.NOT_REACHED, told)
    # TLS may close without an alert (OpenSSL does for an HTTP request), or its alert may be lost.
    may_be_tls = not address.secure and isinstance(bad, ConnectionError | http.client.BadStatusLine)
    word = messages.ANSWER_LOST_PLAIN if may_be_tls else messages.ANSWER_LOST
    return ServiceError(ServiceErrorKind.LOST, make_message(word, why=error_reasons.translate_reason(bad)))


def _refused_by_tls(connection: http.client.HTTPConnection, bad: OSError | http.client.HTTPException) -> bool:
    """Return whether the server at that port expects TLS.

    Such a server reads only the first octets of a request, which are no handshake.
    """
    if isinstance(bad, http.client.BadStatusLine):
        return str(bad).encode("iso-8859-1", "replace").startswith(_TLS_ALERT)
    found = b""
    # A client that is refused while still sending finds the alert in place of the answer.
    with contextlib.suppress(OSError):
        if isinstance(bad, BrokenPipeError | ConnectionResetError) and connection.sock is not None:
            found = connection.sock.recv(len(_TLS_ALERT))
    return found == _TLS_ALERT


def _whole(response: http.client.HTTPResponse, body: bytes) -> None:
    # http.client takes an early end of the connection for the end of headers or body.
    if response.length and len(body) <= LIMIT:
        raise http.client.IncompleteRead(body, response.length)


def _connected(outgoing: ServiceRequest) -> http.client.HTTPConnection:
    address = outgoing.address
    try:
        connection = _secure(address, outgoing.tls_ca) if address.secure else _plain(address)
        with deadline(connection, ANSWER_SECONDS):
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
    # create_default_context with explicit anchors loads none of the system's. It takes ASCII; comments beside the
    # certificates may have other characters.
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
    """Parse the address of a proxy; return it with host and port.

    Raises ServiceError, whose text contains no password.
    """
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        host, port = parts.hostname or "", parts.port or PORTS["http"]
    except ValueError:
        host = ""
    if not is_host_name(host):
        raise ServiceError(ServiceErrorKind.NOT_REACHED, make_message(messages.PROXY_UNREADABLE))
    return parts, host, port


def _proxy(host: str) -> str | None:
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get("https")
