"""Two nodes with folders of their own on one PostgreSQL database.

One is killed under load, and the other continues.
"""

import json
import shutil
import subprocess
import urllib.error
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.client import HTTPException
from io import StringIO
from pathlib import Path
from threading import Lock, Thread

import psycopg
import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DirectoryKind
from sinetti.cli.main import main
from sinetti.database.sql import random_id
from sinetti.infra.clock import utc_now
from sinetti.journal import reader
from sinetti.pki.encoding import serial_hex
from sinetti.services.issuance import order
from tests.support.postgres import create_database
from tests.support.programs import STARTS_WITHIN, Holder, new_key
from tests.support.registers import all_connections_closed
from tests.support.scene import an_order
from tests.support.serving import serving as serving_folder

CUSTOMER = "0123456-7"
ORDERS, HOLDERS, KILLED_AFTER = 48, 6, 12
ANY = ("--bind", "127.0.0.1:0", "--status-bind", "127.0.0.1:0")
GONE = (urllib.error.URLError, HTTPException, OSError)


@pytest.fixture
def database(postgres_url, monkeypatch):
    """Set and yield the environment that names a new database."""
    url = create_database(postgres_url, f"nodes_{random_id()}")
    monkeypatch.setenv("DATABASE_URL", url)
    with all_connections_closed():
        yield {"DATABASE_URL": url}


@dataclass
class Node:
    """Folder of the authority, and the process that serves it."""

    root: Path
    process: "subprocess.Popen[str]"
    holder: Holder

    @property
    def journal(self) -> Path:
        """Folder of the node's journals."""
        return self.root.with_name(f"{self.root.name}-journal")


@contextmanager
def serving(root, database):
    """Serve a folder of the authority."""
    with serving_folder(root, **database) as served:
        yield Node(root, served.process, Holder(served.soap, root / "trust" / "services.pem", now=utc_now()))


def run(*arguments) -> tuple[int, str, str]:
    """Run a command in this process.

    Return exit code, standard output and standard error.
    """
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["authority", *(str(one) for one in arguments)])
    return code, out.getvalue(), err.getvalue()


def output_of(*arguments) -> str:
    """Run a command that must succeed, and return its standard output."""
    code, out, err = run(*arguments)
    assert code == 0, err
    return out


def ordered(root, count) -> list[dict[str, str]]:
    """Order certificates in this process, because a command for each would take long."""
    authority = open_authority(root, DirectoryKind.AUTHORITY)
    try:
        made = [order.order(an_order(CUSTOMER), authority.ctx, "operator", "0" * 32) for _ in range(count)]
    finally:
        authority.journal.close()
        authority.ctx.db.close()
    return [{"transfer_id": ids.transfer_id, "transfer_password": ids.transfer_password} for ids in made]


@dataclass
class Load:
    """Load of holders on two nodes.

    A holder without an answer asks the other node with the same key, as our client does.
    """

    nodes: tuple[Node, Node]
    answered: dict[str, str]
    fetched: dict[str, str]
    failures: list[BaseException]
    lock: Lock

    def enrol(self, orders: list[dict[str, str]], first: int) -> None:
        """Enrol and retrieve a certificate for each of these orders."""
        try:
            for ids in orders:
                self._one(ids, first)
        except BaseException as failure:  # noqa: BLE001 - told in the test's own thread
            self.failures.append(failure)

    def _one(self, ids: dict[str, str], first: int) -> None:
        key, places = new_key(), (self.nodes[first], self.nodes[1 - first])
        answer = self._asked(places, lambda holder: holder.new(ids, key))
        assert answer.status_ok, answer.errors
        with self.lock:
            self.answered[ids["transfer_id"]] = answer.retrieval_id
            if len(self.answered) == KILLED_AFTER:
                self.nodes[0].process.kill()
        certificate = self._asked(places, lambda holder: holder.fetched(answer))
        assert certificate.public_key() == key.public_key()
        again = self._asked(places[::-1], lambda holder: holder.new(ids, key))
        assert again.retrieval_id == answer.retrieval_id
        with self.lock:
            self.fetched[ids["transfer_id"]] = serial_hex(certificate.serial_number)

    def _asked(self, places, ask):
        try:
            return ask(places[0].holder)
        except GONE:
            return ask(places[1].holder)


def serials(folder: Path) -> list[str]:
    """Return the serials that the journals of a folder record as issued.

    A serial occurs as often as it is recorded.
    """
    lines = [line for path in reader.files(folder) for line in reader.read(path)]
    return [line.facts["serial"] for line in lines if line.kind == "issued"]


def loaded(nodes, orders) -> Load:
    """Let holders enrol at both nodes until every order is done."""
    load = Load(nodes, {}, {}, [], Lock())
    threads = [
        Thread(target=load.enrol, args=(orders[number::HOLDERS], number % 2), daemon=True) for number in range(HOLDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert load.failures == []
    assert len(load.fetched) == len(orders)
    return load


def test_one_of_two_nodes_is_killed_under_load(tmp_path, database):
    north, south = tmp_path / "north", tmp_path / "south"
    init = ("--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://soap.example")
    output_of("init", "--dir", north, *init)
    shutil.copytree(north, south)
    organisation = ("--customer-id", CUSTOMER, "--kind", "artificial", "--name", "A Oy", "--channel", "WS")
    output_of("organisation", "add", "--dir", south, *organisation)
    orders = ordered(north, ORDERS)

    with serving(north, database) as one, serving(south, database) as other:
        load = loaded((one, other), orders)
        assert one.process.wait(STARTS_WITHIN) == -9
        # The killed node starts again beside the other, whose journal it does not see.
        with serving(north, database) as again:
            assert again.holder.new(orders[0], new_key()).status_ok is False
            assert set(serials(again.journal)) == set(load.fetched.values()), "what only the register had is here now"
    with psycopg.connect(database["DATABASE_URL"]) as db:
        rows = db.execute("SELECT serial, sha256 IS NOT NULL FROM sinetti_certificate").fetchall()
        numbers = db.execute(
            "SELECT object, octets FROM sinetti_auditevent WHERE action = 'crl-published' ORDER BY sequence"
        ).fetchall()
    assert sorted(rows) == sorted((serial, True) for serial in load.fetched.values()), "each order, one certificate"
    check_rising(numbers)

    # One folder for both journals from now on: each node compares all of them.
    shared = tmp_path / "journals"
    shared.mkdir()
    for root in (north, south):
        for path in sorted(root.with_name(f"{root.name}-journal").iterdir()):
            if path.suffix != ".head":
                path.rename(shared / f"{root.name}-{path.name}" if path.suffix == ".jsonl" else shared / path.name)
        settings = root / "authority.toml"
        settings.write_text(settings.read_text().replace('journal = ""', f'journal = "{shared}"'))
    with serving(north, database) as one, serving(south, database) as other:
        (ids,) = ordered(south, 1)
        key = new_key()
        answer = one.holder.new(ids, key)
        assert other.holder.fetched(answer).public_key() == key.public_key()
    assert "complete and unchanged" in output_of("journal", "verify", "--dir", south)
    assert json.loads(output_of("reconcile", "--dir", north, "--json"))["restored"] == []


def check_rising(rows) -> None:
    """Check that the CRLs of each CA were published with increasing numbers."""
    published: dict[str, list[int]] = {}
    for name, octets in rows:
        published.setdefault(name, []).append(json.loads(bytes(octets))["facts"]["number"])
    assert all(len(numbers) >= 3 for numbers in published.values()), published
    assert all(numbers == sorted(set(numbers)) for numbers in published.values()), published


def test_last_night_s_backup_on_postgresql(tmp_path, database, postgres_url, monkeypatch):
    """The commands are those of docs/operators/journal.md, "After restoring a backup"."""
    root = tmp_path / "authority"
    init = ("--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://soap.example")
    output_of("init", "--dir", root, *init)
    organisation = ("--customer-id", CUSTOMER, "--kind", "artificial", "--name", "A Oy", "--channel", "WS")
    output_of("organisation", "add", "--dir", root, *organisation)
    early_ids, late_ids = ordered(root, 2)
    key = new_key()
    with serving(root, database) as node:
        early = node.holder.enrolled(early_ids, new_key())
        output_of("backup", "--dir", root, "--out", tmp_path / "night")
        answer = node.holder.new(late_ids, key)
        late = node.holder.fetched(answer)
        output_of("revoke", f"{early.serial_number:038x}", "--reason", "superseded", "--dir", root)
    # The database is lost.
    lost = {"DATABASE_URL": create_database(postgres_url, f"nodes_{random_id()}")}
    monkeypatch.setenv("DATABASE_URL", lost["DATABASE_URL"])
    output_of("restore", "--dir", root, "--from", tmp_path / "night")
    assert run("restore", "--dir", root, "--from", tmp_path / "night")[0] == 2, "nothing is overwritten"
    code, _, err = run("serve", "--dir", root, *ANY)
    assert (code, f"sinetti authority reconcile --dir {root}" in err) == (5, True)
    assert "complete and unchanged" in output_of("journal", "verify", "--dir", root)
    back = json.loads(output_of("reconcile", "--dir", root, "--json"))
    assert (len(back["restored"]), back["failed"]) == (2, [])
    with serving(root, lost) as node:
        assert node.holder.fetched(answer) == late
        assert node.holder.new(late_ids, key).retrieval_id == answer.retrieval_id
        assert not node.holder.new(late_ids, new_key()).status_ok
    listed = json.loads(output_of("status", "--dir", root, "--customer-id", CUSTOMER, "--json"))
    assert {row["serial"]: row["state"] for row in listed} == {
        f"{early.serial_number:038x}": "revoked",
        f"{late.serial_number:038x}": "fetched",
    }
