"""The ASGI edge: collects each request within a limit and a deadline, then runs a synchronous door in a bounded pool.

granian's WSGI loses chunked bodies and stands still behind eight stalled senders; this edge does neither.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sinetti.protocols.http import Reply, Request, plain
from sinetti.protocols.pool import Pool

_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Door = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may be and how long it may take: octets and seconds.

    What exceeds `body` is read and thrown away up to `discarded`, so that the sender gets to read the answer.
    """

    body: int = 128 * 1024
    discarded: int = 1024 * 1024
    collecting: float = 10.0
    answering: float = 30.0
    waiting: int = 256


class TooLarge(Exception):
    """The body is larger than the limit."""


class Gone(Exception):
    """The sender went away."""


class Edge:
    """An ASGI application around one synchronous door."""

    def __init__(self, door: Door, limits: Limits | None = None, threads: int = 32) -> None:
        """Take the door; `threads` is how many requests it works on at once.

        Far more than there are processors: most wait for the database or the signer, and while some hang there the
        others are answered. They are started when they are needed; each has a connection to the database of its own.
        """
        self._door = door
        self._limits = limits or Limits()
        self._pool: Pool[Reply] = Pool(threads)
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request_id = secrets.token_hex(16)
        try:
            async with asyncio.timeout(self._limits.collecting):
                body = await _collect(receive, self._limits)
        except TimeoutError:
            reply = plain(408, "The request took too long to arrive. Send it again.", connection="close")
        except TooLarge:
            text = f"The request is larger than {self._limits.body} octets. A request of this service is far smaller."
            reply = plain(413, text, connection="close")
        except Gone:  # or what came is no HTTP: then somebody reads this
            reply = plain(400, "The request did not arrive whole. Send it again.", connection="close")
        else:
            reply = await self._act(_request(scope, body, request_id))
        await _answer(send, reply, request_id, scope["method"])

    async def _act(self, request: Request) -> Reply:
        if self._inside >= self._limits.waiting:
            return plain(503, "The service is busy. Send the same request again.", retry_after="5")
        self._inside += 1
        submitted = self._pool.submit(partial(self._door, request))
        work = asyncio.wrap_future(submitted)
        work.add_done_callback(self._left)
        try:
            return await asyncio.wait_for(asyncio.shield(work), self._limits.answering)
        except TimeoutError:
            # Whatever still waits its turn is given up; what is being worked on goes on to its end.
            submitted.cancel()
            _log.error("request %s took longer than %s s", request.request_id, self._limits.answering)
            return plain(503, "The answer takes too long. Send the same request again.", retry_after="15")
        except Exception:  # noqa: BLE001 - the last door: the sender gets a reference, the log the trace
            _log.exception("request %s failed", request.request_id)
            return plain(500, f"Our fault. Send the same request again. Reference: {request.request_id}")

    def _left(self, work: "asyncio.Future[Reply]") -> None:
        self._inside -= 1
        if not work.cancelled():
            work.exception()  # taken here, so that one that nobody waits for any more is not reported as lost


async def _collect(receive: Receive, limits: Limits) -> bytes:
    parts, size, more = [], 0, True
    while more and size <= limits.discarded:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size <= limits.body:
            parts.append(part)
        more = message.get("more_body", False)
    if size > limits.body:
        raise TooLarge
    return b"".join(parts)


def _request(scope: Scope, body: bytes, request_id: str) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    query = scope.get("query_string", b"").decode("latin-1")
    return Request(scope["method"], scope["path"], query, headers, request_id, body)


async def _answer(send: Send, reply: Reply, request_id: str, method: str) -> None:
    headers = {
        "content-type": reply.content_type,
        "content-length": str(len(reply.body)),
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
        **reply.headers,
    }
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else reply.body})
