"""`sinetti gateway serve`: answer who calls and what was signed.

A web server, and services in any language, send it requests.
"""

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from sinetti.cli.core import invocation, verbose_log
from sinetti.cli.core.commands import option
from sinetti.cli.gateway.group import SETTINGS, gateway_commands
from sinetti.client.messages import messages
from sinetti.client.results import ExitCode, UsageError
from sinetti.gateway.crl_freshness import CrlFreshnessMonitor, NoIssuer, extended_sources, watch_of
from sinetti.gateway.settings import GatewaySettings, GatewaySettingsError, load_settings
from sinetti.gateway.usage_reporter import UsageReporter
from sinetti.gateway.web.endpoints import AuthService
from sinetti.gateway.web.guard import Seen, discard
from sinetti.gateway.web.metrics import GatewayState, start_metrics
from sinetti.gateway.web.settings import (
    ListenSettings,
    guarded,
    is_address,
    load_listen_settings,
    load_report_target,
    load_watched_log,
)
from sinetti.infra import json_logging
from sinetti.infra.clock import utc_now
from sinetti.infra.metrics import recorder
from sinetti.infra.traces import TABLE, load_trace_settings, start_traces, stop_tracer
from sinetti.infra.unix_socket import sd_notify

_METRICS = option(
    "ADDRESS", "address for metrics at /metrics, IP:PORT, plain HTTP for the monitoring network alone (default: none)"
)
_log = logging.getLogger(__name__)

commands = gateway_commands()
register = commands.register


@commands.command("sinetti gateway serve --settings /etc/sinetti/gateway.toml")
def serve(*, settings_file: Path = SETTINGS, metrics_bind: str | None = _METRICS) -> ExitCode:
    """Check callers for a web server or another service (needs sinetti[gateway])."""
    _check_program(metrics_bind)
    serving = importlib.import_module("sinetti.gateway.web.server")
    json_logging.configure_logging()
    verbose_log.set_level()
    settings = load_settings(settings_file)
    place, reporter = load_listen_settings(settings), load_report_target(settings)
    sightings = None if reporter is None else UsageReporter(reporter)
    seen = discard if sightings is None else sightings.seen
    edge = serving.GatewayApp(_service(settings, place, seen), unix=place.socket is not None)
    if sightings is not None:
        sightings.numbers = edge.trust_list_numbers

    def read_anew() -> None:
        # Replaces anchors, trust, CRLs and trusted proxies. The addresses for listening and reporting stay.
        with _settings_kept():
            fresh = load_settings(settings_file)
            edge.exchange(_service(fresh, load_listen_settings(fresh), seen))
            _log.info("settings were read anew")

    try:
        scraped = None if metrics_bind is None else serving.listen(metrics_bind, None)
        listening = serving.listen(place.address, place.socket)
    except serving.PlaceTaken as taken:
        invocation.print_failure(str(taken), ExitCode.USAGE)
        return ExitCode.USAGE
    keeper = CrlFreshnessMonitor(edge.unready, log_faults=edge.notices, extended=edge.extended)
    try:
        _trace(settings, settings_file.name)
        keeper.start()
        if sightings is not None:
            sightings.start()
        facts = {"listens": serving.place_of(listening)}
        if scraped is not None:
            facts["metrics"] = serving.place_of(scraped)
            state = GatewayState(edge.lists, edge.unready, utc_now, edge.feed, edge.trust_lists, edge.extended)
            start_metrics(scraped, state)
        serving.serve(edge, listening, lambda: _ready(facts, edge.start), read_anew)
    finally:
        keeper.stop()
        listening.close()
        if sightings is not None:
            sightings.stop()
        if place.socket is not None:
            with suppress(OSError):
                place.socket.unlink()
    return _end()


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Log an error of new settings; those in use stay."""
    try:
        yield
    except Exception as bad:  # noqa: BLE001 - after any error, callers are served as before
        text = str(bad) if isinstance(bad, GatewaySettingsError | NoIssuer) else type(bad).__name__
        _log.error("settings stay as they were", extra={"facts": {"error": text}})


def _trace(settings: GatewaySettings, file_name: str) -> None:
    """Start traces; wrong settings of them are logged, and there are none."""
    table = settings.tables.get(TABLE)
    _, problem = load_trace_settings(table, file_name)
    if problem:
        _log.warning("%s; the gateway runs without traces", problem)
    start_traces(table, file_name, "sinetti-gateway")


def _service(settings: GatewaySettings, place: ListenSettings, seen: Seen) -> AuthService:
    guard = guarded(settings, place.proxies, seen)
    watch = watch_of(settings, guard.gateway.source, guard.gateway.is_distrusted)
    log, lists = load_watched_log(settings), guard.gateway.lists
    service = AuthService(
        guard,
        lambda: [
            *([] if watch is None else watch.missing(guard.now())),
            *([] if lists is None else lists.unready()),
        ],
        lambda: [
            *([] if log is None or (fault := log.fault()) is None else [fault]),
            *([] if lists is None else lists.notices()),
        ],
        lambda: [] if watch is None else watch.newest(),
        guard.feed,
        tuple if lists is None else lists.checks,
        lambda: extended_sources(watch, guard.gateway.source, guard.now()),
    )
    service.unready()  # reads CRLs and verifies their signatures now, not while the first caller waits
    return service


def _end() -> NoReturn:
    """End the process at once, without the interpreter's shutdown.

    Native threads of granian would ask for an interpreter that is gone (measured: one stop in five).
    """
    stop_tracer()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(ExitCode.DONE)


def _check_program(metrics: str | None) -> None:
    """Raise UsageError for a missing library, or an invalid address of metrics."""
    if importlib.util.find_spec("granian") is None:
        raise UsageError(messages.NEEDS_GATEWAY_EXTRA)
    if metrics is None:
        return
    if not is_address(metrics):
        raise UsageError(messages.METRICS_ADDRESS, value=metrics)
    if not recorder.is_installed():
        raise UsageError(messages.METRICS_NEED_EXTRA)


def _ready(facts: dict[str, str], start: Callable[[], None]) -> None:
    _log.info("ready", extra={"facts": facts})
    start()
    sd_notify("READY=1")
