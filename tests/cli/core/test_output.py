"""Output of commands.

The tests cover files that are complete or unchanged, closed pipes, and outputs that are full.
"""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sinetti.cli.core import output as core_output
from tests.support.outputs import FULL, gone, ran


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def out(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path / "sealed.xml"


def test_a_file_is_written_whole_in_place_of_the_former_one(out):
    out.write_bytes(b"the former one")
    with out.open("rb") as reader:
        core_output.write_atomic(out, b"new")
        assert reader.read() == b"the former one"
    assert out.read_bytes() == b"new"
    assert list(out.parent.iterdir()) == [out]


def test_where_writing_fails_the_former_file_stays_and_nothing_beside(out, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out.write_bytes(b"the former one")
    monkeypatch.setattr(core_output.SYSTEM, "sync_file", full)
    with pytest.raises(OSError, match="No space left"):
        core_output.write_atomic(out, b"new")
    assert out.read_bytes() == b"the former one"
    assert list(out.parent.iterdir()) == [out]


def test_a_new_file_has_the_rights_that_the_umask_leaves(out):
    before = os.umask(0o027)
    try:
        core_output.write_atomic(out, b"new")
    finally:
        os.umask(before)
    assert mode(out) == 0o640


def test_a_file_that_was_there_keeps_its_mode(out):
    out.write_bytes(b"the former one")
    out.chmod(0o604)
    core_output.write_atomic(out, b"new")
    assert mode(out) == 0o604


def test_links_are_followed_and_stay(out, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(out)
    for octets in (b"where nothing was", b"over the former one"):
        core_output.write_atomic(link, octets)
        assert link.is_symlink()
        assert out.read_bytes() == octets


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced_either(out):
    out.write_bytes(b"the former one")
    out.chmod(0o400)
    with pytest.raises(PermissionError):
        core_output.write_atomic(out, b"new")
    assert out.read_bytes() == b"the former one"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_stays_theirs(out):
    out.write_bytes(b"the former one")
    os.chown(out, 12, 34)
    core_output.write_atomic(out, b"new")
    assert (out.stat().st_uid, out.stat().st_gid) == (12, 34)


@pytest.mark.parametrize("number", sorted(core_output._NOT_BESIDE), ids=errno.errorcode.get)
def test_a_file_that_can_be_written_but_not_replaced_is_written_through(number, out, monkeypatch):
    def refused(_source, _target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(core_output.SYSTEM, "rename", refused)
    with pytest.raises(OSError, match=r"."):
        core_output.write_atomic(out, b"new")
    assert not out.exists()
    out.write_bytes(b"the former one")
    core_output.write_atomic(out, b"new")
    assert out.read_bytes() == b"new"
    assert list(out.parent.iterdir()) == [out]


def test_what_is_no_plain_file_is_written_through(tmp_path):
    device = Path(os.devnull).stat()
    core_output.write_atomic(Path(os.devnull), b"new")
    assert Path(os.devnull).stat().st_ino == device.st_ino
    queue = tmp_path / "queue"
    os.mkfifo(queue)
    reader = os.open(queue, os.O_RDONLY | os.O_NONBLOCK)
    core_output.write_atomic(queue, b"new")
    assert os.read(reader, 9) == b"new"
    os.close(reader)
    with pytest.raises(IsADirectoryError):
        core_output.write_atomic(tmp_path, b"new")


PROGRAM = (
    "import pathlib, sys; from sinetti.cli.core import output; output.write_atomic(pathlib.Path('/dev/stdout'), b'new')"
)


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="this system has no /dev/stdout")
def test_standard_output_by_its_name_is_written_through_be_it_a_pipe_or_a_file(out):
    words = [sys.executable, "-c", PROGRAM]
    assert subprocess.run(words, capture_output=True, check=True).stdout == b"new"
    with out.open("wb") as opened:
        subprocess.run(words, stdout=opened, check=True)
        assert os.fstat(opened.fileno()).st_ino == out.stat().st_ino
    assert out.read_bytes() == b"new"


@pytest.fixture
def store(shell):
    shell.enrol()
    return shell.store


def damage(store):
    (store / "payroll" / "live" / "key.pem").write_bytes(b"")


CODES = {"as if all had been read": (lambda _store: None, 0), "of a damaged store": (damage, 5)}


@pytest.mark.long
@pytest.mark.parametrize("words", [[], ["--json"]], ids=["for people", "for programs"])
@pytest.mark.parametrize(("change", "code"), CODES.values(), ids=CODES)
def test_a_reader_who_has_gone_is_no_fault_and_the_code_is_that_of_the_work(change, code, words, store):
    change(store)
    with gone() as output:
        assert ran("status", "--store", store, *words, stdout=output) == (code, "")


def test_the_work_is_done_though_nobody_reads_either_output(store, shell):
    shell.double.now = shell.double.now.replace(year=2028, month=2)
    words = ("renew", "--all", "--json", "--store", store, "--now", "2028-02-02T12:00:00Z")
    with gone() as output:
        assert ran(*words, stdout=output, stderr=output)[0] == 0
    assert len(list((store / "payroll" / "generations").iterdir())) == 2


@pytest.mark.long
def test_nobody_reads_the_help():
    with gone() as output:
        assert ran("--help", stdout=output) == (0, "")
        assert ran("rewen", stderr=output)[0] == 2


LOST = {
    "rows": ["status", "--json"],
    "lines": ["status"],
    "help": ["--help"],
    "a sealed document": ["sign", "report.xml", "--name", "payroll"],
}


@pytest.mark.long
@FULL
@pytest.mark.parametrize("is_unbuffered", [False, True], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", LOST.values(), ids=LOST)
def test_an_output_that_is_full_is_told_in_one_sentence(words, is_unbuffered, store, shell):
    (shell.folder / "report.xml").write_bytes(b"<report/>")
    with Path("/dev/full").open("wb") as full:
        outcome = ran(*words, "--store", store, stdout=full, cwd=shell.folder, is_unbuffered=is_unbuffered)
    assert outcome == (1, "The output cannot be written: the disk is full.\n")


def test_an_output_that_was_never_open_is_told_too(store):
    words = [sys.executable, "-m", "sinetti", "status", "--store", str(store), "--lang", "en"]
    ended = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *words], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "The output cannot be written: Bad file descriptor.\n")


def test_each_line_in_the_journal_has_its_priority(tmp_path, monkeypatch):
    with (tmp_path / "journal").open("w") as journal:
        here = (tmp_path / "journal").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{here.st_dev}:{here.st_ino}")
        monkeypatch.setattr(sys, "stderr", journal)
        core_output.print_error("One.")
        core_output.print_error("Two.\nThree.", priority=core_output.ERROR)
    assert (tmp_path / "journal").read_text() == "<6>One.\n<3>Two.\n<3>Three.\n"
