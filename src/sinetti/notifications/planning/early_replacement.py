"""Planning of the daily messages about calls for early replacement.

Each becomes an event, which is expanded like that of the call itself (docs/operators/incident-reach.md).
"""

from datetime import datetime

from sinetti.database.certificates import early_replacement
from sinetti.database.notifications.early_replacement_audience import has_open
from sinetti.domain.notifications.early_replacement import next_repetition
from sinetti.notifications.context import NotificationContext


def plan_calls(ctx: NotificationContext, now: datetime) -> int:
    """Record an event for each call whose next messages are due; return their number.

    Calls without certificates to replace have none. Any number of nodes may plan at the same time.
    """
    due = ((call, last) for call, last in early_replacement.list_repeatable(ctx.db) if next_repetition(last) <= now)
    return sum(
        early_replacement.record_repetition(ctx.db, call, last, now)
        for call, last in due
        if has_open(ctx.db, call, now)
    )


def next_call_time(ctx: NotificationContext, after: datetime) -> datetime | None:
    """Return the next instant at which messages about a call are due, or None."""
    times = (
        next_repetition(last)
        for call, last in early_replacement.list_repeatable(ctx.db)
        if has_open(ctx.db, call, after)
    )
    return min((at for at in times if at > after), default=None)
