"""The status feed of a serving process (docs/relying/feed.md).

Its events come from the database, so they have the same numbers in each process of each node.
"""

from functools import partial

from sinetti.database.connection import Database
from sinetti.database.issuance.status_feed import list_events
from sinetti.server.asgi import AsgiApp
from sinetti.server.event_stream import EventSource, EventStream, NumberedEvents
from sinetti.server.rate_limits import ConcurrencyLimiter
from sinetti.wire.json_api.status_events import CONTENT_TYPE, HEARTBEAT, PATH, RESET, format_event


def mount_feed(edge: AsgiApp, db: Database, crowd: ConcurrencyLimiter | None = None) -> None:
    """Serve the feed at its path of an application, and begin to read the database.

    `crowd` counts the readers of each address on this node.
    """
    source = EventSource(
        read=partial(_read, db),
        reset=lambda number: format_event(number, RESET),
        heartbeat=HEARTBEAT,
        content_type=CONTENT_TYPE,
        leave=db.close,
    )
    edge.mount_events(PATH, EventStream(source, crowd).start())


def _read(db: Database, after: int, most: int) -> NumberedEvents:
    try:
        return [(number, format_event(number, event)) for number, event in list_events(db, after, most)]
    finally:
        db.refresh()
