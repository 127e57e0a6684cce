"""Export of traces to an OpenTelemetry collector (OTLP/HTTP, protobuf).

Needs `sinetti[telemetry]`. It is imported only if the settings have a collector. A thread of each process sends the
traces in batches. Requests never wait for it: if the collector is away, traces are lost.
"""

import logging
import os
import ssl
from collections import deque
from collections.abc import Sequence
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from sinetti import __version__, build_version
from sinetti.infra.http_client import HttpError, HttpRequest, send_request, tls_context
from sinetti.infra.traces import Trace, Tracer, TraceSettings, install_tracer, span_ids

WAITING, BATCH, EVERY = 2048, 256, 2.0
"""Most traces that wait, size of a batch, and seconds between two batches."""

_WITHIN, _LAST_WITHIN = 5.0, 1.0
_OK = range(200, 300)
_FAILED_FROM = 500
_STATUS = "http.response.status_code"
_log = logging.getLogger(__name__)


def start_export(settings: TraceSettings, service: str) -> None:
    """Start the traces of this process, which must not fork any more."""
    sender = OtlpSender(settings.endpoint, service)
    install_tracer(Tracer(settings.percent, sender.add), sender.stop)
    sender.start()


class OtlpSender:
    """Thread that sends finished traces in batches."""

    def __init__(self, endpoint: str, service: str) -> None:
        """Store the address of the collector, and the name of the service in its traces."""
        self._endpoint, self._service = endpoint, service
        self._context: ssl.SSLContext | None = tls_context() if endpoint.startswith("https") else None
        self._waiting: deque[Trace] = deque(maxlen=WAITING)
        self._wake, self._is_stopping, self._is_away = Event(), False, False
        self._thread = Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, trace: Trace) -> None:
        """Take a finished trace; the oldest is lost if too many wait."""
        self._waiting.append(trace)
        if len(self._waiting) >= BATCH:
            self._wake.set()

    def stop(self) -> None:
        """Send what is left, for a second at most."""
        self._is_stopping = True
        self._wake.set()
        self._thread.join(_LAST_WITHIN)

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.wait(EVERY)
            self._wake.clear()
            while batch := [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]:
                self._send(batch)

    def _send(self, batch: Sequence[Trace]) -> None:
        body = encode_traces(batch, self._service)
        headers = {"Content-Type": "application/x-protobuf", "User-Agent": f"sinetti/{__version__}"}
        request = HttpRequest(self._endpoint, "POST", headers, body, within=_WITHIN, context=self._context)
        try:
            status = send_request(request).status
            problem = "" if status in _OK else f"HTTP {status}"
        except HttpError as away:
            problem = str(away)
        except Exception as fault:  # noqa: BLE001 - the thread must live on, and traces are not worth a failed request
            problem = type(fault).__name__
        if problem and not self._is_away:
            _log.warning("the collector does not take traces (%s): they are lost until it does", problem)
        elif self._is_away and not problem:
            _log.info("the collector takes traces again")
        self._is_away = bool(problem)


def encode_traces(batch: Sequence[Trace], service: str) -> bytes:
    """Return an ExportTraceServiceRequest with the spans of these traces."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    facts: dict[str, str | int] = {
        "service.name": service,
        "service.version": build_version(),
        "process.pid": os.getpid(),
    }
    resource.resource.attributes.extend(_attributes(facts))
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "sinetti", __version__
    for trace in batch:
        _add_spans(scope.spans, trace)
    octets: bytes = request.SerializeToString()
    return octets


def _add_spans(spans: Any, trace: Trace) -> None:  # noqa: ANN401 - a repeated field, which has no type of its own
    """Add the span of the request, and one for each of its steps."""
    steps = [*trace.steps, ("", trace.ended)]
    trace_id = bytes.fromhex(trace.trace_id)
    root, *others = span_ids(len(steps))
    request = spans.add(
        trace_id=trace_id, span_id=root, parent_span_id=bytes.fromhex(trace.parent_id), name=trace.name,
        kind=Span.SPAN_KIND_SERVER, start_time_unix_nano=trace.begun, end_time_unix_nano=trace.ended,
        attributes=_attributes(trace.attributes),
    )  # fmt: skip
    status = trace.attributes.get(_STATUS)
    if isinstance(status, int) and status >= _FAILED_FROM:
        request.status.code = Status.STATUS_CODE_ERROR
    for (name, begun), (_, ended), span_id in zip(steps, steps[1:], others, strict=False):
        if name:
            spans.add(
                trace_id=trace_id, span_id=span_id, parent_span_id=root, name=name, kind=Span.SPAN_KIND_INTERNAL,
                start_time_unix_nano=begun, end_time_unix_nano=ended,
            )  # fmt: skip


def _attributes(values: dict[str, str | int]) -> list[KeyValue]:
    return [
        KeyValue(
            key=name,
            value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=value),
        )
        for name, value in values.items()
    ]
