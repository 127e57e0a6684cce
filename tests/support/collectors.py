"""OpenTelemetry collector in the test's own process: OTLP over HTTP, in protobuf."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.small_server import Question, small_server


@dataclass(slots=True)
class Collector:
    """A running collector: its URL, and the requests and spans that it has taken."""

    url: str = ""
    status: int = 200
    octets: list[bytes] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)

    def take(self, question: Question):
        """Answer one request, as a collector does."""
        assert (question.method, question.path) == ("POST", "/v1/traces")
        assert question.headers["content-type"] == "application/x-protobuf"
        if self.status == 200:
            self.octets.append(question.body)
            for resource in ExportTraceServiceRequest.FromString(question.body).resource_spans:
                self.services.add(attributes(resource.resource)["service.name"])
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return self.status, {"content-type": "application/x-protobuf"}, b""

    def roots(self) -> list[Span]:
        """Return the spans of requests, in the order of their beginning."""
        kind = Span.SPAN_KIND_SERVER
        return sorted((span for span in self.spans if span.kind == kind), key=lambda span: span.start_time_unix_nano)

    def steps(self, root: Span) -> list[str]:
        """Return the names of a request's steps in order; they fill it without overlap."""
        found = [span for span in self.spans if span.parent_span_id == root.span_id]
        found.sort(key=lambda span: (span.start_time_unix_nano, span.end_time_unix_nano))
        assert {span.trace_id for span in found} <= {root.trace_id}
        ends = [root.start_time_unix_nano]
        for span in found:
            assert ends[-1] <= span.start_time_unix_nano <= span.end_time_unix_nano <= root.end_time_unix_nano
            ends.append(span.end_time_unix_nano)
        return [span.name for span in found]


def attributes(holder) -> dict[str, str | int]:
    """Return the attributes of a span or a resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector until the block ends."""
    one = Collector()
    with small_server(one.take) as server:
        one.url = server.url
        yield one
