"""Minimal ASGI server.

It hands a request to the edge in the pieces that a test chooses, and collects the answer.
"""

import asyncio
from dataclasses import dataclass

from sinetti.api.soap import PATH
from sinetti.server.asgi import AsgiApp


@dataclass(frozen=True, slots=True)
class Sent:
    """Answer that the edge sent."""

    status: int
    headers: dict[str, str]
    body: bytes


GONE = object()
"""Piece with which the sender goes away."""

STALLED = object()
"""Piece after which nothing more comes, ever."""


Headers = tuple[tuple[bytes, bytes], ...]


def through(
    edge: AsgiApp, pieces: list[object], *, method: str = "POST", path: str = PATH, headers: Headers = ()
) -> Sent | None:
    """Send one request; return None if the edge gives no answer.

    Pieces that the edge has not read remain in the list.
    """
    return asyncio.run(sent_through(edge, pieces, method, path, headers))


async def sent_through(
    edge: AsgiApp, pieces: list[object], method: str = "POST", path: str = PATH, headers: Headers = ()
) -> Sent | None:
    """Send one request from a running event loop."""
    messages = []

    async def receive():
        piece = pieces.pop(0) if pieces else b""
        if piece is GONE:
            return {"type": "http.disconnect"}
        if piece is STALLED:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        messages.append(message)

    scope = {
        "type": "http",
        "http_version": "1.0",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"Content-Type", b"text/xml; charset=utf-8"), *headers],
    }
    await edge(scope, receive, send)
    if not messages:
        return None
    start, *parts = messages
    named = {name.decode(): value.decode() for name, value in start["headers"]}
    return Sent(start["status"], named, b"".join(part["body"] for part in parts))
