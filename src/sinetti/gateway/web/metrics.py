"""Metrics of `sinetti gateway serve`: answers, decisions and ages of lists.

See docs/operators/metrics.md. Everything is counted in this one process.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Thread

from sinetti.gateway.trust_lists.folder import ListCheck
from sinetti.gateway.web.responses import HttpResult
from sinetti.infra.metrics import catalogue, recorder
from sinetti.infra.metrics.catalogue import MetricSource, Samples
from sinetti.infra.metrics.exposition import ComputedMetrics, MetricsServer
from sinetti.infra.metrics.recorder import OTHER, status_class

ListDates = tuple[str, datetime, datetime]
"""Name of a CA, with thisUpdate and nextUpdate of its newest list."""

FeedState = tuple[float, float]
"""State of the feed: seconds since its last sign of life, and its lag in seconds."""

_PATHS = frozenset({"/check", "/refusal", "/verify", "/readyz", "/healthz"})
_DECIDING = frozenset({"/check", "/verify"})
_REFUSED = 400
_SCRAPES_STOP_WITHIN = 0.5


@dataclass(frozen=True)
class GatewayState:
    """Functions that return the state of a gateway, and the time.

    `lists` returns the dates of lists, `unready` what is missing, `feed` the state of the feed, and `extended` the
    sources that count only by `freshness_during_outage`.
    """

    lists: Callable[[], Sequence[ListDates]]
    unready: Callable[[], list[str]]
    now: Callable[[], datetime]
    feed: Callable[[], FeedState | None]
    trust_lists: Callable[[], Sequence[ListCheck]] = tuple
    extended: Callable[[], list[str]] = list

    def samples(self) -> Samples:
        """Return the gauges at the time of a scrape."""
        now, lists, feed, trust = self.now(), self.lists(), self.feed(), self.trust_lists()
        return {
            catalogue.READY: [((), float(not self.unready()))],
            catalogue.GATEWAY_OUTAGE: [((), float(bool(self.extended())))],
            catalogue.GATEWAY_LIST_AGE: [((name,), (now - begins).total_seconds()) for name, begins, _ in lists],
            catalogue.GATEWAY_LIST_NEXT: [((name,), (ends - now).total_seconds()) for name, _, ends in lists],
            catalogue.GATEWAY_FEED_SILENCE: [] if feed is None else [((), feed[0])],
            catalogue.GATEWAY_FEED_LAG: [] if feed is None else [((), feed[1])],
            catalogue.TRUST_LIST_NUMBER: [((list_check.kind.value,), float(list_check.number)) for list_check in trust],
            catalogue.TRUST_LIST_AGE: [
                ((list_check.kind.value,), (now - list_check.checked).total_seconds())
                for list_check in trust
                if list_check.checked is not None
            ],
        }


def start_metrics(listening: socket.socket, state: GatewayState) -> None:
    """Count from now on, and answer scrapes on this socket in a thread."""
    counts = recorder.start(MetricSource.GATEWAY).registry
    server = MetricsServer(listening, [counts, ComputedMetrics("gateway", state.samples)])
    Thread(target=server.serve_forever, args=(_SCRAPES_STOP_WITHIN,), name="metrics", daemon=True).start()


def observe_answer(path: str, answer: HttpResult, seconds: float) -> None:
    """Count one answer, and the decision that it carries."""
    operation = path.removeprefix("/") if path in _PATHS else OTHER
    reason = answer.headers.get("Sinetti-Reason")
    is_decision = path in _DECIDING and (reason is not None or answer.status < _REFUSED)
    if is_decision:
        recorder.count(catalogue.DECISIONS, "accepted" if reason is None else "refused", reason or "none")
    outcome = "ok" if is_decision else status_class(answer.status)
    recorder.count(catalogue.REQUESTS, "gateway", operation, outcome)
    recorder.observe(catalogue.REQUEST_SECONDS, seconds, "gateway", operation)
