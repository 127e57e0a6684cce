"""Differences between operating systems: locks, rights, durable writes, renames.

`of` selects one. A test may use another, so that each branch runs on every machine.
"""

import contextlib
import errno
import importlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

PATIENCE = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between tries on Windows.

A scanner or a reader may hold a file for a moment.
"""

F_FULLFSYNC = 51
"""macOS, fcntl(2): flush through the drive's own cache, at which fsync stops.

Python defines the number only on macOS.
"""

PRIVATE = ("/inheritance:r", "/grant:r", "*S-1-3-4:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F", "*S-1-5-32-544:(OI)(CI)F")
"""Arguments of icacls: rights for owner, system and administrators, inherited.

Numbers, because names are translated.
"""

NEW_GROUP = 0x200
"""CREATE_NEW_PROCESS_GROUP, which subprocess defines only on Windows."""


class Busy(Exception):
    """Lock held by another process."""


class OsSupport(Protocol):
    """Interface of the store to the operating system. Every method may raise OSError."""

    may_lack_links: bool

    def lock(self, handle: int) -> None:
        """Take the lock on an open file, at once or not at all. Raises Busy."""

    def sync_file(self, handle: int) -> None:
        """Make the content of an open file durable."""

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only the user and administrators can look into."""

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file, replacing the target; or a folder to a free name."""

    def swap_link(self, fresh: Path, link: Path, old: Path) -> None:
        """Put a link or folder in the place of another.

        If that takes two steps, `old` holds the former between them.
        """

    def new_process_group(self) -> dict[str, Any]:
        """Return arguments for subprocess that put a program into its own process group.

        The program can then be terminated with its child processes.
        """

    def kill_process_tree(self, process: "subprocess.Popen[bytes]", grace: float) -> None:
        """Terminate such a program with its child processes, and wait for it.

        Use force after `grace` seconds.
        """


class Posix:
    """Linux and similar systems."""

    may_lack_links = False

    def lock(self, handle: int) -> None:
        """Take a flock(2) lock.

        The system releases it when the process ends in any way.
        """
        fcntl = importlib.import_module("fcntl")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise Busy from held

    def sync_file(self, handle: int) -> None:
        """Flush to the disk."""
        os.fsync(handle)

    def sync_folder(self, folder: Path) -> None:
        """Flush the folder itself: a rename is durable only then (fsync(2))."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            self.sync_file(handle)
        finally:
            os.close(handle)

    def make_folder(self, folder: Path) -> None:
        """Make it with mode 0700."""
        folder.mkdir(mode=0o700, exist_ok=True)

    def rename(self, source: Path, target: Path) -> None:
        """Rename, atomically (rename(2))."""
        source.replace(target)

    def swap_link(self, fresh: Path, link: Path, old: Path) -> None:
        """Rename over the link, atomically.

        A folder, left by a system without links, makes way first.
        """
        if link.is_dir() and not link.is_symlink():
            link.replace(old)
        fresh.replace(link)

    def new_process_group(self) -> dict[str, Any]:
        """Start it in a session, and so a process group, of its own."""
        return {"start_new_session": True}

    def kill_process_tree(self, process: "subprocess.Popen[bytes]", grace: float) -> None:
        """Signal the group: SIGTERM, then SIGKILL.

        Processes that moved to another session are not reached.
        """
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace)
        process.wait()


class MacOs(Posix):
    """macOS: as Posix, but flushing needs more than fsync."""

    def sync_file(self, handle: int) -> None:
        """Flush through the drive's cache.

        File systems without that call (network shares) get fsync.
        """
        try:
            importlib.import_module("fcntl").fcntl(handle, F_FULLFSYNC)
        except OSError:
            os.fsync(handle)


class Windows:
    """Experimental support of Windows, which no test has run on Windows yet.

    Rights are lists, folders have no flush, links may be forbidden, and open files block renames.
    """

    may_lack_links = True

    def __init__(
        self,
        run: Callable[..., "subprocess.CompletedProcess[bytes]"] = subprocess.run,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._run = run
        self._sleep = sleep

    def lock(self, handle: int) -> None:
        """Lock the first octet; Windows releases it when the process ends."""
        msvcrt = importlib.import_module("msvcrt")
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as bad:
            if bad.errno in {errno.EACCES, errno.EDEADLK}:
                raise Busy from bad
            raise

    def sync_file(self, handle: int) -> None:
        """Flush to the disk."""
        os.fsync(handle)

    def sync_folder(self, folder: Path) -> None:
        """Do nothing: Windows has no such call for folders."""

    def make_folder(self, folder: Path) -> None:
        """Make the folder private under a temporary name, then rename it.

        So there is no moment in which other users can look in.
        """
        beside = folder.with_name(f".{folder.name}.made")
        beside.mkdir(exist_ok=True)
        command: Sequence[str] = ("icacls", str(beside), *PRIVATE, "/q")
        if self._run(command, capture_output=True, check=False).returncode != 0:
            beside.rmdir()
            raise PermissionError(errno.EACCES, "icacls cannot restrict it to its owner", str(beside))
        self.rename(beside, folder)

    def rename(self, source: Path, target: Path) -> None:
        """Rename; retry for two seconds if another process has the file open."""
        for pause in PATIENCE:
            try:
                source.replace(target)
            except PermissionError:
                self._sleep(pause)
            else:
                return
        source.replace(target)

    def swap_link(self, fresh: Path, link: Path, old: Path) -> None:
        """Move the former aside, then the new one in.

        Windows can rename over neither links nor folders.
        """
        if os.path.lexists(link):
            self.rename(link, old)
        self.rename(fresh, link)

    def new_process_group(self) -> dict[str, Any]:
        """Start it in a group of its own."""
        return {"creationflags": NEW_GROUP}

    def kill_process_tree(self, process: "subprocess.Popen[bytes]", grace: float) -> None:  # noqa: ARG002 - Windows has no request to terminate
        """Terminate it with taskkill, with those children whose parents still run."""
        self._run(("taskkill", "/T", "/F", "/PID", str(process.pid)), capture_output=True, check=False)
        process.kill()
        process.wait()


def support_for(platform: str) -> OsSupport:
    """Return the system of a platform, named as `sys.platform` names it."""
    if platform == "win32":
        return Windows()
    return MacOs() if platform == "darwin" else Posix()
