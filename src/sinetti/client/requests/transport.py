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
from email.message import Message as Headers
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import unquote, urlsplit

from sinetti.client.messages import document_messages, error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.service_address import ServiceUrl, parse_service_url
from sinetti.domain.values import Language
from sinetti.infra import http_client
from sinetti.infra.http_client import HttpError, HttpRequest, HttpResponse, HttpStage, Proxy, tls_context
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
        messages.VALID_FROM,
        messages.VALID_UNTIL,
        messages.TLS_NOT_TRUSTED,
        messages.SPEAKS_TLS,
        messages.REDIRECTED,
        messages.WRONG_ADDRESS,
        messages.PROXY_UNREADABLE,
        messages.ANSWER_NOT_TRUSTED,
        document_messages.RECEIPT_NOT_TRUSTED,
    }
)
"""Messages of permanent errors: something has to be corrected first.

The same command would meet them again.
"""

_LONGEST_RETRY = 366 * 86_400
"""Longest Retry-After in seconds; a longer one is shortened to this."""


class ServiceErrorKind(Enum):
    """Stage at which a call failed."""

    NOT_REACHED = "the service read nothing of the request"
    LOST = "the request may have arrived, but there is no answer"
    NOT_SERVED = "the service answered that it is temporarily unavailable"
    NOT_TRUSTED = "the answer is not trusted"


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


@dataclass(frozen=True)
class SoapPost:
    """SOAP message to send.

    `tls_ca` (PEM) holds the only anchors of the server; None: the system's.
    """

    address: ServiceUrl
    action: str
    body: bytes
    language: Language
    tls_ca: str | None


@dataclass(frozen=True)
class ServiceRequest:
    """HTTP request to send; without a body it is a GET.

    `headers` are sent in addition to the common ones. `tls_ca` as in `SoapPost`.
    """

    address: ServiceUrl
    headers: Mapping[str, str]
    body: bytes | None
    language: Language
    tls_ca: str | None
    checks_dates: bool = True
    """False: the dates of the server's certificate do not matter."""


@dataclass(frozen=True)
class ServiceResponse:
    """HTTP answer.

    `content_type` is without parameters, in lower case; `body` is at most one octet over LIMIT. `retry_after`: delay
    that the service asked for, if any.
    """

    status: int
    content_type: str
    body: bytes
    retry_after: timedelta | None = None


@dataclass(frozen=True)
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
    headers = {**outgoing.headers, "Accept-Language": outgoing.language.value}
    response = _sent(outgoing, "GET" if outgoing.body is None else "POST", headers)
    if 300 <= response.status < 400:  # noqa: PLR2004 - the class of redirects (RFC 9110, 15.4)
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(messages.REDIRECTED))
    rest = retry_after(response.headers.get("retry-after"), response.headers.get("date"))
    if response.status in BUSY:
        raise ServiceError(
            ServiceErrorKind.NOT_SERVED, make_message(messages.HTTP_STATUS, status=response.status), rest
        )
    return ServiceResponse(response.status, _content_type(response), response.body, rest)


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


def fetch_date(address: str, tls_ca: str | None) -> datetime | None:
    """Return a service's clock, also if the clock here makes its certificate expired.

    None if the service does not report it. The date is not signed, so that it only changes an advice.
    """
    with contextlib.suppress(ServiceError):
        return probe(parse_service_url(address), tls_ca, Language.EN, checks_dates=False).date
    return None


def probe(address: ServiceUrl, tls_ca: str | None, language: Language, *, checks_dates: bool = True) -> ServerProbe:
    """Request the page that the service shows to browsers; return its properties.

    Raises ServiceError.
    """
    outgoing = ServiceRequest(address, {}, None, language, tls_ca, checks_dates)
    return _look(_sent(outgoing, "GET", {"Accept-Language": language.value}))


def whole_body(answer: ServiceResponse) -> bytes:
    """Return the body of an answer.

    Raises ServiceError if it is longer than LIMIT.
    """
    if len(answer.body) > LIMIT:
        raise ServiceError(ServiceErrorKind.NOT_TRUSTED, make_message(messages.ANSWER_TOO_LONG))
    return answer.body


def _sent(outgoing: ServiceRequest, method: str, headers: Mapping[str, str]) -> HttpResponse:
    address = outgoing.address
    wanted = HttpRequest(
        address.url,
        method,
        headers,
        outgoing.body,
        limit=LIMIT,
        truncates=True,
        within=ANSWER_SECONDS,
        connect_within=CONNECT_SECONDS,
        context=tls_context(outgoing.tls_ca, checks_dates=outgoing.checks_dates) if address.secure else None,
        proxy=_proxy(address.host) if address.secure else None,
    )
    try:
        return http_client.send_request(wanted)
    except HttpError as bad:
        raise _service_error(address, bad) from bad


def _service_error(address: ServiceUrl, bad: HttpError) -> ServiceError:
    cause = bad.__cause__ if isinstance(bad.__cause__, Exception) else bad
    why = error_reasons.translate_reason(cause)
    if bad.stage is HttpStage.UNREACHABLE:
        if isinstance(cause, ssl.SSLCertVerificationError):
            message = make_message(messages.TLS_NOT_TRUSTED, host=address.host, why=why)
        else:
            message = make_message(messages.NOT_REACHED, host=address.host, port=address.port, why=why)
        return ServiceError(ServiceErrorKind.NOT_REACHED, message)
    if bad.peer_speaks_tls:
        message = make_message(messages.SPEAKS_TLS, host=address.host, port=address.port)
        return ServiceError(ServiceErrorKind.NOT_REACHED, message)
    # TLS may close without an alert (OpenSSL does for an HTTP request), or its alert may be lost.
    may_be_tls = not address.secure and isinstance(cause, ConnectionError | http.client.BadStatusLine)
    word = messages.ANSWER_LOST_PLAIN if may_be_tls else messages.ANSWER_LOST
    return ServiceError(ServiceErrorKind.LOST, make_message(word, why=why))


def _content_type(response: HttpResponse) -> str:
    """Return the media type without parameters, in lower case.

    RFC 2045, 5.2 says what holds for a header that is missing or unreadable.
    """
    headers = Headers()
    if "content-type" in response.headers:
        headers["content-type"] = response.headers["content-type"]
    return headers.get_content_type()


def _look(response: HttpResponse) -> ServerProbe:
    try:
        date = parsedate_to_datetime(response.headers.get("date", ""))
    except (ValueError, OverflowError):
        date = None
    if date is not None and date.tzinfo is None:  # "-0000": the sender does not state its zone (RFC 5322, 3.3)
        date = date.replace(tzinfo=UTC)
    if response.peer is None:
        return ServerProbe(response.status, date)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(response.peer["notAfter"])), UTC)
    issuer = response.peer.get("issuer", ())
    names = {pair[0]: pair[1] for part in issuer for pair in part} if isinstance(issuer, tuple) else {}
    named = names.get("commonName") or names.get("organizationName") or ""
    return ServerProbe(response.status, date, until, named)


def _proxy(host: str) -> Proxy | None:
    """Return the system's proxy for https to a host.

    None for this machine, and without a proxy. Raises ServiceError, whose text contains no password, if the proxy's
    address is unreadable.
    """
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get("https")
    if proxy is None:
        return None
    try:
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        name, port = parts.hostname or "", parts.port or PORTS["http"]
    except ValueError:
        name = ""
    if not is_host_name(name):
        raise ServiceError(ServiceErrorKind.NOT_REACHED, make_message(messages.PROXY_UNREADABLE))
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode()
    return Proxy(name, port, headers)
