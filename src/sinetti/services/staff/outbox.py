"""Outbox for clerks: read it, and retry failed messages.

See docs/e-service/clerks.md.
"""

from collections.abc import Sequence

from sinetti.database.notifications import outbox_pages, outbox_queries
from sinetti.database.notifications.outbox_pages import OutboxListItem
from sinetti.database.notifications.outbox_queries import OutboxSummary
from sinetti.domain.access.access_purpose import SearchScope
from sinetti.services.staff.session import StaffSession, log_search

__all__ = ["OutboxListItem"]


def summarise(clerk: StaffSession) -> OutboxSummary:
    """Return the counts of waiting, late and failed messages."""
    return outbox_queries.outbox_summary(clerk.ctx.db, clerk.ctx.now())


def messages(about: str, start: int, most: int, clerk: StaffSession, *, given_up: bool) -> tuple[OutboxListItem, ...]:
    """Return some messages that wait, or that were given up; logs the access.

    `about` is a part of an organisation's id or name, or the beginning of a serial; an empty text selects all.
    """
    log_search(SearchScope.OUTBOX, about, clerk)
    read = outbox_pages.given_up if given_up else outbox_pages.waiting_ones
    return read(clerk.ctx.db, about, start, most)


def try_again(ids: Sequence[str], clerk: StaffSession) -> int:
    """Retry these messages from the start; return how many of them had failed."""
    with clerk.act() as audit:
        return outbox_pages.send_again(clerk.ctx.db, ids, audit)
