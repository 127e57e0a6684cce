"""Pages of an authority over HTTP, in the test's own process.

A browser opens them without a running node.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from django.db import connections

from sinetti.server.http import Request
from tests.support.browser import Post, people_door
from tests.support.scene import REQUEST, Scene
from tests.support.small_server import LoopbackServer


@contextmanager
def walked_pages(scene: Scene, post: Post | None = None) -> Iterator[str]:
    """Serve them at the address that is given, until the block ends.

    Browsers open connections in advance, so each has a thread.
    """

    class Handler(BaseHTTPRequestHandler):
        def _answer(self):
            try:
                self._told()
            finally:
                connections.close_all()  # of this thread

        def _told(self):
            place = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = door(Request(self.command, unquote(place.path), place.query, headers, REQUEST, body))
            self.send_response(reply.status)
            answer = reply.body if reply.parts is None else b"".join(reply.parts.octets)
            named = {**reply.headers, "content-type": reply.content_type, "content-length": str(len(answer))}
            for name, value in [*named.items(), *(("set-cookie", one) for one in reply.cookies)]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *_words):
            """Log nothing."""

    with LoopbackServer(Handler) as server:
        door = people_door(scene, post, server.origin)
        yield server.origin
