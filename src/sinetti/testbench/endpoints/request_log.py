"""Log of requests, one line for each: `testbench serve --log-requests`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sinetti.domain.refusals import ERROR_CODES, RejectionReason
from sinetti.server.http import Request, Response
from sinetti.testbench.endpoints.diagnostics import reason_of

_CUSTOMER = re.compile(rb"<(?:[\w.-]+:)?CustomerId>\s*([0-9A-Za-z-]{1,40})\s*<")
"""Customer ID of a SOAP request.

Other texts are not printed, since any caller may have sent them.
"""

_OPERATIONS = {"new": "enrol", "renew": "renew", "get": "retrieve"}

_ERRORS = frozenset({"fault", "internal", "unavailable"})
"""Reasons that are no refusal of the request itself."""

_LONGEST_PATH = 80


@dataclass(frozen=True)
class RequestLog:
    """Endpoint that prints a line about every request to the wrapped endpoint."""

    door: Callable[[Request], Response]
    now: Callable[[], datetime]
    say: Callable[[str], None]

    def __call__(self, request: Request) -> Response:
        """Answer as the wrapped endpoint does."""
        reply = self.door(request)
        self.say(format_request(request, reply, self.now()))
        return reply


def format_request(request: Request, reply: Response, now: datetime) -> str:
    """Return the line: time, operation, customer, outcome, code, reason and guess."""
    operation = _OPERATIONS.get((reply.log_fields or {}).get("operation", ""))
    if operation is None:
        path = request.path if len(request.path) <= _LONGEST_PATH else f"{request.path[:_LONGEST_PATH]}…"
        operation = f"{request.method} {path}"
    match = _CUSTOMER.search(request.body)
    customer = "-" if match is None else match[1].decode("ascii")
    line = f"{now:%Y-%m-%d %H:%M:%S} {operation} {customer} {_outcome(reply)}{_guess(reply)}"
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _guess(reply: Response) -> str:
    fields = reply.log_fields or {}
    name, sentence = fields.get("guess"), fields.get("guess_text", "")
    return "" if name is None else f" [{name.partition(',')[0]}] {sentence.partition('. ')[0].rstrip('.')}."


def _outcome(reply: Response) -> str:
    reason = reason_of(reply)
    if not reason:
        return "accepted"
    word = "error" if reason in _ERRORS else "refused"
    if reason in set(RejectionReason) and reply.status < HTTPStatus.BAD_REQUEST:
        return f"{word} {ERROR_CODES[RejectionReason(reason)]} {reason}"
    return f"{word} HTTP {reply.status} {reason}"
