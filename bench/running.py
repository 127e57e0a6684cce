"""One measurement: renewals over HTTP of one kind of authority on one database."""

import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import sleep
from typing import Any

from bench import cfssl, checking, load, peer, scene, seeding, steps
from bench.clusters import new_database
from bench.floor import floors
from bench.load import Sent
from bench.scene import Holder, Kind
from bench.server import served
from sinetti.authority.bootstrap import Authority
from sinetti.authority.signer_process import signer_running
from sinetti.authority.signer_separation import SeparationOptions, separate_keys
from sinetti.settings.signer import MOST_ORDERS

CFSSL, DJANGO_CA = "CFSSL, HTTP sign", "django-ca, bare issuance, one process"
"""Names of the peers."""

_CALM = 0.1
"""Processor time that a server without requests takes in a second at most."""

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of a measurement.

    They are the numbers of renewals, connections, rounds and workers, and the measurements beside it. Each round has
    so many renewals for each number of connections, a tenth of them for a single one.
    """

    renewals: int
    connections: tuple[int, ...] = (8,)
    rounds: int = 1
    workers: int = 2
    filler: int = 0
    peers: bool = True
    warming: int = 100
    profiled: int = 150
    say: Callable[[str], None] = field(default=print, repr=False)

    def of_a_load(self, connections: int) -> int:
        """Return the renewals of one load."""
        return self.renewals if connections > 1 else max(1, self.renewals // 10)

    @property
    def holders(self) -> int:
        """Number of holders for everything."""
        loads = sum(self.of_a_load(connections) for connections in self.connections)
        return self.warming + self.rounds * loads + self.profiled


@dataclass(slots=True)
class Result:
    """Result of a measurement; milliseconds, renewals a second.

    `rate` is the median of `rates`, which has the rate of each round. The durations are those of all rounds.
    """

    database: str
    kind: str
    filler: int
    connections: int = 8
    renewals: int = 0
    rate: float = 0.0
    rates: list[float] = field(default_factory=list)
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    round_trips: float = 0.0
    steps: list[dict[str, Any]] = field(default_factory=list)
    floors: dict[str, float] = field(default_factory=dict)
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
        part = wanted.holders
        wanted.say(f"{kind.name} on {_name(cluster)}: making {part * (2 if wanted.filler else 1)} holders …")
        holders = scene.holders(authority, part * (2 if wanted.filler else 1))
        seeding.seed(authority, holders)
        bottom = floors(authority, holders[0], wanted.workers, wanted.renewals / 1000)
        stack.enter_context(_keys_in_place(authority, kind, Path(folder)))
        authority.journal.close()
        results = _one(root, holders[:part], wanted, (_name(cluster), kind.name, 0))
        for one in results:
            one.floors = bottom
        if cluster and wanted.peers:
            bare = _bare(authority, holders[: wanted.renewals], cluster)
            for one in results:
                one.peers = bare | _cfssl(authority, holders[: wanted.renewals], cluster, one.connections)
        if wanted.filler:
            wanted.say(f"filling the register with {wanted.filler} certificates …")
            filled = scene.opened(root)
            seeding.fill(filled, wanted.filler, holders[0])
            filled.journal.close()
            results += _one(root, holders[part:], wanted, (_name(cluster), kind.name, wanted.filler))
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


def _one(root: Path, holders: list[Holder], wanted: Wanted, measured_of: tuple[str, str, int]) -> list[Result]:
    """Measure all numbers of connections in turn, in each round."""
    profiled, served_ones = holders[: wanted.profiled], holders[wanted.profiled :]
    taken, round_trips = steps.profiled(root, profiled)
    framed = [load.Posted().framed(holder.request) for holder in served_ones]
    requests, answers = iter(framed), []
    loads = {connections: _Load() for connections in wanted.connections}
    with served(root, wanted.workers) as server:
        answers += load.send(server.port, list(islice(requests, wanted.warming)), max(wanted.connections)).answers
        _wait_until_calm(root)
        for _ in range(wanted.rounds):
            for connections, one in loads.items():
                part = list(islice(requests, wanted.of_a_load(connections)))
                answers += one.send(root, server.port, part, connections)
    checking.check(scene.opened(root), answers, served_ones)
    results = []
    for connections, one in loads.items():
        result = one.result(Result(*measured_of, connections))
        result.steps, result.round_trips = [asdict(step) for step in taken], round_trips
        wanted.say(f"  {connections} connections: {result.rate:.0f} renewals/s, p99 {result.p99:.0f} ms")
        results.append(result)
    return results


def _wait_until_calm(root: Path) -> None:
    """Wait until a server has done what it does once after its start.

    Waits for a minute at most.
    """
    for _ in range(60):
        before = cpu(root)["server"]
        sleep(1)
        if cpu(root)["server"] - before < _CALM:
            return


@dataclass(slots=True)
class _Load:
    """Loads of one number of connections, and the processor time that they took."""

    sent: list[Sent] = field(default_factory=list)
    used: dict[str, float] = field(default_factory=partial(defaultdict, float))

    def send(self, root: Path, port: int, requests: list[bytes], connections: int) -> list[bytes]:
        """Send requests, and return the answers."""
        before, mine = cpu(root), os.times()
        self.sent.append(load.send(port, requests, connections))
        after, now = cpu(root), os.times()
        for name, seconds in after.items():
            self.used[name] += seconds - before.get(name, 0)
        self.used["load"] += now.user + now.system - mine.user - mine.system
        return self.sent[-1].answers

    def result(self, result: Result) -> Result:
        """Write the figures into a result, and return it."""
        everything = Sent(took=[one for sent in self.sent for one in sent.took])
        result.renewals, result.rates = len(everything.took), [sent.rate for sent in self.sent]
        result.rate = median(result.rates)
        result.p50, result.p95, result.p99 = (everything.percentile(share) for share in (0.5, 0.95, 0.99))
        result.cpu = {name: 1000 * seconds / result.renewals for name, seconds in self.used.items()}
        return result


def _cfssl(authority: Authority, holders: list[Holder], cluster: str, connections: int) -> dict[str, float]:
    sent = cfssl.measured(authority, holders, new_database(cluster), connections)
    return {} if sent is None else {CFSSL: sent.rate}


def _bare(authority: Authority, holders: list[Holder], cluster: str) -> dict[str, float]:
    rate = peer.measured(authority, holders, new_database(cluster))
    return {} if rate is None else {DJANGO_CA: rate}


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
        # The times of children that have ended are those of their parent.
        yield int(path.name), int(numbers[1]), command, sum(map(int, numbers[11:15])) / _TICK
