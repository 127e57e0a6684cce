"""What commands give out: files that are whole or as they were."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sinetti.cli import output


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
        output.write_whole(out, b"new")
        assert reader.read() == b"the former one"
    assert out.read_bytes() == b"new"
    assert list(out.parent.iterdir()) == [out]


def test_where_writing_fails_the_former_file_stays_and_nothing_beside(out, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out.write_bytes(b"the former one")
    monkeypatch.setattr(output.SYSTEM, "sync_file", full)
    with pytest.raises(OSError, match="No space left"):
        output.write_whole(out, b"new")
    assert out.read_bytes() == b"the former one"
    assert list(out.parent.iterdir()) == [out]


def test_a_new_file_has_the_rights_that_the_umask_leaves(out):
    before = os.umask(0o027)
    try:
        output.write_whole(out, b"new")
    finally:
        os.umask(before)
    assert mode(out) == 0o640


def test_a_file_that_was_there_keeps_its_mode(out):
    out.write_bytes(b"the former one")
    out.chmod(0o604)
    output.write_whole(out, b"new")
    assert mode(out) == 0o604


def test_links_are_followed_and_stay(out, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(out)
    for octets in (b"where nothing was", b"over the former one"):
        output.write_whole(link, octets)
        assert link.is_symlink()
        assert out.read_bytes() == octets


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_not_replaced_either(out):
    out.write_bytes(b"the former one")
    out.chmod(0o400)
    with pytest.raises(PermissionError):
        output.write_whole(out, b"new")
    assert out.read_bytes() == b"the former one"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_stays_theirs(out):
    out.write_bytes(b"the former one")
    os.chown(out, 12, 34)
    output.write_whole(out, b"new")
    assert (out.stat().st_uid, out.stat().st_gid) == (12, 34)


@pytest.mark.parametrize("number", sorted(output._NOT_BESIDE), ids=errno.errorcode.get)
def test_a_file_that_can_be_written_but_not_replaced_is_written_through(number, out, monkeypatch):
    def refused(_source, _target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(output.SYSTEM, "rename", refused)
    with pytest.raises(OSError, match=r"."):
        output.write_whole(out, b"new")
    assert not out.exists()
    out.write_bytes(b"the former one")
    output.write_whole(out, b"new")
    assert out.read_bytes() == b"new"
    assert list(out.parent.iterdir()) == [out]


def test_what_is_no_plain_file_is_written_through(tmp_path):
    device = Path(os.devnull).stat()
    output.write_whole(Path(os.devnull), b"new")
    assert Path(os.devnull).stat().st_ino == device.st_ino
    queue = tmp_path / "queue"
    os.mkfifo(queue)
    reader = os.open(queue, os.O_RDONLY | os.O_NONBLOCK)
    output.write_whole(queue, b"new")
    assert os.read(reader, 9) == b"new"
    os.close(reader)
    with pytest.raises(IsADirectoryError):
        output.write_whole(tmp_path, b"new")


PROGRAM = "import pathlib, sys; from sinetti.cli import output; output.write_whole(pathlib.Path('/dev/stdout'), b'new')"


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="this system has no /dev/stdout")
def test_standard_output_by_its_name_is_written_through_be_it_a_pipe_or_a_file(out):
    words = [sys.executable, "-c", PROGRAM]
    assert subprocess.run(words, capture_output=True, check=True).stdout == b"new"
    with out.open("wb") as opened:
        subprocess.run(words, stdout=opened, check=True)
        assert os.fstat(opened.fileno()).st_ino == out.stat().st_ino
    assert out.read_bytes() == b"new"
