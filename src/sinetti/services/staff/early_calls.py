"""Calls for early replacement, as clerks see them: replaced, heard, unreached.

See docs/operators/incident-reach.md. Clerks read; operators make and end calls.
"""

from sinetti.database.notifications import call_reach
from sinetti.database.notifications.call_reach import CallStatus, UnreachedItem
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.services.staff.session import StaffSession, log_access, log_search

__all__ = ["CallStatus", "UnreachedItem"]


def list_calls(clerk: StaffSession) -> tuple[CallStatus, ...]:
    """Return the calls in force, the newest first; logs the access."""
    log_search(SearchScope.EARLY_CALLS, "", clerk)
    return call_reach.list_call_status(clerk.ctx.db, clerk.ctx.now())[::-1]


def find_call(call_id: str, most: int, clerk: StaffSession) -> tuple[CallStatus, tuple[UnreachedItem, ...]] | None:
    """Return a call with some of its unreached certificates, or None.

    Logs the access to a call that exists.
    """
    now = clerk.ctx.now()
    status = call_reach.find_call_status(clerk.ctx.db, call_id, now)
    if status is None:
        return None
    log_access(f"early-call:{call_id}", clerk)
    return status, call_reach.list_unreached(clerk.ctx.db, call_id, now, most)
