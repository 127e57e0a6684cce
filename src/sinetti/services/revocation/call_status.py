"""State of calls for early replacement, for operators.

See docs/operators/incident-reach.md.
"""

from dataclasses import dataclass
from typing import Final

from sinetti.database.notifications import call_reach
from sinetti.database.notifications.call_reach import CallStatus, MessageCounts, UnreachedItem
from sinetti.database.notifications.early_replacement_audience import CallSubject
from sinetti.domain.certificates.renewal_info import EarlyReplacementError
from sinetti.services.context import ServiceContext

LISTED: Final = 1000
"""Greatest number of unreached certificates that are listed."""


@dataclass(frozen=True, slots=True)
class CallStatusReport:
    """State of one call, its messages, and certificates that nothing has reached."""

    status: CallStatus
    messages: MessageCounts
    unreached: tuple[UnreachedItem, ...]


def list_status(ctx: ServiceContext) -> tuple[CallStatus, ...]:
    """Return the state of each call in force, oldest first."""
    return call_reach.list_call_status(ctx.db, ctx.now())


def read_status(call_id: str, ctx: ServiceContext) -> CallStatusReport:
    """Return the state of one call. Raises EarlyReplacementError for an unknown id."""
    now = ctx.now()
    status = call_reach.find_call_status(ctx.db, call_id, now)
    if status is None:
        sentence = "no call has this ID: run sinetti authority call-early status to list the calls in force"
        raise EarlyReplacementError(sentence)
    messages = call_reach.count_messages(ctx.db, CallSubject(call_id))
    return CallStatusReport(status, messages, call_reach.list_unreached(ctx.db, call_id, now, LISTED))
