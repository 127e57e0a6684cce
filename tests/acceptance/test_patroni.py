"""Failover of PostgreSQL under Patroni, with two nodes under load.

Nothing that was answered is lost. The settings are those of deploy/patroni/patroni.yml on loopback, without TLS and
without a watchdog. etcd has one member instead of three.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Event, Lock, Thread
from time import sleep
from urllib.error import HTTPError

import psycopg
import pytest

from sinetti.infra.clock import monotonic_seconds
from sinetti.journal import reader
from sinetti.pki.encoding import load_certificate, serial_hex, sha256_hex
from tests.acceptance.test_rolling_upgrade import GONE, ORDERS_SCRIPT, Version
from tests.house.tree import ROOT
from tests.support.ports import reserve_ports
from tests.support.postgres import find_binaries, find_owner, place
from tests.support.programs import Holder, codes, new_key

pytestmark = pytest.mark.timeout(1800)

SAMPLE = (ROOT / "deploy" / "patroni" / "patroni.yml").read_text(encoding="utf-8")
CUSTOMER, SEEDS, ORDERS, HOLDERS = "0123456-7", 160, 1200, 4
WITHIN, LOADED, PAUSE = 120.0, 8.0, 0.2
"""Seconds.

They are Patroni's time, the load before and after a failover, and the pause between two steps of a holder.
"""


def wait_for(what: Callable[[], object], seconds: float = WITHIN) -> None:
    """Wait until a call returns something true without an error of the network."""
    deadline = monotonic_seconds() + seconds
    while True:
        with suppress(*GONE, psycopg.OperationalError):
            if what():
                return
        assert monotonic_seconds() < deadline
        sleep(0.2)


class PatroniServer:
    """A PostgreSQL server with its Patroni, in a folder of its own."""

    def __init__(self, name: str, folder: Path, etcd: int) -> None:
        """Write its settings."""
        self.name, self.folder, self.owner = name, folder / name, find_owner()
        self.port, self.rest = reserve_ports(2)
        self.process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir(mode=0o700)
        text = re.sub(
            r"  hosts: .*\n  protocol: https\n(  c.*\n)+  key: .*\n", f"  hosts: [127.0.0.1:{etcd}]\n", SAMPLE
        )
        assert text != SAMPLE
        for old, new in {
            "name: db1": f"name: {name}",
            "db1.example:8008": f"127.0.0.1:{self.rest}",
            "db1.example:5432": f"127.0.0.1:{self.port}",
            "/var/lib/postgresql/17/sinetti": f"{self.folder / 'data'}",
            "/usr/lib/postgresql/17/bin": f"{find_binaries()}",
            "/var/lib/postgresql/pgpass": f"{self.folder / 'pgpass'}",
            "/var/run/postgresql": f"{self.folder}",
            "10.0.0.0/24": "127.0.0.1/32",
            "hostssl": "host",
            'ssl: "on"': 'ssl: "off"',
            "mode: required": "mode: 'off'",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        (self.folder / "patroni.yml").write_text(text, encoding="utf-8")
        subprocess.run(["chown", "-R", self.owner, self.folder], check=True)

    def start(self) -> None:
        """Start Patroni, which starts PostgreSQL."""
        with (self.folder / "log").open("ab") as log:
            command = ["setpriv", "--pdeathsig", "INT", "/usr/bin/patroni", str(self.folder / "patroni.yml")]
            known = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(self.folder)}
            options = {"user": self.owner, "cwd": "/", "env": known, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(command, **options)

    def kill(self) -> None:
        """Kill Patroni, PostgreSQL and its children, as a power failure does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        with suppress(FileNotFoundError):
            parent = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
            found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False)
            for pid in (parent, *map(int, found.stdout.split())):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def members(self) -> dict[str, str]:
        """Return the role of each running server by its name, as this Patroni knows them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/cluster", timeout=60) as reply:
            members = json.load(reply)["members"]
        return {one["name"]: one["role"] for one in members if one["state"] in {"running", "streaming"}}

    def psql(self, *statements: str) -> None:
        """Run statements as the superuser, over the socket."""
        words = [word for statement in statements for word in ("-c", statement)]
        command = [find_binaries() / "psql", "-h", self.folder, "-p", str(self.port), "-d", "postgres", "-q", *words]
        subprocess.run(command, user=self.owner, cwd="/", check=True)


@dataclass
class Pair:
    """Both servers."""

    first: PatroniServer
    second: PatroniServer

    def url(self, role: str) -> str:
        """Return the address that names both servers, for a role."""
        hosts = f"127.0.0.1:{self.first.port},127.0.0.1:{self.second.port}"
        return f"postgresql://{role}:word@{hosts}/sinetti?target_session_attrs=read-write&connect_timeout=3"

    def wait(self) -> None:
        """Wait until the pair has a primary and a synchronous standby."""
        wait_for(lambda: sorted(self.first.members().values()) == ["leader", "sync_standby"])


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Yield two servers under Patroni, and remove them."""
    if not all(map(shutil.which, ("patroni", "etcd"))) or find_owner() is None:
        pytest.skip("patroni and etcd-server are not installed, or the tests do not run as root")
    folder = Path(tempfile.mkdtemp(prefix="sinetti-patroni-", dir=place()))
    folder.chmod(0o755)
    port, peers = reserve_ports(2)
    etcd = ["setpriv", "--pdeathsig", "KILL", "etcd", "--data-dir", folder / "etcd", "--log-level", "error"]
    etcd += ["--listen-client-urls", f"http://127.0.0.1:{port}", "--advertise-client-urls", f"http://127.0.0.1:{port}"]
    etcd += ["--listen-peer-urls", f"http://127.0.0.1:{peers}", "--initial-cluster", f"a=http://127.0.0.1:{peers}"]
    etcd += ["--initial-advertise-peer-urls", f"http://127.0.0.1:{peers}", "--name", "a"]
    with (folder / "etcd.log").open("wb") as log, subprocess.Popen(etcd, stdout=log, stderr=log) as store:
        both = Pair(PatroniServer("db1", folder, port), PatroniServer("db2", folder, port))
        try:
            both.first.start()
            wait_for(lambda: both.first.members() == {"db1": "leader"})
            both.second.start()
            both.wait()
            yield both
        finally:
            for one in (both.first, both.second):
                if one.process is not None:
                    one.kill()
            store.kill()
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Answered:
    """An answered request: when, how long with its repetitions, and the certificate."""

    at: float
    seconds: float
    retrieval_id: str
    der: bytes


@dataclass
class Load:
    """Holders that enrol and renew at both nodes, and everything that was answered."""

    nodes: list[Holder]
    orders: list[dict[str, str]]
    renewable: list[tuple[object, object]] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def enrol(self, turn: int):
        """Enrol one certificate, and return its key and itself."""
        key, ids = new_key(), self.orders.pop()
        return key, self._certificate(turn, lambda node: node.new(ids, key))

    def renew(self, turn: int) -> None:
        """Renew one certificate, if one is left."""
        with suppress(IndexError):
            key, certificate = self.renewable.pop()
            new = new_key()
            self._certificate(turn, lambda node: node.renew(key, certificate, new))

    def _certificate(self, turn: int, ask):
        began = monotonic_seconds()
        answer = self._asked(turn, ask)
        with self.lock:
            self.answered.append(Answered(monotonic_seconds(), monotonic_seconds() - began, answer.retrieval_id, b""))
            kept = self.answered[-1]
        certificate = self._asked(turn + 1, lambda node: node.get(answer.retrieval_id)).certificate
        kept.der = certificate
        return load_certificate(certificate)

    def _asked(self, turn: int, ask):
        """Ask one node, then the other, until an answer is neither missing nor PKI090."""
        deadline = monotonic_seconds() + WITHIN
        while True:
            try:
                answer = ask(self.nodes[turn % len(self.nodes)])
            except GONE as gone:
                why = f"HTTP {gone.code}" if isinstance(gone, HTTPError) else type(gone).__name__
            else:
                if answer.status_ok:
                    return answer
                assert codes(answer) == ["PKI090"], answer.errors
                why = "PKI090"
            with self.lock:
                self.refused.append(why)
            assert monotonic_seconds() < deadline
            turn += 1
            sleep(PAUSE)

    def _live(self, turn: int) -> None:
        try:
            while not self.stopped.is_set():
                self.enrol(turn)
                self.renew(turn + 1)
                self.stopped.wait(PAUSE)
        except BaseException as failure:  # noqa: BLE001 - reported in the test's own thread
            self.failures.append(failure)

    @contextmanager
    def observed(self, lines: list[str], what: str) -> Iterator[None]:
        """Enrol and renew around the block, and add a line of figures.

        It ends when each request is answered.
        """
        before = len(self.answered)
        self.refused.clear()
        self.stopped.clear()
        threads = [Thread(target=self._live, args=(turn,)) for turn in range(HOLDERS)]
        for thread in threads:
            thread.start()
        try:
            sleep(LOADED)
            yield
            sleep(LOADED)
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join()
        assert self.failures == []
        answered = self.answered[before:]
        pause = max(later - earlier for earlier, later in pairwise(sorted(one.at for one in answered)))
        slowest = max(one.seconds for one in answered)
        refused = {why: self.refused.count(why) for why in sorted(set(self.refused))}
        figures = f"no answer for {pause:.1f} s, slowest request {slowest:.1f} s, refused {refused}"
        lines.append(f"{what}: {figures}, {len(answered)} answered")


def kill_primary(load: Load, primary: PatroniServer, standby: PatroniServer) -> None:
    """Kill the primary, and wait until the standby has its place and answers."""
    assert primary.members()[primary.name] == "leader"
    primary.kill()
    wait_for(lambda: standby.members().get(standby.name) == "leader")
    promoted = monotonic_seconds()
    wait_for(lambda: any(one.at - one.seconds > promoted for one in load.answered))


def kill_patroni(primary: PatroniServer, standby: PatroniServer) -> None:
    """Kill the primary's Patroni alone, and start it again after the promotion."""
    assert primary.members()[primary.name] == "leader"
    assert primary.process is not None
    primary.process.kill()
    primary.process.wait()
    wait_for(lambda: standby.members().get(standby.name) == "leader")
    sleep(LOADED)
    primary.start()


@pytest.fixture
def founded(pair, tmp_path, monkeypatch) -> tuple[Version, tuple[Path, Path], list[dict[str, str]]]:
    """Return the program, the folders of two nodes, and orders.

    The tables have an owner of their own.
    """
    pair.first.psql(
        "CREATE ROLE sinetti_owner LOGIN PASSWORD 'word'",
        "CREATE ROLE sinetti LOGIN PASSWORD 'word'",
        "CREATE DATABASE sinetti OWNER sinetti_owner",
    )
    roots, present = (tmp_path / "a", tmp_path / "b"), Version(ROOT, "")
    addresses = ("--base-url", "http://pki.example", "--soap-url", "https://soap.example")
    with monkeypatch.context() as founder:
        founder.setenv("OWNER_DATABASE_URL", pair.url("sinetti_owner"))
        words = ("--environment", "TEST", *addresses, "--database-url", pair.url("sinetti"))
        present.authority("init", "--dir", roots[0], *words)
    organisation = ("--dir", roots[0], "--customer-id", CUSTOMER)
    present.authority("organisation", "add", *organisation, "--kind", "artificial", "--name", "A Oy")
    present.authority("organisation", "approve", *organisation, "--channel", "WS")
    orders = json.loads(present.does("-c", ORDERS_SCRIPT, roots[0], CUSTOMER, SEEDS + ORDERS))
    shutil.copytree(*roots)
    return present, roots, orders


def test_nothing_is_lost_when_primaries_and_patroni_are_killed_under_load(pair, founded):
    present, roots, orders = founded
    with ExitStack() as stack:
        load = Load([stack.enter_context(present.serving(root)) for root in roots], orders)
        load.renewable = [load.enrol(turn) for turn in range(SEEDS)]
        organisation = ("--dir", roots[0], "--customer-id", CUSTOMER)
        present.authority("call-early", *organisation, "--over", "1m", "--reason", "test")
        sleep(60)
        lines: list[str] = []
        for killed, other in ((pair.first, pair.second), (pair.second, pair.first)):
            with load.observed(lines, f"{killed.name} killed"):
                kill_primary(load, killed, other)
            killed.start()
            pair.wait()
        with load.observed(lines, "Patroni alone killed"):
            kill_patroni(pair.first, pair.second)
            pair.wait()
        lines.append(f"{len(load.answered)} certificates, {SEEDS - len(load.renewable)} of them renewals")
        print("\n".join(lines))  # noqa: T201 - the figures of docs/acceptance.md
        for one in load.answered:
            for node in load.nodes:
                assert node.get(one.retrieval_id).certificate == one.der
        check_register(pair.url("sinetti"), load)
        for root in roots:
            back = json.loads(present.authority("reconcile", "--dir", root, "--json"))
            assert (back["restored"], back["failed"]) == ([], [])
    check_folders(present, roots, load)


def serial_of(one: Answered) -> str:
    """Return the serial of an answered certificate."""
    return serial_hex(load_certificate(one.der).serial_number)


def check_register(url: str, load: Load) -> None:
    """Check that the register has the answered certificates, each once."""
    expected = sorted(
        (serial_hex(load_certificate(one.der).serial_number), sha256_hex(one.der)) for one in load.answered
    )
    assert len({serial for serial, _ in expected}) == len(expected)
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT serial, sha256 FROM sinetti_certificate").fetchall()
    assert sorted(rows) == expected


def check_folders(present: Version, roots: tuple[Path, Path], load: Load) -> None:
    """Check log, lists and journals of both nodes, after their next start."""
    serials = {serial_of(one) for one in load.answered}
    for root in roots:
        with present.serving(root):
            pass
        folder = root.with_name(f"{root.name}-journal")
        lines = [line for path in reader.files(folder) for line in reader.read(path)]
        assert {line.facts["serial"] for line in lines if line.kind == "issued"} == serials
        for words in (("audit", "verify"), ("journal", "verify"), ("watch",)):
            present.authority(*words, "--dir", root)
