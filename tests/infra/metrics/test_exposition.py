"""Endpoint of the metrics: its answers, and values that another process computes."""

import http.client
import json
import logging
import socket
import threading
from contextlib import ExitStack, closing, contextmanager, suppress

import pytest
from prometheus_client.mmap_dict import MmapedDict

import sinetti
from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.metrics import exposition
from sinetti.infra.metrics.catalogue import CERTIFICATES, DELIVERY_FAILURES, READY, STATE_AGE
from sinetti.infra.metrics.exposition import (
    AT_ONCE,
    STALE_AFTER,
    ComputedMetrics,
    MetricsServer,
    ProcessMetrics,
    load_state,
    render,
    store_state,
)

SAMPLES = {READY: [((), 1.0)], CERTIFICATES: [(("issued",), 3.0)], DELIVERY_FAILURES: [(("sms",), 2.0)]}


@contextmanager
def answering(*collectors):
    listening = socket.create_server(("127.0.0.1", 0))
    server = MetricsServer(listening, collectors)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with closing(http.client.HTTPConnection(*listening.getsockname(), timeout=60)) as caller:
            yield caller
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(caller, method="GET", path="/metrics", **headers):
    caller.request(method, path, headers=headers)
    reply = caller.getresponse()
    return reply, reply.read().decode()


def test_the_format_is_the_one_that_the_client_accepts():
    with answering(ComputedMetrics("authority", lambda: SAMPLES)) as caller:
        reply, text = answer(caller, Accept="application/openmetrics-text; version=1.0.0")
        assert reply.headers["content-type"].startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")
        assert 'sinetti_certificates{state="issued"} 3.0' in text
        assert 'sinetti_delivery_failures_total{channel="sms"} 2.0' in text
        assert f'sinetti_build_info{{component="authority",version="{sinetti.build_version()}"}} 1.0' in text
        reply, text = answer(caller)
        assert reply.headers["content-type"].startswith("text/plain; version=")
        assert "sinetti_ready 1.0" in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/", 404), ("HEAD", "/metrics", 200), ("POST", "/metrics", 501)],
)
def test_other_requests(method, path, status):
    with answering(ComputedMetrics("authority", lambda: SAMPLES)) as caller:
        reply, text = answer(caller, method, path)
        assert reply.status == status
        assert "Server" not in reply.headers
        assert "sinetti_" not in text
        assert answer(caller, path="/metrics?name=x")[0].status == 200


@pytest.mark.parametrize("hosts", [(), ("localhost", "localhost")])
def test_a_request_has_one_host(hosts):
    with answering(ComputedMetrics("authority", lambda: SAMPLES)) as caller:
        caller.putrequest("GET", "/metrics", skip_host=True)
        for host in hosts:
            caller.putheader("Host", host)
        caller.endheaders()
        assert caller.getresponse().status == 400


def test_a_client_that_leaves_is_no_error_and_a_fault_is_logged(caplog, monkeypatch):
    faults = [ConnectionResetError(), RuntimeError("fault")]

    def samples():
        raise faults.pop(0)

    with caplog.at_level(logging.ERROR), answering(ComputedMetrics("authority", samples)) as caller:
        for _ in range(2):
            with pytest.raises(http.client.RemoteDisconnected):
                answer(caller)
    assert [one.message for one in caplog.records] == ["a scrape failed"]


def test_senders_of_nothing_take_a_few_threads_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(exposition, "_READ_WITHIN", 0.3)
    before = threading.active_count()
    with answering(ComputedMetrics("authority", lambda: SAMPLES)) as caller, ExitStack() as silent:
        address = (caller.host, caller.port)
        opened = [silent.enter_context(socket.create_connection(address, 10)) for _ in range(3 * AT_ONCE)]
        for one in opened:
            with suppress(OSError):
                one.sendall(b"GET")
        closed = [one for one in opened[AT_ONCE:] if not _left(one)]
        assert len(closed) == 2 * AT_ONCE, "at once"
        assert threading.active_count() <= before + 1 + 2 * AT_ONCE
        for one in opened[:AT_ONCE]:
            _left(one)
        assert answer(caller)[0].status == 200


def _left(silent):
    """Read until the server closes a connection."""
    with suppress(ConnectionError):
        while silent.recv(1024):
            pass


@pytest.mark.parametrize("is_made", [True, False], ids=["made", "removed"])
def test_a_file_that_a_process_is_making_is_read_again(is_made, tmp_path):
    file = tmp_path / "counter_1.db"
    file.touch()
    end = (lambda: MmapedDict(str(file)).close()) if is_made else file.unlink
    later = threading.Timer(0.2, end)
    with answering(ProcessMetrics(tmp_path)) as caller:
        later.start()
        assert answer(caller)[0].status == 200
    later.join()


def test_computed_values_are_stored_for_another_process(tmp_path):
    store_state(tmp_path, SAMPLES)
    found = load_state(tmp_path)
    (((), age),) = found[STATE_AGE]
    assert 0 <= age < STALE_AFTER
    text = render([ComputedMetrics("authority", lambda: found)], "")[0].decode()
    assert 'sinetti_certificates{state="issued"} 3.0' in text
    assert [oct(one.stat().st_mode & 0o777) for one in tmp_path.iterdir()] == ["0o600"]


def test_without_values_the_server_is_not_ready(tmp_path):
    assert load_state(tmp_path) == {READY: [((), 0.0)]}
    (tmp_path / "state.json").write_text("{")
    assert load_state(tmp_path) == {READY: [((), 0.0)]}


def test_old_values_are_left_out(tmp_path, monkeypatch):
    store_state(tmp_path, SAMPLES)
    at = json.loads((tmp_path / "state.json").read_text())["at"]
    monkeypatch.setattr(exposition, "monotonic_seconds", lambda: at + STALE_AFTER)
    assert load_state(tmp_path) == {READY: [((), 0.0)], STATE_AGE: [((), STALE_AFTER)]}
    assert monotonic_seconds() < at + STALE_AFTER
