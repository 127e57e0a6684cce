"""HTTP servers in the test's own process; the small one gives configured answers and keeps the requests."""

import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class LoopbackServer(ThreadingHTTPServer):
    """Server on a free port of loopback, which answers while its block runs."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> None:
        """Listen at once, over TLS with a context."""
        super().__init__(("127.0.0.1", 0), handler)
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop, and close the port."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that left: the report on standard error may reach the next test's capture."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@dataclass(frozen=True, slots=True)
class Question:
    """One request; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


Reply = tuple[int, Mapping[str, str], bytes]


@dataclass(slots=True)
class Small:
    """A running server: its URL, its answers and the requests to it."""

    url: str
    answers: Callable[[Question], Reply]
    asked: list[Question] = field(default_factory=list)


@contextmanager
def small_server(answers: Callable[[Question], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Small]:
    """Run a server until the block ends, over TLS with a context."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            question = Question(self.command, self.path, headers, body)
            small.asked.append(question)
            status, named, octets = small.answers(question)
            self.send_response(status)
            for name, value in {"content-length": str(len(octets)), **named}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(octets)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_words):
            """Log nothing."""

    with LoopbackServer(Handler, tls) as server:
        small = Small(server.origin, answers)
        yield small
