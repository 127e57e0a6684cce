"""The edge of the bench's status address: beside the status door, deliveries with limits of their own, and sign-in."""

from collections.abc import Callable

from sinetti.server.asgi import AsgiApp, Door, Receive, RequestLimits, Scope, Send
from sinetti.testbench.endpoints.deliveries import LONGEST, PATH
from sinetti.testbench.endpoints.problem_documents import ProblemEdge
from sinetti.testbench.identity.endpoints import PATH as IDENTITY

_LIMITS = RequestLimits(body=LONGEST, discarded=2 * LONGEST, collecting=30.0, answering=30.0, waiting=4)
_AT_ONCE = 1
"""A document of 10 MB takes ten times that while it is verified, so they are verified one after the other."""


class StatusEdge(AsgiApp):
    """An edge around the status door, with others beside it for `/deliveries` and for what is below `/identity`."""

    def __init__(self, status: Door, deliveries: Door, identity: Door, leave: Callable[[], None]) -> None:
        """Take the doors; `leave` as every edge."""
        super().__init__(status, leave=leave)
        self._deliveries = ProblemEdge(deliveries, _LIMITS, _AT_ONCE, leave=leave)
        self._identity = AsgiApp(identity, leave=leave)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == PATH:
            await self._deliveries(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(f"{IDENTITY}/"):
            await self._identity(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @property
    def busy(self) -> bool:
        """Whether a request is being worked on."""
        return super().busy or self._deliveries.busy or self._identity.busy

    def retire(self) -> None:
        """As every edge does; the other one, too."""
        super().retire()
        self._deliveries.retire()
        self._identity.retire()
