"""The status feed of a serving process (docs/relying/feed.md).

Its events come from the database, so they have the same numbers in each process of each node. The number of the last
one tells which OCSP answers in memory still count (docs/relying/ocsp.md).
"""

from sinetti.database.issuance.status_feed import last_number, list_events
from sinetti.infra.clock import boottime_seconds
from sinetti.server.asgi import AsgiApp
from sinetti.server.event_stream import EventSource, EventStream, NumberedEvents
from sinetti.server.rate_limits import ConcurrencyLimiter
from sinetti.services.context import ServiceContext
from sinetti.wire.json_api.status_events import CONTENT_TYPE, HEARTBEAT, PATH, RESET, format_event


def mount_feed(edge: AsgiApp, ctx: ServiceContext, crowd: ConcurrencyLimiter | None = None) -> None:
    """Serve the feed at its path of an application, and begin to read the database.

    `crowd` counts the readers of each address on this node.
    """
    source = EventSource(
        read=FeedPoll(ctx).read,
        reset=lambda number: format_event(number, RESET),
        heartbeat=HEARTBEAT,
        content_type=CONTENT_TYPE,
        leave=ctx.db.close,
    )
    edge.mount_events(PATH, EventStream(source, crowd).start())


class FeedPoll:
    """Reader of the feed's table; it reads events if their last number changed."""

    def __init__(self, ctx: ServiceContext) -> None:
        """Begin before the first event."""
        self._ctx, self._number = ctx, -1

    def read(self, after: int, most: int) -> NumberedEvents:
        """Return events with higher numbers, and keep the last number.

        Raises the database's errors.
        """
        db, asked_at = self._ctx.db, boottime_seconds()
        try:
            number = last_number(db)
            self._ctx.last_signed.remember_number(number, asked_at)
            if number == self._number:
                return ()
            events = [(each, format_event(each, event)) for each, event in list_events(db, after, most)]
            self._number = number
            return events
        finally:
            db.refresh()
