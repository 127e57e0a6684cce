"""The store: how files get into it whole or not at all, and how one run keeps others out.

`DIR/NAME/` holds `settings.toml`, `live` (a link to the generation in use), `generations/SERIAL/` and, while something
is under way, `pending/`. Folders are 0700 and files 0600. Nothing here waits or retries.
"""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sinetti.holder import messages, reasons
from sinetti.holder.messages import Message, say

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LIVE = "live"
GENERATIONS = "generations"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class StoreError(Exception):
    """The store is damaged, locked or cannot be written: a person has to look; `message` says at what."""

    def __init__(self, message: Message) -> None:
        """Keep the message for whoever prints it."""
        super().__init__(message.text)
        self.message = message


class StoreLocked(StoreError):
    """Another run is at work on the same name."""


class StoreDamaged(StoreError):
    """A file of the store is missing, unreadable or does not fit the others."""


def damaged(path: Path, why: Exception | str) -> StoreDamaged:
    """Make the error for one damaged file."""
    return StoreDamaged(say(messages.STORE_DAMAGED, path=str(path), why=reasons.of(why)))


def is_name(name: str) -> bool:
    """Tell whether a name can be a folder everywhere: letters, digits, dot, hyphen, underscore, at most 64."""
    return NAME.fullmatch(name) is not None and not name.endswith(".")


def names(store: Path) -> tuple[str, ...]:
    """List the names of a store, sorted; an empty folder is none. OSError where it cannot be read."""
    return tuple(sorted(entry.name for entry in store.iterdir() if is_name(entry.name) and _holds_something(entry)))


def make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it, private to the user, and make its name durable."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable. Windows has no such call for folders."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, octets: bytes) -> None:
    """Write a private file so that it is there whole or not at all: new file, fsync, rename, fsync of the folder."""
    beside = path.with_name(f".{path.name}.new")
    _write_synced(beside, octets)
    beside.replace(path)
    sync_folder(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with all its files appear at once; one of that name that is there already stays as it is.

    Raises StoreDamaged where the folder that is there holds something else.
    """
    if folder.exists():
        for name, octets in files.items():
            if read(folder / name) != octets:
                raise damaged(folder / name, "it differs from what belongs there")
        return
    make_folder(folder.parent)
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o700)
    for name, octets in files.items():
        _write_synced(beside / name, octets)
    sync_folder(beside)
    beside.replace(folder)
    sync_folder(folder.parent)


def drop_folder(folder: Path) -> None:
    """Take a folder away: it disappears at once, its files right after."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.replace(gone)
    sync_folder(folder.parent)
    shutil.rmtree(gone)


def swap_live(name_folder: Path, serial: str) -> None:
    """Point `live` at a generation, atomically: whoever opens `live/…` finds a matching set before and after."""
    link = name_folder / LIVE
    beside = name_folder / f".{LIVE}.new"
    if sys.platform == "win32" and not _may_link(beside):
        _swap_copy(name_folder, serial)
        return
    beside.unlink(missing_ok=True)
    beside.symlink_to(Path(GENERATIONS) / serial, target_is_directory=True)
    beside.replace(link)
    sync_folder(name_folder)


def read(path: Path) -> bytes:
    """Read a file of the store. Raises StoreDamaged where it is missing or unreadable."""
    try:
        return path.read_bytes()
    except OSError as bad:
        raise damaged(path, bad) from bad


@contextlib.contextmanager
def locked(name_folder: Path) -> Iterator[None]:
    """Keep every other run off this name until the block ends; the system lets go when the process dies."""
    handle = os.open(name_folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(handle)
        except OSError as busy:
            raise StoreLocked(say(messages.STORE_LOCKED, name=name_folder.name)) from busy
        yield
    finally:
        os.close(handle)


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(not one.name.startswith(".") for one in folder.iterdir())


def _write_synced(path: Path, octets: bytes) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _may_link(trial: Path) -> bool:
    # Windows lets ordinary users make links only in developer mode.
    try:
        trial.unlink(missing_ok=True)
        trial.symlink_to(GENERATIONS, target_is_directory=True)
    except OSError:
        return False
    return True


def _swap_copy(name_folder: Path, serial: str) -> None:
    # The nearest there is without links: the new copy stands ready before the old one is moved aside.
    link, fresh, old = name_folder / LIVE, name_folder / f".{LIVE}.copy", name_folder / f".{LIVE}.old"
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(name_folder / GENERATIONS / serial, fresh)
    if link.exists():
        link.replace(old)
    fresh.replace(link)
    shutil.rmtree(old, ignore_errors=True)
