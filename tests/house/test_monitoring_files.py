"""Alert rules, dashboards, runbook and the page of metrics agree with each other.

tests/judges/test_promtool.py evaluates rules and queries.
"""

import json
import re
from functools import cache

import pytest
import yaml

from tests.house.tree import DOCS, ROOT, rows
from tests.support import tools

DASHBOARDS = tools.script("dashboards")
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = ("authority", "gateway", "agents")
RUNBOOK = (DOCS / "operators" / "runbook.md").read_text(encoding="utf-8")
PARTS = ("Meaning", "How bad", "First look", "Do", "Call")
OURS = re.compile(r"\bsinetti_[a-z_]+(?=[{\[) ]|$)", re.MULTILINE)
RECORDED = re.compile(r"\bsinetti:[a-z0-9_:]+")
TEMPLATED = re.compile(r"\$labels\.(\w+)")


@cache
def rules(name: str) -> list[dict[str, object]]:
    read = yaml.load((PROMETHEUS / f"{name}.rules.yml").read_bytes(), yaml.CSafeLoader)
    return [one for group in read["groups"] for one in group["rules"]]


@cache
def groups(name: str) -> dict[str, dict[str, object]]:
    read = yaml.load((PROMETHEUS / f"{name}.test.yml").read_bytes(), yaml.CSafeLoader)
    return {one["name"]: one for one in read["tests"]}


ALERTS = {one["alert"]: (name, one) for name in RULES for one in rules(name) if "alert" in one}
RECORDS = {one["record"] for name in RULES for one in rules(name) if "record" in one}


@cache
def described() -> frozenset[str]:
    """Return the metrics of both pages."""
    pages = (DOCS / "operators" / "metrics.md", DOCS / "holders" / "agent.md")
    return frozenset(cells[0].strip("`") for page in pages for cells in rows(page, "metric"))


def metrics(expression: str) -> set[str]:
    """Return the metrics in an expression; a histogram's series have its name."""
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in OURS.findall(expression)}


def sections() -> dict[str, str]:
    """Return the sections of the runbook by their heading."""
    return dict(re.findall(r"^### (\w+)\n(.*?)(?=^#|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


@cache
def queries() -> list[tuple[str, str, str]]:
    """Return dashboard, expression and legend of every query in the files."""
    return [
        (path.stem, target["expr"], target["legendFormat"])
        for path in sorted((ROOT / "deploy" / "grafana").glob("*.json"))
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", ())
    ]


def test_every_alert_has_its_section_and_no_other_is_there():
    assert [*sections()] == [*ALERTS]


def test_a_section_has_its_parts():
    for name in ALERTS:
        assert re.findall(r"^- ([^:]+): \S", sections()[name], re.MULTILINE) == [*PARTS], name


@pytest.mark.parametrize(("name", "alert"), ALERTS.values(), ids=ALERTS)
def test_an_alert_is_complete(name, alert):
    assert alert["labels"]["severity"] in {"critical", "warning"}
    notes = alert["annotations"]
    assert [*notes] == ["summary", "action", "runbook_url"]
    assert all(len(re.sub(r"\{\{.*?\}\}", "x", notes[one])) <= 110 for one in ("summary", "action"))
    assert notes["runbook_url"] == (
        "{{ $externalLabels.sinetti_docs }}/operators/runbook.html#" + alert["alert"].lower()
    )


@pytest.mark.parametrize(("name", "alert"), ALERTS.values(), ids=ALERTS)
def test_an_alert_is_silent_and_then_fires_in_its_test(name, alert):
    silent, firing = groups(name)[alert["alert"]]["promql_expr_test"]
    assert silent["exp_samples"] == []
    ((sample),) = firing["exp_samples"]
    labels = dict(re.findall(r'(\w+)="([^"]*)"', sample["labels"]))
    assert (labels["alertname"], labels["alertstate"], sample["value"]) == (alert["alert"], "firing", 1)
    texts = alert["annotations"]["summary"] + alert["annotations"]["action"]
    assert set(TEMPLATED.findall(texts)) <= set(labels)


@pytest.mark.parametrize("name", RULES)
def test_the_healthy_series_have_every_metric(name):
    healthy = groups(name)["healthy"]
    there = {re.match(r"\w+", one["series"])[0] for one in healthy["input_series"]}
    needed = {metric for one in rules(name) for metric in metrics(one["expr"])}
    assert needed <= {re.sub(r"_bucket$", "", one) for one in there}
    assert all((one["expr"], one["exp_samples"]) == ("ALERTS", []) for one in healthy["promql_expr_test"])


def test_rules_read_metrics_that_there_are():
    expressions = [one["expr"] for name in RULES for one in rules(name)]
    assert {metric for one in expressions for metric in metrics(one)} <= described()
    assert {record for one in expressions for record in RECORDED.findall(one)} <= RECORDS


def test_rules_and_dashboards_name_jobs_that_prometheus_has():
    read = yaml.load((PROMETHEUS / "prometheus.yml").read_bytes(), yaml.CSafeLoader)
    expressions = [*(one["expr"] for name in RULES for one in rules(name)), *(one for _, one, _ in queries())]
    jobs = {one["job_name"] for one in read["scrape_configs"]}
    assert {job for one in expressions for job in re.findall(r'job="([^"]+)"', one)} <= jobs
    assert [one.removesuffix(".rules.yml") for one in read["rule_files"]] == [*RULES]


def test_dashboards_read_metrics_that_there_are():
    assert {metric for _, one, _ in queries() for metric in metrics(one)} <= described()
    assert {record for _, one, _ in queries() for record in RECORDED.findall(one)} <= RECORDS


def test_dashboards_show_every_metric():
    shown = {metric for _, one, _ in queries() for metric in metrics(one)}
    sources = {metric for one in rules("authority") if "record" in one for metric in metrics(one["expr"])}
    assert described() <= shown | sources


def test_a_legend_has_labels_of_its_query():
    for board, expression, legend in queries():
        named = set(re.findall(r"\{\{(\w+)\}\}", legend))
        grouped = re.search(r"by \(([^)]*)\)", expression)
        labels = {one.strip() for one in grouped[1].split(",")} if grouped else {"instance", "name", "state", "door"}
        assert named <= labels, (board, expression)


@pytest.mark.parametrize("board", DASHBOARDS.BOARDS, ids=lambda board: board.name)
def test_dashboards_are_as_the_script_writes_them(board):
    path = DASHBOARDS.FOLDER / f"{board.name}.json"
    assert path.read_text(encoding="utf-8") == DASHBOARDS.text(board), "run `python scripts/dashboards.py`"


def test_there_is_no_other_dashboard():
    assert {path.stem for path in DASHBOARDS.FOLDER.iterdir()} == {board.name for board in DASHBOARDS.BOARDS}


def test_the_runbook_names_dashboards_with_their_rows_and_panels():
    boards = {board.title: board.rows for board in DASHBOARDS.BOARDS}
    told = re.findall(r"dashboard \*(.+?)\*, (rows?|panel) ([^;\n]+)", RUNBOOK)
    assert len(told) > 3
    for title, kind, names in told:
        panels = {panel.title for row in boards[title].values() for panel in row}
        assert set(re.findall(r"\*(.+?)\*", names)) <= (panels if kind == "panel" else set(boards[title]))
