"""Endpoint GET /metrics, and the values that another process computes for it.

It has an address of its own. A scrape reads files and memory only: it never waits for the database.
"""

import json
import logging
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from threading import BoundedSemaphore, Timer
from time import sleep
from typing import Any

import sinetti
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.metrics.catalogue import BUILD_INFO, METRICS, READY, STATE_AGE, MetricType, Samples
from sinetti.infra.urls import ONE_HOST, has_one_host

PATH = "/metrics"
STALE_AFTER = 60.0
"""Age in seconds from which computed values are left out."""

AT_ONCE = 8
"""Scrapes that are answered at the same time; further connections are closed.

Without a limit, senders of nothing would take all threads and file descriptors of the process, and of a gateway, too.
"""

_READ_WITHIN = 5.0
_READINGS, _READ_AGAIN = 20, 0.05
_STATE = "state.json"
_log = logging.getLogger(__name__)


def store_state(folder: Path, samples: Samples) -> None:
    """Store computed values for the process that answers scrapes. Raises OSError."""
    text = json.dumps({"at": monotonic_seconds(), "samples": samples})
    write_atomic(folder / _STATE, text.encode(), PRIVATE)


def load_state(folder: Path) -> Samples:
    """Return the computed values with their age.

    Without values, or if they are old, the server counts as not ready, and the rest is left out.
    """
    try:
        stored = json.loads((folder / _STATE).read_bytes())
    except (FileNotFoundError, ValueError):
        return {READY: [((), 0.0)]}
    age = monotonic_seconds() - stored["at"]
    found = stored["samples"] if age < STALE_AFTER else {READY: [((), 0.0)]}
    return {**found, STATE_AGE: [((), age)]}


@dataclass(frozen=True)
class ComputedMetrics:
    """Collector of values that are computed elsewhere, and of the program's version."""

    component: str
    samples: Callable[[], Samples]

    def collect(self) -> Iterator[Any]:
        """Yield the metrics, as prometheus_client calls it for each scrape."""
        core = import_module("prometheus_client.core")
        version = ((sinetti.build_version(), self.component), 1.0)
        for name, values in ({**self.samples(), BUILD_INFO: [version]}).items():
            metric = METRICS[name]
            make = core.CounterMetricFamily if metric.type is MetricType.COUNTER else core.GaugeMetricFamily
            family = make(name, metric.help_text, labels=metric.labels)
            for labels, value in values:
                family.add_metric(list(labels), value)
            yield family


@dataclass(frozen=True)
class ProcessMetrics:
    """Collector that adds up the files of all processes."""

    folder: Path

    def collect(self) -> list[Any]:
        """Return the metrics, as prometheus_client calls it for each scrape.

        A file is empty for a moment while its process makes it, and may be removed; it is then read again.
        """
        collector = import_module("prometheus_client.multiprocess").MultiProcessCollector(None, path=str(self.folder))
        for _ in range(_READINGS - 1):
            try:
                return list(collector.collect())
            except (OSError, struct.error):
                sleep(_READ_AGAIN)
        return list(collector.collect())


def render(collectors: Iterable[Any], accept: str) -> tuple[bytes, str]:
    """Return all metrics and their media type, in the format that the client accepts."""
    client, formats = import_module("prometheus_client"), import_module("prometheus_client.exposition")
    registry = client.CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    encode, media_type = formats.choose_encoder(accept)
    return encode(registry), media_type


class MetricsServer(ThreadingHTTPServer):
    """HTTP server for scrapes, on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, collectors: Sequence[Any]) -> None:
        """Store the collectors."""
        self.collectors = collectors
        self._free = BoundedSemaphore(AT_ONCE)
        self.address_family = listening.family
        super().__init__(listening.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - http.server's
        """Answer a connection in a thread, or close it if too many are open."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # there is no thread for it
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - http.server's
        """Answer a connection, and make room for another one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - http.server's
        """Log an error; a client that leaves is none."""
        if not isinstance(sys.exception(), OSError):
            _log.exception("a scrape failed")


class _Handler(BaseHTTPRequestHandler):
    timeout = _READ_WITHIN
    protocol_version = "HTTP/1.1"
    server: MetricsServer

    def handle(self) -> None:
        """Answer one request. Its head must be there in time, however slowly it arrives."""
        late = Timer(_READ_WITHIN, self._end_reading)
        late.daemon = True
        late.start()
        try:
            super().handle()
        finally:
            late.cancel()

    def _end_reading(self) -> None:
        with suppress(OSError):  # it has ended
            self.connection.shutdown(socket.SHUT_RD)

    def do_GET(self) -> None:
        """Answer a scrape."""
        if not has_one_host(self.request_version[5:], self.headers.get_all("Host", [])):
            self._answer(400, f"{ONE_HOST}\n".encode(), "text/plain; charset=utf-8")
            return
        if self.path.partition("?")[0] != PATH:
            self._answer(404, b"Metrics are at /metrics.\n", "text/plain; charset=utf-8")
            return
        body, media_type = render(self.server.collectors, self.headers.get("Accept", ""))
        self._answer(200, body, media_type)

    def do_HEAD(self) -> None:
        """Answer with the head of a scrape alone."""
        self.do_GET()

    def send_response(self, code: int, message: str | None = None) -> None:
        """Begin an answer without `Server`, which would name the version of Python."""
        self.send_response_only(code, message)
        self.send_header("Date", self.date_time_string())

    def _answer(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", media_type),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_parts: object) -> None:
        """Log nothing: scrapes are regular."""
