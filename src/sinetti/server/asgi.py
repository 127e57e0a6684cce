"""ASGI application that runs a synchronous handler in a bounded thread pool.

It collects each request first, within a size limit and a deadline. granian's WSGI server loses chunked bodies, and
eight stalled senders block it. This application has neither problem.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any

from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.traces import Trace, installed_tracer, step, use_trace
from sinetti.infra.urls import ONE_HOST, has_one_host
from sinetti.server.event_stream import EventStream
from sinetti.server.http import SOAP_PATH, BodyStream, Request, Response, current_request, text_response
from sinetti.server.rate_limits import Admission, Rejected, unlimited
from sinetti.server.thread_pool import ThreadPool
from sinetti.server.wave_lane import WaveLane

_FOUND = range(200, 400)
_NOT_MODIFIED = 304
_GOOD = range(100, 400)
_BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"content-encoding"})
_TRACE = "sinetti.trace"
"""Member of a scope: the request's trace, or None."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_TURNED_WITHIN = 2.0
_log = logging.getLogger(__name__)
_access = logging.getLogger("sinetti.access")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Door = Callable[[Request], Response]
Measured = Callable[[str, str, Response, float], None]
Recall = Callable[[Request], Response | None]


@dataclass(frozen=True)
class RequestLimits:
    """Limits of a request and its response, in octets and seconds.

    A body larger than `body` is read and discarded up to `discarded`, so that the sender can read the answer. A larger
    Content-Length is rejected at once, because waiting for a false one would last until the deadline.

    `collecting` starts after the head, which has the same time (listener.HEAD_WITHIN): 10 s from the first octet.

    A streamed response has `answering` to produce each part, and again to send it, and `streaming` in total. At most
    `streams` of them run at once, separately from other requests. So slow readers block other streamed responses only,
    and no pages.

    `paths` have separate limits for requests with a body; each includes the paths below it, and the first match
    counts. At most `at_once` requests with large limits are processed at once.
    """

    body: int = 128 * 1024
    discarded: int = 1024 * 1024
    collecting: float = 5.0
    answering: float = 30.0
    waiting: int = 256
    streaming: float = 600.0
    streams: int = 64
    at_once: int | None = None
    paths: tuple[tuple[str, "RequestLimits"], ...] = ()

    def of(self, method: str, path: str) -> "RequestLimits":
        """Return the limits of a request; GET and HEAD have the common limits."""
        if method in {"GET", "HEAD"}:
            return self
        return next(
            (request_limits for place, request_limits in self.paths if path == place or path.startswith(f"{place}/")),
            self,
        )


def _not_measured(_method: str, _path: str, _reply: Response, _seconds: float) -> None:
    """Do nothing, for servers without metrics."""


class BodyTooLarge(Exception):
    """Body larger than the limit."""


class ClientDisconnected(Exception):
    """Disconnect of the sender."""


class AsgiApp:
    """ASGI application around one synchronous handler."""

    def __init__(
        self,
        door: Door,
        limits: RequestLimits | None = None,
        threads: int = 32,
        admission: Admission | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        """Store the handler; `threads` is its limit of concurrent requests.

        The limit is far above the number of processors, because most requests wait for the database or the signer.
        While some of them are blocked, others are answered. Threads start on demand. Each has its own database
        connection, which it closes by `leave` when another thread replaces it.
        """
        self._door = door
        self._limits = limits or RequestLimits()
        self._pool: ThreadPool[Any] = ThreadPool(threads, leave)
        self._inside = self._streams = 0
        self._large: Counter[RequestLimits] = Counter()
        self._retiring = False
        self._admission = admission or unlimited()
        self._measured: Measured = _not_measured
        self._events: dict[str, EventStream] = {}
        self._waves: WaveLane | None = None
        self._recall: Recall | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if (events := self._events.get(scope["path"])) is not None and _has_one_host(scope):
            # A reader stays for minutes, so it takes no thread, and no place among the requests of its address.
            with self._admission.connected(scope.get("client")):
                await events(scope, receive, send, self._admission.caller(scope.get("client"), scope["headers"]))
            return
        begun, request_id = monotonic_seconds(), secrets.token_hex(16)
        trace = scope[_TRACE] = self._begin_trace(scope, request_id)
        with self._admission.admit(scope.get("client"), scope["headers"]) as away:
            reply = await self._reply(scope, receive, request_id) if away is None else await _turn(receive, away)
            if reply.parts is not None and self._streams >= self._limits.streams:
                reply = self._full(reply, reply.parts)
            if self._retiring:
                reply = replace(reply, headers={**reply.headers, "connection": "close"})
            if reply.parts is None:
                await _answer(send, reply, request_id, scope["method"])
            else:
                asked = request_id, scope["method"], trace
                await self._stream(receive, send, replace(reply, parts=None), reply.parts, asked)
        if trace is not None:
            _finish_trace(trace, scope["method"], reply)
        self._measured(scope["method"], scope["path"], reply, monotonic_seconds() - begun)
        if reply.log_fields is not None and _access.isEnabledFor(logging.INFO):
            facts = {
                "request_id": request_id,
                "method": _shown_method(scope["method"]),
                "path": _logged_path(scope, reply),
            }
            outcome = {
                "status": reply.status,
                "duration_ms": round((monotonic_seconds() - begun) * 1000),
                **reply.log_fields,
                **({"trace_id": trace.trace_id} if trace is not None else {}),
            }
            _access.info("answered", extra={"facts": facts | outcome})

    def measure(self, measured: Measured) -> None:
        """Call this function after each answer, with method, path, response and seconds."""
        self._measured = measured

    @property
    def pool(self) -> ThreadPool[Any]:
        """Threads in which requests are answered."""
        return self._pool

    def mount_waves(self, waves: WaveLane) -> None:
        """Answer the requests that this lane takes in waves."""
        self._waves = waves

    def mount_memory(self, recall: Recall) -> None:
        """Answer requests without a body for which this function has a response.

        It runs on the event loop, so it must not wait.
        """
        self._recall = recall

    def mount_events(self, path: str, events: EventStream) -> None:
        """Answer requests for this path by a stream of events."""
        self._events[path] = events

    def end_events(self) -> None:
        """End the streams of events, whose readers go to another process."""
        for events in self._events.values():
            events.close()

    @property
    def busy(self) -> bool:
        """True while a request is being processed."""
        return self._inside + self._streams > 0

    def retire(self) -> None:
        """Close the connection after each answer from now on.

        Threads keep no resource open between requests any more.
        """
        self._retiring = True
        self._pool.retire()
        if self._waves is not None:
            self._waves.retire()
        self.end_events()

    def _begin_trace(self, scope: Scope, request_id: str) -> Trace | None:
        """Begin the trace of a request; a parent is taken from a proxy alone."""
        tracer = installed_tracer()
        if tracer is None:
            return None
        trace = tracer.begin(request_id, scope["headers"] if self._admission.behind_proxy else ())
        trace.step("1 receive")
        return trace

    async def _reply(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        if not _has_one_host(scope):
            return text_response(400, ONE_HOST, connection="close")
        limits = self._limits.of(scope["method"], scope["path"])
        if limits.at_once is not None and self._large[limits] >= limits.at_once:
            return text_response(
                503,
                "The service is receiving other requests now. Send the request again in a moment.",
                connection="close",
                retry_after="15",
            )
        self._large[limits] += 1
        try:
            if self._recall is not None and not (
                scope["method"] not in {"GET", "HEAD"}
                or any(name.lower() in _BODY_HEADERS for name, _ in scope["headers"])
            ):
                caller = self._admission.caller(scope.get("client"), scope["headers"])
                if (known := self._recall(_request(scope, b"", request_id, caller))) is not None:
                    return known
            return await self._collected(scope, receive, request_id, limits)
        finally:
            self._large[limits] -= 1

    async def _collected(self, scope: Scope, receive: Receive, request_id: str, limits: RequestLimits) -> Response:
        try:
            _check_announced(scope, limits)
            async with asyncio.timeout(limits.collecting):
                body = await _collect(receive, limits)
        except TimeoutError:
            return text_response(408, "The request took too long to arrive. Send it again.", connection="close")
        except BodyTooLarge:
            text = f"The request is larger than {limits.body} octets, the limit of this service."
            return text_response(413, text, connection="close")
        except ClientDisconnected:  # or the input is no HTTP; then the sender reads this
            return text_response(400, "The request did not arrive completely. Send it again.", connection="close")
        caller = self._admission.caller(scope.get("client"), scope["headers"])
        request = _request(scope, body, request_id, caller)
        # Bodies are never decompressed. If the label were ignored, two readers could see two messages (RFC 9110, 8.4).
        # Some programs write their charset, utf-8, there. It is no coding, and the body has that charset in any case.
        if request.headers.get("content-encoding", "").strip().casefold() not in {"", "identity", "utf-8"}:
            text = "The service does not accept Content-Encoding. Send the request uncompressed."
            return text_response(415, text, accept_encoding="identity")
        return await self._act(request, limits.answering)

    async def _act(self, request: Request, within: float) -> Response:
        if self._inside >= self._limits.waiting:
            return text_response(503, "The service is busy. Send the same request again.", retry_after="5")
        self._inside += 1
        if request.trace is not None:
            request.trace.step("1 wait for a thread")
        if self._waves is not None and self._waves.takes(request):
            submitted = self._waves.submit(request)
        else:
            submitted = self._pool.submit(partial(self._work, request), len(request.body))
        work = asyncio.wrap_future(submitted)
        work.add_done_callback(self._left)
        try:
            return await asyncio.wait_for(asyncio.shield(work), within)
        except TimeoutError:
            # Work in the queue is cancelled; running work continues to its end.
            submitted.cancel()
            _log.error("request %s took longer than %s s", request.request_id, within)
            return text_response(503, "The response took too long. Send the same request again.", retry_after="15")
        except Exception:  # noqa: BLE001 - last handler: the sender gets a reference, the log gets the traceback
            _log.exception("request %s failed", request.request_id)
            return text_response(
                500, f"An internal error occurred. Send the same request again. Reference: {request.request_id}"
            )

    def _work(self, request: Request) -> Response:
        enter_request(request)
        return self._door(request)

    async def _stream(
        self, receive: Receive, send: Send, reply: Response, parts: BodyStream, asked: tuple[str, str, Trace | None]
    ) -> None:
        """Send a response part by part.

        An incomplete response is cut off, so that it does not look complete. After a disconnect no further parts are
        produced; the server itself would accept all of them.
        """
        request_id, method, trace = asked
        self._streams += 1
        last: Future[bytes | None] | None = None
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send(_start(reply, request_id))
            async with asyncio.timeout(self._limits.streaming):
                while method != "HEAD" and not gone.done():
                    last = self._pool.submit(partial(_next, parts, request_id, trace))
                    # Not wait_for: on Python 3.11 it loses the end of the outer limit if the inner await ends with it.
                    async with asyncio.timeout(self._limits.answering):
                        part = await asyncio.shield(asyncio.wrap_future(last))
                    if part is None:
                        break
                    async with asyncio.timeout(self._limits.answering):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        except Exception:
            _log.exception("request %s: the response was cut off", request_id)
            raise
        finally:
            gone.cancel()
            self._streams -= 1
            self._close_after(last, parts)

    def _full(self, reply: Response, parts: BodyStream) -> Response:
        """Replace a streamed response by 503, because the limit of streams is reached."""
        self._close_after(None, parts)
        response = text_response(
            503,
            "The service is sending many long responses now. Send the request again in a few minutes.",
            retry_after="60",
        )
        return replace(response, log_fields=reply.log_fields)

    def _close_after(self, last: Future[bytes | None] | None, parts: BodyStream) -> None:
        """Close the source of the parts after the last part.

        It is closed by the pool, because the event loop can have ended by then.
        """
        if last is None:
            self._pool.submit(parts.close)
        else:
            last.add_done_callback(lambda _: self._pool.submit(parts.close))

    def _left(self, work: "asyncio.Future[Response]") -> None:
        self._inside -= 1
        if not work.cancelled():
            work.exception()  # retrieved, so that asyncio does not report an exception without a waiter


def enter_request(request: Request) -> None:
    """Set the context variables of a request."""
    current_request.set(request.request_id)
    use_trace(request.trace)
    step("")


def _has_one_host(scope: Scope) -> bool:
    return has_one_host(scope["http_version"], [text for name, text in scope["headers"] if name.lower() == b"host"])


async def _turn(receive: Receive, away: Rejected) -> Response:
    """Reject a sender.

    Its body is read and discarded for a moment, so that it can read the answer.
    """
    with suppress(TimeoutError, BodyTooLarge, ClientDisconnected):
        async with asyncio.timeout(_TURNED_WITHIN):
            await _collect(receive, RequestLimits(body=0))
    text = "Too many requests from this address. Send the same request again later."
    reply = text_response(503, text, retry_after=str(ceil(away.wait)), connection="close")
    return replace(reply, log_fields={"reason": away.why})


def _logged_path(scope: Scope, reply: Response) -> str | None:
    """Return the path for the log, if it is a known one.

    An unknown path may contain anything, even a secret.
    """
    path: str = scope["path"]
    return path if reply.status in _FOUND or path.rstrip("/") == SOAP_PATH else None


def _finish_trace(trace: Trace, method: str, reply: Response) -> None:
    """End the trace of an answered request; it has neither path nor caller."""
    shown, fields = _shown_method(method), reply.log_fields or {}
    operation = fields.get("operation", "")
    trace.finish(operation or shown, {
        "http.request.method": shown,
        "http.response.status_code": reply.status,
        "http.response.body.size": len(reply.body),
        "sinetti.operation": operation or "other",
        "sinetti.outcome": fields.get("reason", "ok" if reply.status in _GOOD else f"HTTP {reply.status}"),
    })  # fmt: skip


def _shown_method(method: str) -> str:
    return method if method in _METHODS else "other"


def _check_announced(scope: Scope, limits: RequestLimits) -> None:
    """Raise BodyTooLarge if Content-Length exceeds the amount that would be read."""
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit() and int(value[:20]) > limits.discarded:
            raise BodyTooLarge


async def _collect(receive: Receive, limits: RequestLimits) -> bytes:
    parts, size, more = [], 0, True
    while more and size <= limits.discarded:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        part = message.get("body", b"")
        size += len(part)
        if size <= limits.body:
            parts.append(part)
        more = message.get("more_body", False)
    if size > limits.body:
        raise BodyTooLarge
    return b"".join(parts)


def _request(scope: Scope, body: bytes, request_id: str, caller: str) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], scope["path"], query, headers, request_id, body, caller, scope[_TRACE])


async def _gone(receive: Receive) -> None:
    """Wait until the sender disconnects."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _next(parts: BodyStream, request_id: str, trace: Trace | None) -> bytes | None:
    current_request.set(request_id)
    use_trace(trace)
    return next(parts.octets, None)


async def _answer(send: Send, reply: Response, request_id: str, method: str) -> None:
    length = {"content-length": str(len(reply.body))}
    if reply.status == _NOT_MODIFIED:
        length = {}  # it would be the length of the omitted content (RFC 9110, 8.6)
    await send(_start(replace(reply, headers={**length, **reply.headers}), request_id))
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})


def _start(reply: Response, request_id: str) -> dict[str, Any]:
    """Return the ASGI message with status and headers.

    granian adds its name in `Server` unless the application has that header, and has no option to leave it out. An
    empty value names no program.
    """
    headers = {
        "server": "",
        "content-type": reply.content_type,
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
        **reply.headers,
    }
    pairs = [*headers.items(), *(("set-cookie", cookie) for cookie in reply.cookies)]
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    return {"type": "http.response.start", "status": reply.status, "headers": encoded}
