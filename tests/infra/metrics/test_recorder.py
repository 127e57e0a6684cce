"""Counters of a process: off by default, bounded, and kept from one process of a slot to the next."""

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import DECISIONS, GATEWAY_OCSP_FAILURES, REQUEST_SECONDS, RESTARTS, MetricSource
from sinetti.infra.metrics.recorder import MOST_SERIES, count, observe, timed

PROCESSES = """
import os, sys
from pathlib import Path
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import RESTARTS, REQUESTS, MetricSource
from sinetti.infra.metrics.exposition import ProcessMetrics, render

folder = Path(sys.argv[1])
recorder.start(MetricSource.NODE, folder)
recorder.count(RESTARTS)
for slot in ("worker 0", "worker 1", "worker 0"):
    if not (pid := os.fork()):
        recorder.enter_slot(slot)
        recorder.count(REQUESTS, "soap", "renew", "ok")
        os._exit(0)
    os.waitpid(pid, 0)
recorder.stop()
assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
print(render([ProcessMetrics(folder)], "application/openmetrics-text")[0].decode())
"""


@pytest.fixture
def counts():
    """Count in this process, and return a function that shows a series."""
    registry = recorder.start(MetricSource.GATEWAY).registry
    yield registry
    recorder.stop()


def test_nothing_is_counted_or_loaded_by_default():
    program = (
        "import sys; from sinetti.infra.metrics import recorder\n"
        "recorder.count('sinetti_requests_total', 'a', 'b', 'c')\n"
        "recorder.observe('sinetti_request_seconds', 1.0, 'a', 'b')\n"
        "with recorder.timed('sinetti_signer_seconds', 'file'): pass\n"
        "assert not [name for name in sys.modules if name.startswith('prometheus')]"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_processes_of_one_slot_go_on_counting(tmp_path: Path):
    done = subprocess.run([sys.executable, "-c", PROCESSES, tmp_path], capture_output=True, text=True, check=True)
    assert 'sinetti_requests_total{door="soap",operation="renew",outcome="ok"} 3.0' in done.stdout
    assert "sinetti_worker_restarts_total 1.0" in done.stdout
    names = {one.name for one in tmp_path.iterdir()}
    assert names == {f"{kind}_{slot}.db" for kind in ("counter",) for slot in ("parent", "worker 0", "worker 1")}


def test_counts_and_durations(counts):
    count(DECISIONS, "refused", "revoked", by=2)
    observe(REQUEST_SECONDS, 0.2, "gateway", "check")
    with pytest.raises(ValueError, match="x"), timed(REQUEST_SECONDS, "gateway", "check"):
        raise ValueError("x")
    assert counts.get_sample_value(DECISIONS, {"outcome": "refused", "reason": "revoked"}) == 2
    labels = {"door": "gateway", "operation": "check"}
    assert counts.get_sample_value(f"{REQUEST_SECONDS}_count", labels) == 2
    assert 0.2 <= counts.get_sample_value(f"{REQUEST_SECONDS}_sum", labels) < 1.2
    assert counts.get_sample_value(GATEWAY_OCSP_FAILURES) == 0, "shown before the first"


def test_a_metric_has_its_most_series_and_the_rest_is_other(counts):
    for number in range(MOST_SERIES + 5):
        count(DECISIONS, "refused", f"reason-{number}")
    assert counts.get_sample_value(DECISIONS, {"outcome": "other", "reason": "other"}) == 5
    assert generate_latest(counts).count(b"sinetti_gateway_decisions_total{") == MOST_SERIES + 1


def test_metrics_of_another_source_are_an_error(counts):
    with pytest.raises(KeyError):
        count(RESTARTS)
