"""Branches of other operating systems, simulated.

The tests reject what Windows rejects, and count the additional calls of macOS.
"""

import errno
import fcntl
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetti.client.messages import messages
from sinetti.client.results import ExitCode, Result
from sinetti.client.store import files, os_support
from tests.client import double
from tests.client.conftest import texts, words
from tests.support import authority

OPENS = authority.NOW + timedelta(days=670)
POSIX_REPLACE = Path.replace


@pytest.mark.parametrize(
    ("platform", "kind"), [("linux", os_support.Posix), ("darwin", os_support.MacOs), ("win32", os_support.Windows)]
)
def test_of(platform, kind):
    assert type(os_support.support_for(platform)) is kind


class Registry:
    """Record of the calls to a simulated Windows."""

    def __init__(self):
        self.commands = []
        self.slept = []
        self.icacls = 0

    def run(self, command, **_options):
        self.commands.append(command)
        return subprocess.CompletedProcess(command, self.icacls, b"", b"")


def windows_rename(source, target):
    """Rename as Windows does: over files, never over a folder or a link (MoveFileEx)."""
    if Path(target).is_dir() or Path(target).is_symlink():
        raise PermissionError(errno.EACCES, "Access is denied", str(target))
    return POSIX_REPLACE(source, target)


def windows_lock(handle, _mode, _octets):
    """Lock as Windows does: another handle is refused with EACCES."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        raise PermissionError(errno.EACCES, "Permission denied") from held


def no_links(*_arguments, **_options):
    raise OSError(errno.EPERM, "A required privilege is not held by the client")


@pytest.fixture(params=["with links", "without links"])
def windows(request, monkeypatch):
    registry = Registry()
    monkeypatch.setattr(files, "SYSTEM", os_support.Windows(registry.run, registry.slept.append))
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=windows_lock, LK_NBLCK=2))
    monkeypatch.setattr(Path, "replace", windows_rename)
    if request.param == "without links":
        monkeypatch.setattr(Path, "symlink_to", no_links)
    return registry


def live_key(holder):
    return double.key_id_of((holder.live / "key.pem").read_bytes())


def test_windows_keeps_a_certificate_through_its_life(windows, holder):
    holder.double.script.append(double.lose)
    assert holder.enrol().exit_code is ExitCode.UNCERTAIN
    assert holder.enrol().result is Result.ENROLLED
    assert holder.at(OPENS).renew().result is Result.RENEWED
    assert live_key(holder) == holder.double.keys_sent()[-1]
    left = [path.name for path in holder.folder.rglob("*") if path.suffix in {".new", ".old", ".gone", ".made"}]
    assert left == []
    assert windows.slept == []


@pytest.mark.parametrize("ends_after", range(3))
def test_windows_a_run_that_ends_between_the_steps_of_a_swap_is_gone_on_with(ends_after, windows, holder, monkeypatch):
    """Swap: the old one aside, the new one in, the old one away."""
    holder.enrol()
    before = live_key(holder)
    system, renamed = files.SYSTEM, []

    def rename(source, target):
        if files.LIVE in source.name:
            if len(renamed) == ends_after:
                raise KeyboardInterrupt
            renamed.append(source)
        type(system).rename(system, source, target)

    def drop(path):
        if path.name == files.OLD and renamed:
            raise KeyboardInterrupt

    with monkeypatch.context() as run:
        run.setattr(system, "rename", rename)
        if ends_after == 2:
            run.setattr(files, "_drop", drop)
        with pytest.raises(KeyboardInterrupt):
            holder.at(OPENS).renew()
    assert holder.live.exists() is (ends_after != 1)
    assert files.live_path(holder.folder).exists(), "readers find a whole set"
    outcome = holder.renew()
    assert outcome.result is Result.RENEWED, words(outcome)
    assert live_key(holder) == holder.double.keys_sent()[-1] != before


def test_windows_makes_folders_private_before_they_have_their_name(windows, tmp_path):
    files.make_folder(tmp_path / "store" / "payroll")
    made = [Path(command[1]).name for command in windows.commands]
    assert made == [".store.made", ".payroll.made"]
    assert {command[0] for command in windows.commands} == {"icacls"}
    assert all("/inheritance:r" in command and "*S-1-3-4:(OI)(CI)F" in command for command in windows.commands)


def test_windows_makes_no_folder_that_it_cannot_make_private(windows, holder):
    windows.icacls = 5
    outcome = holder.enrol()
    assert (outcome.exit_code, texts(outcome)) == (ExitCode.STORE, [messages.STORE_UNUSABLE])
    assert "permission denied" in words(outcome)
    assert not holder.store.exists()
    assert holder.double.seen == []


def test_windows_waits_a_moment_for_whoever_has_a_file_open(windows, tmp_path, monkeypatch):
    refusals = [PermissionError(errno.EACCES, "in use")] * 3

    def replace(source, target):
        if refusals:
            raise refusals.pop()
        return POSIX_REPLACE(source, target)

    monkeypatch.setattr(Path, "replace", replace)
    files.write_atomic(tmp_path / "one", b"1")
    assert (tmp_path / "one").read_bytes() == b"1"
    assert windows.slept == list(os_support.PATIENCE[:3])


def test_windows_gives_up_after_two_seconds(windows, tmp_path, monkeypatch):
    (tmp_path / "one").write_bytes(b"old")

    def replace(*_):
        raise PermissionError(errno.EACCES, "in use")

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(PermissionError):
        files.write_atomic(tmp_path / "one", b"new")
    assert (tmp_path / "one").read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["one"], "nothing is left beside it"
    assert sum(windows.slept) < 2


def test_windows_one_run_at_a_time(windows, tmp_path):
    with files.locked(tmp_path), pytest.raises(files.StoreLocked), files.locked(tmp_path):
        pass
    with files.locked(tmp_path):
        pass


CANNOT = {"posix": (os_support.Posix, "fcntl", "flock"), "windows": (os_support.Windows, "msvcrt", "locking")}


@pytest.mark.parametrize(("kind", "module", "call"), CANNOT.values(), ids=CANNOT)
def test_a_disk_without_locks_is_not_called_locked(kind, module, call, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    names = {call: refuse, "LK_NBLCK": 2, "LOCK_EX": 2, "LOCK_NB": 4}
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**names))
    monkeypatch.setattr(files, "SYSTEM", kind())
    with pytest.raises(OSError, match="No locks available"), files.locked(tmp_path):
        pass


@pytest.fixture
def flushed(monkeypatch):
    """Count the calls by which a simulated macOS flushes.

    `cannot` is True for a share that has no such call.
    """
    seen = SimpleNamespace(through=0, plain=0, cannot=False)

    def full(_handle, command):
        assert command == 51
        if seen.cannot:
            raise OSError(errno.ENOTSUP, "Operation not supported")
        seen.through += 1

    def plain(_handle):
        seen.plain += 1

    monkeypatch.setattr(files, "SYSTEM", os_support.MacOs())
    monkeypatch.setitem(sys.modules, "fcntl", SimpleNamespace(fcntl=full, flock=fcntl.flock, LOCK_EX=2, LOCK_NB=4))
    monkeypatch.setattr(os, "fsync", plain)
    return seen


def test_macos_flushes_through_the_drive(flushed, holder):
    assert holder.enrol().result is Result.ENROLLED
    assert flushed.plain == 0
    assert flushed.through > 20


def test_macos_flushes_as_far_as_a_share_lets_it(flushed, tmp_path):
    flushed.cannot = True
    files.write_atomic(tmp_path / "one", b"1")
    assert (flushed.through, flushed.plain) == (0, 2), "the file and its folder"


def test_each_file_and_each_folder_is_flushed_before_the_next_step(holder, monkeypatch):
    """Everything in the store was flushed when the request leaves.

    This covers files and the folders that name them.
    """
    flushed = set()
    system = files.SYSTEM
    whole = type(system).sync_file

    def sync_file(handle):
        flushed.add(os.fstat(handle).st_ino)
        whole(system, handle)

    monkeypatch.setattr(system, "sync_file", sync_file)
    at_rest = []

    def look(_name):
        paths = [holder.store, *(path for path in holder.store.rglob("*") if path.name != ".lock")]
        at_rest.extend(path for path in paths if not path.is_symlink() and path.stat().st_ino not in flushed)

    holder.step = look
    assert holder.enrol().result is Result.ENROLLED
    assert at_rest == []


def test_a_store_that_a_system_without_links_left_is_gone_on_with(holder, monkeypatch):
    with monkeypatch.context() as there:
        there.setattr(files, "SYSTEM", os_support.Windows(Registry().run))
        there.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=windows_lock, LK_NBLCK=2))
        there.setattr(Path, "symlink_to", no_links)
        holder.enrol()
    assert not holder.live.is_symlink()
    assert holder.at(OPENS).renew().result is Result.RENEWED
    assert holder.live.is_symlink()
    assert live_key(holder) == holder.double.keys_sent()[-1]
