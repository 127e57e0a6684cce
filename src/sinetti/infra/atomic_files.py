"""Atomic writing of files: complete or not at all."""

import contextlib
import errno
import os
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

PUBLIC, PRIVATE = 0o644, 0o600


def write_atomic(path: Path, octets: bytes, mode: int = PUBLIC) -> None:
    """Write a file atomically: new file, fsync, rename, fsync of the folder.

    The leftover of a killed process is overwritten. Raises OSError, with the name `path`, if the file cannot be
    written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        write_synced(beside, octets, mode)
        beside.replace(path)
    except OSError as bad:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)  # a partial file takes space on a full disk
        if str(bad.filename) == str(beside):
            bad.filename = str(path)
        raise
    sync_path(path.parent)


def replace_file(path: Path, octets: bytes, modified: float | None = None) -> None:
    """Replace a public file atomically for its readers, without fsync.

    It is for files that their writer makes again at its next start. After a power cut the file may be empty or the
    former one. Callers must not write one file at the same time. `modified` is the date that the file gets, in seconds
    of Unix time. Raises OSError.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PUBLIC)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            if modified is not None:
                os.utime(file.fileno(), (modified, modified))
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def write_new(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """Write a file that must not exist.

    Raises FileExistsError if it exists, and OSError if it cannot be written.
    """
    if not path.name:  # the current folder, the root, or the value of an empty variable
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    try:
        write_synced(beside, octets, mode)
        # A link, since a rename would overwrite a file that was created meanwhile.
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    sync_path(path.parent)


def destroy_file(path: Path) -> None:
    """Overwrite a file with random octets, and remove it; do nothing if it is missing.

    File systems that copy on write, and disks that level wear, may keep the old octets. Raises OSError.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(os.urandom(os.fstat(handle).st_size))
        file.flush()
        os.fsync(handle)
    path.unlink()
    sync_path(path.parent)


def write_synced(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """Write a new file in place, and sync it to disk, but not its name.

    Raises FileExistsError if it exists, and OSError if it cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder against other processes; it ends with its process.

    Windows has no such lock: there, one process at a time may write into the folder. Raises OSError.
    """
    if find_spec("fcntl") is None:
        yield
        return
    fcntl = import_module("fcntl")
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_path(path: Path) -> None:
    """Sync a file, or the names in a folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
