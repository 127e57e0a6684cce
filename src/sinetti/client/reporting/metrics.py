"""Prometheus metrics of a store, for the text-file collector of the node exporter.

Names follow Prometheus' rules: the unit at the end, seconds since 1970 for instants. docs/holders/agent.md has the
list.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sinetti import build_version
from sinetti.client.reporting import status
from sinetti.client.reporting.status import NameStatus, RequiredAction, StatusRow
from sinetti.infra.metrics.catalogue import BUILD_INFO, CERTIFICATES, METRICS, OWN_CERTIFICATE_ENDS

BEGINNING = b"# HELP sinetti_"
"""Beginning of a metrics file that Sinetti wrote."""

_LAST_RUN = re.compile(rb"^sinetti_agent_last_run_seconds ([0-9]{1,11})$", re.MULTILINE)

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
"""Characters to escape in the value of a label (Prometheus, "Text-based format")."""


@dataclass(frozen=True)
class _Family:
    name: str
    help_text: str
    samples: Iterable[tuple[str, float]]
    """Labels as they are written between the braces, empty for none, and the value."""


def unusable(now: datetime) -> str:
    """Return the metrics of a store that cannot be read.

    They contain no state of a name, so that no alert stays green.
    """
    return "".join(line for family in (_readable(is_readable=False), _written_at(now)) for line in _written(family))


def text(rows: Sequence[StatusRow], now: datetime, last_run: datetime | None = None) -> str:
    """Return all metrics, in the text format 0.0.4.

    `last_run`: the time at which the last run of the agent ended, if known.
    """
    rows = [row for row in rows if row.state is not NameStatus.NOT_ENROLLED]
    labels = {row.name: _labels(name=row.name, customer_id=row.seen.customer_id or "") for row in rows}
    return "".join(line for family in _families(rows, labels, now, last_run) for line in _written(family))


def last_run_of(octets: bytes) -> datetime | None:
    """Return the end of the agent's last run from a metrics file, or None."""
    match = _LAST_RUN.search(octets)
    return None if match is None else datetime.fromtimestamp(int(match[1]), UTC)


def _families(
    rows: Sequence[StatusRow], labels: dict[str, str], now: datetime, last_run: datetime | None
) -> Iterator[_Family]:
    held = [(row, labels[row.name], row.seen.span) for row in rows]
    yield _Family(
        "sinetti_certificate_not_after_seconds",
        "Last valid second of the certificate in use.",
        ((label, span.not_after.timestamp()) for _, label, span in held if span is not None),
    )
    yield _Family(
        "sinetti_certificate_renew_from_seconds",
        "Time from which the service renews the certificate as a rule.",
        ((label, row.renew_from.timestamp()) for row, label, _ in held if row.renew_from is not None),
    )
    yield _Family(
        "sinetti_certificate_state",
        "1 for the state of a name; other states are left out.",
        ((f'{labels[row.name]},state="{row.state.value}"', 1) for row in rows),
    )
    yield _Family(
        "sinetti_certificate_needs_person",
        "1 if a name needs action, otherwise 0.",
        (
            (labels[row.name], int(status.required_action(row) not in {RequiredAction.WAIT, RequiredAction.NOTHING}))
            for row in rows
        ),
    )
    yield _Family(
        "sinetti_certificate_deployed",
        "1 if the certificate was put into use, 0 if that is still due.",
        ((labels[row.name], int(known)) for row in rows if (known := status.is_deployed(row)) is not None),
    )
    yield _Family(
        "sinetti_agent_failures",
        "Failed attempts of the agent since the last success.",
        ((labels[row.name], row.seen.memory.failures) for row in rows),
    )
    yield from _shared(rows, now)
    yield _readable(is_readable=True)
    yield _written_at(now)
    if last_run is not None:
        yield _Family("sinetti_agent_last_run_seconds", "End of the agent's last run.", [("", last_run.timestamp())])


def _shared(rows: Sequence[StatusRow], now: datetime) -> Iterator[_Family]:
    """Yield counts by state, and what has the same name in metrics of servers."""
    states = [row.state for row in rows]
    counts = [
        (f'state="{NameStatu.value}"', states.count(NameStatu))
        for NameStatu in NameStatus
        if NameStatu is not NameStatus.NOT_ENROLLED
    ]
    yield _Family("sinetti_store_names", "Number of names of the store in each state.", counts)
    ends = (
        (_labels(name=row.name), (span.not_after - now).total_seconds())
        for row in rows
        if (span := row.seen.span) is not None
    )
    build = (_labels(version=build_version(), component="agent"), 1)
    families = {CERTIFICATES: counts, OWN_CERTIFICATE_ENDS: ends, BUILD_INFO: [build]}
    for name, samples in families.items():
        yield _Family(name, METRICS[name].help_text, samples)


def _readable(*, is_readable: bool) -> _Family:
    help_text = "1 if the store was readable when this file was written, otherwise 0."
    return _Family("sinetti_store_readable", help_text, [("", int(is_readable))])


def _written_at(now: datetime) -> _Family:
    return _Family("sinetti_status_time_seconds", "Time at which this file was written.", [("", now.timestamp())])


def _written(family: _Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help_text}\n# TYPE {family.name} gauge\n"
    for labels, value in family.samples:
        yield f"{family.name}{{{labels}}} {value:.0f}\n" if labels else f"{family.name} {value:.0f}\n"


def _labels(**values: str) -> str:
    return ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in values.items())
