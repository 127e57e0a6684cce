"""Atomic writing of files: complete or not at all."""

import contextlib
import errno
import os
from pathlib import Path

PUBLIC, PRIVATE = 0o644, 0o600


def write_atomic(path: Path, octets: bytes, mode: int = PUBLIC) -> None:
    """Write a file atomically: new file, fsync, rename, fsync of the folder.

    The leftover of a killed process is overwritten. Raises OSError if the file cannot be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        _write_synced(beside, octets, mode)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)  # a partial file takes space on a full disk
        raise
    _sync_folder(path.parent)


def write_new(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """Write a file that must not exist.

    Raises FileExistsError if it exists, and OSError if it cannot be written.
    """
    if not path.name:  # the current folder, the root, or the value of an empty variable
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    try:
        _write_synced(beside, octets, mode)
        # A link, since a rename would overwrite a file that was created meanwhile.
        os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _write_synced(path: Path, octets: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
