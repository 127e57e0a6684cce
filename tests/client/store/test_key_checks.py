"""Record of the sets that were compared: it saves time, and hides no damage."""

import itertools
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.client.store import key_checks, snapshot
from sinetti.pki import encoding
from tests.client.conftest import NAME
from tests.support import authority

NOW = authority.NOW


def passed(holder, now=NOW):
    """Take the snapshot as a pass does; return it and whether the key was opened."""
    checks = key_checks.load(holder.store, now)
    (one,) = snapshot.list_snapshots(holder.store, for_agent=True, checks=checks)
    key_checks.save(holder.store, checks)
    return one, checks.is_changed


def settle(holder):
    """Let the files be older than the record, as they are in the next pass."""
    path = holder.store / key_checks.FILE
    later = path.stat().st_mtime_ns + 5_000_000_000
    os.utime(path, ns=(later, later))


@pytest.fixture
def known(holder):
    """Return a holder whose set stands in the record."""
    holder.enrol()
    assert passed(holder)[1]
    settle(holder)
    return holder


def test_a_set_that_did_not_move_is_not_opened(known, monkeypatch):
    first, _ = passed(known, NOW - timedelta(hours=1))
    settle(known)
    monkeypatch.setattr(encoding, "load_private_key", None)
    again, opened = passed(known, NOW - timedelta(hours=1))
    assert (again, opened) == (first, False)


def test_every_set_is_compared_again_within_a_day(known):
    assert not passed(known, NOW + timedelta(hours=12) - timedelta(seconds=1))[1]
    assert passed(known, NOW + timedelta(days=1))[1]
    settle(known)
    assert passed(known, NOW)[1], "a comparison in the future, by a clock that was wrong"


def test_not_all_sets_are_compared_at_once():
    def is_due(name, hours):
        state = key_checks.FileState("", 0, None, None)
        found = key_checks.KnownSet("", "", "", 0, 0, "", 0)
        now = datetime.fromtimestamp(hours * 3600, UTC)
        return key_checks.KeyChecks(now, {name: list(found)}, 2**62).find(name, state, "") is None

    due = [sum(is_due(f"name-{number}", hours) for number in range(1000)) for hours in range(11, 26)]
    assert (due[0], due[-1]) == (0, 1000)
    assert max(after - before for before, after in itertools.pairwise(due)) < 120


CHANGES = {
    "other octets": lambda path: path.write_bytes(b"x" * path.stat().st_size),
    "another file": lambda path: (path.rename(path.with_suffix(".old")), path.write_bytes(b"x")),
    "no file": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", ["key.pem", "certificate.pem", "chain.pem"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_found_with_any_record(change, name, known):
    path = known.live / name
    before = path.stat()
    change(path)
    if path.exists():
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert passed(known)[0].trouble is not None


def test_a_file_that_changed_while_the_record_was_written_is_compared_again(holder):
    holder.enrol()
    assert passed(holder)[1]
    assert passed(holder)[1], "within a second of the record, a change may have the same time"


def forged(holder):
    """Replace the key by another one, and put its state into the record."""
    (holder.live / "key.pem").write_bytes(encoding.dump_private_key(authority.holder_key(9), None))
    path = holder.store / key_checks.FILE
    raw = json.loads(path.read_text())
    raw["sets"][NAME][0] = key_checks.state_of(str(holder.live)).text
    path.write_text(json.dumps(raw))
    settle(holder)
    return path


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("whose", ["another user's", "writable by others", "a link"])
def test_a_record_that_another_user_can_write_hides_nothing(whose, known):
    path = forged(known)
    if whose == "another user's":
        os.chown(path, 4711, 4711)
    elif whose == "writable by others":
        path.chmod(0o666)
    else:
        os.chown(path.rename(path.with_suffix(".x")), 4711, 4711)
        path.symlink_to(path.with_suffix(".x"))
        os.chown(path, 4711, 4711, follow_symlinks=False)
    assert passed(known)[0].trouble is not None


ODD = [b"", b"[]", b"{}", b'{"sets": []}', b'{"sets": {"payroll": [7]}}']


@pytest.mark.parametrize("octets", ODD)
def test_a_damaged_record_costs_time_alone(octets, known):
    first, _ = passed(known)
    (known.store / key_checks.FILE).write_bytes(octets)
    assert passed(known) == (first, True)


def test_a_store_that_cannot_be_written_costs_time_alone(holder, monkeypatch):
    holder.enrol()

    def refuse(*_args, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(key_checks.files, "write_atomic", refuse)
    assert passed(holder)[0].trouble is None
