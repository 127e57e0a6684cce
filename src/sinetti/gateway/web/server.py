"""HTTP server of `sinetti gateway serve`: an ASGI application on granian."""

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from sinetti.domain.usage import TrustListNumbers
from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.gateway.web.asgi_middleware import Receive, Scope, Send, decoded, peer_of, send_answer
from sinetti.gateway.web.endpoints import LARGEST_DOCUMENT, READY, AuthService, IncomingRequest
from sinetti.gateway.web.metrics import FeedState, ListDates, observe_answer
from sinetti.gateway.web.responses import HttpResult
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.traces import installed_tracer, use_trace
from sinetti.infra.unix_socket import listen_on_path
from sinetti.infra.urls import ONE_HOST, has_one_host

HEAD_WITHIN, BODY_WITHIN, STOP_WITHIN = 5.0, 30.0, 5.0
"""Time limits in seconds: request head, request body, open requests at shutdown."""

CHECKS, DOCUMENTS, BODIES = 8, 2, 8
"""Limits of concurrent checks, concurrent documents, and documents in memory.

A document has up to 20 MB.
"""

WAITING = 64
"""Limit of certificate checks that run or wait.

A responder that does not answer takes 5 s for each.
"""

CONNECTIONS, BACKLOG = 1024, 1024
_GOOD, _UNKNOWN = range(200, 400), (404, 405)

_TOO_LARGE = f"A document may have at most {LARGEST_DOCUMENT} bytes."

_log = logging.getLogger(__name__)


class GatewayServerStopped(Exception):
    """The server did not start, or it ended without a signal."""


class PlaceTaken(Exception):
    """Address that cannot be listened on; the text says what to do."""


class GatewayApp:
    """ASGI application that runs the service in threads.

    It collects each request, passes it to a thread and sends the answer.
    """

    def __init__(self, service: AuthService, *, unix: bool) -> None:
        """Store the service.

        `unix`: the server listens on a Unix socket, so peers have no address.
        """
        self._service = service
        self._unix = unix
        self._checks = ThreadPoolExecutor(CHECKS, "check")
        self._documents = ThreadPoolExecutor(DOCUMENTS, "document")
        self._looks = ThreadPoolExecutor(1, "look")
        self._bodies = self._waiting = 0

    def start(self) -> None:
        """Start the threads of the service."""
        if self._service.feed is not None:
            self._service.feed.start()

    def exchange(self, service: AuthService) -> None:
        """Replace the service after the settings were read again, and start its threads."""
        before, self._service = self._service, service
        if before.feed is not None:
            before.feed.stop()
        if before.guard.gateway.lists is not None:
            before.guard.gateway.lists.stop()
        self.start()

    def unready(self) -> list[str]:
        """Return the reasons why the current service cannot judge certificates."""
        return self._service.unready()

    def lists(self) -> list[ListDates]:
        """Return the dates of the current service's lists."""
        return self._service.lists()

    def extended(self) -> list[str]:
        """Return the sources that count only during an outage."""
        return self._service.extended()

    def feed(self) -> FeedState | None:
        """Return the state of the current service's feed, or None without one."""
        feed = self._service.feed
        return None if feed is None else (feed.silence(), feed.lag())

    def trust_lists(self) -> tuple[ListCheck, ...]:
        """Return the checks of the current service's trust lists."""
        return self._service.trust_lists()

    def trust_list_numbers(self) -> TrustListNumbers | None:
        """Return the numbers of the trust lists in use; None without any list.

        An authority of an earlier version has none, and refuses a report with numbers.
        """
        found = {list_check.kind.value: list_check.number for list_check in self._service.trust_lists()}
        return TrustListNumbers(**found) if any(found.values()) else None

    def notices(self) -> list[str]:
        """Return what an operator has to know and no verdict depends on."""
        return self._service.notices()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begun, headers = monotonic_seconds(), decoded(scope)
        # granian reports a peer for all sockets except Unix sockets; "?" never equals a listed address.
        peer = None if self._unix else peer_of(scope) or "?"
        asked = IncomingRequest(scope["method"], scope["path"], headers, peer)
        if (tracer := installed_tracer()) is not None:
            is_believed = self._service.guard.believes(peer, headers)
            trace = tracer.begin(secrets.token_hex(16), scope["headers"] if is_believed else ())
            asked = replace(asked, trace=trace)
        if not has_one_host(scope["http_version"], [text for name, text in headers if name == "host"]):
            answer = _closing(400, ONE_HOST)
        else:
            answer = await (self._with_body(asked, receive) if asked.method == "POST" else self._without_body(asked))
        # granian would add its name; it has no option to leave the header out.
        answer = replace(answer, headers={"Server": "", **answer.headers})
        await send_answer(send, answer, method=asked.method)
        took = monotonic_seconds() - begun
        observe_answer(asked.path, answer, took)
        _note(asked, answer, took)

    async def _without_body(self, asked: IncomingRequest) -> HttpResult:
        if asked.path == READY:
            return await self._work(self._looks, asked)
        if not self._service.is_blocking:
            # A check that does not block takes less time than a change of threads (bench/gateway_serve.py).
            return await self._work(None, asked)
        if self._waiting >= WAITING:
            return _closing(503, "Busy with other certificates. Try again.", {"Retry-After": "1"})
        self._waiting += 1
        try:
            return await self._work(self._checks, asked)
        finally:
            self._waiting -= 1

    async def _with_body(self, asked: IncomingRequest, receive: Receive) -> HttpResult:
        away = self._service.on_rejected_by_proxy(asked)
        if away is not None:
            return HttpResult(away.status, {**away.headers, "Connection": "close"}, away.body)
        encoding, announced = (
            ", ".join(value for key, value in asked.headers if key == name).strip()
            for name in ("content-encoding", "content-length")
        )
        if encoding.casefold() not in {"", "identity", "utf-8"}:  # "utf-8" as in the server of the service
            # Bodies are never decompressed: the signature covers the octets that were sent (RFC 9110, 15.5.16).
            return _closing(
                415,
                "Compressed documents are not accepted. Send the document uncompressed.",
                {"Accept-Encoding": "identity"},
            )
        if announced.isdecimal() and int(announced[:20]) > 2 * LARGEST_DOCUMENT:
            return _closing(413, _TOO_LARGE)
        if self._bodies >= BODIES:
            return _closing(503, "Busy with other documents. Send the same document again.", {"Retry-After": "1"})
        self._bodies += 1
        asked.step("receive")
        try:
            async with asyncio.timeout(BODY_WITHIN):
                body = await _collect(receive)
            if body is None:
                return _closing(413, _TOO_LARGE)
            return await self._work(self._documents, replace(asked, body=body))
        except TimeoutError:
            return _closing(408, "The document took too long to arrive. Send it again.")
        except ConnectionError:  # the sender has disconnected and gets no answer
            return _closing(400, "The document arrived incomplete. Send it again.")
        finally:
            self._bodies -= 1

    async def _work(self, pool: ThreadPoolExecutor | None, asked: IncomingRequest) -> HttpResult:
        try:
            if pool is None:
                return self._judge(asked)
            asked.step("wait for a thread")
            return await asyncio.get_running_loop().run_in_executor(pool, self._judge, asked)
        except Exception as bad:  # noqa: BLE001 - last handler; the exception's text may quote a certificate
            _log.error("failed", extra={"facts": {"path": asked.path, "error": _where(bad)}})
            return _closing(500, "Internal error. Send the same request again.")

    def _judge(self, asked: IncomingRequest) -> HttpResult:
        use_trace(asked.trace)
        asked.step("judge")
        try:
            return self._service.answer(asked)
        finally:
            use_trace(None)
            asked.step("answer")


def listen(address: str, socket_path: Path | None) -> socket.socket:
    """Listen on a Unix socket (mode 0660), or on IP:PORT. Raises PlaceTaken."""
    try:
        if socket_path is not None:
            return listen_on_path(socket_path, BACKLOG)
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.bind((host, int(port)))
            opened.listen(BACKLOG)
        except OSError:
            opened.close()
            raise
    except OSError as failed:
        place = socket_path or address
        raise PlaceTaken(
            f"{place} cannot be used ({failed.strerror or failed}): stop the program that uses it, or choose another"
        ) from failed
    return opened


def place_of(listening: socket.socket) -> str:
    """Return the address of a socket: a path, or IP:PORT.

    For port 0 this is the port that the system chose.
    """
    name = listening.getsockname()
    return name if isinstance(name, str) else f"{name[0]}:{name[1]}"


_kept: list[asyncio.AbstractEventLoop] = []


def serve(edge: GatewayApp, listening: socket.socket, ready: Callable[[], None], reload: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    `ready` is called once the server runs; `reload` is called on SIGHUP, in a thread.

    The event loop stays open, and so do its signal handlers: a second signal does not interrupt the shutdown. The loop
    is kept until the process ends, because a loop that another thread discards cannot remove its handlers.
    """
    loop = asyncio.new_event_loop()
    _kept.append(loop)
    loop.run_until_complete(_serve(edge, listening, ready, reload))


async def _serve(
    edge: GatewayApp, listening: socket.socket, ready: Callable[[], None], reload: Callable[[], None]
) -> None:
    stop_requested, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_requested.set)
    # Reading long lists takes seconds, so it runs in a thread. Reloads run one after the other; the last one counts.
    reloads = ThreadPoolExecutor(1, "reload")
    loop.add_signal_handler(signal.SIGHUP, lambda: reloads.submit(reload))
    server = _GranianServer(edge, listening)
    running, waiting = asyncio.create_task(server.serve()), asyncio.create_task(stop_requested.wait())
    try:
        while not server.wrks:
            if running.done():
                running.result()
                raise GatewayServerStopped("the HTTP server did not start")
            await asyncio.sleep(0)
        ready()
        await asyncio.wait({waiting, running}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise GatewayServerStopped("the HTTP server stopped unexpectedly")
    finally:
        waiting.cancel()
        server.stop()  # type: ignore[no-untyped-call] # granian leaves it untyped
        _, late = await asyncio.wait({running}, timeout=STOP_WITHIN)
        for task in late:
            # The server would print a traceback, because its own future is cancelled.
            loop.set_exception_handler(lambda _loop, context: _log.info("while stopping: %s", context["message"]))
            task.cancel()


class _GranianServer(Server):
    """granian's embedded server, on a socket that the caller created."""

    def __init__(self, edge: GatewayApp, listening: socket.socket) -> None:
        super().__init__(
            edge,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=int(HEAD_WITHIN * 1000)),
            websockets=False,
            log_enabled=False,
            backlog=BACKLOG,
            backpressure=CONNECTIONS,
        )
        self._listening = listening

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder  # granian has no annotations here: handle, is it a Unix socket, backlog
        unix = self._listening.family == socket.AF_UNIX
        # granian owns the handle from here on and closes it.
        self._shd = holder(self._listening.detach(), unix, BACKLOG)


async def _collect(receive: Receive) -> bytes | None:
    """Return the body; None if it is too large.

    Raises ConnectionError if the sender disconnects.
    """
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        part = message.get("body", b"")
        size += len(part)
        if size > 2 * LARGEST_DOCUMENT:
            return None
        # A body that is too large is read and discarded up to a limit, so that the sender can read the answer.
        if size <= LARGEST_DOCUMENT:
            parts.append(part)
        else:
            parts.clear()
        more = message.get("more_body", False)
    return b"".join(parts) if size <= LARGEST_DOCUMENT else None


def _closing(status: int, text: str, more: dict[str, str] | None = None) -> HttpResult:
    """Return a plain text answer that closes the connection.

    The rest of the body is not read.
    """
    headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "Connection": "close"}
    return HttpResult(status, {**headers, **(more or {})}, f"{text}\n".encode())


def _note(asked: IncomingRequest, answer: HttpResult, took: float) -> None:
    """Log a refusal with its reason, and without data of the caller; end the trace."""
    reason, trace = answer.headers.get("Sinetti-Reason"), asked.trace
    if reason is not None and asked.path != "/refusal":
        facts = {"path": asked.path, "status": answer.status, "reason": reason, "duration_ms": round(1000 * took, 1)}
        _log.info("refused", extra={"facts": facts | ({} if trace is None else {"trace_id": trace.trace_id})})
    if trace is not None:
        operation = "other" if answer.status in _UNKNOWN else asked.path.removeprefix("/")
        outcome = reason or ("ok" if answer.status in _GOOD else f"HTTP {answer.status}")
        trace.finish(operation, {
            "http.response.status_code": answer.status,
            "http.response.body.size": len(answer.body),
            "sinetti.operation": operation,
            "sinetti.outcome": outcome,
        })  # fmt: skip


def _where(bad: BaseException) -> str:
    frames, at = [], bad.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{at.tb_lineno} {code.co_name}")
        at = at.tb_next
    return f"{type(bad).__name__} [{' < '.join(frames[::-1])}]"
