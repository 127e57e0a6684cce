"""Reader of the status feed of a served authority."""

import socket
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

    def events(self, count: int) -> list[tuple[str | None, StatusEvent]]:
        """Return the next events, each with its id."""
        found: list[tuple[str | None, StatusEvent]] = []
        while len(found) < count:
            size = int(self.file.readline(), 16)
            assert size, "the connection ended"
            found += [(self.parser.last_id, event) for event in self.parser.feed(self.file.read(size)) if event]
            self.file.readline()
        return found

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
