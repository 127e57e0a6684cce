"""An authority's folder: where each file lies, what kind it is, and how it is made all at once or not at all.

Where an authority's journals lie: outside its folder, so that what becomes of that does not become of them.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sinetti.infra.toml_tables import SettingsError
from sinetti.settings.authority import AuthoritySettings


class DirectoryKind(StrEnum):
    """Who made the folder.

    The bench refuses an authority's, authority commands refuse the bench's.
    """

    AUTHORITY = "authority"
    TESTBENCH = "testbench"


class FolderError(Exception):
    """A folder that cannot be used for this; the sentence says why and what to do."""


class FolderDamaged(FolderError):
    """A folder that is the right one, but incomplete, in use, or not the register's."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """DIR: `kind`, two TOML files, `ca/NAME.cer`, `keys/NAME.pem`, `secrets/`, `trust/` and the embedded register."""

    root: Path

    @property
    def kind(self) -> Path:
        """One word: who made this folder."""
        return self.root / "kind"

    @property
    def founding(self) -> Path:
        """A mark: the founding of this authority is not finished."""
        return self.root / "founding"

    @property
    def instance(self) -> Path:
        """The id of this authority in its register."""
        return self.root / "instance"

    @property
    def journal_mark(self) -> Path:
        """Which node wrote journals from this folder: one that is missing then is not begun anew."""
        return self.root / "journal-written"

    @property
    def settings(self) -> Path:
        """What the operator may change."""
        return self.root / "authority.toml"

    @property
    def notices(self) -> Path:
        """What the operator decides about messages; without it none is sent."""
        return self.root / "notices.toml"

    @property
    def eservice(self) -> Path:
        """What the operator decides about pages for people; without it they have no provider of sign-in."""
        return self.root / "eservice.toml"

    @property
    def hierarchy(self) -> Path:
        """The hierarchy as it was built."""
        return self.root / "hierarchy.toml"

    @property
    def certificates(self) -> Path:
        """CA certificates and the services leaf, DER."""
        return self.root / "ca"

    @property
    def keys(self) -> Path:
        """Private keys, encrypted PKCS#8, 0600; those of root and intermediate CAs may be off line instead."""
        return self.root / "keys"

    @property
    def passphrase(self) -> Path:
        """What the keys are encrypted with, 0600, unless that lies elsewhere (docs/keys.md)."""
        return self.root / "secrets" / "passphrase"

    @property
    def transfer_key(self) -> Path:
        """The server key of the one-time passwords' HMAC, 0600."""
        return self.root / "secrets" / "transfer.key"

    @property
    def trust(self) -> Path:
        """PEM bundles for those who rely on this authority: holders, services and, on the bench, server."""
        return self.root / "trust"

    @property
    def sqlite_file(self) -> Path:
        """The embedded register (SQLite)."""
        return self.root / "register.sqlite3"

    def exists(self, way_out: str = "choose an empty or a new folder") -> bool:
        """Whether an authority lies here.

        A missing or empty folder is none, nor is one whose founding was cut short.

        Any other content is refused.
        """
        try:
            if not self.root.exists() or (self.root.is_dir() and not any(self.root.iterdir())):
                return False
            made = self.kind.is_file()
        except OSError as closed:
            sentence = f"{self.root} cannot be looked into: {closed.strerror}"
            raise FolderError(sentence) from closed
        if not made:
            sentence = f"{self.root} holds something else than an authority: {way_out}"
            raise FolderError(sentence)
        return not self.is_partially_initialised()

    def is_partially_initialised(self) -> bool:
        """Whether an authority was begun to be founded here, which whoever founds here again has to finish."""
        return self.founding.exists()

    def is_kind(self, kind: DirectoryKind) -> bool:
        """Whether it is this kind of folder."""
        return self.read(self.kind).decode("ascii", "replace").strip() == kind

    def check(self, kind: DirectoryKind) -> None:
        """Raise FolderError unless a folder of this kind lies here."""
        if not self.exists("look at what --dir names"):
            if self.is_partially_initialised():
                sentence = (
                    f"the founding of the authority in {self.root} was cut short: run the same sinetti authority init "
                    "once more, which finishes it"
                )
                raise FolderDamaged(sentence)
            make = f"make one first (sinetti authority init --dir {self.root})"
            sentence = f"no authority lies in {self.root}: look at what --dir names, or {make}"
            raise FolderError(sentence)
        if self.is_kind(kind):
            return
        found = self.read(self.kind).decode("ascii", "replace").strip()
        if found == DirectoryKind.TESTBENCH:
            sentence = f"{self.root} belongs to a test bench: use sinetti testbench serve, or another folder"
        elif found == DirectoryKind.AUTHORITY:
            sentence = f"{self.root} belongs to an authority: the test bench takes a folder of its own"
        else:
            sentence = f"{self.kind} says {found[:20]!r}, which is no kind of folder: choose another folder"
        raise FolderError(sentence)

    def instance_id(self) -> str:
        """Read which authority's this folder is. Raises FolderDamaged."""
        return self.read(self.instance).decode("ascii", "replace").strip()

    def read(self, path: Path) -> bytes:
        """Read one of its files. Raises FolderDamaged."""
        try:
            return path.read_bytes()
        except OSError as missing:
            sentence = f"{path} cannot be read ({missing.strerror}): bring it back from a copy of the folder"
            raise FolderDamaged(sentence) from missing


def write_secret(path: Path, octets: bytes) -> None:
    """Write a new file that only its owner can read; one that is there already is never overwritten."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def atomic_directory(
    root: Path, inside: tuple[str, ...] = ("ca", "keys", "secrets", "trust")
) -> Iterator[DataDirectory]:
    """Give a temporary folder beside `root` and rename it to `root` at the end; nothing stays behind on a failure.

    `inside` are the folders that it begins with.

    What a process that was killed left behind goes first: a temporary folder that no process has locked.
    """
    temporary = root.parent / f".{root.name}.{secrets.token_hex(8)}.new"
    lineage = None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with locked(root.parent, wait=True):
            _clear(root)
            temporary.mkdir(mode=0o700)
            lineage = _lock(temporary)
        for name in inside:
            (temporary / name).mkdir(mode=0o700)
        folder = DataDirectory(temporary)
        yield folder
        if folder.sqlite_file.exists():
            # SQLite gives its journals the register's own mode.
            folder.sqlite_file.chmod(0o600)
        _sync(temporary)
        temporary.rename(root)
        sync(root.parent)
    except OSError as failed:
        sentence = f"{root} could not be made: {failed.strerror or failed}"
        raise FolderError(sentence) from failed
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if lineage is not None:
            os.close(lineage)


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder against other processes that lock it.

    Raises FolderError where one has, unless told to wait.
    """
    try:
        handle = _lock(folder, wait=wait)
    except BlockingIOError:
        sentence = f"another process is at work in {folder}: wait until it is done"
        raise FolderError(sentence) from None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(folder: Path, *, wait: bool = False) -> int | None:
    """Give the open handle that holds the lock, which the system ends with the process, however that ends.

    None where the file system knows no locks of folders. Raises BlockingIOError where another process has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:
        os.close(handle)
        return None
    return handle


def _clear(root: Path) -> None:
    """Take away what killed processes left: keys, and the passphrase to them.

    What cannot be locked stays.
    """
    for path in root.parent.iterdir():
        if not re.fullmatch(rf"\.{re.escape(root.name)}\.[0-9a-f]{{16}}\.new", path.name):
            continue
        with suppress(OSError):
            handle = _lock(path)
            if handle is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(handle)


def write_atomic(path: Path, octets: bytes) -> None:
    """Write a file of this name whole or not at all, and have it on disk.

    Raises OSError.
    """
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync(path.parent)


def _sync(folder: Path) -> None:
    """Have everything on disk before the folder gets its name: a register elsewhere may remember it already."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def journal_folder(folder: DataDirectory, kind: DirectoryKind, settings: AuthoritySettings) -> Path:
    """Where the journals are: the setting, else beside the folder; a bench's are in it. Raises SettingsError."""
    # The real folder, by whatever name it is called: every command has to find the same journals.
    root = folder.root.resolve()
    if kind is DirectoryKind.TESTBENCH:
        return root / "journal"
    path = Path(settings.journal) if settings.journal else root.with_name(f"{root.name}-journal")
    if path.resolve().is_relative_to(root):
        sentence = f"the journal cannot lie in {root}: what becomes of the folder must not become of it"
        raise SettingsError(sentence)
    return path


def check_no_journal(path: Path) -> None:
    """Refuse to found where another authority's journals lie. Raises FolderError."""
    try:
        taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
    except OSError as closed:
        sentence = f"{path}, which is for the journals, cannot be looked into: {closed.strerror}"
        raise FolderError(sentence) from closed
    if taken:
        sentence = f"{path} is for this authority's journals, but something lies there already: move it away"
        raise FolderError(sentence)
