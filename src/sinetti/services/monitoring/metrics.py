"""Gauges about the register, for the endpoint of docs/operators/metrics.md.

The keeper of a node computes them. `current_samples` takes a few rows, and `counted_samples` reads whole tables, so the
keeper keeps its result for minutes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sinetti.database.issuance import unregistered
from sinetti.database.notifications import outbox_queries
from sinetti.database.operations import figures, metrics, monitoring
from sinetti.domain.certificates.overview import MONTHS, coming_months
from sinetti.infra.metrics import catalogue
from sinetti.infra.metrics.catalogue import Samples
from sinetti.services.context import ServiceContext

LATER = "later"
"""Label of certificates that end after the months that are counted one by one."""


def current_samples(ctx: ServiceContext) -> Samples:
    """Return lists, log, waiting messages and connections as they are now."""
    age = partial(_seconds, ctx.now())
    lists = metrics.list_crl_sizes(ctx.db).items()
    waiting = outbox_queries.count_waiting(ctx.db).items()
    found: Samples = {
        catalogue.UNREGISTERED: [((), len(unregistered.list_recent(ctx.db, ctx.now())))],
        catalogue.CRL_AGE: [((name,), age(crl_size.oldest)) for name, crl_size in lists],
        catalogue.CRL_NEXT: [((name,), -age(crl_size.first_end)) for name, crl_size in lists],
        catalogue.CRL_OCTETS: [((name,), crl_size.octets) for name, crl_size in lists],
        catalogue.CRL_ENTRIES: [((name,), crl_size.entries) for name, crl_size in lists],
        catalogue.OUTBOX: [((channel.value,), count) for channel, (count, _) in waiting],
        catalogue.OUTBOX_AGE: [
            ((channel.value,), max(0.0, age(first)) if first is not None else 0.0) for channel, (_, first) in waiting
        ],
        **_ends(ctx),
    }
    if (log := metrics.find_log_state(ctx.db)) is not None:
        found[catalogue.LOG_SIZE] = [((), log.size)]
        found[catalogue.LOG_UNSEQUENCED] = [((), log.waiting)]
        found[catalogue.LOG_AGE] = [((), _seconds(ctx.machine_now(), log.made_at))]
    if (connections := metrics.count_connections(ctx.db)) is not None:
        in_use, idle = connections
        found[catalogue.DATABASE_CONNECTIONS] = [(("in_use",), in_use), (("idle",), idle)]
    return found


def counted_samples(ctx: ServiceContext) -> Samples:
    """Return what counts all certificates, OCSP answers and messages."""
    states, failures = metrics.count_states(ctx.db, ctx.now()), outbox_queries.count_failures(ctx.db)
    return {
        catalogue.CERTIFICATES: [((state,), count) for state, count in states.items()],
        catalogue.OCSP_ANSWERS: [((name,), count) for name, count in metrics.count_answers(ctx.db).items()],
        catalogue.OCSP_AGE: [
            ((age.authority,), _seconds(ctx.now(), age.this_update)) for age in monitoring.answer_ages(ctx.db)
        ],
        catalogue.OUTBOX_FAILED: [((channel.value,), one.dead) for channel, one in failures.items()],
        catalogue.DELIVERY_FAILURES: [((channel.value,), one.attempts) for channel, one in failures.items()],
    }


class GrowthCounter:
    """Counter of what is added to totals that also shrink, as by erased rows."""

    def __init__(self) -> None:
        """Begin at 0 with the first totals."""
        self._before: Mapping[tuple[str, ...], float] | None = None
        self._grown: dict[tuple[str, ...], float] = {}

    def add(self, totals: Sequence[tuple[tuple[str, ...], float]]) -> Sequence[tuple[tuple[str, ...], float]]:
        """Return what was added since the first totals, by label."""
        before = dict(totals) if self._before is None else self._before
        for label, total in totals:
            self._grown[label] = self._grown.get(label, 0.0) + max(0.0, total - before.get(label, 0.0))
        self._before = dict(totals)
        return tuple(self._grown.items())


def _ends(ctx: ServiceContext) -> Samples:
    """Return the ends by month, as the count for the clerks' first page has them."""
    counted = figures.load_figures(ctx.db)
    if counted is None:
        return {}
    months = [f"{month:%Y-%m}" for month in coming_months(counted.taken_at)]
    later = counted.in_force - sum(counted.ends)
    pairs = [*zip(months, counted.ends[:MONTHS], strict=True), (LATER, later)]
    return {catalogue.CERTIFICATE_ENDS: [((month,), count) for month, count in pairs]}


def _seconds(now: datetime, since: datetime) -> float:
    return (now - since).total_seconds()
