"""Rolling upgrade from 0.1.0 to the present version with two nodes, and roll back, under load.

Version 0.1.0 is taken from its commit. Its code runs with the libraries that are installed now.
"""

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from sinetti.infra.clock import utc_now
from sinetti.journal import month_files, reader
from sinetti.pki.encoding import certificate_der
from tests.house.tree import ROOT
from tests.support.postgres import create_database
from tests.support.programs import STOPS_WITHIN, Holder, new_key, surroundings

pytestmark = pytest.mark.timeout(1800)

FORMER = "786e2b25d08f88741b37ac20d1d43584eb253829"
"""Commit of version 0.1.0."""

CUSTOMER, EACH, PHASES = "0123456-7", 8, 6
ANY = ("--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0", "--workers", "1")
GONE = (urllib.error.URLError, HTTPException, OSError)
ORDERS_SCRIPT = """
import json, sys
from pathlib import Path
from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.services.issuance import order
from tests.support.scene import an_order
authority = open_authority(Path(sys.argv[1]), DirectoryKind.AUTHORITY)
made = [order.order(an_order(sys.argv[2]), authority.ctx, "operator", "0" * 32) for _ in range(int(sys.argv[3]))]
print(json.dumps([{"transfer_id": one.transfer_id, "transfer_password": one.transfer_password} for one in made]))
"""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the program: the folder of its sources."""

    root: Path
    database: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment in which Python finds this version's modules."""
        return surroundings({"PYTHONPATH": f"{self.root / 'src'}:{self.root}", "DATABASE_URL": self.database})

    def does(self, *words: object) -> str:
        """Run a command of this version that must succeed, and return its output."""
        command = [sys.executable, "-W", "ignore", *(str(word) for word in words)]
        done = self._run(command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run a command of an authority, and return the finished process."""
        command = [sys.executable, "-W", "ignore", "-m", "sinetti", "authority", *(str(word) for word in words)]
        return self._run(command)

    def authority(self, *words: object) -> str:
        """Run a command of an authority that must succeed, and return its output."""
        return self.does("-m", "sinetti", "authority", *words)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        # Modules of tests come from the current folder.
        options = {"cwd": self.root, "env": self.environment, "capture_output": True, "text": True}
        return subprocess.run(command, timeout=300, check=False, **options)

    @contextmanager
    def serving(self, root: Path) -> Iterator[Holder]:
        """Serve a node's folder with this version, and stop it as an operator does."""
        command = [sys.executable, "-W", "ignore", "-m", "sinetti", "authority", "serve", "--dir", str(root), *ANY]
        with subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True) as process:
            said, ready = "", None
            for line in process.stderr:
                said += line
                if ready := re.search(r"Ready: SOAP on (\S+), ", line):
                    break
            try:
                assert ready, said
                Thread(target=process.stderr.read, daemon=True).start()
                yield Holder(ready[1], root / "trust" / "services.pem", now=utc_now())
                process.terminate()
                process.wait(STOPS_WITHIN)
            finally:
                process.kill()


@dataclass
class Fleet:
    """Orders that wait, the nodes that serve now, and all answers so far."""

    orders: list[dict[str, str]]
    nodes: dict[str, Holder] = field(default_factory=dict)
    answered: list[tuple[str, object]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    def enrol(self, count: int) -> None:
        """Enrol certificates in turn at each node; one without an answer is asked for at the other."""
        try:
            for number in range(count):
                ids, key = self.orders.pop(), new_key()
                answer = self._asked(number, lambda node, ids=ids, key=key: node.new(ids, key))
                certificate = self._asked(number + 1, lambda node, answer=answer: node.fetched(answer))
                assert certificate.public_key() == key.public_key()
                self.answered.append((answer.retrieval_id, certificate))
        except BaseException as failure:  # noqa: BLE001 - reported in the test's own thread
            self.failures.append(failure)

    def _asked(self, number: int, ask):
        for turn in range(200):
            names = sorted(self.nodes)
            try:
                return ask(self.nodes[names[(number + turn) % len(names)]])
            except GONE:
                continue
        raise AssertionError

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Enrol while the block replaces a node."""
        thread = Thread(target=self.enrol, args=(EACH,))
        thread.start()
        try:
            yield
        finally:
            thread.join()
        assert self.failures == []


@pytest.fixture
def versions(postgres_url, tmp_path):
    """Return 0.1.0 and the present version on a new database."""
    url = create_database(postgres_url, "rolling")
    packed = subprocess.run(["git", "archive", FORMER], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "former", filter="data")
    former = Version(tmp_path / "former", url)
    former.does(former.root / "scripts" / "texts.py", "compile")
    return former, Version(ROOT, url)


def test_two_nodes_are_upgraded_and_rolled_back_under_load(versions, tmp_path):
    former, present = versions
    first, second = tmp_path / "a", tmp_path / "b"
    addresses = ("--base-url", "http://pki.example", "--soap-url", "https://soap.example")
    former.authority("init", "--dir", first, "--environment", "TEST", *addresses)
    organisation = ("--dir", first, "--customer-id", CUSTOMER)
    former.authority("organisation", "add", *organisation, "--kind", "artificial", "--name", "A Oy")
    former.authority("organisation", "approve", *organisation, "--channel", "WS")
    fleet = Fleet(json.loads(former.does("-c", ORDERS_SCRIPT, first, CUSTOMER, EACH * PHASES)))
    shutil.copytree(first, second)

    def replaced(name: str, by: Version) -> None:
        with fleet.under_load():
            fleet.nodes.pop(name)
            running[name].close()
            kept = tmp_path / f"{name}-0.1.0"
            if by is former:
                # The present version has converted the folder's secrets, so 0.1.0 gets its own folder back.
                shutil.rmtree(tmp_path / name)
                kept.rename(tmp_path / name)
            else:
                shutil.copytree(tmp_path / name, kept)
            running[name] = started(name, by)

    def started(name: str, version: Version) -> ExitStack:
        stack = ExitStack()
        fleet.nodes[name] = stack.enter_context(version.serving(tmp_path / name))
        return stack

    running = {"a": started("a", former), "b": started("b", former)}
    try:
        fleet.enrol(EACH)
        replaced("a", present)
        replaced("b", present)
        fleet.nodes.pop("a")
        running["a"].close()
        for path in (tmp_path / "a-journal").glob("*.jsonl"):
            month_files.retire(path)  # as at the end of a month
        running["a"] = started("a", present)
        present.authority("journal", "close", "--dir", first)
        assert reader.compressed_files(tmp_path / "a-journal") != []
        fleet.enrol(EACH)
        # Back to 0.1.0, on the tables of the present version.
        replaced("a", former)
        replaced("b", former)
        assert fleet.failures == []
        for retrieval_id, certificate in fleet.answered:
            for node in fleet.nodes.values():
                assert node.get(retrieval_id).certificate == certificate_der(certificate)
    finally:
        for stack in running.values():
            stack.close()
    assert len(fleet.answered) == EACH * PHASES
    with psycopg.connect(former.database) as connection:
        rows = connection.execute("SELECT count(*), count(sha256) FROM sinetti_certificate").fetchone()
    assert rows == (EACH * PHASES, EACH * PHASES)
    for root in (first, second):
        former.authority("journal", "verify", "--dir", root)
        with present.serving(root):
            pass
        present.authority("audit", "verify", "--dir", root)
