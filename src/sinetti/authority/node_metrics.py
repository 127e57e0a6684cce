"""Metrics of a serving node: folder of the counts, gauges, process for scrapes.

The keeper computes the gauges. See docs/operators/metrics.md.
"""

import fcntl
import logging
import os
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from threading import Event
from typing import NoReturn

from sinetti.authority import alerts
from sinetti.authority.alerts import PacedCheck
from sinetti.authority.bootstrap import Authority
from sinetti.database.connection import DATABASE_UNAVAILABLE
from sinetti.domain.operations.clock_check import difference
from sinetti.domain.operations.monitoring import FindingKind
from sinetti.infra.clock import utc_now
from sinetti.infra.metrics import catalogue, recorder
from sinetti.infra.metrics.catalogue import MetricSource, Samples
from sinetti.infra.metrics.exposition import (
    ComputedMetrics,
    MetricsServer,
    ProcessMetrics,
    load_state,
    store_state,
)
from sinetti.pki.encoding import load_certificate, serial_hex
from sinetti.server.addresses import ListenAddress, listen
from sinetti.services.issuance.reconcile import preview
from sinetti.services.monitoring.metrics import GrowthCounter, counted_samples, current_samples

COMPUTED_EVERY = 15.0
"""Seconds between two rounds of the keeper."""

SLOW_PAUSE_RATIO = 100
"""Least ratio of the pause between two long computations to their duration."""

_PREFIX = "sinetti-metrics-"
_YOUNG = 60.0
"""Age in seconds below which a folder may belong to a server that starts."""

_SERVED_KINDS = frozenset(FindingKind) - {
    FindingKind.NOT_SERVED,
    FindingKind.ANSWER_WRONG,
    FindingKind.LOG_UNPROTECTED,
    FindingKind.LOG_WRONG,
    FindingKind.UNREGISTERED,
    FindingKind.NOT_SIGNED,
}
"""Findings that the keeper looks for; `sinetti authority watch` looks for all."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NodeMetrics:
    """Folder of the counts, and the address of scrapes with its socket."""

    folder: Path
    address: ListenAddress
    listening: socket.socket


@contextmanager
def node_metrics(address: ListenAddress | None) -> Iterator[NodeMetrics | None]:
    """Count in this process and its children during the block.

    Without an address for scrapes, nothing is counted. Raises AddressInUse.
    """
    if address is None:
        yield None
        return
    listening = listen(address.host, address.port)
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    # The lock says that a server uses the folder. systemd-tmpfiles spares locked folders, too.
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        recorder.start(MetricSource.NODE, folder)
        yield NodeMetrics(folder, ListenAddress(address.host, listening.getsockname()[1]), listening)
    finally:
        recorder.stop()
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)
        listening.close()


def _remove_abandoned() -> None:
    """Remove folders of this user's servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            is_young = utc_now().timestamp() - status.st_mtime < _YOUNG
            if status.st_uid != os.getuid() or is_young:
                continue
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def serve_scrapes(metrics: NodeMetrics, ready: Callable[[], None]) -> NoReturn:
    """Answer scrapes until a signal ends the process."""
    computed = ComputedMetrics("authority", partial(load_state, metrics.folder))
    server = MetricsServer(metrics.listening, [ProcessMetrics(metrics.folder), computed])
    ready()
    server.serve_forever(COMPUTED_EVERY)
    raise AssertionError  # only a signal ends the loop


class NodeState:
    """Gauges of a node, in its keeper. `tls_certificate` is that of the server."""

    def __init__(self, authority: Authority, folder: Path, tls_certificate: Path | None = None) -> None:
        """Store the arguments; nothing is computed yet."""
        self._authority, self._folder, self._tls = authority, folder, tls_certificate
        self._failures = GrowthCounter()
        self._checks = alerts.readiness_checks(authority)
        slow = (partial(counted_samples, authority.ctx), self._findings, self._journal)
        self._parts: tuple[Callable[[], Samples], ...] = (
            partial(current_samples, authority.ctx),
            self._clock,
            self._ends,
            self._shipping,
            self._parts_off,
            *(PacedCheck(look, SLOW_PAUSE_RATIO) for look in slow),
        )

    def keep_current(self, stop: Event) -> None:
        """Compute and store the gauges every 15 seconds, until `stop` is set."""
        while not stop.is_set():
            try:
                store_state(self._folder, self.compute())
            except OSError:
                _log.exception("the metrics of the register cannot be stored")
            finally:
                self._authority.ctx.db.close()
            stop.wait(COMPUTED_EVERY)

    def compute(self) -> Samples:
        """Return the gauges. While the database is away, only that the node is not ready."""
        ctx = self._authority.ctx
        try:
            ctx.db.refresh()
            is_ready = not any(check() for check in self._checks.values())
            found: Samples = {catalogue.READY: [((), float(is_ready))]}
            for part in self._parts:
                found |= part()
        except DATABASE_UNAVAILABLE:
            _log.warning("the database is unavailable: metrics of the register are left out")
            return _unready()
        except Exception:  # noqa: BLE001 - there is no caller; the next round tries again
            _log.exception("the metrics of the register cannot be computed")
            return _unready()
        found[catalogue.DELIVERY_FAILURES] = self._failures.add(found[catalogue.DELIVERY_FAILURES])
        return found

    def _clock(self) -> Samples:
        ahead = difference(self._authority.clock.status().readings)
        return {} if ahead is None else {catalogue.CLOCK_OFFSET: [((), ahead.total_seconds())]}

    def _ends(self) -> Samples:
        now = self._authority.ctx.now()
        files = alerts.own_certificates(self._authority)
        if self._tls is not None:
            files["tls"] = self._tls.read_bytes()
        ends: dict[str, float] = {}
        for file_name, octets in files.items():
            certificate = load_certificate(octets)
            # A leaf and its successors share a name, and the last one counts.
            name = file_name.removesuffix(".cer").removesuffix(f"-{serial_hex(certificate.serial_number)}")
            ends[name] = max(ends.get(name, -inf), (certificate.not_valid_after_utc - now).total_seconds())
        return {catalogue.OWN_CERTIFICATE_ENDS: [((name,), left) for name, left in ends.items()]}

    def _parts_off(self) -> Samples:
        return {catalogue.OPTIONAL_PART_OFF: [((part_off.part,), 1.0) for part_off in self._authority.left_out]}

    def _findings(self) -> Samples:
        authority = self._authority
        everything = alerts.watchdog_findings(authority, alerts.own_certificates(authority))
        found = Counter(finding.kind for finding in (*everything, *alerts.succession_findings(authority)))
        found[FindingKind.OFFLINE_LIST_ENDS] += alerts.offline_lists(authority) is not None
        return {catalogue.FINDINGS: [((kind.value,), found[kind]) for kind in sorted(_SERVED_KINDS)]}

    def _shipping(self) -> Samples:
        lag = alerts.journal_shipping_lag(self._authority)
        return {} if lag is None else {catalogue.JOURNAL_SHIPPING_LAG: [((), lag.total_seconds())]}

    def _journal(self) -> Samples:
        is_ahead = not preview(self._authority.ctx, self._authority.journal).agrees
        return {catalogue.JOURNAL_AHEAD: [((), float(is_ahead))]}


def _unready() -> Samples:
    return {catalogue.READY: [((), 0.0)]}
