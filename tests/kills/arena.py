"""Authority under load on one database: nodes, holders, and external checks."""

import json
import random
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

import psycopg

from sinetti.ca.hierarchy_config import load_preset
from sinetti.infra.clock import monotonic_seconds
from tests.kills import checks
from tests.kills.client_load import RealClient
from tests.kills.clients import clients
from tests.kills.cluster import Cluster
from tests.kills.history import CERTIFICATE, GET, History
from tests.kills.load import Load, Order, exchange, get
from tests.kills.outside import JournalReader, Seen, calls, last_audit, look, old_refusals, read_list
from tests.kills.servers import Node, Zygote, zygote
from tests.support.ports import reserve_ports
from tests.support.small_disk import SmallDisk, may_mount, mounted

CUSTOMERS = tuple(f"chaos-{number}" for number in range(5))
ORDERS = 60
"""Number of orders in one batch."""

HOLDERS = 3
DISK = "96m"
OLD_ONES = 3
"""Number of retrieval ids already retrieved that each inspection requests again."""


@dataclass(slots=True)
class Arena:
    """One authority under load."""

    url: str
    folder: Path
    zygote: Zygote
    nodes: list[Node]
    random: random.Random
    history: History
    reader: JournalReader
    cluster: Cluster | None
    disk: SmallDisk | None
    load: Load = field(init=False)
    client: RealClient = field(init=False)
    looks: int = 0
    kills: int = 0
    starts: int = 0
    lists: dict[str, list] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The authority's folder."""
        return self.nodes[0].root

    def order(self) -> list[Order]:
        """Order certificates, as an operator does."""
        customers = [CUSTOMERS[number % len(CUSTOMERS)] for number in range(ORDERS)]
        until = monotonic_seconds() + 60
        while monotonic_seconds() < until:
            done = self.zygote.start(self.folder, orders=[str(self.root), customers]).ended()
            if done.code == 0:
                return [Order(*one) for one in json.loads(done.out)]
            sleep(0.1)  # the database is unavailable, and an operator would repeat the command
        raise AssertionError(done.err)

    def clock(self, seconds: int) -> None:
        """Set the authority's clock to so many seconds from the machine's."""
        self.history.clock_moved = True
        partial = self.zygote.folder / "clock.new"
        partial.write_text(str(seconds))
        partial.rename(self.zygote.folder / "clock")

    def start(self) -> None:
        """Start every node that does not run."""
        for node in self.nodes:
            if node.process is None or node.process.over(0):
                node.start()
                self.starts += 1

    def restart(self) -> None:
        """Kill all nodes and start them again.

        The start writes what the killed processes left unwritten.
        """
        for node in self.nodes:
            node.process.kill()
        self.start()

    def look(self) -> None:
        """Inspect the authority from outside while no request is open.

        Asserts that there are no faults.

        Waits until no client has an answer "later" or a lost answer pending.
        """
        with self._quiet():
            self._fetch()
            seen = Seen()
            look(self.url, seen)
            seen.journal = self.reader.read()
            seen.lists = self._lists({row.authority for row in seen.rows if row.der is not None})
            self.history.stores, self.history.client_keys = self.client.stores(), self.client.keys()
            found = checks.complaints(self.history, seen)
        self.looks += 1
        self.load.check()
        assert not found, "\n".join(found[:20])

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        until = monotonic_seconds() + 60
        while True:
            with self.load.gate.shut():
                if not self.load.put_off:
                    yield
                    return
            self.load.check()
            assert monotonic_seconds() < until, f"nobody answers {self.load.put_off}"
            sleep(0.02)

    def seen(self) -> Seen:
        """Return the current content of the database."""
        seen = Seen()
        look(self.url, seen)
        return seen

    def _fetch(self) -> None:
        """Retrieve all certificates not retrieved so far, and a sample of the others.

        Each request is repeated until it has a final answer.
        """
        handed, final = list(self.history.handed_out()), {}
        for one in self.history.answers:
            if one.asked.operation == GET and one.kind in {CERTIFICATE, "PKI022"}:
                final[one.asked.subject] = one.asked.key
        old, customers = self.random.sample(handed, min(OLD_ONES, len(handed))), dict(final)
        for retrieval_id in [*old, *(one for one in handed if one not in final)]:
            customer = customers.get(retrieval_id) or self._customer(retrieval_id, customers)
            asked, body = get(retrieval_id, customer)
            until = monotonic_seconds() + 60
            port = self.random.choice(self.load.ports)
            while (answer := exchange(self.load, asked, body, port)) is None or answer.kind in {"PKI021", "PKI090"}:
                assert monotonic_seconds() < until, f"no certificate for {asked}: {answer}"
                sleep(0.01)

    def sql(self, statement: str) -> None:
        """Change the database without the authority."""
        if self.cluster is None:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=60)) as connection, connection:
                connection.execute(statement)
        else:
            with psycopg.connect(self.url) as connection:
                connection.execute(statement)

    def last_audit(self) -> int:
        """Return the sequence number of the newest audit row."""
        return last_audit(self.url)

    def old_refusals(self) -> tuple[int, int]:
        """Return the counts of old rejections in the database and in the audit trail.

        The audit trail counts those that were erased.
        """
        return old_refusals(self.url)

    def calls(self) -> tuple[int, int, int]:
        """Return counts of early replacements, unfinished ones, and called certificates.

        Undone replacements are not in the first count.
        """
        return calls(self.url)

    def _customer(self, retrieval_id: str, rows: dict[str, str]) -> str:
        statement = (
            "SELECT c.retrieval_id, o.customer_id FROM sinetti_certificate c JOIN sinetti_lineage h "
            "ON h.lineage_id = c.lineage_id JOIN sinetti_organisation o ON o.organisation_id = h.organisation_id"
        )
        if self.cluster is None:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
                rows.update(connection.execute(statement).fetchall())
        else:
            with psycopg.connect(self.url) as connection:
                rows.update(connection.execute(statement).fetchall())
        return rows[retrieval_id]

    def _lists(self, issuers: set[str]) -> dict[str, list]:
        for name in sorted(issuers):
            for node in self.nodes:
                with urllib.request.urlopen(f"http://127.0.0.1:{node.status}/crl/{name}-1.crl", timeout=60) as reply:
                    self.lists.setdefault(name, []).append(read_list(reply.read()))
            del self.lists[name][:-50]
        return self.lists


@contextmanager
def arena(
    folder: Path, seed: int, cluster: Cluster | None, nodes: int = 1, shared: Iterable[str] = ()
) -> Iterator[Arena]:
    """Found and serve an authority and start the load, until the block ends.

    `shared` are folders of the first node that the others use, too, as a mounted disk or a token would be.
    """
    with ExitStack() as stack:
        disk = _disk(folder, stack)
        place = disk.root if disk else folder
        root, name = place / "authority", f"chaos_{folder.name.replace('-', '_')}_{seed}"
        forks = stack.enter_context(zygote(folder / "processes", {}))
        url = cluster.make(name) if cluster else f"sqlite:///{root / 'register.sqlite3'}"
        served = [
            _node(forks, folder, root if number == 0 else place / f"authority-{number}") for number in range(nodes)
        ]
        _found(forks, served[0], folder, url if cluster else None)
        for other in served[1:]:
            shutil.copytree(root, other.root)
            for part in shared:
                shutil.rmtree(other.root / part)
                (other.root / part).symlink_to(root / part)
        history = History()
        drawn = random.Random(f"{seed}-arena")  # noqa: S311 - played again from a seed
        journals = JournalReader([node.root.with_name(f"{node.root.name}-journal") for node in served])
        one = Arena(url, folder, forks, served, drawn, history, journals, cluster, disk)
        ports = [node.soap for node in served]
        one.load = Load(ports, root / "trust" / "services.pem", history, seed, one.order)
        real = stack.enter_context(clients(folder / "clients"))
        one.client = RealClient(
            one.load, real, folder / "clients", served[0].url, root / "trust", forks.folder / "clock",
            random.Random(f"{seed}-client"),  # noqa: S311
        )  # fmt: skip
        try:
            one.start()
            one.load.begin(HOLDERS)
            one.load.add(one.client.lives)
            one.load.answers(1)
            yield one
            one.load.end()
        finally:
            one.load.let_go()
            for node in served:
                if node.process is not None:
                    node.process.kill()


def _disk(folder: Path, stack: ExitStack) -> SmallDisk | None:
    """Mount a small disk, or return None if the machine does not permit it."""
    if may_mount():
        return None
    try:
        return stack.enter_context(mounted(folder / "disk", DISK))
    except subprocess.CalledProcessError:
        return None


def _node(forks: Zygote, folder: Path, root: Path) -> Node:
    strikes = folder / f"strikes-{root.name}"
    strikes.mkdir()
    return Node(forks, root, *reserve_ports(2), strikes)


def _found(forks: Zygote, node: Node, folder: Path, database: str | None) -> None:
    """Found the authority with short-lived certificates.

    Each of them can be renewed at once (server_program.py).
    """
    short = folder / "short.toml"
    short.write_text(load_preset("default").replace('validity = "P730D"', 'validity = "P59D"'), encoding="utf-8")
    addresses = ("--base-url", f"http://127.0.0.1:{node.status}", "--soap-url", f"http://127.0.0.1:{node.soap}")
    more = ("--database-url", database) if database else ()
    words = ("--environment", "TEST", "--hierarchy", short, *addresses, *more)
    forks.does("authority", "init", "--dir", node.root, *words)
    for customer in CUSTOMERS:
        who = ("--dir", node.root, "--customer-id", customer)
        forks.does("authority", "organisation", "add", *who, "--kind", "artificial", "--name", "Chaos Oy")
        forks.does("authority", "organisation", "approve", *who, "--channel", "WS")
