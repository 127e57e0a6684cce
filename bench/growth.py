"""`python -m bench.growth`: cost of the main work with many certificates.

Renewals, pages, messages, the log, CRLs and a start are measured, and beside them the same with 10,000 certificates.
The processor's time and the shortest time of a page count, since other programs change those least. The cluster is
removed afterwards.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time

from bench import filling, growth_filling, lists, load, notices, pages, scene, seeding
from bench.clusters import cluster, new_database
from bench.marks import MOST_GROWTH
from bench.running import cpu
from bench.scene import Holder
from bench.server import served
from sinetti.authority.bootstrap import Authority
from sinetti.database.evidence.log_tree import find_head
from sinetti.domain.secret_keys import fixed_keys
from sinetti.domain.values import Environment
from sinetti.infra.clock import monotonic_seconds, utc_now
from sinetti.notifications.context import NotificationContext
from sinetti.notifications.planning.reminders import plan
from sinetti.services.evidence.verify_log import LogSources, verify_log
from sinetti.wire.transparency.notes import Checkpoint

FEW = 10_000
"""Certificates of the database that the large one is compared with."""

AIMS = {"fill": 2400.0, "plan": 60.0, "verify": 10.0, "list": 0.7, "start": 5.0}
"""Limits in seconds that the issue sets for ten million certificates."""

MOST_OCTETS = 40_000_000_000
_WARMING, _WORKERS, _START_TRIES = 60, 2, 3
_SCALE = 10_000_000

_Value = tuple[float, float, str, str]
"""Value, limit, unit and remark of a figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with 10,000 certificates and with many, and the limit for the latter."""

    what: str
    few: float | None
    many: float
    aim: float | None = None
    unit: str = "s"
    more: str = ""

    @property
    def missed(self) -> bool:
        """True if the figure is worse than its limit."""
        return self.aim is not None and self.many > self.aim

    def row(self) -> str:
        """Return the figure as a row of the table."""
        few = "–" if self.few is None else f"{self.few:,.2f}"
        aim = "–" if self.aim is None else f"{self.aim:,.2f}, {'MISSED' if self.missed else 'reached'}"
        return f"| {self.what}, {self.unit} | {few} | {self.many:,.2f} | {aim} | {self.more} |"


HEAD = "| what | few certificates | many | at most | |\n|---|--:|--:|---|---|"


@dataclass(frozen=True, slots=True)
class _Filled:
    """A filled authority: folder, holders that renew, the log's head after filling."""

    root: Path
    holders: list[Holder]
    head: Checkpoint
    seconds: float


def main() -> int:
    """Measure and print the table; return 1 if a figure is worse than its limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--holders", type=int, default=300_000, help="organisations (default: %(default)s)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the CRL (default: %(default)s)")
    parser.add_argument("--renewals", type=int, default=500, help="of each round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of renewals in each database (default: %(default)s)")
    parser.add_argument("--times", type=int, default=20, help="each page is asked so often (default: %(default)s)")
    parser.set_defaults(certificates=_SCALE)
    return filling.run(parser, HEAD, _measured)


def _measured(parsed: argparse.Namespace) -> Sequence[Figure]:
    with ExitStack() as stack:
        server = stack.enter_context(cluster())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-growth-")))
        count = parsed.rounds * (_WARMING + parsed.renewals)
        few = _filled(folder / "few" / "authority", server, (FEW, FEW * parsed.holders // parsed.certificates), count)
        many = _filled(folder / "many" / "authority", server, (parsed.certificates, parsed.holders), count)
        figures = [*_print(_size(many, parsed.certificates)), *_print(_renewals(few, many, parsed))]
        figures += _print([_starts("start of `serve`", few, many)])
        both = []
        for one, entries in ((few, FEW), (many, parsed.entries)):
            authority = scene.opened(one.root)
            both.append(_inside(authority, one, parsed, entries))
            authority.journal.close()
            authority.ctx.db.close()
        figures += [Figure(what, both[0][what][0], *both[1][what]) for what in both[1]]
        return [*figures, _starts(f"the same with a CRL of {parsed.entries:,}", few, many)]


def _print(figures: Sequence[Figure]) -> Sequence[Figure]:
    """Print figures as soon as they are known, since the whole run takes long."""
    for one in figures:
        print(one.row(), file=sys.stderr, flush=True)
    return figures


def _filled(root: Path, server: str, numbers: tuple[int, int], renewals: int) -> _Filled:
    root.parent.mkdir()
    scene.founded(root, scene.KINDS["P-384"], new_database(server))
    authority = scene.opened(root)
    holders = scene.holders(authority, renewals)
    seeding.seed(authority, holders)
    print(f"filling with {numbers[0]:,} certificates of {numbers[1]:,} holders …", file=sys.stderr, flush=True)
    begun = monotonic_seconds()
    growth_filling.fill(authority, *numbers, holders[0])
    seconds = monotonic_seconds() - begun
    head = find_head(authority.ctx.db)
    if head is None:
        raise RuntimeError(root)
    authority.journal.close()
    return _Filled(root, holders, Checkpoint.parse(head.text), seconds)


def _size(filled: _Filled, certificates: int) -> list[Figure]:
    authority = scene.opened(filled.root)
    found = growth_filling.sizes(authority.ctx.db)
    authority.journal.close()
    authority.ctx.db.close()
    for one in found:
        indexes = ", ".join(f"{name} {octets / certificates:.0f}" for name, octets in one.indexes.items())
        heap = one.heap / certificates
        print(f"{one.name}: {one.rows:,} rows, octets a certificate: {heap:.0f}; {indexes}", file=sys.stderr)
    each = sum(one.octets for one in found) / certificates
    share = certificates / _SCALE
    return [
        Figure("filling", None, filled.seconds, AIMS["fill"] * share),
        Figure("octets a certificate", None, each, MOST_OCTETS / _SCALE, "B"),
    ]


def _renewals(few: _Filled, many: _Filled, parsed: argparse.Namespace) -> list[Figure]:
    """Renew in both databases, alternating."""
    part = _WARMING + parsed.renewals
    rounds = [
        tuple(_round(one.root, one.holders[start : start + part]) for one in (few, many))
        for start in range(0, parsed.rounds * part, part)
    ]
    (costs, rates) = ([median(one[at][what] for one in rounds) for at in (0, 1)] for what in (0, 1))
    single = ", ".join(f"{one[0][0]:.2f} and {one[1][0]:.2f}" for one in rounds)
    return [
        Figure("a renewal, processor", costs[0], costs[1], costs[0] * (1 + MOST_GROWTH), "ms", single),
        Figure("renewals a second", rates[0], rates[1], None, "1/s"),
    ]


def _round(root: Path, holders: Sequence[Holder]) -> tuple[float, float]:
    """Return milliseconds of the processor for each renewal, and the rate.

    The processor's time is that of server and database.
    """
    requests = [load.Posted().framed(holder.request) for holder in holders]
    with served(root, _WORKERS) as server:
        load.send(server.port, requests[:_WARMING], 32)
        before = cpu(root)
        sent = load.send(server.port, requests[_WARMING:], 32)
        after = cpu(root)
    if any(b"<Status>OK</Status>" not in answer for answer in sent.answers):
        raise RuntimeError(root)
    return 1000 * sum(after[name] - before[name] for name in after) / len(sent.answers), sent.rate


def _starts(what: str, few: _Filled, many: _Filled) -> Figure:
    return Figure(f"{what}, processor", _start(few.root), _start(many.root), AIMS["start"])


def _start(root: Path) -> float:
    """Return the processor's seconds of a start, the median of some."""
    used = []
    for _ in range(_START_TRIES):
        begun = monotonic_seconds()
        with served(root, 1):
            used.append(cpu(root)["server"])
        waited = monotonic_seconds() - begun
        print(f"start: {used[-1]:.1f} s of the processor, {waited:.1f} s", file=sys.stderr, flush=True)
    return median(used)


def _inside(authority: Authority, filled: _Filled, parsed: argparse.Namespace, entries: int) -> dict[str, _Value]:
    """Measure what runs in this process: value, limit, unit and remark of each figure."""
    found = {}
    for what, value in _each(authority, filled, parsed, entries):
        found[what] = value
        print(what, *value, file=sys.stderr, flush=True)
    return found


def _verified(authority: Authority, head: Checkpoint) -> tuple[str, _Value]:
    """Verify what came after a head that was verified before."""
    db, journal = authority.ctx.db, authority.journal
    begun, used = monotonic_seconds(), process_time()
    report = verify_log(LogSources(db, journal.folder, journal.instance_id, (head,), head), utc_now())
    taken = monotonic_seconds() - begun
    if report.fault is not None:
        raise RuntimeError(report.fault.sentence)
    new, own = report.size - head.size, process_time() - used
    remark = f"{new:,} new entries of {report.size:,}, {own:.1f} s of this process"
    return "incremental verification of the log", (taken, AIMS["verify"], "s", remark)


def _planned(authority: Authority) -> tuple[str, _Value]:
    """Plan the messages that are due after a day without a round."""
    now, keys = utc_now(), fixed_keys(b"k" * 32)
    room = NotificationContext(authority.ctx.db, Environment.TEST, lambda: now, utc_now, notices.terms(), {}, keys)
    begun, used = monotonic_seconds(), process_time()
    planned = plan(room, now)
    taken, own = monotonic_seconds() - begun, process_time() - used
    remark = f"{planned.looked:,} certificates, {planned.queued_count:,} messages, {own:.1f} s of this process"
    return "planning a day's messages", (taken, AIMS["plan"], "s", remark)


def _each(
    authority: Authority, filled: _Filled, parsed: argparse.Namespace, entries: int
) -> Iterator[tuple[str, _Value]]:
    ctx = authority.ctx
    yield _verified(authority, filled.head)
    yield _planned(authority)
    asked = pages.page_figures(ctx, pages.prepared(ctx), parsed.times)
    for one in asked:
        print(one.row(), file=sys.stderr, flush=True)
    worst = max(asked, key=lambda one: min(one.times))
    remark = f"{worst.what}; p95 {worst.p95 * 1000:.0f} ms, processor {worst.used * 1000:.0f} ms"
    yield "slowest page, shortest", (min(worst.times) * 1000, pages.AIM * 1000, "ms", remark)
    with growth_filling.without_indexes(ctx.db):
        living = lists.fill(authority, entries, 10)
    seeding.settle(authority)
    figures = lists.published("PostgreSQL", authority, entries, living)
    remark = f"{entries:,} entries; {figures.warm:.2f} s by the clock, in a new process {figures.cold:.2f} s"
    remark += f"; hash and signature alone {figures.crypto:.2f} s"
    yield "CRL after one revocation, processor", (figures.used, AIMS["list"], "s", remark)


if __name__ == "__main__":
    sys.exit(main())
