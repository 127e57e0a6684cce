"""Relying party behind a web server: gateway program, application and caller.

The application answers with the headers that it received.
"""

import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from sinetti.infra.clock import monotonic_seconds
from tests.support.programs import program
from tests.support.small_server import LoopbackServer
from tests.support.web_servers import WITHIN, process

OURS = ("sinetti-customer-id", "sinetti-channel", "sinetti-serial", "sinetti-not-after", "sinetti-days-left")

SETTINGS = """\
anchors = "anchors.pem"
channel = "WS"
revocation = "crl"
crls = "lists"

[serve]
socket = "gateway.sock"
"""


@contextmanager
def gateway_running(folder: Path, settings: str = SETTINGS, *options: str) -> Iterator[Path]:
    """Run `sinetti gateway serve` in a folder with material, and yield its socket."""
    (folder / "gateway.toml").write_text(settings, encoding="utf-8")
    place = folder / "gateway.sock"
    command = program("gateway", "serve", "--settings", folder / "gateway.toml", *options)
    with (folder / "gateway.log").open("w") as log, process(*command, stderr=log) as one:
        deadline = monotonic_seconds() + WITHIN
        while '"ready"' not in (folder / "gateway.log").read_text():
            assert one.poll() is None, (folder / "gateway.log").read_text()
            if monotonic_seconds() > deadline:
                pytest.fail("the gateway did not start")
            sleep(0.02)
        yield place


class Application(BaseHTTPRequestHandler):
    """Application that answers with its request headers; /own-403 answers 403."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        told = [[name.lower(), value] for name, value in self.headers.items()]
        body = json.dumps(told).encode()
        self.send_response(403 if self.path == "/own-403" else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_words):
        """Log nothing."""


@contextmanager
def application_running() -> Iterator[int]:
    """Serve the application, and yield its port."""
    with LoopbackServer(Application) as server:
        yield server.server_port


@dataclass(frozen=True, slots=True)
class Answered:
    """Answer to a caller: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> list[list[str]]:
        """The headers that the application received."""
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document."""
        assert self.headers["content-type"] == "application/problem+json", self
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Caller:
    """Caller of a web server over TLS, with a certificate of the folder or none."""

    port: int
    anchor: Path
    folder: Path

    def calls(
        self, kind: str | None, headers: Sequence[tuple[str, str]] = (), *, method: str = "GET", path: str = "/x"
    ) -> Answered:
        """Send one request."""
        context = ssl.create_default_context(cafile=str(self.anchor))
        if kind is not None:
            context.load_cert_chain(self.folder / f"{kind}.pem")
        body = b"<a/>" if method == "POST" else None
        with closing(HTTPSConnection("127.0.0.1", self.port, timeout=WITHIN, context=context)) as connection:
            connection.putrequest(method, path)
            for name, value in (*headers, *([("Content-Length", str(len(body)))] if body else [])):
                connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return Answered(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())


def resumed(caller: Caller, kind: str, version: ssl.TLSVersion) -> tuple[bool, list[int]]:
    """Call twice, the second time with the TLS session of the first.

    Returns whether the server resumed the session, and both statuses.
    """
    context = ssl.create_default_context(cafile=str(caller.anchor))
    context.maximum_version = version
    context.load_cert_chain(caller.folder / f"{kind}.pem")
    session, reused, statuses = None, False, []
    for _ in range(2):
        raw = socket.create_connection(("127.0.0.1", caller.port), WITHIN)
        with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as spoken:
            spoken.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: spoken.recv(65_536), b""))
            statuses.append(int(answer.split(b" ", 2)[1]))
            session, reused = spoken.session, spoken.session_reused
    return bool(reused), statuses


def ours_in(told: list[list[str]]) -> list[list[str]]:
    """Return the headers named Sinetti-… or Client-Cert…, in any spelling."""
    return [one for one in told if one[0].replace("_", "-").startswith(("sinetti", "client-cert"))]


SMUGGLED = {
    "once": [("Sinetti-Customer-Id", "9999999-9")],
    "twice": [("Sinetti-Customer-Id", "9999999-9"), ("Sinetti-Customer-Id", "9999999-8")],
    "with underscores": [("Sinetti_Customer_Id", "9999999-9"), ("SINETTI_SERIAL", "00")],
    "with dots": [("Sinetti.Customer.Id", "9999999-9")],
    "half and half": [("Sinetti-Customer_Id", "9999999-9"), ("sinetti_days-left", "9")],
    "one that is not ours to send": [("Sinetti-Proxy-Secret", "x" * 40), ("Sinetti-Reason", "good")],
    "a certificate": [("Client-Cert", ":AAAA:"), ("Client_Cert", ":AAAA:"), ("Client-Cert-Chain", ":AAAA:")],
}
"""Request headers of callers who impersonate another customer."""
