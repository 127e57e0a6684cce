"""Proxy between client and service.

It forwards requests, keeps a copy, and loses what a test wants lost.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Hinted = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""


class Fate(Enum):
    """Outcome of one request."""

    PASSES = "the answer comes back"
    ANSWER_LOST = "the service answers, and nothing of it comes back"
    ANSWER_CUT = "half of the answer comes back"
    ANSWER_HELD = "the service answers, and the answer waits until the client is gone"
    REQUEST_LOST = "the service never sees it"


@dataclass(slots=True)
class Wire:
    """A proxy: its address, the passed requests (operation, octets), and coming fates."""

    service: str
    url: str = ""
    fates: deque[Fate] = field(default_factory=deque)
    passed: list[tuple[str, bytes]] = field(default_factory=list)
    lineage: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    hint: Callable[[str], Hinted] | None = None
    """Function that returns the answer about the renewal hint at a path.

    The answer may be false. With None there is no such endpoint.
    """

    def sent(self, operation: str, customer_id: str) -> list[bytes]:
        """Return the requests of one operation and customer, in order."""
        named = f">{customer_id}<".encode()
        return [body for name, body in self.passed if name == operation and named in body]


class WireHandler(BaseHTTPRequestHandler):
    """Handler of one request."""

    wire: Wire

    def do_POST(self) -> None:
        """Forward a whole request, wait for the whole answer, and apply the fate."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # no request: the client was killed between head and body
        fate = self.wire.fates.popleft() if self.wire.fates else Fate.PASSES
        operation = self.headers["SOAPAction"].strip('"')
        self.wire.passed.append((operation, body))
        if fate is Fate.REQUEST_LOST:
            self._cut()
            return
        status, kind, answer = self._asked(body)
        if fate is Fate.ANSWER_HELD:
            self.wire.lineage.set()
            self.wire.gone.wait(30)
        if fate in {Fate.ANSWER_LOST, Fate.ANSWER_HELD}:
            self._cut()
            return
        with suppress(OSError):  # a killed client does not read the answer
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer[: len(answer) // 2] if fate is Fate.ANSWER_CUT else answer)

    def do_GET(self) -> None:
        """Answer a request for a renewal hint as the test defines, without the service."""
        told = self.wire.hint
        status, headers, body = told(self.path) if told else (404, {"Content-Type": "text/plain"}, b"Not found")
        with suppress(OSError):
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def _asked(self, body: bytes) -> tuple[int, str, bytes]:
        parts = urlsplit(self.wire.service)
        connection = HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            headers = {name: self.headers[name] for name in ("Content-Type", "SOAPAction", "Accept-Language")}
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()
        finally:
            connection.close()

    def _cut(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


class Server(ThreadingHTTPServer):
    """Server with a daemon thread for each connection."""

    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """Ignore clients that were killed in the middle of a request."""


@contextmanager
def between(service: str) -> Iterator[Wire]:
    """Run a proxy between clients and a service while the block runs."""
    wire = Wire(service)
    server = Server(("127.0.0.1", 0), type("Bound", (WireHandler,), {"wire": wire}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    wire.url = f"http://127.0.0.1:{server.server_address[1]}{urlsplit(service).path}"
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
