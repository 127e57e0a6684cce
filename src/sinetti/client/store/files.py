"""The store: how files get into it whole or not at all, and how one run keeps others out.

`DIR/NAME/` holds `settings.toml`, `live` (a link to the generation in use), `generations/SERIAL/` and, while something
is under way, `pending/`. Folders are 0700 and files 0600. What differs between systems is in `os_support.py`.
"""

import contextlib
import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.store import os_support

SYSTEM = os_support.of(sys.platform)
LIVE = "live"
OLD = f".{LIVE}.old"
GENERATIONS = "generations"
NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
"""For files that are opened to be written where they are: a link in their place leads nowhere."""

NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)
"""A pipe in the place of a file: opening it waits for no other process."""
_BINARY: int = getattr(os, "O_BINARY", 0)
_PART = 64 * 1024

HALVES = (".new", ".gone")
"""How names end of what an interrupted run leaves; they begin with a dot."""

OURS = frozenset({LIVE, GENERATIONS, "settings.toml", "notes.json", "pending", "abandoned"})
"""What only this client puts into a folder: nothing else makes it a name's."""

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


def corruption_error(path: Path, why: Exception | str) -> StoreDamaged:
    """Make the error for one damaged file; one that nobody may read is whole for all we know, and wants no backup."""
    word = messages.STORE_UNUSABLE if isinstance(why, PermissionError) else messages.STORE_DAMAGED
    return StoreDamaged(make_message(word, path=str(path), why=error_reasons.translate_reason(why)))


def is_name(name: str) -> bool:
    """Tell whether a name can be a folder everywhere: letters, digits, dot, hyphen, underscore, at most 64."""
    return NAME.fullmatch(name) is not None and not name.endswith(".")


def list_names(store: Path) -> tuple[str, ...]:
    """List the names of a store, sorted; a folder without anything of ours is none.

    OSError where it cannot be read.
    """
    return tuple(sorted(entry.name for entry in store.iterdir() if is_name(entry.name) and is_kept(entry)))


def directory_exists(store: Path) -> bool:
    """Tell whether there is such a folder.

    OSError where nobody can tell: without rights to what it would lie in.
    """
    mode = _mode(store)
    return mode is not None and stat.S_ISDIR(mode)


def exists(path: Path) -> bool:
    """Tell whether something lies there.

    OSError where nobody can tell: there Path.exists of Python 3.14 says no.
    """
    return _mode(path) is not None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in it
        return None
    except OSError as bad:
        if bad.errno != errno.ELOOP:  # a link that leads to itself leads to nothing
            raise
        return None


def is_kept(folder: Path) -> bool:
    """Tell whether a folder is a name's: something lies there that only we put there."""
    try:
        return directory_exists(folder) and any(one.name in OURS for one in folder.iterdir())
    except PermissionError:
        return True  # one that cannot be looked into is told as such, not passed over


def make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it, private to the user, and make its name durable."""
    missing = [one for one in (folder, *folder.parents) if not exists(one)]
    for one in reversed(missing):
        SYSTEM.make_folder(one)
        SYSTEM.sync_folder(one.parent)


def write_atomic(path: Path, octets: bytes, dress: Callable[[Path], None] | None = None) -> None:
    """Write a private file so that it is there whole or not at all: new file, fsync, rename, fsync of the folder.

    `dress` gives it another owner or mode before it has its name.
    """
    beside = path.with_name(f".{path.name}.new")
    _write_synced(beside, octets)
    if dress is not None:
        _dressed(beside, dress)
    SYSTEM.rename(beside, path)
    SYSTEM.sync_folder(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes], dress: Callable[[Path], None] | None = None) -> None:
    """Make a folder with all its files appear at once; one of that name that is there already stays as it is.

    `dress` gives the folder and its files another owner or mode before it has its name.

    Raises StoreDamaged where the folder that is there holds something else.
    """
    if exists(folder):
        for name, octets in files.items():
            if read(folder / name) != octets:
                raise corruption_error(folder / name, "it differs from what belongs there")
    else:
        make_folder(folder.parent)
        beside = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        _fill(beside, files)
        if dress is not None:
            _dressed(beside, dress)
        SYSTEM.rename(beside, folder)
    # One that was there may come from a run that ended before this line.
    SYSTEM.sync_folder(folder.parent)


def drop_folder(folder: Path) -> None:
    """Take a folder away: it disappears at once, its files right after."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    SYSTEM.rename(folder, gone)
    SYSTEM.sync_folder(folder.parent)
    shutil.rmtree(gone, ignore_errors=True)  # what somebody has open goes with the next run


def move_folder(folder: Path, to: Path) -> None:
    """Move a folder to a name that is free, in another folder of the store."""
    make_folder(to.parent)
    SYSTEM.rename(folder, to)
    SYSTEM.sync_folder(to.parent)
    SYSTEM.sync_folder(folder.parent)


def swap_live(name_folder: Path, serial: str) -> None:
    """Point `live` at a generation, atomically: whoever opens `live/…` finds a matching set before and after.

    On Windows it takes two renames, and where links are forbidden `live` is a copy.
    """
    link, beside, old = name_folder / LIVE, name_folder / f".{LIVE}.new", name_folder / OLD
    _drop(beside)
    try:
        beside.symlink_to(Path(GENERATIONS) / serial, target_is_directory=True)
    except OSError:
        # Windows lets ordinary users make links only in developer mode.
        if not SYSTEM.may_lack_links:
            raise
        from_there = name_folder / GENERATIONS / serial
        beside.mkdir(mode=0o700)
        _fill(beside, {one.name: read(one) for one in from_there.iterdir()})
    if os.path.lexists(link):
        _drop(old)
    SYSTEM.swap_link(beside, link, old)
    SYSTEM.sync_folder(name_folder)
    _drop(old)


def serial_in_use(name_folder: Path) -> str | None:
    """Give the serial that `live` points at, without reading anything; None where it points at none, or is a copy."""
    try:
        return live_path(name_folder).readlink().name
    except OSError:
        return None


def live_path(name_folder: Path) -> Path:
    """Give where the generation in use lies: `live`, or what it was while a swap in two steps is between them."""
    link, old = name_folder / LIVE, name_folder / OLD
    return old if not os.path.lexists(link) and os.path.lexists(old) else link


def octets_of(path: Path | str, most: int | None = None) -> bytes:
    """Read a file, or its first `most` octets. Raises OSError.

    A pipe in its place does not block the call.
    """
    handle = os.open(path, os.O_RDONLY | NO_WAIT | _BINARY)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            number = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
            raise OSError(number, os.strerror(number), str(path))
        if most is not None:
            return os.read(handle, most)
        octets = bytearray()
        while part := os.read(handle, _PART):
            octets += part
        return bytes(octets)
    finally:
        os.close(handle)


def read(path: Path) -> bytes:
    """Read a file of the store. Raises StoreDamaged where it is missing or unreadable."""
    try:
        return octets_of(path)
    except OSError as bad:
        raise corruption_error(path, bad) from bad


@contextlib.contextmanager
def locked(name_folder: Path) -> Iterator[None]:
    """Keep every other run off this name until the block ends; the system lets go when the process dies."""
    handle = os.open(name_folder / ".lock", os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
    try:
        try:
            SYSTEM.lock(handle)
        except os_support.Busy as busy:
            raise StoreLocked(make_message(messages.STORE_LOCKED, name=name_folder.name)) from busy
        if live_path(name_folder).name == OLD:
            # A run ended between the two steps of a swap: undone here, and done again by whoever goes on.
            SYSTEM.rename(name_folder / OLD, name_folder / LIVE)
        _sweep(name_folder)
        yield
    finally:
        os.close(handle)


def remove_partial(name_folder: Path) -> None:
    """Take away what an interrupted run left; where somebody is at work on the name, they do that."""
    with contextlib.suppress(StoreError, OSError), locked(name_folder):
        pass


def _write_synced(path: Path, octets: bytes) -> None:
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            SYSTEM.sync_file(file.fileno())
    except OSError as bad:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)  # half a file takes room where there is none
        bad.filename = bad.filename or str(path)
        raise


def _dressed(beside: Path, dress: Callable[[Path], None]) -> None:
    try:
        dress(beside)
    except (OSError, StoreError):
        _drop(beside)
        raise


def _fill(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for name, octets in files.items():
            _write_synced(folder / name, octets)
        SYSTEM.sync_folder(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sweep(name_folder: Path) -> None:
    # Halves that an interrupted run left beside, keys that nobody uses among them. What refuses to go is no hindrance.
    for pattern in (".*.new", "*/.*.new", "*/.*.gone", f"{GENERATIONS}/*/.*.new"):
        for left in name_folder.glob(pattern):
            with contextlib.suppress(OSError):
                _drop(left)


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
