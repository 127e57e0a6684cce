"""Traces of requests: ids, sampling, and the steps of a request with their times.

A request notes only the name and the beginning of each step. The spans are made from that by another thread
(otlp_export.py), because an SDK span costs 30 µs, and a renewal has a dozen (measured). Without a tracer a step costs
0.1 µs.
"""

import importlib
import os
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from sinetti.infra.clock import unix_nanoseconds
from sinetti.infra.toml_tables import SettingsError, TomlTable
from sinetti.infra.urls import InvalidUrl, check_url, is_loopback

TABLE = "telemetry"
"""Table of `authority.toml` and `gateway.toml` with these settings."""

_HEADER = b"traceparent"
_PARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
"""Version 00 of the header (W3C Trace Context, 3.2).

Another version starts a new trace.
"""

_SAMPLED, _USUAL_PERCENT, _PATH = 1, 10, "/v1/traces"
_WANTED = "the collector's OTLP/HTTP address, such as http://127.0.0.1:4318; http is for this machine only"


@dataclass(frozen=True)
class TraceSettings:
    """Address of the collector, and how many percent of the requests are sampled."""

    endpoint: str
    percent: int


def load_trace_settings(value: object, file: str) -> tuple[TraceSettings | None, str]:
    """Return the settings, or the problem for which the server runs without traces.

    `value` is the table `telemetry` as the file has it, or None. Without it both are empty.
    """
    if value is None:
        return None, ""
    try:
        settings = parse_trace_settings(value, file)
    except SettingsError as wrong:
        return None, str(wrong)
    if find_spec("opentelemetry") is None:
        return None, f"{file}: [{TABLE}] needs more packages: install sinetti[telemetry]"
    return settings, ""


def parse_trace_settings(value: object, file: str) -> TraceSettings:
    """Return the settings in the table `telemetry` of a file.

    Raises SettingsError, with the key and what to write instead.
    """
    table = TomlTable({TABLE: value}, f"{file}: ").table(TABLE)
    endpoint = table.text("endpoint")
    try:
        parts = urlsplit(check_url(endpoint))
    except InvalidUrl:
        table.refuse("endpoint", _WANTED)
    if parts.query or (parts.scheme == "http" and not is_loopback(parts.hostname or "")):
        table.refuse("endpoint", _WANTED)
    if parts.path in {"", "/"}:
        endpoint = endpoint.rstrip("/") + _PATH
    percent = table.number("sampled_percent", range(101), _USUAL_PERCENT)
    table.finish()
    return TraceSettings(endpoint, percent)


class Trace:
    """One request: its ids, and the beginning of each step.

    A step lasts until the next one begins. The event loop and a worker thread add steps one after the other.
    """

    __slots__ = ("_export", "attributes", "begun", "ended", "is_sampled", "name", "parent_id", "steps", "trace_id")

    def __init__(self, trace_id: str, parent_id: str, export: "Callable[[Trace], None]", *, is_sampled: bool) -> None:
        """Begin the trace now. `parent_id` is the span of the proxy, or empty."""
        self._export = export
        self.trace_id, self.parent_id, self.is_sampled = trace_id, parent_id, is_sampled
        self.begun, self.ended = unix_nanoseconds(), 0
        self.steps: list[tuple[str, int]] = []
        self.name = ""
        self.attributes: dict[str, str | int] = {}

    def step(self, name: str) -> None:
        """End the step that is running, and begin this one; no name: none."""
        if self.is_sampled:
            self.steps.append((name, unix_nanoseconds()))

    def finish(self, name: str, attributes: dict[str, str | int]) -> None:
        """End the trace, and pass it on if it is sampled.

        `name` and `attributes` hold no secret and no data of a person.
        """
        if self.is_sampled:
            self.name, self.attributes, self.ended = name, attributes, unix_nanoseconds()
            self.is_sampled = False  # a thread that is still at work after its time adds no step
            self._export(self)


_current: ContextVar[Trace | None] = ContextVar("current_trace", default=None)


def use_trace(trace: Trace | None) -> None:
    """Set the trace of the request that this thread works on."""
    _current.set(trace)


def step(name: str) -> None:
    """Begin a step of this thread's request, if it has a trace."""
    trace = _current.get()
    if trace is not None:
        trace.step(name)


def current_trace_id() -> str | None:
    """Return the trace id of this thread's request, for its log entries."""
    trace = _current.get()
    return None if trace is None else trace.trace_id


class Tracer:
    """Sampling of a process, and the place where finished traces go."""

    def __init__(self, percent: int, export: Callable[[Trace], None]) -> None:
        """Store the sampled share of requests without a parent.

        `export` takes finished traces, and must not block.
        """
        # The last 64 bits of a trace id decide, as in OpenTelemetry's own sampler by ratio.
        self._bound, self._export = percent * 2**64 // 100, export

    def begin(self, request_id: str, headers: Iterable[tuple[bytes, bytes]]) -> Trace:
        """Begin the trace of a request.

        `headers` are empty if the peer is no trusted proxy. With a parent, its decision to sample counts. Without one,
        the id of the request is the trace's id.
        """
        given = [value for name, value in headers if name.lower() == _HEADER]
        parent = _PARENT.fullmatch(given[0]) if len(given) == 1 else None
        if parent is None:
            return Trace(request_id, "", self._export, is_sampled=int(request_id[16:], 16) < self._bound)
        trace_id, span_id, flags = (part.decode("ascii") for part in parent.groups())
        return Trace(trace_id, span_id, self._export, is_sampled=bool(int(flags, 16) & _SAMPLED))


def _nothing() -> None:
    """Do nothing; without a tracer no trace is left."""


class _Installed:
    """Tracer of this process; None: no traces."""

    tracer: Tracer | None = None
    stop: Callable[[], None] = staticmethod(_nothing)


def install_tracer(tracer: Tracer | None, stop: Callable[[], None] = _nothing) -> None:
    """Set the tracer of this process, after it was forked.

    `stop` sends the traces that are left.
    """
    _Installed.tracer, _Installed.stop = tracer, stop


def installed_tracer() -> Tracer | None:
    """Return the tracer of this process, or None."""
    return _Installed.tracer


def stop_tracer() -> None:
    """Send the traces that are left before the process ends, for a second at most."""
    _Installed.stop()


def start_traces(value: object, file: str, service: str) -> None:
    """Start the traces of this process, with the name of its service.

    `load_trace_settings` reads the settings. Without settings, nothing of OpenTelemetry is loaded. The process must not
    fork any more.
    """
    settings, _problem = load_trace_settings(value, file)
    if settings is not None:
        importlib.import_module("sinetti.infra.otlp_export").start_export(settings, service)


def span_ids(count: int) -> list[bytes]:
    """Return random span ids."""
    octets = os.urandom(8 * count)
    return [octets[place : place + 8] for place in range(0, len(octets), 8)]
