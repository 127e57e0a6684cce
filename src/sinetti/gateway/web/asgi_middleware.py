"""ASGI middleware that passes only requests of accepted callers to an application.

    application = AsgiGateway(application, guard_of(load(Path("gateway.toml"))))

The application finds the headers `Sinetti-Customer-Id`, `-Channel`, `-Serial`, `-Not-After`, `-Days-Left`, and the
whole verdict as `scope["sinetti.verdict"]`.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sinetti.gateway.verdicts.verdict import Verdict
from sinetti.gateway.web import responses
from sinetti.gateway.web.guard import RequestGuard, in_headers
from sinetti.gateway.web.responses import HttpResult
from sinetti.gateway.web.trusted_proxies import ClientCertificate, from_tls, is_presented, is_reserved_header

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[str, str]]

VERDICT = "sinetti.verdict"
"""Key of the verdict in the application's scope."""

THREADS = 8
"""Largest number of concurrent checks."""

_POLICY_VIOLATION = 1008


class AsgiGateway:
    """ASGI application that asks a gateway before it calls another one."""

    def __init__(self, application: Application, guard: RequestGuard) -> None:
        """Store the application and its guard."""
        self._application = application
        self._guard = guard
        # Judging may block on a list or a responder, and the loop's default threads belong to the application.
        self._threads = ThreadPoolExecutor(THREADS, "gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request or a WebSocket to the application, or reject it here."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        headers = decoded(scope)
        believed = self._guard.trusts(peer_of(scope), headers)
        presented = self._presented_certificate(scope, headers, believed=believed)
        verdict = await asyncio.get_running_loop().run_in_executor(self._threads, self._guard.check, presented)
        if verdict is not None and verdict.accepted:
            await self._application(_scope_with_identity(scope, verdict, believed=believed), receive, send)
            return
        await _refuse(scope, receive, send, responses.rejected_response(verdict, wish_of(headers)))

    def _presented_certificate(self, scope: Scope, headers: Headers, *, believed: bool) -> ClientCertificate | None:
        if self._guard.proxies is not None:
            return in_headers(headers) if believed else None
        # ASGI TLS extension 0.2: PEM texts, the caller's own first.
        tls = (scope.get("extensions") or {}).get("tls") or {}
        return from_tls(list(tls.get("client_cert_chain") or ()))


def decoded(scope: Scope) -> Headers:
    """Return the headers of a request as text, names in lower case."""
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]


def peer_of(scope: Scope) -> str | None:
    """Return the peer's address; None if the server has none, as on a Unix socket."""
    client = scope.get("client")
    return client[0] or None if client else None


def wish_of(headers: Headers) -> str:
    """Return the value of Accept-Language."""
    return ", ".join(value for name, value in headers if name == "accept-language")


async def send_answer(send: Send, answer: HttpResult, *, kind: str = "http.response", method: str = "GET") -> None:
    """Send an answer, without its body for HEAD (RFC 9110, 9.3.2)."""
    headers = dict(answer.headers)
    if answer.status != 204:  # noqa: PLR2004 - RFC 9110, 8.6: no Content-Length there
        headers["Content-Length"] = str(len(answer.body))
    encoded = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": b"" if method == "HEAD" else answer.body})


def _scope_with_identity(scope: Scope, verdict: Verdict, *, believed: bool) -> Scope:
    """Return the application's scope, with the identity headers of the verdict.

    All reserved headers that the caller sent are removed.
    """
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if not is_reserved_header(name.decode("latin-1")) and (believed or not is_presented(name.decode("latin-1")))
    ]
    ours = responses.identity_headers(verdict)
    added = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in ours.items()]
    return {**scope, "headers": kept + added, VERDICT: verdict}


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: HttpResult) -> None:
    if scope["type"] == "http":
        await send_answer(send, answer, method=scope["method"])
        return
    await receive()  # websocket.connect comes first
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await send_answer(send, answer, kind="websocket.http.response")
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": answer.headers["Sinetti-Reason"]})
