"""Counters and histograms of this process, in files that one process adds up.

Nothing is counted, and prometheus_client is not loaded, until `start` was called (docs/operators/metrics.md). A process
counts in the files of its slot. A slot belongs to one process at a time, and the next process goes on with its counts.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from sinetti.infra.clock import monotonic_seconds
from sinetti.infra.environment import set_variable
from sinetti.infra.metrics.catalogue import METRICS, MetricSource, MetricType

MOST_SERIES = 500
"""Combinations of labels of one metric in a process; further ones count as OTHER."""

OTHER = "other"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of histograms in seconds; an answer may take 30 s."""

_REFUSED, _FAILED = 400, 500
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_CLIENT = "prometheus_client"


class Recorder:
    """Counters and histograms of a server, made by prometheus_client."""

    def __init__(self, source: MetricSource, client: Any) -> None:  # noqa: ANN401 - a module that is loaded on demand
        """Make the metrics of this source."""
        self.registry = client.CollectorRegistry(auto_describe=False)
        self._families: dict[str, Any] = {}
        self._children: dict[tuple[str, ...], Any] = {}
        self._series: Counter[str] = Counter()
        for metric in METRICS.values():
            if source not in metric.sources or metric.type is MetricType.GAUGE:
                continue
            more = {"buckets": BUCKETS} if metric.type is MetricType.HISTOGRAM else {}
            make = client.Histogram if metric.type is MetricType.HISTOGRAM else client.Counter
            self._families[metric.name] = make(
                metric.name, metric.help_text, metric.labels, registry=self.registry, **more
            )

    def series(self, name: str, labels: tuple[str, ...]) -> Any:  # noqa: ANN401 - a counter or a histogram
        """Return the series of a metric with these values of its labels."""
        found = self._children.get((name, *labels))
        return self._new(name, labels) if found is None else found

    def _new(self, name: str, labels: tuple[str, ...]) -> Any:  # noqa: ANN401 - as above
        family = self._families[name]
        if not labels:
            found = family
        elif self._series[name] >= MOST_SERIES:
            return family.labels(*[OTHER] * len(labels))
        else:
            self._series[name] += 1
            found = family.labels(*labels)
        self._children[name, *labels] = found
        return found


class _Process:
    """State of this process: its recorder, if it counts, and its slot."""

    recorder: ClassVar[Recorder | None] = None
    slot: ClassVar[str] = "parent"


def is_installed() -> bool:
    """Return True if metrics can be counted."""
    return find_spec(_CLIENT) is not None


def start(source: MetricSource, folder: Path | None = None) -> Recorder:
    """Count from now on, in this process and in those that it forks.

    With `folder`, processes count in files there. Without it, one process counts in its memory.
    """
    # prometheus_client reads the variable when it is loaded, and whenever it opens a file.
    set_variable(_FOLDER, None if folder is None else str(folder))
    client, values = import_module(_CLIENT), import_module(f"{_CLIENT}.values")
    kind = values.MutexValue if folder is None else values.MultiProcessValue(lambda: _Process.slot)
    setattr(values, "ValueClass", kind)  # noqa: B010 - its type is not declared
    _Process.recorder = Recorder(source, client)
    return _Process.recorder


def stop() -> None:
    """Count no more in this process."""
    _Process.recorder = None
    set_variable(_FOLDER, None)


def enter_slot(slot: str) -> None:
    """Count in the files of this slot from now on, as a process does after its fork."""
    _Process.slot = slot


def count(name: str, *labels: str, by: int = 1) -> None:
    """Add to a counter."""
    if (recorder := _Process.recorder) is not None:
        recorder.series(name, labels).inc(by)


def observe(name: str, seconds: float, *labels: str) -> None:
    """Add a duration to a histogram."""
    if (recorder := _Process.recorder) is not None:
        recorder.series(name, labels).observe(seconds)


def status_class(status: int) -> str:
    """Return the outcome of an HTTP status: `ok`, `4xx` or `5xx`."""
    if status < _REFUSED:
        return "ok"
    return "4xx" if status < _FAILED else "5xx"


@contextmanager
def timed(name: str, *labels: str) -> Iterator[None]:
    """Add the duration of the block to a histogram, however it ends."""
    if _Process.recorder is None:
        yield
        return
    begun = monotonic_seconds()
    try:
        yield
    finally:
        observe(name, monotonic_seconds() - begun, *labels)
