"""Store of the signer: private, whole batches, and what survives a kill."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import suppress

import pytest

from sinetti.authority.signer.lists import adopt
from sinetti.authority.signer.store import AdoptedCertificate, SignedRecord, SignerStore, SignerStoreDamaged
from sinetti.pki.signers import SignerUnavailable
from tests.support.authority import NOW, holder_key
from tests.support.signing import CA, certificate_task, holder_tbs, rules_of

SERIAL = bytes.fromhex("4a" * 19)


def test_no_other_user_can_read_it(store, tmp_path):
    with store.transaction():
        store.add_order(NOW.date())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"signer.sqlite": 0o600, "signer.sqlite-wal": 0o600, "signer.sqlite-shm": 0o600}


def test_an_exception_writes_nothing(store):
    with suppress(KeyError), store.transaction():
        store.insert_signed(CA, SERIAL, SignedRecord(b"d", b"s", NOW))
        raise KeyError
    with store.transaction():
        assert store.find_signed(CA, SERIAL) is None


def test_what_was_stored_is_there_after_a_restart(store, tmp_path):
    with store.transaction():
        store.insert_signed(CA, SERIAL, SignedRecord(b"d", b"s", NOW))
        store.add_renewal(CA, SERIAL, b"d", NOW)
        store.replace_head(3, bytes(32))
        store.insert_act("p", b"d")
    store.close()
    again = SignerStore(tmp_path / "signer.sqlite")
    with again.transaction():
        assert again.find_signed(CA, SERIAL) == SignedRecord(b"d", b"s", NOW)
        assert again.find_predecessor(CA, SERIAL) == (b"d", 1, False)
        assert again.find_head() == (3, bytes(32))
        assert again.find_act("p") == b"d"
    again.close()


def test_a_certificate_that_was_signed_here_is_not_adopted_over(store):
    with store.transaction():
        store.insert_signed(CA, SERIAL, SignedRecord(b"d", b"s", NOW))
    adopt(store, [AdoptedCertificate(CA, SERIAL, NOW)], [], None)
    with store.transaction():
        assert store.find_signed(CA, SERIAL).signature == b"s"


DAMAGED = {
    "no database": b"no database at all, but a text of some length" * 100,
    "half of one": None,
}


@pytest.mark.parametrize("octets", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_store_is_reported(tmp_path, octets):
    path = tmp_path / "signer.sqlite"
    if octets is None:
        SignerStore(path).close()
        octets = b"SQLite format 3\0" + os.urandom(4000)
    path.write_bytes(octets)
    with pytest.raises(SignerStoreDamaged, match="restore it from a backup"):
        SignerStore(path)


def test_a_store_of_a_newer_program_is_refused(tmp_path):
    path = tmp_path / "signer.sqlite"
    SignerStore(path).close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 4")
    other.close()
    with pytest.raises(SignerStoreDamaged, match="is of version 4: start the newer program"):
        SignerStore(path)


def test_a_link_in_place_of_the_store_is_refused(tmp_path):
    (tmp_path / "signer.sqlite").symlink_to(tmp_path / "other")
    with pytest.raises(SignerStoreDamaged, match="cannot be used"):
        SignerStore(tmp_path / "signer.sqlite")


def test_a_batch_whose_key_is_away_records_nothing(store, monkeypatch):
    rules, count = rules_of(store), []

    def sign(key, octets):
        count.append(octets)
        if len(count) == 2:
            why = "the token is away"
            raise SignerUnavailable(why)
        return b"signature"

    monkeypatch.setattr("sinetti.authority.signer.rules.sign", sign)
    tasks = [certificate_task(holder_tbs(holder_key())) for _ in range(2)]
    with pytest.raises(SignerUnavailable):
        rules.sign(tasks, NOW)
    assert rules.status(NOW).orders == 0
    assert len(rules.sign(tasks, NOW)) == 2


def test_a_full_disk_signs_nothing_and_is_recovered_from(store):
    rules = rules_of(store, orders_per_day=1_000)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages + 1}")
    tasks = [certificate_task(holder_tbs(holder_key())) for _ in range(60)]
    with pytest.raises(SignerUnavailable, match="cannot be used now: database or disk is full"):
        rules.sign(tasks, NOW)
    assert rules.status(NOW).orders == 0
    store._db.execute("PRAGMA max_page_count = 100000")
    assert all(isinstance(one, bytes) for one in rules.sign(tasks, NOW))


KILLED = """
import os, signal, sys
from pathlib import Path
from sinetti.authority.signer.store import SignedRecord, SignerStore
from datetime import UTC, datetime
store = SignerStore(Path(sys.argv[1]))
for number in range(1000):
    with store.transaction():
        store.insert_signed("CA", number.to_bytes(2), SignedRecord(b"d", b"s", datetime.now(UTC)))
    print(number, flush=True)
    if number == 50:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_no_batch_that_was_committed(tmp_path):
    path = tmp_path / "signer.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED, path], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    store = SignerStore(path)
    with store.transaction():
        assert all(store.find_signed("CA", number.to_bytes(2)) for number in range(51))
    store.close()
