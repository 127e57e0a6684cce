"""Server of an endless stream of events, in a process of its own; it prints its port.

A reader that takes nothing for half a second is cut off, which the log has.
"""

import logging
import sys

from sinetti.server import event_stream
from sinetti.server.addresses import listen
from sinetti.server.asgi import AsgiApp
from sinetti.server.event_stream import AT_ONCE, EventSource, EventStream
from sinetti.server.http import text_response
from sinetti.server.listener import Listener, serve
from sinetti.server.process_exit import exit_process

_PART = b"x" * 1024


def main() -> None:
    """Serve until a signal."""
    sys.stdout.reconfigure(line_buffering=True)
    logging.basicConfig(level=logging.INFO)
    event_stream.TAKEN_WITHIN = 0.5
    source = EventSource(
        read=lambda after, _most: [(after + number, _PART) for number in range(1, AT_ONCE + 1)],
        reset=lambda _number: _PART,
        heartbeat=b":\n\n",
        content_type="text/event-stream",
        leave=lambda: None,
    )
    edge = AsgiApp(lambda _request: text_response(200, "page"))
    edge.mount_events("/feed", EventStream(source, poll_every=0.005).start())
    opened = listen("127.0.0.1", 0)
    serve((Listener(edge, opened),), lambda: sys.stdout.write(f"{opened.getsockname()[1]}\n"))
    exit_process()


if __name__ == "__main__":
    main()
