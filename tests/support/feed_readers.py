"""Reader of the status feed of a served authority."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from sinetti.wire.json_api.status_events import PATH, FeedParser, StatusEvent

WITHIN = 60.0
"""Seconds to wait for octets."""


class FeedReader:
    """Reader of the feed over a plain socket."""

    def __init__(self, address: str, last: str | None = None) -> None:
        """Connect, and read the head of the answer; `last` is the event to continue after."""
        parts = urlsplit(address)
        self.socket = socket.create_connection((parts.hostname, parts.port), WITHIN)
        known = "" if last is None else f"Last-Event-ID: {last}\r\n"
        self.socket.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{known}\r\n".encode())
        self.file, self.parser = self.socket.makefile("rb"), FeedParser()
        self.status = int(self.file.readline().split()[1])
        while self.file.readline().strip():
            """Skip a header."""
        self.events = self._read()

    def _read(self) -> Iterator[tuple[str | None, StatusEvent]]:
        """Yield each event with its id, as it arrives; a chunk may hold several."""
        while size := int(self.file.readline(), 16):
            for event in filter(None, self.parser.feed(self.file.read(size))):
                yield self.parser.last_id, event
            self.file.readline()

    def is_ended(self) -> bool:
        """Return whether the server has ended the connection."""
        try:
            return self.file.read() is not None
        except ConnectionError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self.file.close()
        self.socket.close()
