"""Restoring last night's backup.

The real program serves nothing until it knows what it has answered.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, journal_folder
from sinetti.infra.clock import monotonic_seconds
from sinetti.settings.authority import read
from tests.support.ports import reserve_ports
from tests.support.programs import STARTS_WITHIN, STOPS_WITHIN, Holder, holder_of, new_key, ran, running
from tests.support.serving import serving as serving_folder

CUSTOMER = "0123456-7"


@pytest.fixture
def authority(tmp_path):
    """Found an authority with one organisation, and return its folder."""
    root, (port, status) = tmp_path / "authority", reserve_ports(2)
    output_of(
        "init", "--dir", root, "--environment", "TEST", "--base-url", f"http://127.0.0.1:{status}",
        "--soap-url", f"http://127.0.0.1:{port}",
    )  # fmt: skip
    output_of("organisation", "add", "--dir", root, "--customer-id", CUSTOMER, "--kind", "artificial", "--name", "A Oy")
    output_of("organisation", "approve", "--dir", root, "--customer-id", CUSTOMER, "--channel", "WS")
    return root


def output_of(*arguments) -> str:
    done = ran("authority", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ordered(root) -> dict[str, str]:
    people = ("--contact-name", "A", "--contact-email", "a@b.example")
    return json.loads(output_of("order", "--dir", root, "--customer-id", CUSTOMER, *people, "--json"))


@contextmanager
def serving(root):
    """Serve the folder, and yield a holder at its endpoint and the process."""
    with serving_folder(root, "--workers", "1") as served:
        yield Holder(served.soap, root / "trust" / "services.pem"), served.process


def journal(root) -> Path:
    """Return the journal that has issued certificates; another process may keep that of the log."""
    found = sorted(root.with_name("authority-journal").glob("*.jsonl"))
    return next((one for one in found if b'"kind":"issued"' in one.read_bytes()), found[0])


def test_last_night_s_backup(authority, tmp_path):
    with serving(authority) as (holder, process):
        ids, key = ordered(authority), new_key()
        early = holder.enrolled(ordered(authority), new_key())
        output_of("backup", "--dir", authority, "--out", tmp_path / "night")
        answer = holder.new(ids, key)
        late = holder.fetched(answer)
        output_of("revoke", f"{early.serial_number:x}", "--reason", "superseded", "--dir", authority)
        process.kill()
    done = ran("authority", "restore", "--dir", authority, "--from", tmp_path / "night")
    assert (done.returncode, "never overwritten" in done.stderr) == (2, True)
    for old in authority.glob("register.sqlite3*"):
        old.unlink()
    output_of("restore", "--dir", authority, "--from", tmp_path / "night")

    done = ran("authority", "serve", "--dir", authority)
    assert done.returncode == 5
    assert f"sinetti authority reconcile --dir {authority}" in done.stderr
    back = json.loads(output_of("reconcile", "--dir", authority, "--json"))
    assert len(back["restored"]) == 2
    assert back["failed"] == []
    with serving(authority) as (holder, _):
        assert holder.fetched(answer) == late
        assert holder.new(ids, key).retrieval_id == answer.retrieval_id
        assert not holder.new(ids, new_key()).status_ok
    listed = json.loads(output_of("status", "--dir", authority, "--customer-id", CUSTOMER, "--json"))
    assert {row["serial"]: row["state"] for row in listed} == {
        f"{early.serial_number:x}": "revoked",
        f"{late.serial_number:x}": "fetched",
    }
    assert "0 certificates restored" in output_of("reconcile", "--dir", authority)


KILLED_AT_9 = """
import os, signal, sys
from pathlib import Path
from sinetti.services.issuance.enrol import enrol
from sinetti.domain.requests import EnrolRequest
from sinetti.domain.values import Environment
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import generate_key
from sinetti.domain.values import KeyType
from sinetti.authority.data_directory import DirectoryKind
from sinetti.authority.bootstrap import RuntimeOptions, open_authority
from tests.support.ports import reserve_ports

def step(name):
    if name == "9-reserved":
        os.kill(os.getpid(), signal.SIGKILL)

root, customer, transfer_id, password = sys.argv[1:]
ctx = open_authority(Path(root), DirectoryKind.AUTHORITY, RuntimeOptions(step=step)).ctx
csr = build_request(generate_key(KeyType.EC_P256), customer, None)
enrol(EnrolRequest(Environment.TEST, customer, None, transfer_id, password, csr), ctx, "0" * 32)
"""


def test_a_reservation_that_a_killed_process_left_is_finished_by_whoever_serves(authority):
    ids = ordered(authority)
    command = [sys.executable, "-W", "ignore", "-c", KILLED_AT_9, str(authority), CUSTOMER]
    done = subprocess.run([*command, ids["transfer_id"], ids["transfer_password"]], timeout=120, check=False)
    assert done.returncode == -9
    with closing(sqlite3.connect(authority / "register.sqlite3")) as db:
        assert db.execute("SELECT state FROM sinetti_certificate").fetchall() == [("reserved",)]
        db.execute(
            "UPDATE sinetti_certificate SET reserved_machine_time = datetime(reserved_machine_time, '-61 seconds')"
        )
        db.commit()
        with serving(authority):
            deadline = monotonic_seconds() + STARTS_WITHIN
            while db.execute("SELECT state FROM sinetti_certificate").fetchall() != [("issued",)]:
                assert monotonic_seconds() < deadline
                sleep(0.05)
            # The journal is written after the commit. The next start catches up for a process killed in between.
            while '"kind":"issued"' not in journal(authority).read_text():
                assert monotonic_seconds() < deadline
                sleep(0.05)


def test_a_journal_that_was_tampered_with_is_named_and_nothing_is_served(authority):
    with serving(authority) as (holder, process):
        holder.enrolled(ordered(authority), new_key())
        process.terminate()
        assert process.wait(STOPS_WITHIN) == 0
    assert "3 lines, complete and unchanged" in output_of("journal", "verify", "--dir", authority)
    path = journal(authority)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    for command in (["journal", "verify", "--dir", authority], ["journal", "verify", "--file", path]):
        done = ran("authority", *command)
        assert done.returncode == 5
        assert "line 2 is missing" in done.stderr
    done = ran("authority", "serve", "--dir", authority)
    assert done.returncode == 5
    assert "line 2 is missing" in done.stderr


def test_a_journal_s_place(authority, tmp_path):
    done = ran("authority", "journal", "verify", "--dir", authority)
    assert (done.returncode, "no journal" in done.stderr) == (2, True)
    assert ran("authority", "journal", "verify", "--file", tmp_path / "none").returncode == 2
    settings = authority / "authority.toml"
    text = settings.read_text()
    for value, said in (("relative", "absolute path"), (f"{authority}/journal", "cannot be in")):
        settings.write_text(text.replace('journal = ""', f'journal = "{value}"'))
        done = ran("authority", "status", "--dir", authority)
        assert done.returncode == 5
        assert said in done.stderr
    shutil.rmtree(authority)
    authority.with_name("authority-journal").mkdir(exist_ok=True)
    (authority.with_name("authority-journal") / "old.jsonl").write_text("")
    init = ["--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://soap.example"]
    done = ran("authority", "init", "--dir", authority, *init)
    assert (done.returncode, "move it away" in done.stderr) == (2, True)
    other = tmp_path / "elsewhere"
    assert ran("authority", "init", "--dir", authority, *init, "--journal", other).returncode == 0
    assert f'journal = "{other}"' in settings.read_text()
    link = tmp_path / "link"
    link.symlink_to(authority)
    assert journal_folder(DataDirectory(link), DirectoryKind.AUTHORITY, replace(read(settings), journal="")) == (
        authority.resolve().with_name("authority-journal")
    )
    done = ran("authority", "init", "--dir", tmp_path / "new", *init, "--journal", tmp_path / "new" / "journal")
    assert (done.returncode, "--journal: the journal cannot be in" in done.stderr) == (2, True)
    assert not (tmp_path / "new").exists()


def test_a_bench_mends_its_register_by_itself(tmp_path):
    root = tmp_path / "bench"
    with running(root, "--now", "2027-01-11T08:00:00Z") as bench:
        with (
            closing(sqlite3.connect(root / "register.sqlite3")) as now,
            closing(sqlite3.connect(tmp_path / "old")) as old,
        ):
            now.backup(old)
        holder_of(bench).enrolled(bench.order(), new_key())
        rows = bench.rows()
    for path in root.glob("register.sqlite3*"):
        path.unlink()
    shutil.copyfile(tmp_path / "old", root / "register.sqlite3")
    with running(root) as bench:
        assert bench.rows() == rows


def test_a_bench_whose_journal_was_taken_away_says_so(tmp_path):
    root = tmp_path / "bench"
    with running(root) as bench:
        holder_of(bench).enrolled(bench.order(), new_key())
    shutil.move(root / "journal", tmp_path / "journal")
    done = ran("testbench", "serve", "--dir", root)
    assert done.returncode == 5
    assert "make a new bench in another folder" in done.stderr
    shutil.move(tmp_path / "journal", root / "journal")
    with running(root) as bench:
        assert len(bench.rows()) == 1
