"""File of the journal: on disk before `append` returns, with one writer each.

Every damage is reported with its line.
"""

import gzip
import os
import resource
import secrets
import subprocess
import sys
import tracemalloc
from contextlib import contextmanager
from threading import Barrier, Thread

import pytest

from sinetti.journal import crl_archive, month_files, reader, writer
from sinetti.journal.crl_archive import ArchivedCrlName, archived_crls, newest_list
from sinetti.journal.reader import JournalDamaged
from sinetti.journal.writer import Journal, JournalEntry, JournalHeader, JournalUnavailable
from tests.support.authority import NOW

OWNER = JournalHeader("0" * 32, "TEST", "north")


@pytest.fixture
def opened(tmp_path):
    one = Journal(tmp_path / "journal", OWNER, lambda: NOW)
    yield one
    one.close()


def fact(number: int) -> JournalEntry:
    return JournalEntry("fetched", {"serial": f"{number:038x}", "at": "2026-03-02T08:00:00Z"})


def path_of(one: Journal):
    return one.folder / "north.jsonl"


def serials(path) -> list[int]:
    return [int(line.facts["serial"], 16) for line in reader.read(path) if line.kind == "fetched"]


def test_facts_are_read_as_they_were_written(opened):
    opened.append([fact(1), fact(2)])
    opened.append([fact(3)])
    lines = list(reader.read(path_of(opened)))
    assert [line.sequence for line in lines] == [1, 2, 3, 4]
    own = {"id": lines[0].facts["id"]}
    assert lines[0].facts == {"format": 1, "instance": OWNER.instance_id, "environment": "TEST", "node": "north"} | own
    assert serials(path_of(opened)) == [1, 2, 3]
    assert reader.verify(path_of(opened)) == 4


def test_each_line_has_the_digest_of_the_whole_line_before_it(opened):
    opened.append([fact(1), fact(2)])
    octets = path_of(opened).read_bytes().splitlines()
    lines = list(reader.read(path_of(opened)))
    assert [line.previous for line in lines] == [reader.FIRST, *(reader.digest(one) for one in octets[:-1])]


def test_it_is_on_disk_before_append_returns(opened, monkeypatch):
    synced = []
    monkeypatch.setattr(writer.os, "fsync", lambda _handle: synced.append(serials(path_of(opened))))
    opened.append([fact(1)])
    assert synced[-1] == [1]


def test_one_sync_serves_all_who_wait(opened, monkeypatch):
    opened.open()
    real, count, start = os.fsync, [], Barrier(40)
    monkeypatch.setattr(writer.os, "fsync", lambda handle: (count.append(1), start_slow(), real(handle)))

    def start_slow() -> None:
        for _ in range(20_000):
            pass

    def write(number: int) -> None:
        start.wait(60)
        opened.append([fact(number)])

    threads = [Thread(target=write, args=(number,)) for number in range(40)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert sorted(serials(path_of(opened))) == list(range(40))
    assert reader.verify(path_of(opened)) == 41
    assert len(count) <= 40


def test_a_second_writer_takes_a_file_of_its_own(opened):
    opened.append([fact(1)])
    other = Journal(opened.folder, OWNER, lambda: NOW)
    other.append([fact(2)])
    assert [path.name for path in reader.files(opened.folder)] == ["north-2.jsonl", "north.jsonl"]
    assert serials(opened.folder / "north-2.jsonl") == [2]
    other.close()


def test_the_next_process_goes_on_where_the_last_ended(opened):
    opened.append([fact(1)])
    opened.close()
    opened.append([fact(2)])
    assert reader.verify(path_of(opened)) == 3


def test_a_process_that_is_killed_leaves_its_file_to_the_next(opened):
    program = (
        "import os, signal, sys; from pathlib import Path; from datetime import datetime, UTC;"
        "from sinetti.journal.writer import Journal, JournalEntry, JournalHeader;"
        "owner = JournalHeader('0' * 32, 'TEST', 'north');"
        "one = Journal(Path(sys.argv[1]), owner, lambda: datetime(2026, 3, 2, tzinfo=UTC));"
        "one.append([JournalEntry('fetched', {'serial': '05', 'at': '2026-03-02T08:00:00Z'})]);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(opened.folder)]
    assert subprocess.run(command, timeout=120, check=False).returncode == -9
    opened.append([fact(6)])
    assert serials(path_of(opened)) == [5, 6]


@pytest.mark.parametrize("torn", [b"{", b'{"sequence":3,"at":"2026'], ids=["one octet", "half a line"])
def test_a_line_that_a_crash_cut_off_is_kept_aside_and_named(opened, torn, caplog):
    opened.append([fact(1)])
    opened.close()
    with path_of(opened).open("ab") as file:
        file.write(torn)
    assert serials(path_of(opened)) == [1], "readers leave it out"
    with pytest.raises(JournalDamaged, match="line 3 is truncated"):
        reader.verify(path_of(opened))
    opened.append([fact(2)])
    assert "incomplete line" in caplog.text
    assert [path.read_bytes() for path in opened.folder.glob("*.torn-*")] == [torn]
    assert [line.kind for line in reader.read(path_of(opened))] == ["begun", "fetched", "torn", "fetched"]
    assert reader.verify(path_of(opened)) == 4


def changed(lines: list[bytes], place: int) -> list[bytes]:
    one = bytearray(lines[place])
    one[len(one) // 2] ^= 1
    return [*lines[:place], bytes(one), *lines[place + 1 :]]


def swapped(lines: list[bytes], place: int) -> list[bytes]:
    return [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]


DAMAGES = {
    "flipped, the first": (lambda lines: changed(lines, 0), "line 1 was changed"),
    "flipped, in the middle": (lambda lines: changed(lines, 3), "line 4 was changed"),
    "flipped, the last": (lambda lines: changed(lines, 6), "line 7 was changed"),
    "dropped, the first": (lambda lines: lines[1:], "line 1 is missing"),
    "dropped, in the middle": (lambda lines: [*lines[:3], *lines[4:]], "line 4 is missing"),
    "dropped, the last": (lambda lines: lines[:-1], "line 7 is missing"),
    "dropped, all": (lambda _lines: [], "line 1 is missing"),
    "reordered": (lambda lines: swapped(lines, 2), "line 3 was moved"),
    "reordered, at the end": (lambda lines: swapped(lines, 5), "line 6 was moved"),
    "twice": (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 4 was moved"),
    "truncated": (lambda lines: [*lines[:-1], lines[-1][:-30]], "line 7 is truncated"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGES.values(), ids=DAMAGES)
def test_verify_names_the_line(opened, damage, said):
    opened.append([fact(number) for number in range(6)])
    opened.close()
    path_of(opened).write_bytes(b"".join(damage(path_of(opened).read_bytes().splitlines(keepends=True))))
    with pytest.raises(JournalDamaged, match=said):
        reader.verify(path_of(opened))


def sealed(body: bytes) -> bytes:
    """Give a line the digest that it must have, which is no secret."""
    return body[:-1] + reader.SUFFIX + reader.digest(body).encode() + b'"}'


NO_LINES = {
    "other members": b'{"x":1}',
    "no JSON": b"{x}",
    "no UTF-8": b'{"\xff":1}',
    "nested without end": b'{"x":' + b"[" * 100_000 + b"}",
    "a number that is none": b'{"sequence":"2","at":"","kind":"torn","facts":{},"previous":""}',
    "a number that is true": b'{"sequence":true,"at":"","kind":"torn","facts":{},"previous":""}',
    "facts that are none": b'{"sequence":2,"at":"","kind":"torn","facts":[],"previous":""}',
}


@pytest.mark.parametrize("body", NO_LINES.values(), ids=NO_LINES)
def test_what_fits_its_digest_but_is_no_line_is_named(opened, body):
    opened.open()
    opened.close()
    with path_of(opened).open("ab") as file:
        file.write(sealed(body) + b"\n")
    with pytest.raises(JournalDamaged, match="line 2 was changed"):
        reader.verify(path_of(opened))
    with pytest.raises(JournalDamaged, match="the last line was changed"):
        opened.append([fact(1)])


def test_a_line_that_was_replaced_by_a_fitting_one_does_not_fit_the_next(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda _octets: "ab")
    opened.append([fact(1), fact(2)])
    opened.close()
    other = Journal(tmp_path / "other", OWNER, lambda: NOW)
    other.append([fact(7)])
    other.close()
    lines = path_of(opened).read_bytes().splitlines(keepends=True)
    lines[1] = path_of(other).read_bytes().splitlines(keepends=True)[1]
    path_of(opened).write_bytes(b"".join(lines))
    with pytest.raises(JournalDamaged, match="line 2 was replaced"):
        reader.verify(path_of(opened))


@pytest.mark.parametrize("damage", ["flipped, the last", "dropped, the last", "dropped, all"])
def test_nothing_is_appended_to_a_journal_whose_end_is_not_what_was_written(opened, damage):
    opened.append([fact(number) for number in range(6)])
    opened.close()
    lines = path_of(opened).read_bytes().splitlines(keepends=True)
    damaged = b"".join(DAMAGES[damage][0](lines))
    path_of(opened).write_bytes(damaged)
    with pytest.raises(JournalDamaged):
        opened.append([fact(7)])
    assert path_of(opened).read_bytes() == damaged


def test_a_copy_without_its_head_is_checked_as_far_as_it_goes(opened, tmp_path):
    opened.append([fact(1), fact(2)])
    lines = path_of(opened).read_bytes().splitlines(keepends=True)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(b"".join(lines[:-1]))
    assert reader.verify(copy) == 2


def test_another_authority_s_journal_is_left_alone(opened):
    opened.append([fact(1)])
    opened.close()
    other = Journal(opened.folder, JournalHeader("1" * 32, "TEST", "north"), lambda: NOW)
    with pytest.raises(JournalDamaged, match="not a journal of this authority"):
        other.append([fact(2)])


@contextmanager
def full_disk(opened):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path_of(opened).stat().st_size + 50, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_no_half_line_and_what_is_owed_comes_with_the_next(opened):
    opened.append([fact(1)])
    with full_disk(opened):
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="cannot be written"):
                opened.append([fact(2)])
    assert serials(path_of(opened)) == [1]
    opened.append([fact(3)])
    assert serials(path_of(opened)) == [1, 2, 3]
    assert reader.verify(path_of(opened)) == 4


def test_a_disk_that_failed_once_is_trusted_no_more(opened, monkeypatch):
    opened.append([fact(1)])

    def fails(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(writer.os, "fsync", fails)
        with pytest.raises(JournalUnavailable, match="written to disk"):
            opened.append([fact(2)])
    with pytest.raises(JournalUnavailable, match="restart the process"):
        opened.append([fact(3)])


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def unknown(_handle, _how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(month_files.fcntl, "flock", unknown)
    with pytest.raises(JournalUnavailable, match="No locks available"):
        Journal(tmp_path, OWNER, lambda: NOW).open()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        Journal(tmp_path / "file" / "journal", OWNER, lambda: NOW).open()


def keep(opened, shard, number, der):
    """Keep a whole CRL, which needs no base."""
    opened.keep_list(ArchivedCrlName("CAv1", shard, number), der, lambda: pytest.fail("a whole list has no base"))


def test_the_newest_list_of_a_shard_is_kept_whatever_the_order(opened):
    for number in (9, 10, 8):
        keep(opened, 1, number, b"list %d" % number)
    keep(opened, 11, 7, b"another shard's")
    assert [path.read_bytes() for path in archived_crls(opened.folder, "CAv1", 1)] == [b"list 10"]


def test_what_has_not_the_name_of_a_list_is_passed_over(opened):
    keep(opened, 1, 9, b"list 9")
    for name in ("CAv1.1.copy.crl", "CAv1.1.10.copy.crl", "CAv1.1.-5.crl", "CAv1.1.crl", "CAv1.1.٣.crl", "a.crl"):
        (opened.folder / name).write_bytes(b"something else")
    assert [path.name for path in archived_crls(opened.folder, "CAv1", 1)] == ["CAv1.1.9.crl"]
    keep(opened, 1, 11, b"list 11")
    assert [path.name for path in archived_crls(opened.folder, "CAv1", 1)] == ["CAv1.1.11.crl"]
    assert (opened.folder / "CAv1.1.copy.crl").exists()


def test_what_was_written_lately_is_known(opened):
    opened.append([fact(1)])
    assert opened.holds("fetched", fact(1).facts["serial"])
    assert not opened.holds("issued", fact(1).facts["serial"])
    opened.append([fact(number) for number in range(2, 2002)])
    assert not opened.holds("fetched", fact(1).facts["serial"])
    assert opened.holds("fetched", fact(2001).facts["serial"])


def test_a_list_that_another_node_takes_away_while_it_is_looked_for(tmp_path, monkeypatch):
    """It put a newer one there first."""
    old, new = tmp_path / "CAv1.1.8.crl", tmp_path / "CAv1.1.9.crl"
    new.write_bytes(b"list 9")
    looks = iter([[old], [old, new]])
    monkeypatch.setattr(crl_archive, "archived_crls", lambda *_: next(looks))
    assert newest_list(tmp_path, "CAv1", 1) == (new, b"list 9")
    monkeypatch.undo()
    assert newest_list(tmp_path, "CAv2", 1) is None


def test_a_small_compressed_file_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "LONGEST_LINE", 1 << 22)
    path = tmp_path / "north.2026-03-00000000.jsonl.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        assert reader.first_line(path) is None
        with pytest.raises(JournalDamaged, match="a line has more than 4194304 octets"):
            reader.verify(path)
        with pytest.raises(JournalDamaged, match="a line has more than"):
            month_files.ends_of(path)
        assert tracemalloc.get_traced_memory()[1] < 6 << 22
    finally:
        tracemalloc.stop()
