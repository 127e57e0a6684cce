"""Files of the store: atomic writes, and locks against other runs.

`DIR/NAME/` holds `settings.toml`, `live` (a link to the generation in use), `generations/SERIAL/` and, while something
is under way, `pending/`. Folders are 0700 and files 0600. Differences between systems are in `os_support.py`.
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
from sinetti.client.messages.messages import MessageError
from sinetti.client.store import os_support

SYSTEM = os_support.support_for(sys.platform)
LIVE = "live"
OLD = f".{LIVE}.old"
GENERATIONS = "generations"
NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
"""Flag for files that are written in place: the open fails for a symbolic link."""

NO_WAIT: int = getattr(os, "O_NONBLOCK", 0)
"""Flag against a pipe in the place of a file: opening it does not block."""
_BINARY: int = getattr(os, "O_BINARY", 0)
_PART = 64 * 1024

HALVES = (".new", ".gone")
"""Suffixes of the remains of an interrupted run; their names begin with a dot."""

OURS = frozenset({LIVE, GENERATIONS, "settings.toml", "notes.json", "pending", "abandoned"}) | {
    *("log.jsonl", "agent.json", "deploy.json", "log.json"),
}
"""Entries that only this client creates; they make a folder that of a name."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class StoreError(MessageError):
    """Store that is damaged, locked or not writable.

    A person has to act; `message` names the place.
    """


class StoreLocked(StoreError):
    """Lock held by another run on the same name."""


class StoreDamaged(StoreError):
    """File of the store that is missing, unreadable or does not fit the others."""


def corruption_error(path: Path, why: Exception | str) -> StoreDamaged:
    """Make the error for one damaged file.

    A file without read access counts as unusable, not as damaged, since it may be whole and need no backup.
    """
    word = messages.STORE_UNUSABLE if isinstance(why, PermissionError) else messages.STORE_DAMAGED
    return StoreDamaged(word, path=str(path), why=error_reasons.translate_reason(why))


def is_name(name: str) -> bool:
    """Return whether a name can be a folder on every system.

    Letters, digits, dot, hyphen, underscore, at most 64.
    """
    return NAME.fullmatch(name) is not None and not name.endswith(".")


RESERVED = frozenset({"proof", "verify", "witness"})
"""Names that no new certificate gets.

`sinetti log` has commands of these names.
"""


def list_names(store: Path) -> tuple[str, ...]:
    """List the names of a store, sorted.

    A folder without a file of this client is no name. Raises OSError if the store cannot be read.
    """
    return tuple(sorted(entry.name for entry in store.iterdir() if is_name(entry.name) and is_kept(entry)))


def directory_exists(store: Path) -> bool:
    """Return whether the folder exists.

    Raises OSError if that cannot be determined, for example without access to the parent folder.
    """
    mode = _mode(store)
    return mode is not None and stat.S_ISDIR(mode)


def exists(path: Path) -> bool:
    """Return whether the path exists.

    Raises OSError if that cannot be determined. `Path.exists` of Python 3.14 returns False there.
    """
    return _mode(path) is not None


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the path
        return None
    except OSError as bad:
        if bad.errno != errno.ELOOP:  # a link to itself leads nowhere
            raise
        return None


def is_kept(folder: Path) -> bool:
    """Return whether a folder belongs to a name: it holds an entry of OURS."""
    try:
        return directory_exists(folder) and any(path.name in OURS for path in folder.iterdir())
    except PermissionError:
        return True  # a folder without read access is reported later, not skipped


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, private to the user and durable."""
    missing = [parent for parent in (folder, *folder.parents) if not exists(parent)]
    for path in reversed(missing):
        SYSTEM.make_folder(path)
        SYSTEM.sync_folder(path.parent)


def write_atomic(
    path: Path, octets: bytes, dress: Callable[[Path], None] | None = None, *, is_durable: bool = True
) -> None:
    """Write a private file atomically: new file, fsync, rename, fsync of the folder.

    `dress` sets another owner or mode before the rename. Without `is_durable` there is no fsync.
    """
    beside = path.with_name(f".{path.name}.new")
    _write_private(beside, octets, is_durable=is_durable)
    if dress is not None:
        _dressed(beside, dress)
    try:
        SYSTEM.rename(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    if is_durable:
        SYSTEM.sync_folder(path.parent)


def write_folder(folder: Path, files: Mapping[str, bytes], dress: Callable[[Path], None] | None = None) -> None:
    """Make a folder with all its files appear at once.

    An existing folder stays as it is. `dress` sets another owner or mode of the folder and its files before the
    rename. Raises StoreDamaged if an existing folder has other content.
    """
    if exists(folder):
        for name, octets in files.items():
            if read(folder / name) != octets:
                raise corruption_error(folder / name, "it does not have the expected content")
    else:
        make_folder(folder.parent)
        beside = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        _fill(beside, files)
        if dress is not None:
            _dressed(beside, dress)
        SYSTEM.rename(beside, folder)
    # An existing folder may come from a run that ended before this line.
    SYSTEM.sync_folder(folder.parent)


def drop_folder(folder: Path) -> None:
    """Delete a folder: it disappears at once, its files right after."""
    gone = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    SYSTEM.rename(folder, gone)
    SYSTEM.sync_folder(folder.parent)
    shutil.rmtree(gone, ignore_errors=True)  # the next run deletes files that another process has open


def move_folder(folder: Path, to: Path) -> None:
    """Move a folder to a free name in another folder of the store."""
    make_folder(to.parent)
    SYSTEM.rename(folder, to)
    SYSTEM.sync_folder(to.parent)
    SYSTEM.sync_folder(folder.parent)


def swap_live(name_folder: Path, serial: str) -> None:
    """Point `live` at a generation, atomically.

    A process that opens `live/…` finds a matching set at any time. On Windows it takes two renames, and where links
    are forbidden `live` is a copy.
    """
    link, beside, old = name_folder / LIVE, name_folder / f".{LIVE}.new", name_folder / OLD
    _drop(beside)
    try:
        beside.symlink_to(Path(GENERATIONS) / serial, target_is_directory=True)
    except OSError:
        # On Windows, ordinary users can make links only in developer mode.
        if not SYSTEM.may_lack_links:
            raise
        from_there = name_folder / GENERATIONS / serial
        beside.mkdir(mode=0o700)
        _fill(beside, {path.name: read(path) for path in from_there.iterdir()})
    if os.path.lexists(link):
        _drop(old)
    SYSTEM.swap_link(beside, link, old)
    SYSTEM.sync_folder(name_folder)
    _drop(old)


def serial_in_use(name_folder: Path) -> str | None:
    """Return the serial that `live` points at, without reading files.

    None if there is no link: no certificate, or a copy.
    """
    try:
        return live_path(name_folder).readlink().name
    except OSError:
        return None


def live_path(name_folder: Path) -> Path:
    """Return the path of the generation in use.

    It is `live`, or its former name while a swap in two steps is between them.
    """
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
    """Read a file of the store. Raises StoreDamaged if it is missing or unreadable."""
    try:
        return octets_of(path)
    except OSError as bad:
        raise corruption_error(path, bad) from bad


@contextlib.contextmanager
def locked(name_folder: Path) -> Iterator[None]:
    """Lock this name against other runs until the block ends.

    The system releases the lock when the process dies.
    """
    handle = os.open(name_folder / ".lock", os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
    try:
        try:
            SYSTEM.lock(handle)
        except os_support.Busy as busy:
            raise StoreLocked(messages.STORE_LOCKED, name=name_folder.name) from busy
        if live_path(name_folder).name == OLD:
            # A run ended between the two steps of a swap: undo it here; the run that resumes swaps again.
            SYSTEM.rename(name_folder / OLD, name_folder / LIVE)
        # Partial files of an interrupted run, unused keys among them. A file that cannot be deleted is left.
        for pattern in (".*.new", "*/.*.new", "*/.*.gone", f"{GENERATIONS}/*/.*.new"):
            for left in name_folder.glob(pattern):
                with contextlib.suppress(OSError):
                    _drop(left)
        yield
    finally:
        os.close(handle)


def remove_partial(name_folder: Path) -> None:
    """Delete the remains of an interrupted run.

    If another run holds the lock of the name, that run does it.
    """
    with contextlib.suppress(StoreError, OSError), locked(name_folder):
        pass


def _write_private(path: Path, octets: bytes, *, is_durable: bool = True) -> None:
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            if is_durable:
                file.flush()
                SYSTEM.sync_file(file.fileno())
    except OSError as bad:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)  # a partial file takes space on a full disk
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
            _write_private(folder / name, octets)
        SYSTEM.sync_folder(folder)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _drop(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
