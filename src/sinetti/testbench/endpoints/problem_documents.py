"""Around the control door's edge: what the edge says in plain words (408, 413, 415 …) becomes a problem document."""

from collections.abc import MutableMapping
from typing import Any

from sinetti.server.asgi import AsgiApp, Receive, Scope, Send
from sinetti.server.http import problem_response

_FIRST_ERROR = 400
_PLAIN = b"text/plain"
_REASONS = {408: "too-slow", 413: "too-large", 415: "compressed", 500: "internal", 503: "unavailable"}


class ProblemEdge(AsgiApp):
    """An edge that says every error as a problem document (RFC 9457)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start: MutableMapping[str, Any] | None = None

        async def pass_on(message: MutableMapping[str, Any]) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_plain_error(message):
                start = message
                return
            if start is not None:
                for one in _as_problem(start, message["body"]):
                    await send(one)
                start = None
                return
            await send(message)

        await super().__call__(scope, receive, pass_on)


def _is_plain_error(message: MutableMapping[str, Any]) -> bool:
    kind: bytes = dict(message["headers"]).get(b"content-type", b"")
    failed: bool = message["status"] >= _FIRST_ERROR
    return failed and kind.startswith(_PLAIN)


def _as_problem(start: MutableMapping[str, Any], text: bytes) -> tuple[MutableMapping[str, Any], ...]:
    status = start["status"]
    reply = problem_response(status, _REASONS.get(status, "failed"), text.decode("utf-8").strip())
    headers = dict(start["headers"])
    headers[b"content-type"] = reply.content_type.encode("ascii")
    headers[b"content-length"] = str(len(reply.body)).encode("ascii")
    return (
        {**start, "headers": list(headers.items())},
        {"type": "http.response.body", "body": reply.body},
    )
