"""promtool judges deploy/prometheus, and evaluates the queries of deploy/grafana on recorded metrics.

metrics_recorder.py wrote the recordings. tests/house/test_monitoring_files.py compares rules, dashboards and pages.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.house.test_monitoring_files import PROMETHEUS, RULES, described, metrics, queries
from tests.support.postgres import skip_or_fail

RECORDED = {
    "sinetti-authority": ("authority", "pki1"),
    "sinetti-gateway": ("gateway", "gate1"),
    "sinetti-agents": ("agents", "host1"),
}
"""Recording and instance by the job of deploy/prometheus/prometheus.yml."""

FAILURES = {
    "sinetti_delivery_failures_total",
    "sinetti_gateway_ocsp_failures_total",
    "sinetti_journal_shipping_lag_seconds",
    "sinetti_optional_part_off",
    "sinetti_policy_violations_total",
    "sinetti_signer_errors_total",
}
"""Metrics that appear with the first failure, or where journals are shipped."""


def promtool(*words: object, folder: Path = PROMETHEUS) -> str:
    if shutil.which("promtool") is None:
        skip_or_fail("promtool is not installed")
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_and_its_rules():
    assert promtool("check", "config", "--lint-fatal", "prometheus.yml").count("SUCCESS") == 2 + len(RULES)


@pytest.mark.parametrize("name", RULES)
def test_every_alert_fires_and_none_in_healthy_series(name):
    promtool("test", "rules", f"{name}.test.yml")


def series() -> list[dict[str, str]]:
    """Return the recordings as input of promtool: counters grow by what they had each minute, gauges stay."""
    found = []
    for job, (name, instance) in RECORDED.items():
        text = (Path(__file__).parent / "metrics" / f"{name}.prom").read_text(encoding="utf-8")
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                labels = {**one.labels, "job": job, "instance": instance}
                written = ", ".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
                is_counter = family.type in {"counter", "histogram"}
                values = f"0+{one.value:f}x60" if is_counter else f"{one.value:f}x60"
                found.append({"series": f"{one.name}{{{written}}}", "values": values})
    return found


def test_the_recordings_have_every_metric_of_the_pages():
    names = {re.sub(r"_(bucket|sum|count)$", "", one["series"].partition("{")[0]) for one in series()}
    ours = {one for one in names if one.startswith("sinetti_") and not one.endswith("_created")}
    assert described() - FAILURES <= ours <= described()


def test_every_query_of_a_dashboard_finds_something(tmp_path):
    alert = 'ALERTS{alertname="SinettiNameNeedsPerson", alertstate="firing", instance="host1"}'
    cases = [
        {
            "expr": f"count({expression}) > bool 0",
            "eval_time": "60m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for _, expression, _ in queries()
        if not metrics(expression) & FAILURES
    ]
    assert len(cases) > 60
    test = {
        "rule_files": [str(PROMETHEUS / f"{name}.rules.yml") for name in RULES],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": [*series(), {"series": alert, "values": "1x60"}],
                   "promql_expr_test": cases}],
    }  # fmt: skip
    (tmp_path / "queries.yml").write_text(json.dumps(test), encoding="utf-8")  # JSON is YAML, too
    promtool("test", "rules", "queries.yml", folder=tmp_path)


@pytest.mark.parametrize("wrong", ["sum by (dor) (sinetti_ready)) > 1", "count(sinetti_redy) > bool 0"])
def test_a_query_that_finds_nothing_or_is_no_query_is_noticed(tmp_path, wrong):
    case = {"expr": wrong, "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 1}]}
    ready = {"series": "sinetti_ready", "values": "1x10"}
    test = {"rule_files": [], "tests": [{"interval": "1m", "input_series": [ready], "promql_expr_test": [case]}]}
    (tmp_path / "queries.yml").write_text(json.dumps(test), encoding="utf-8")
    with pytest.raises(AssertionError, match=r"FAILED|error"):
        promtool("test", "rules", "queries.yml", folder=tmp_path)
