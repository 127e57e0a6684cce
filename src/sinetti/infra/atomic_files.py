"""How files that the gateway keeps get into their folder: whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path

PUBLIC, PRIVATE = 0o644, 0o600


def write_atomic(path: Path, octets: bytes, mode: int = PUBLIC) -> None:
    """Write a file so that it is there whole or not at all: new file, fsync, rename, fsync of the folder.

    Raises OSError. What a run that was killed left beside is written over by the next.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        _write_synced(beside, octets, mode)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)  # half a file takes room where there is none
        raise
    _sync_folder(path.parent)


def write_new(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """Write a file where there is none. Raises FileExistsError, or OSError."""
    if not path.name:  # the folder that one is in, the root, or what an empty variable names
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    try:
        _write_synced(beside, octets, mode)
        # A link, not a renaming: that would go over a file that came in between.
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
