"""Endpoints of `sinetti gateway serve` (docs/relying/gateway-serve.md).

Each endpoint decodes the request, calls the gateway and encodes the answer.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sinetti.gateway.status_feed import FeedReader
from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.gateway.web import responses
from sinetti.gateway.web.asgi_middleware import Headers, wish_of
from sinetti.gateway.web.guard import RequestGuard, in_headers
from sinetti.gateway.web.metrics import ListDates
from sinetti.gateway.web.responses import HttpResult
from sinetti.infra.traces import Trace

LARGEST_DOCUMENT = 20 * 1024 * 1024
"""Largest size of a signed document in octets (issue 4)."""

_OCTETS = "application/octet-stream"


class Readiness(Protocol):
    """Function that returns a sentence for each missing part; none if all is ready."""

    def __call__(self) -> list[str]:
        """Return the sentences."""


@dataclass(frozen=True)
class IncomingRequest:
    """One complete request.

    `peer` is None on a Unix socket; header names are lower-case.
    """

    method: str
    path: str
    headers: Headers
    peer: str | None
    body: bytes = field(default=b"", repr=False)
    trace: Trace | None = field(default=None, repr=False, compare=False)

    def step(self, name: str) -> None:
        """Begin a step of the request's trace, if it has one."""
        if self.trace is not None:
            self.trace.step(name)


@dataclass(frozen=True)
class AuthService:
    """Service behind the endpoints; it may block on a file or a responder.

    `unready` returns the reasons why it cannot judge certificates. `notices` returns what an operator has to know and
    no verdict depends on. `lists` returns the dates of the lists, and `trust_lists` the checks of the trust lists, for
    the metrics. `feed` reads the authority's status feed. `extended` returns the sources that count only by
    `freshness_during_outage`.
    """

    guard: RequestGuard
    unready: Readiness
    notices: Readiness = list
    lists: Callable[[], list[ListDates]] = list
    feed: FeedReader | None = None
    trust_lists: Callable[[], tuple[ListCheck, ...]] = tuple
    extended: Readiness = list

    @property
    def is_blocking(self) -> bool:
        """True if judging a certificate may wait for an OCSP responder."""
        return self.guard.gateway.is_blocking

    def answer(self, asked: IncomingRequest) -> HttpResult:
        """Answer one request."""
        return self.on_rejected_by_proxy(asked) or _ENDPOINTS[asked.path][1](self, asked)

    def on_rejected_by_proxy(self, asked: IncomingRequest) -> HttpResult | None:
        """Answer a request that is rejected without its body; None for all others.

        The path is unknown, the method is not allowed, or the peer is not a trusted proxy.
        """
        answers = _ENDPOINTS.get(asked.path)
        if answers is None:
            return _plain(404, "This gateway serves /check, /refusal, /verify, /readyz and /healthz.")
        methods, _, open_to_all = answers
        if asked.method not in methods:
            return HttpResult(405, {"Allow": ", ".join(methods), "Content-Type": "text/plain; charset=utf-8"}, b"")
        if not open_to_all and not self.guard.trusts(asked.peer, asked.headers):
            return _plain(
                403,
                "This gateway answers only its own proxy: over the Unix socket, or listed and with the secret.",
            )
        return None

    def _check(self, asked: IncomingRequest) -> HttpResult:
        verdict = self.guard.check(in_headers(asked.headers))
        if verdict is not None and verdict.accepted:
            return responses.accepted_response(verdict)
        return responses.rejected_response(verdict, wish_of(asked.headers))

    def _refusal(self, asked: IncomingRequest) -> HttpResult:
        """Repeat the reason of a refusal, for a proxy that lost the body of that answer.

        The status is never 2xx.
        """
        verdict = self.guard.check(in_headers(asked.headers))
        if verdict is not None and verdict.accepted:
            return responses.retry_response(wish_of(asked.headers))
        return responses.rejected_response(verdict, wish_of(asked.headers))

    def _verify(self, asked: IncomingRequest) -> HttpResult:
        if len(asked.body) > LARGEST_DOCUMENT:
            return _plain(413, f"A document may have at most {LARGEST_DOCUMENT} bytes.")
        presented = in_headers(asked.headers)
        now = self.guard.now()
        tls = None if presented is None else presented.certificate
        verified = self.guard.gateway.verify(asked.body, now, tls_certificate=tls)
        if not verified.verdict.accepted or verified.octets is None:
            return responses.not_accepted(verified.verdict, wish_of(asked.headers))
        if verified.certificate is not None:
            self.guard.seen(verified.certificate, now)
        bare = _wants_octets(asked.headers)
        headers = {**responses.identity_headers(verified.verdict), "Cache-Control": "no-store", "Vary": "Accept"}
        if bare:
            return HttpResult(200, {**headers, "Content-Type": _OCTETS}, verified.octets)
        value = {**verified.verdict.as_json(), "octets": base64.b64encode(verified.octets).decode("ascii")}
        return HttpResult(
            200, {**headers, "Content-Type": "application/json"}, f"{json.dumps(value, ensure_ascii=False)}\n".encode()
        )

    def _ready(self, _asked: IncomingRequest) -> HttpResult:
        missing, notices = self.unready(), [*self.extended(), *self.notices()]
        notices += [] if self.feed is None else [self.feed.sentence()]
        return _plain(503, "\n".join([*missing, *notices])) if missing else _plain(200, "\n".join(["ready", *notices]))

    def _alive(self, _asked: IncomingRequest) -> HttpResult:
        return _plain(200, "alive")


READY = "/readyz"
"""Readiness endpoint; it reads the folder of lists, which may take some time."""

_READING = ("GET", "HEAD")
_ENDPOINTS: dict[str, tuple[tuple[str, ...], Callable[[AuthService, IncomingRequest], HttpResult], bool]] = {
    "/check": (_READING, AuthService._check, False),  # noqa: SLF001 - the table of this class's own endpoints
    "/refusal": (_READING, AuthService._refusal, False),  # noqa: SLF001 - as above
    "/verify": (("POST",), AuthService._verify, False),  # noqa: SLF001 - as above
    READY: (_READING, AuthService._ready, True),  # noqa: SLF001 - as above
    "/healthz": (_READING, AuthService._alive, True),  # noqa: SLF001 - as above
}
"""Path -> methods, handler, and whether any peer may use the endpoint."""


def _wants_octets(headers: Headers) -> bool:
    wanted = ",".join(value for name, value in headers if name == "accept")
    return any(part.partition(";")[0].strip().lower() == _OCTETS for part in wanted.split(","))


def _plain(status: int, text: str) -> HttpResult:
    return HttpResult(
        status, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, f"{text}\n".encode()
    )
