"""Traces of requests: settings, sampling, parents, and a collector that is away."""

import json
import logging
import subprocess
import sys

import pytest

from sinetti.infra import otlp_export, traces
from sinetti.infra.json_logging import JsonFormatter
from sinetti.infra.otlp_export import WAITING, OtlpSender, start_export
from sinetti.infra.toml_tables import SettingsError
from sinetti.infra.traces import (
    Tracer,
    TraceSettings,
    current_trace_id,
    install_tracer,
    installed_tracer,
    load_trace_settings,
    parse_trace_settings,
    start_traces,
    step,
    stop_tracer,
    use_trace,
)
from tests.support.collectors import attributes, collector
from tests.support.serving import until

LOW, HIGH = "f" * 16 + "0" * 16, "0" * 16 + "f" * 16
"""Request ids whose last 64 bits are the least and the greatest."""

PARENT, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def installed():
    """Remove the tracer after the test."""
    yield
    stop_tracer()
    install_tracer(None)
    use_trace(None)


SETTINGS = {
    "an address": ({"endpoint": "http://127.0.0.1:4318"}, TraceSettings("http://127.0.0.1:4318/v1/traces", 10)),
    "an address with a path": (
        {"endpoint": "https://otel.example/in/v1/traces", "sampled_percent": 100},
        TraceSettings("https://otel.example/in/v1/traces", 100),
    ),
    "a slash at its end": ({"endpoint": "http://[::1]:4318/"}, TraceSettings("http://[::1]:4318/v1/traces", 10)),
}


@pytest.mark.parametrize(("table", "settings"), SETTINGS.values(), ids=SETTINGS)
def test_settings(table, settings):
    assert parse_trace_settings(table, "a.toml") == settings
    assert load_trace_settings(table, "a.toml") == (settings, "")


WRONG = {
    "no table": (5, "telemetry"),
    "no endpoint": ({}, "endpoint"),
    "plain http to another machine": ({"endpoint": "http://otel.example:4318"}, "http is for this machine only"),
    "a password": ({"endpoint": "https://user:hidden@otel.example"}, "endpoint"),
    "a query": ({"endpoint": "https://otel.example/?key=hidden"}, "endpoint"),
    "no address": ({"endpoint": "otel"}, "endpoint"),
    "more than all": ({"endpoint": "http://localhost", "sampled_percent": 101}, "sampled_percent"),
    "a misspelt key": ({"endpoint": "http://localhost", "sampled": 1}, "sampled"),
}


@pytest.mark.parametrize(("table", "said"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_a_problem_and_no_secret_is_shown(table, said):
    with pytest.raises(SettingsError):
        parse_trace_settings(table, "a.toml")
    settings, problem = load_trace_settings(table, "a.toml")
    assert settings is None
    assert problem.startswith("a.toml: ")
    assert said in problem
    assert "hidden" not in problem


def test_without_the_extra_the_problem_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(traces, "find_spec", lambda _name: None)
    settings, problem = load_trace_settings({"endpoint": "http://localhost:4318"}, "a.toml")
    assert (settings, "install sinetti[telemetry]" in problem) == (None, True)


def test_without_settings_nothing_of_opentelemetry_is_loaded():
    code = (
        "import sys; from sinetti.infra import traces;"
        "traces.start_traces(None, 'a.toml', 'x'); traces.step('1'); traces.stop_tracer();"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


SAMPLING = {
    "the least id of one percent": (1, LOW, b"", (LOW, "", True)),
    "the greatest id of 99 percent": (99, HIGH, b"", (HIGH, "", False)),
    "the least id of none": (0, LOW, b"", (LOW, "", False)),
    "the greatest id of all": (100, HIGH, b"", (HIGH, "", True)),
    "a sampled parent": (0, HIGH, b"00-%s-%s-01", (PARENT, SPAN, True)),
    "a parent that is not sampled": (100, LOW, b"00-%s-%s-00", (PARENT, SPAN, False)),
    "further flags": (0, LOW, b"00-%s-%s-03", (PARENT, SPAN, True)),
    "another version": (0, LOW, b"01-%s-%s-01", (LOW, "", False)),
    "capital letters": (0, LOW, b"00-%s-%s-0A", (LOW, "", False)),
}


@pytest.mark.parametrize(("percent", "request_id", "parent", "expected"), SAMPLING.values(), ids=SAMPLING)
def test_sampling(percent, request_id, parent, expected):
    given = [(b"TraceParent", parent % (PARENT.encode(), SPAN.encode()))] if parent else []
    trace = Tracer(percent, lambda _trace: None).begin(request_id, given)
    assert (trace.trace_id, trace.parent_id, trace.is_sampled) == expected


@pytest.mark.parametrize("ids", [("0" * 32, SPAN), (PARENT, "0" * 16), (f"{PARENT}0", SPAN)])
def test_a_parent_of_wrong_form_is_ignored(ids):
    header = (b"traceparent", f"00-{ids[0]}-{ids[1]}-01".encode())
    assert Tracer(0, lambda _trace: None).begin(LOW, [header]).trace_id == LOW


def test_two_parents_are_ignored():
    header = (b"traceparent", f"00-{PARENT}-{SPAN}-01".encode())
    assert Tracer(0, lambda _trace: None).begin(LOW, [header, header]).trace_id == LOW


def test_a_trace_that_is_not_sampled_has_an_id_and_is_not_exported(installed):
    exported = []
    trace = Tracer(0, exported.append).begin(LOW, ())
    use_trace(trace)
    step("1 receive")
    trace.finish("renew", {})
    assert (exported, trace.steps, current_trace_id()) == ([], [], LOW)
    record = logging.LogRecord("sinetti.gateway", logging.INFO, __file__, 1, "checked", (), None)
    assert json.loads(JsonFormatter().format(record))["trace_id"] == LOW


def test_spans_of_a_request_that_failed(installed):
    with collector() as one:
        start_traces({"endpoint": one.url, "sampled_percent": 100}, "a.toml", "sinetti-test")
        parent = (b"traceparent", f"00-{PARENT}-{SPAN}-01".encode())
        trace = installed_tracer().begin(LOW, [parent])
        trace.step("1 receive")
        trace.step("")
        trace.step("2 verify")
        trace.finish("renew", {"http.response.status_code": 503, "sinetti.outcome": "HTTP 503"})
        stop_tracer()
    (root,) = one.roots()
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (PARENT, SPAN)
    assert (root.name, root.status.code) == ("renew", root.status.STATUS_CODE_ERROR)
    assert attributes(root) == {"http.response.status_code": 503, "sinetti.outcome": "HTTP 503"}
    assert one.steps(root) == ["1 receive", "2 verify"]
    assert one.services == {"sinetti-test"}


def finished(count, export):
    tracer = Tracer(100, export)
    for _ in range(count):
        tracer.begin(LOW, ()).finish("GET", {"http.response.status_code": 200})


def test_a_collector_that_is_away_delays_no_request_and_is_reported_once(installed, monkeypatch, caplog):
    monkeypatch.setattr(otlp_export, "EVERY", 0.01)
    caplog.set_level(logging.INFO, "sinetti.infra.otlp_export")
    with collector() as one:
        one.status = 503
        start_export(TraceSettings(f"{one.url}/v1/traces", 100), "sinetti-test")
        finished(3 * WAITING, installed_tracer()._export)  # if it waited, it would end by the limit of a test
        until(lambda: caplog.messages)
        finished(3, installed_tracer()._export)
        one.status = 200
        until(lambda: finished(1, installed_tracer()._export) or one.spans)
        until(lambda: len(caplog.messages) > 1)
        stop_tracer()
    assert caplog.messages == [
        "the collector does not take traces (HTTP 503): they are lost until it does",
        "the collector takes traces again",
    ]


def test_a_collector_that_does_not_run(caplog):
    with collector() as one:
        pass
    sender = OtlpSender(f"{one.url}/v1/traces", "sinetti-test")
    for _ in range(2):
        finished(1, sender.add)
        sender._send([sender._waiting.popleft()])
    (message,) = caplog.messages
    assert "refused" in message


def test_no_more_traces_wait_than_the_limit():
    sender = OtlpSender("http://127.0.0.1:9/v1/traces", "sinetti-test")
    finished(WAITING + 5, sender.add)
    assert len(sender._waiting) == WAITING
