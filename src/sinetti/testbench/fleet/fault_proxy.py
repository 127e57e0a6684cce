"""Proxy between agent and bench that injects faults (docs/holders/fleet.md).

It loses one answer in ten and spoils one in twenty. The choice of a fault is a pure function of a seed and the number
of the call.
"""

import contextlib
import http.client
import random
import socketserver
import ssl
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import BinaryIO, Self, cast
from urllib.parse import urlsplit

from sinetti.testbench.core.layout import LOOPBACK

_SEAL = b"SignatureValue>"


class InjectedFault(StrEnum):
    """Fault of an answer; in each case the request arrived and was processed."""

    LOST = "lost"
    """The connection ends without an answer."""
    CUT = "cut"
    """The connection ends in the middle of the answer."""
    SERVER_ERROR = "server-error"
    HTML_PAGE = "html-page"
    TRUNCATED = "truncated"
    """XML that ends too early, with a length that fits."""
    SEAL_BROKEN = "seal-broken"
    REPLAYED = "replayed"
    """A genuine answer to an earlier request."""


LOST = (InjectedFault.LOST, InjectedFault.CUT)
WRONG = (
    InjectedFault.SERVER_ERROR,
    InjectedFault.HTML_PAGE,
    InjectedFault.TRUNCATED,
    InjectedFault.SEAL_BROKEN,
    InjectedFault.REPLAYED,
)


@dataclass(frozen=True)
class FaultRates:
    """Fractions of the answers that are lost and that are wrong."""

    lost: float
    wrong: float


NONE = FaultRates(0, 0)
ROUGH = FaultRates(lost=1 / 10, wrong=1 / 20)


@dataclass(frozen=True)
class RelayedResponse:
    """The parts of an HTTP response that the proxy uses."""

    status: int
    content_type: str
    body: bytes


def choose_fault(seed: int, ordinal: int, rates: FaultRates) -> InjectedFault | None:
    """Return the fault of the answer to the call of that number, or None.

    The same seed gives the same faults.
    """
    chance = random.Random(f"{seed}:{ordinal}")  # noqa: S311 - chance that can be repeated, on purpose
    place = chance.random()
    if place < rates.lost:
        return chance.choice(LOST)
    return chance.choice(WRONG) if place < rates.lost + rates.wrong else None


def on_the_wire(fault: InjectedFault | None, reply: RelayedResponse, earlier: RelayedResponse | None) -> bytes:
    """Return the octets that are sent in place of an answer.

    After them the connection ends. Where there is no earlier answer to replay, the seal is broken instead.
    """
    match fault:
        case None:
            return _octets(reply)
        case InjectedFault.LOST:
            return b""
        case InjectedFault.CUT:
            whole = _octets(reply)
            return whole[: len(whole) - len(reply.body) // 2 - 1]
        case InjectedFault.SERVER_ERROR:
            return _octets(RelayedResponse(500, "text/plain", b"Internal Server Error\n"))
        case InjectedFault.HTML_PAGE:
            return _octets(
                RelayedResponse(200, "text/html", b"<!DOCTYPE html><title>Maintenance</title><p>Back at noon.</p>\n")
            )
        case InjectedFault.TRUNCATED:
            return _octets(RelayedResponse(reply.status, reply.content_type, reply.body[: len(reply.body) * 2 // 3]))
        case InjectedFault.REPLAYED if earlier is not None:
            return _octets(earlier)
        case InjectedFault.SEAL_BROKEN | InjectedFault.REPLAYED:
            return _octets(RelayedResponse(reply.status, reply.content_type, _broken(reply.body)))


def _octets(reply: RelayedResponse) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status} Answer\r\n"
        f"Content-Type: {reply.content_type}\r\n"
        f"Content-Length: {len(reply.body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + reply.body


def _broken(body: bytes) -> bytes:
    """Change one character of the signature's value.

    Without a signature, one octet in the middle is changed.
    """
    here = body.find(_SEAL)
    place = here + len(_SEAL) if here >= 0 else len(body) // 2
    sign = b"B" if body[place : place + 1] == b"A" else b"A"
    return body[:place] + sign + body[place + 1 :]


_PATIENCE = 30.0
_LONGEST_LINE = 16 * 1024
_LONGEST_BODY = 1024 * 1024
_HOP_BY_HOP = frozenset({"connection", "content-length"})


@dataclass(frozen=True)
class ProxyTls:
    """PEM files with which the proxy poses as the bench.

    They are certificate and key, and the CA with which the bench is verified.
    """

    certificate: Path
    key: Path
    trusted: Path


@dataclass(frozen=True)
class _Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def kind(self) -> tuple[str, str]:
        """Kind of the request, regardless of the caller; a replayed answer has the same."""
        return self.method, self.headers.get("soapaction", "")


class FaultInjectingProxy:
    """Proxy that listens on loopback while the block lasts and forwards everything.

    `rates` may be set at any time.
    """

    def __init__(self, service: str, seed: int, tls: ProxyTls | None) -> None:
        """Take the address of the service behind; with `tls` both sides use https."""
        parts = urlsplit(service)
        self.rates: FaultRates = NONE
        self.met: Counter[InjectedFault] = Counter()
        self._seed, self._calls = seed, 0
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._earlier: dict[tuple[str, str], RelayedResponse] = {}
        self._lock = Lock()
        self._upstream = None if tls is None else ssl.create_default_context(cafile=tls.trusted)
        self._server = _ProxyServer(self, tls)
        self.address = parts._replace(netloc=f"{LOOPBACK}:{self._server.server_address[1]}").geturl()

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: _Asked) -> bytes:
        """Forward a request, and return the octets to send in place of the answer.

        Raises OSError or HTTPException if the service cannot be reached.
        """
        reply = self._asked_of_service(asked)
        with self._lock:
            # Numbers are by the order of answers: the same order gets the same faults.
            self._calls += 1
            fault = choose_fault(self._seed, self._calls, self.rates)
            earlier = self._earlier.get(asked.kind)
            self._earlier[asked.kind] = reply
            if fault is not None:
                self.met[fault] += 1
        return on_the_wire(fault, reply, earlier)

    def _asked_of_service(self, asked: _Asked) -> RelayedResponse:
        connection = (
            http.client.HTTPConnection(self._host, self._port, timeout=_PATIENCE)
            if self._upstream is None
            else http.client.HTTPSConnection(self._host, self._port, timeout=_PATIENCE, context=self._upstream)
        )
        with contextlib.closing(connection):
            headers = {name: value for name, value in asked.headers.items() if name not in _HOP_BY_HOP}
            connection.request(asked.method, asked.path, asked.body or None, headers)
            response = connection.getresponse()
            return RelayedResponse(response.status, response.headers.get("content-type", ""), response.read())


class _ProxyServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, meddler: FaultInjectingProxy, tls: ProxyTls | None) -> None:
        self.meddler = meddler
        self.context: ssl.SSLContext | None = None
        if tls is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(tls.certificate, tls.key)
        super().__init__((LOOPBACK, 0), _Connection)


class _Connection(socketserver.BaseRequestHandler):
    """Handler of one call, after which the connection ends."""

    def handle(self) -> None:
        server = cast("_ProxyServer", self.server)
        # A client or bench that goes away in the middle is no fault of the proxy: the other side sees the end.
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            self.request.settimeout(_PATIENCE)
            plain = self.request
            with plain if server.context is None else server.context.wrap_socket(plain, server_side=True) as stream:
                with stream.makefile("rb") as lines:
                    asked = _read(lines)
                stream.sendall(server.meddler.answer(asked))


def _read(lines: BinaryIO) -> _Asked:
    """Read one request, whose body has the length of its header.

    Raises ValueError or OSError if it cannot be read.
    """
    method, path, _version = lines.readline(_LONGEST_LINE).decode("latin-1").split()
    headers: dict[str, str] = {}
    while line := lines.readline(_LONGEST_LINE).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return _Asked(method, path, headers, lines.read(min(int(headers.get("content-length", 0)), _LONGEST_BODY)))
