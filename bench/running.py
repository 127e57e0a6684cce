"""One measurement: renewals over HTTP of one kind of authority on one database."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench import cfssl, checking, load, peer, scene, seeding, steps
from bench.clusters import new_database
from bench.floor import floor
from bench.scene import Holder, Kind
from bench.server import served
from sinetti.authority.bootstrap import Authority
from sinetti.authority.signer_child import signer_running
from sinetti.authority.signer_separation import SeparationOptions, separate_keys
from sinetti.settings.signer import MOST_ORDERS

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of a measurement.

    They are the numbers of renewals, connections and workers, and the measurements beside it.
    """

    renewals: int
    connections: int = 8
    workers: int = 2
    filler: int = 0
    peers: bool = True
    warming: int = 100
    profiled: int = 150
    say: Callable[[str], None] = field(default=print, repr=False)


@dataclass(slots=True)
class Result:
    """Result of a measurement; milliseconds, renewals a second."""

    database: str
    kind: str
    filler: int
    renewals: int = 0
    rate: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    round_trips: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)
    floor_rate: float = 0.0
    floor_cpu: float = 0.0
    peers: dict[str, float] = field(default_factory=dict)


def measured(kind: Kind, wanted: Wanted, cluster: str | None) -> list[Result]:
    """Measure on a PostgreSQL cluster, or on SQLite if `cluster` is None.

    If filler is wanted, the measurement is repeated with a full database.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sinetti-bench-"))
        root = Path(folder) / "authority"
        scene.founded(root, kind, new_database(cluster) if cluster else "")
        authority = scene.opened(root)
        part = wanted.warming + wanted.renewals + wanted.profiled
        wanted.say(f"{kind.name} on {_name(cluster)}: making {part * (2 if wanted.filler else 1)} holders …")
        holders = scene.holders(authority, part * (2 if wanted.filler else 1))
        seeding.seed(authority, holders)
        rate = floor(authority, holders[0], wanted.workers, wanted.renewals / 1000)
        stack.enter_context(_keys_in_place(authority, kind, Path(folder)))
        authority.journal.close()
        results = [_one(root, holders[:part], wanted, Result(_name(cluster), kind.name, 0))]
        results[0].floor_rate, results[0].floor_cpu = rate
        if cluster and wanted.peers:
            results[0].peers = _peers(authority, holders[:part], cluster)
        if wanted.filler:
            wanted.say(f"filling the register with {wanted.filler} certificates …")
            filled = scene.opened(root)
            seeding.fill(filled, wanted.filler, holders[0])
            filled.journal.close()
            results.append(_one(root, holders[part:], wanted, Result(_name(cluster), kind.name, wanted.filler)))
        return results


@contextmanager
def _keys_in_place(authority: Authority, kind: Kind, folder: Path) -> Iterator[None]:
    """Run the separate signer, if it has the keys of this kind."""
    if not kind.is_separate:
        yield
        return
    options = SeparationOptions(folder / "signer", folder / "signer.sock", MOST_ORDERS)
    separate_keys(authority, options)
    with signer_running(authority.folder.root, options.root):
        yield


def _one(root: Path, holders: list[Holder], wanted: Wanted, result: Result) -> Result:
    profiled, served_ones = holders[: wanted.profiled], holders[wanted.profiled :]
    taken, result.round_trips = steps.profiled(root, profiled)
    result.steps = [asdict(step) for step in taken]
    requests = [load.Posted().framed(holder.request) for holder in served_ones]
    with served(root, wanted.workers) as server:
        warm = load.send(server.port, requests[: wanted.warming], wanted.connections)
        before, mine = cpu(root), os.times()
        sent = load.send(server.port, requests[wanted.warming :], wanted.connections)
        after, now = cpu(root), os.times()
    checking.check(scene.opened(root), warm.answers + sent.answers, served_ones)
    result.renewals, result.rate = len(sent.answers), sent.rate
    result.p50, result.p95, result.p99 = (sent.percentile(share) for share in (0.5, 0.95, 0.99))
    result.cpu = {name: 1000 * (after[name] - before.get(name, 0)) / len(sent.answers) for name in after}
    result.cpu["load"] = 1000 * (now.user + now.system - mine.user - mine.system) / len(sent.answers)
    wanted.say(f"  {result.rate:.0f} renewals/s, p99 {result.p99:.0f} ms")
    return result


def _peers(authority: Authority, holders: list[Holder], cluster: str) -> dict[str, float]:
    found = {}
    sent = cfssl.measured(authority, holders, new_database(cluster))
    if sent is not None:
        found["CFSSL, HTTP sign"] = sent.rate
    rate = peer.measured(authority, holders, new_database(cluster))
    if rate is not None:
        found["django-ca, bare issuance, one process"] = rate
    return found


def _name(cluster: str | None) -> str:
    return "PostgreSQL" if cluster else "SQLite"


def cpu(root: Path) -> dict[str, float]:
    """Return the CPU seconds of the server and of this process's PostgreSQL so far."""
    found, postgres = {"server": 0.0}, dict[int, tuple[int, float]]()
    for number, parent, command, seconds in _processes():
        has_name = b"\0serve\0" in command or b"\0signer\0" in command
        if has_name and str(root.parent).encode() in command:
            found["server"] += seconds
        elif command.startswith((b"postgres:", b"/usr/lib/postgresql")):
            postgres[number] = parent, seconds
    clusters = {number for number, (parent, _) in postgres.items() if parent == os.getpid()}
    return found | {"database": sum(one for number, (parent, one) in postgres.items() if clusters & {number, parent})}


def _processes() -> Iterator[tuple[int, int, bytes, float]]:
    """Yield number, parent, command and CPU seconds of each process."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
            numbers = (path / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        yield int(path.name), int(numbers[1]), command, (int(numbers[11]) + int(numbers[12])) / _TICK
