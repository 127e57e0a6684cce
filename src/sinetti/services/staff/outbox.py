"""A clerk looks at the outbox, and has tried anew what was given up (docs/clerks.md)."""

from collections.abc import Sequence

from sinetti.database.notifications import outbox_pages, outbox_queries
from sinetti.database.notifications.outbox_pages import Message
from sinetti.database.notifications.outbox_queries import Standing
from sinetti.domain.access.access_purpose import Place
from sinetti.services.staff.session import Clerk, look_for

__all__ = ["Message", "messages", "standing", "try_again"]


def standing(clerk: Clerk) -> Standing:
    """How much waits, is late and was given up."""
    return outbox_queries.standing(clerk.office.register, clerk.office.now())


def messages(start: int, most: int, clerk: Clerk, *, given_up: bool) -> tuple[Message, ...]:
    """Some messages that wait, or were given up; the look is written down."""
    look_for(Place.OUTBOX, "", clerk)
    read = outbox_pages.given_up if given_up else outbox_pages.waiting_ones
    return read(clerk.office.register, start, most)


def try_again(ids: Sequence[str], clerk: Clerk) -> int:
    """Have these tried anew, as if for the first time; returns how many of them had been given up."""
    with clerk.act() as deed:
        return outbox_pages.send_again(clerk.office.register, ids, deed)
