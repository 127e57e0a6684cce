"""HTTP application of the bench's status address.

Beside the status endpoint, it serves deliveries with limits of their own, sign-in, and the documentation site.

For the control endpoint, plain-text errors (408, 413, 415 …) become problem documents.
"""

from collections.abc import Callable, MutableMapping
from typing import Any

from sinetti.server.asgi import AsgiApp, Door, Receive, RequestLimits, Scope, Send
from sinetti.server.http import problem_response
from sinetti.testbench.endpoints.deliveries import LONGEST, PATH
from sinetti.testbench.endpoints.documentation import PATH as DOCUMENTATION
from sinetti.testbench.identity.endpoints import PATH as IDENTITY

_FIRST_ERROR = 400
_PLAIN = b"text/plain"
_REASONS = {408: "too-slow", 413: "too-large", 415: "compressed", 500: "internal", 503: "unavailable"}


class ProblemEdge(AsgiApp):
    """Application that returns every error as a problem document (RFC 9457)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start: MutableMapping[str, Any] | None = None

        async def pass_on(message: MutableMapping[str, Any]) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_plain_error(message):
                start = message
                return
            if start is not None:
                for mapping in _as_problem(start, message["body"]):
                    await send(mapping)
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


_LIMITS = RequestLimits(body=LONGEST, discarded=2 * LONGEST, collecting=30.0, answering=30.0, waiting=4)
_AT_ONCE = 1
"""Documents that are verified at the same time.

The verification of a document of 10 MB takes ten times that much memory.
"""


class StatusEdge(AsgiApp):
    """Application of the status endpoint and of its neighbours.

    They are `/deliveries`, and paths below `/identity` and `/docs`.
    """

    def __init__(
        self,
        status: Door,
        deliveries: Door,
        identity: Door,
        leave: Callable[[], None],
        documentation: Door | None = None,
    ) -> None:
        """Take the endpoints; `leave` is as in every application.

        If `documentation` is None, the bench serves no site.
        """
        super().__init__(status, leave=leave)
        self._deliveries = ProblemEdge(deliveries, _LIMITS, _AT_ONCE, leave=leave)
        self._identity = AsgiApp(identity, leave=leave)
        self._documentation = None if documentation is None else AsgiApp(documentation, leave=leave)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == PATH:
            await self._deliveries(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(f"{IDENTITY}/"):
            await self._identity(scope, receive, send)
        elif scope["type"] == "http" and self._documentation is not None and _is_documentation(scope["path"]):
            await self._documentation(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @property
    def busy(self) -> bool:
        """True while a request is being processed."""
        return super().busy or any(one.busy for one in self._behind)

    def retire(self) -> None:
        """Retire as every application does, with the applications behind it."""
        super().retire()
        for asgi_app in self._behind:
            asgi_app.retire()

    @property
    def _behind(self) -> list[AsgiApp]:
        return [
            asgi_app for asgi_app in (self._deliveries, self._identity, self._documentation) if asgi_app is not None
        ]


def _is_documentation(path: str) -> bool:
    return path == DOCUMENTATION or path.startswith(f"{DOCUMENTATION}/")
