"""Load generator: sends signed requests over kept-alive connections.

The requests are signed beforehand and sent by one thread.
"""

import re
import selectors
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bench.scene import SOAP_PATH
from sinetti.infra.clock import monotonic_seconds

_HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{more}Content-Length: {length}\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Posted:
    """Address and headers of the requests."""

    path: str = SOAP_PATH
    kind: str = "text/xml; charset=utf-8"
    more: str = 'SOAPAction: "renewCertificate"\r\n'

    def framed(self, body: bytes) -> bytes:
        """Return one complete HTTP request."""
        return _HEAD.format(path=self.path, kind=self.kind, more=self.more, length=len(body)).encode() + body


@dataclass(slots=True)
class Sent:
    """Result of a load: the answers in order of arrival, and durations in seconds.

    There is a duration of each answer, and one of the whole load.
    """

    answers: list[bytes] = field(default_factory=list, repr=False)
    took: list[float] = field(default_factory=list, repr=False)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which this share of the answers arrived."""
        return 1000 * sorted(self.took)[min(len(self.took) - 1, int(share * len(self.took)))]


class Line:
    """One kept-alive connection with at most one request in flight."""

    def __init__(self, port: int) -> None:
        """Connect to a port of loopback."""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._since, self._got, self._wanted = 0.0, b"", 0

    def send(self, request: bytes) -> None:
        """Send a request, which fits into the socket's buffer."""
        self._since, self._got, self._wanted = monotonic_seconds(), b"", 0
        self.socket.sendall(request)

    def take(self) -> tuple[bytes, float] | None:
        """Read the octets that have arrived.

        Returns the complete answer and its duration once it is there.
        """
        part = self.socket.recv(65_536)
        if not part:
            sentence = "the server closed a connection"
            raise ConnectionError(sentence)
        self._got += part
        if not self._wanted and b"\r\n\r\n" in self._got:
            head = self._got.index(b"\r\n\r\n") + 4
            found = _LENGTH.search(self._got, 0, head)
            self._wanted = head + int(found[1]) if found else 0
        if self._wanted and len(self._got) >= self._wanted:
            return self._got, monotonic_seconds() - self._since
        return None


def send(port: int, requests: Iterable[bytes], connections: int = 8) -> Sent:
    """Send every request once.

    Each connection sends the next as soon as it has its answer.
    """
    lines = [Line(port) for _ in range(connections)]
    waiting, sent = iter(requests), Sent()
    with selectors.DefaultSelector() as selector:
        begun = monotonic_seconds()
        for line in lines:
            _next(selector, line, waiting, new=True)
        while selector.get_map():
            for key, _ in selector.select():
                whole = key.data.take()
                if whole is not None:
                    sent.answers.append(whole[0])
                    sent.took.append(whole[1])
                    _next(selector, key.data, waiting, new=False)
        sent.seconds = monotonic_seconds() - begun
    for line in lines:
        line.socket.close()
    return sent


def _next(selector: selectors.BaseSelector, line: Line, waiting: Iterator[bytes], *, new: bool) -> None:
    request = next(waiting, None)
    if request is None:
        if not new:
            selector.unregister(line.socket)
        return
    line.send(request)
    if new:
        selector.register(line.socket, selectors.EVENT_READ, line)
