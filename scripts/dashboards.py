"""Writes deploy/grafana/: dashboards of authority, messages, gateway and fleets.

    python scripts/dashboards.py

It needs the extra `test`. Queries read the metrics of docs/operators/metrics.md and docs/holders/agent.md, and the
records of deploy/prometheus.
"""

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "grafana"
SOURCE = DataSourceRef("prometheus", "${datasource}")
COLUMNS, HEIGHT, STAT_HEIGHT = 8, 8, 4
"""Columns and rows of a panel, and rows of one number, which has half the columns."""
LAST = common.ReduceDataOptions().calcs(["lastNotNull"])

AUTHORITY, GATEWAY = 'job="sinetti-authority"', 'job="sinetti-gateway"'


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: `queries` are pairs of a PromQL expression and its legend.

    `red_below` and `red_from` colour one number; both None: a graph, or bars by month.
    """

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    red_below: float | None = None
    red_from: float | None = None
    is_bars: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard: panels by row."""

    name: str
    title: str
    rows: dict[str, tuple[Panel, ...]]


def one(title: str, unit: str, query: str, legend: str = "", *, red_below: float | None = None) -> Panel:
    """Return a panel with one number, red below a value, or else from 1 on."""
    return Panel(title, unit, ((query, legend),), red_below, None if red_below is not None else 1)


def graph(title: str, unit: str, *queries: tuple[str, str]) -> Panel:
    """Return a panel with lines over time."""
    return Panel(title, unit, queries)


def quantiles(metric: str, labels: str, chosen: str, legend: str) -> tuple[tuple[str, str], ...]:
    """Return queries of the median and of the 99th percentile of a histogram."""
    rate = f"sum by ({labels}, le) (rate({metric}_bucket{chosen}[5m]))"
    return tuple((f"histogram_quantile({q}, {rate})", f"{legend} p{q * 100:.0f}") for q in (0.5, 0.99))


def firing(name: str) -> Panel:
    """Return the number of firing alerts whose names match a pattern."""
    return one("Alerts", "short", f'count(ALERTS{{alertstate="firing", alertname=~"{name}"}}) or vector(0)')


BOARDS = (
    Board("authority", "Sinetti authority", {
        "Now": (
            one("Ready nodes", "short", f"sum(sinetti_ready{{{AUTHORITY}}})", red_below=1),
            firing("Sinetti.+"),
            one("Findings of the watchdog", "short", "sum(max by (kind) (sinetti_findings))"),
            one("First end of a list", "s", "min(sinetti_crl_next_update_seconds)", red_below=86400),
            one("Version", "short", 'sum by (version) (sinetti_build_info{component="authority"})', "{{version}}",
                red_below=1),
        ),
        "Requests": (
            graph("Requests by door", "reqps", ("sum by (door) (sinetti:requests:rate5m)", "{{door}}")),
            graph("Outcomes over SOAP", "reqps",
                  ('sum by (operation, outcome) (sinetti:requests:rate5m{door="soap"})', "{{operation}} {{outcome}}")),
            graph("Failures of the service", "percentunit", ("sinetti:request_errors:ratio5m", "{{door}}")),
            graph("Seconds of a request", "s",
                  *quantiles("sinetti_request_seconds", "door", f"{{{AUTHORITY}}}", "{{door}}")),
            graph("Refusals by reason", "reqps",
                  ("sum by (operation, reason) (rate(sinetti_refusals_total[15m]))", "{{operation}} {{reason}}")),
        ),
        "Certificates": (
            graph("Issued per hour", "short",
                  ("sum by (kind) (increase(sinetti_certificates_issued_total[1h]))", "{{kind}}")),
            graph("Revoked per hour", "short",
                  ("sum by (reason) (increase(sinetti_certificates_revoked_total[1h]))", "{{reason}}")),
            graph("Certificates by state", "short",
                  (f"max by (state) (sinetti_certificates{{{AUTHORITY}}})", "{{state}}")),
            Panel("Ends by month", "short",
                  (("max by (month) (sinetti_certificate_ends)", "{{month}}"),), is_bars=True),
            graph("Own certificates: time left", "s",
                  (f"min by (name) (sinetti_own_certificate_ends_seconds{{{AUTHORITY}}})", "{{name}}")),
        ),
        "Lists and OCSP": (
            graph("Age of lists", "s", ("min by (ca) (sinetti_crl_age_seconds)", "{{ca}}")),
            graph("Time until lists end", "s", ("max by (ca) (sinetti_crl_next_update_seconds)", "{{ca}}")),
            graph("Size of lists", "bytes", ("max by (ca) (sinetti_crl_octets)", "{{ca}}")),
            graph("Revocations on lists", "short", ("max by (ca) (sinetti_crl_entries)", "{{ca}}")),
            graph("Oldest OCSP answer", "s", ("max by (ca) (sinetti_ocsp_oldest_answer_age_seconds)", "{{ca}}")),
            graph("Stored OCSP answers", "short", ("max by (ca) (sinetti_ocsp_answers)", "{{ca}}")),
        ),
        "Signer": (
            graph("Seconds of a signature", "s",
                  *quantiles("sinetti_signer_seconds", "store", "", "{{store}}")),
            graph("Signatures", "ops", ("sum by (store) (rate(sinetti_signer_seconds_count[5m]))", "{{store}}")),
            graph("Failed signatures", "short",
                  ("sum by (instance, kind) (increase(sinetti_signer_errors_total[5m]))", "{{instance}} {{kind}}")),
        ),
        "Database, processes, clock": (
            graph("Connections", "short",
                  ("max by (state) (sinetti_database_connections)", "{{state}}")),
            graph("Database errors", "short", ("increase(sinetti_database_errors_total[5m])", "{{instance}}")),
            graph("Restarts of processes", "short", ("increase(sinetti_worker_restarts_total[15m])", "{{instance}}")),
            graph("Clock: difference", "s", ("sinetti_clock_offset_seconds", "{{instance}}")),
            graph("Age of the keeper's values", "s", ("sinetti_state_age_seconds", "{{instance}}")),
        ),
        "Log and journal": (
            graph("Entries of the log", "short", ("max(sinetti_log_size)", "entries")),
            graph("Rows that wait for the log", "short", ("min(sinetti_log_unsequenced)", "rows")),
            graph("Age of the checkpoint", "s", ("min(sinetti_log_checkpoint_age_seconds)", "age")),
            graph("Certificates that the register lacks", "short",
                  ("max(sinetti_unregistered_certificates)", "certificates")),
            graph("Journal ahead of the register", "short", ("sinetti_journal_ahead", "{{instance}}")),
            graph("Lag of the journals' copies", "s", ("sinetti_journal_shipping_lag_seconds", "{{instance}}")),
        ),
        "Parts": (
            graph("Parts left out", "short", ("max by (part) (sinetti_optional_part_off)", "{{part}}")),
            graph("Blocked by the pages' policy", "short",
                  ("sum by (directive) (increase(sinetti_policy_violations_total[1h]))", "{{directive}}")),
        ),
    }),
    Board("notices", "Sinetti messages", {
        "Now": (
            one("Given up", "short", "sum(max by (channel) (sinetti_outbox_failed_messages))"),
            firing("SinettiMessages.+|SinettiDelivery.+"),
        ),
        "Outbox": (
            graph("Waiting messages", "short", ("max by (channel) (sinetti_outbox_messages)", "{{channel}}")),
            graph("Longest wait", "s", ("max by (channel) (sinetti_outbox_oldest_age_seconds)", "{{channel}}")),
            graph("Failed attempts per hour", "short",
                  ("max by (channel) (increase(sinetti_delivery_failures_total[1h]))", "{{channel}}")),
            graph("Given up", "short", ("max by (channel) (sinetti_outbox_failed_messages)", "{{channel}}")),
        ),
        "Pages": (
            graph("Requests of pages", "reqps",
                  ('sum by (outcome) (sinetti:requests:rate5m{door="pages"})', "{{outcome}}")),
            graph("Seconds of a page", "s",
                  *quantiles("sinetti_request_seconds", "door", '{door="pages"}', "{{door}}")),
        ),
    }),
    Board("gateway", "Sinetti gateway", {
        "Now": (
            one("Ready gateways", "short", f"sum(sinetti_ready{{{GATEWAY}}})", red_below=1),
            firing("SinettiGateway.+"),
            one("First end of a list", "s", "min(sinetti_gateway_list_next_update_seconds)", red_below=86400),
            one("Version", "short", 'sum by (version) (sinetti_build_info{component="gateway"})', "{{version}}",
                red_below=1),
        ),
        "Decisions": (
            graph("Decisions", "reqps",
                  ("sum by (outcome) (rate(sinetti_gateway_decisions_total[5m]))", "{{outcome}}")),
            graph("Refusals by reason", "reqps",
                  ('sum by (reason) (rate(sinetti_gateway_decisions_total{outcome="refused"}[5m]))', "{{reason}}")),
            graph("Requests", "reqps",
                  (f"sum by (operation, outcome) (rate(sinetti_requests_total{{{GATEWAY}}}[5m]))",
                   "{{operation}} {{outcome}}")),
            graph("Seconds of a request", "s",
                  *quantiles("sinetti_request_seconds", "operation", f"{{{GATEWAY}}}", "{{operation}}")),
        ),
        "Revocation": (
            graph("Age of lists", "s", ("max by (ca) (sinetti_gateway_list_age_seconds)", "{{ca}}")),
            graph("Time until lists end", "s",
                  ("min by (instance, ca) (sinetti_gateway_list_next_update_seconds)", "{{instance}} {{ca}}")),
            graph("Older lists or answers count", "short",
                  ("max by (instance) (sinetti_gateway_outage)", "{{instance}}")),
            graph("Status feed", "s",
                  ("sinetti_gateway_feed_silence_seconds", "{{instance}}, last sign of life"),
                  ("sinetti_gateway_feed_lag_seconds", "{{instance}}, oldest event")),
            graph("Trust lists", "s",
                  ("max by (instance, list) (sinetti_gateway_trust_list_age_seconds)", "{{instance}} {{list}}")),
            graph("Numbers of trust lists", "short",
                  ("max by (instance, list) (sinetti_gateway_trust_list_number)", "{{instance}} {{list}}")),
            graph("OCSP requests without an answer", "short",
                  ("increase(sinetti_gateway_ocsp_failures_total[10m])", "{{instance}}")),
        ),
    }),
    Board("fleets", "Sinetti fleets", {
        "Now": (
            one("Need a person", "short", "sum(sinetti_certificate_needs_person)"),
            one("Not deployed", "short", "count(sinetti_certificate_deployed == 0) or vector(0)"),
            one("Unreadable stores", "short", "count(sinetti_store_readable == 0) or vector(0)"),
            one("Silent agents", "short", "count(time() - sinetti_status_time_seconds > 3 * 3600) or vector(0)"),
            one("First end", "s", "min(sinetti_certificate_not_after_seconds - time())", red_below=259200),
            firing("SinettiAgent.+|SinettiHolder.+|SinettiStore.+|SinettiName.+|SinettiCertificate.+"),
        ),
        "Certificates": (
            graph("Names by state", "short", ("sum by (state) (sinetti_store_names)", "{{state}}")),
            graph("Names that are not valid", "short",
                  ('sinetti_certificate_state{state!~"valid|renewal-open"}', "{{instance}} {{name}} {{state}}")),
            graph("Ten first ends", "s",
                  ("bottomk(10, sinetti_certificate_not_after_seconds - time())", "{{instance}} {{name}}")),
            graph("Ten first renewals", "s",
                  ("bottomk(10, sinetti_certificate_renew_from_seconds - time())", "{{instance}} {{name}}")),
        ),
        "Agents": (
            graph("Failed attempts since the last success", "short",
                  ("topk(10, sinetti_agent_failures)", "{{instance}} {{name}}")),
            graph("Age of the agents' files", "s",
                  ("topk(10, time() - sinetti_status_time_seconds)", "{{instance}}")),
            graph("Time since the last pass", "s",
                  ("topk(10, time() - sinetti_agent_last_run_seconds)", "{{instance}}")),
        ),
    }),
)  # fmt: skip


def number(panel: Panel) -> stat.Panel:
    """Return a panel that shows the last value, in green or red."""
    first, then = ("red", "green") if panel.red_below is not None else ("green", "red")
    limit = panel.red_from if panel.red_below is None else panel.red_below
    steps = [Threshold(None, first), Threshold(limit, then)]
    made = stat.Panel().color_mode(BigValueColorMode.BACKGROUND).graph_mode(BigValueGraphMode.NONE)
    made = made.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return made.reduce_options(LAST).span(COLUMNS // 2).height(STAT_HEIGHT)


def builder(panel: Panel) -> stat.Panel | bargauge.Panel | timeseries.Panel:
    """Return the SDK's builder of a panel."""
    made: stat.Panel | bargauge.Panel | timeseries.Panel
    is_number = panel.red_below is not None or panel.red_from is not None
    if is_number:
        made = number(panel)
    elif panel.is_bars:
        made = bargauge.Panel().reduce_options(LAST).span(COLUMNS).height(HEIGHT)
    else:
        made = timeseries.Panel().fill_opacity(10).span(COLUMNS).height(HEIGHT)
    made = made.title(panel.title).datasource(SOURCE).unit(panel.unit)
    for place, (query, legend) in enumerate(panel.queries):
        target = prometheus.Dataquery().ref_id(chr(ord("A") + place)).expr(query).legend_format(legend)
        made = made.with_target(target.instant() if is_number or panel.is_bars else target.range())
    return made


def text(board: Board) -> str:
    """Return a dashboard as JSON."""
    link = (
        dashboard.DashboardLink("Sinetti")
        .type(DashboardLinkType.DASHBOARDS)
        .tags(["sinetti"])
        .as_dropdown(as_dropdown=True)
    )
    made = (
        dashboard.Dashboard(board.title)
        .uid(f"sinetti-{board.name}")
        .tags(["sinetti"])
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("browser")
        .link(link)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    ids = count(1)
    for title, panels in board.rows.items():
        made = made.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            made = made.with_panel(builder(panel).id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def main() -> None:
    """Write all dashboards."""
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(text(board), encoding="utf-8")


if __name__ == "__main__":
    main()
