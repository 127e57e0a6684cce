"""Data directory of an authority: paths, kind, and atomic creation.

Journals are stored outside it, so that damage to the folder does not affect them.
"""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sinetti.infra.atomic_files import sync_path
from sinetti.infra.toml_tables import SettingsError
from sinetti.settings.authority import AuthoritySettings


class DirectoryKind(StrEnum):
    """Creator of the folder: an authority or the test bench.

    The bench refuses an authority's folder, and authority commands refuse a bench's.
    """

    AUTHORITY = "authority"
    TESTBENCH = "testbench"


class FolderError(Exception):
    """Folder that cannot be used for this; the sentence has the reason and the fix."""


class FolderDamaged(FolderError):
    """Right folder that is incomplete, in use, or does not fit the database."""


@dataclass(frozen=True)
class DataDirectory:
    """Paths in a data directory.

    It contains `kind`, two TOML files, `ca/NAME.cer`, `keys/NAME.pem` or `keys/NAME.uri`, `secrets/`, `trust/` and the
    embedded database.
    """

    root: Path

    @property
    def kind(self) -> Path:
        """File with the kind of the folder in one word."""
        return self.root / "kind"

    @property
    def founding(self) -> Path:
        """Mark of an incomplete initialisation."""
        return self.root / "founding"

    @property
    def instance(self) -> Path:
        """File with the id of this authority in its database."""
        return self.root / "instance"

    @property
    def request_set(self) -> Path:
        """Request set that awaits its result set from a ceremony."""
        return self.root / "request-set.json"

    @property
    def result_set(self) -> Path:
        """Result set that is being taken in."""
        return self.root / "result-set.json"

    @property
    def founders(self) -> Path:
        """Officers of a founding that awaits its certificates."""
        return self.root / "founders.json"

    @property
    def facts(self) -> Path:
        """File with what this node verified of the log (services/facts.py)."""
        return self.root / "facts.json"

    @property
    def journal_mark(self) -> Path:
        """File with the node that wrote journals from this folder.

        If that journal is missing, no new one is started.
        """
        return self.root / "journal-written"

    @property
    def journal_shipped(self) -> Path:
        """File with the ends of the journals at the place to which they are shipped."""
        return self.root / "journal-shipped.json"

    @property
    def settings(self) -> Path:
        """Settings file of the operator."""
        return self.root / "authority.toml"

    @property
    def notices(self) -> Path:
        """Settings file for messages; without it none is sent."""
        return self.root / "notices.toml"

    @property
    def eservice(self) -> Path:
        """Settings file of the e-service; without it there is no provider of sign-in."""
        return self.root / "eservice.toml"

    @property
    def serve_record(self) -> Path:
        """Record of the serving process, which locks it (serve_record.py)."""
        return self.root / "serving.json"

    @property
    def hierarchy(self) -> Path:
        """File of the hierarchy, as it was built."""
        return self.root / "hierarchy.toml"

    @property
    def certificates(self) -> Path:
        """Folder of CA certificates and service certificates, DER."""
        return self.root / "ca"

    @property
    def keys(self) -> Path:
        """Folder of encrypted private keys and of URIs of keys in tokens, mode 0600.

        Keys of root and intermediate CAs may be offline instead.
        """
        return self.root / "keys"

    @property
    def passphrase(self) -> Path:
        """Pass-phrase of the keys, mode 0600; it may be stored elsewhere.

        See docs/operators/keys.md.
        """
        return self.secrets / "passphrase"

    @property
    def secrets(self) -> Path:
        """Folder of the service's secret keys."""
        return self.root / "secrets"

    @property
    def secret_keys(self) -> Path:
        """File of the secret keys, encrypted, mode 0600."""
        return self.secrets / "keys.json"

    @property
    def transfer_key(self) -> Path:
        """Secret key of earlier versions, not encrypted. The first start replaces it."""
        return self.secrets / "transfer.key"

    @property
    def trust(self) -> Path:
        """Folder of PEM bundles for relying parties.

        There is one for holders, one for services and, on the bench, one for the server.
        """
        return self.root / "trust"

    @property
    def status(self) -> Path:
        """Folder of the last signed lists, served while the database is away."""
        return self.root / "status"

    @property
    def sqlite_file(self) -> Path:
        """Embedded database (SQLite)."""
        return self.root / "register.sqlite3"

    def exists(self, way_out: str = "choose an empty or a new folder") -> bool:
        """Return whether the folder holds an authority.

        False for a missing or empty folder, and for one whose initialisation was interrupted. Raises FolderError for
        any other content; `way_out` ends its sentence.
        """
        try:
            if not self.root.exists() or (self.root.is_dir() and not any(self.root.iterdir())):
                return False
            made = self.kind.is_file()
        except OSError as closed:
            raise FolderError(f"{self.root} cannot be read: {closed.strerror}") from closed
        if not made:
            raise FolderError(f"{self.root} does not contain an authority: {way_out}")
        return not self.is_partially_initialised()

    def is_partially_initialised(self) -> bool:
        """Return whether an initialisation was interrupted here.

        The next initialisation has to complete it.
        """
        return self.founding.exists()

    def awaits_certificates(self) -> bool:
        """Return whether the founding awaits the result of a ceremony."""
        return self.is_partially_initialised() and self.founders.exists()

    def is_kind(self, kind: DirectoryKind) -> bool:
        """Return whether the folder is of this kind."""
        return self.read(self.kind).decode("ascii", "replace").strip() == kind

    def check(self, kind: DirectoryKind) -> None:
        """Raise FolderError unless this is a folder of this kind."""
        if not self.exists("check --dir"):
            if self.awaits_certificates():
                raise FolderDamaged(
                    f"the authority in {self.root} awaits its certificates: run the ceremony with its request set, "
                    "then sinetti authority import-signed"
                )
            if self.is_partially_initialised():
                raise FolderDamaged(
                    f"the founding of the authority in {self.root} was cut short: run the same sinetti authority init "
                    "once more, which finishes it"
                )
            make = f"create one first (sinetti authority init --dir {self.root})"
            raise FolderError(f"there is no authority in {self.root}: check --dir, or {make}")
        if self.is_kind(kind):
            return
        text = self.read(self.kind).decode("ascii", "replace").strip()
        if text == DirectoryKind.TESTBENCH:
            sentence = f"{self.root} belongs to a test bench: use sinetti testbench serve, or another folder"
        elif text == DirectoryKind.AUTHORITY:
            sentence = f"{self.root} belongs to an authority: the test bench needs its own folder"
        else:
            sentence = f"{self.kind} says {text[:20]!r}, which is not a known kind of folder: choose another folder"
        raise FolderError(sentence)

    def instance_id(self) -> str:
        """Read the id of the authority. Raises FolderDamaged."""
        return self.read(self.instance).decode("ascii", "replace").strip()

    def read(self, path: Path) -> bytes:
        """Read one of the folder's files. Raises FolderDamaged."""
        try:
            return path.read_bytes()
        except OSError as missing:
            raise FolderDamaged(
                f"{path} cannot be read ({missing.strerror}): restore it from a copy of the folder"
            ) from missing


@contextmanager
def atomic_directory(
    root: Path,
    inside: tuple[str, ...] = ("ca", "keys", "secrets", "trust"),
    before_removal: Callable[[Path], None] = lambda _folder: None,
) -> Iterator[DataDirectory]:
    """Yield a temporary folder beside `root` and rename it to `root` at the end.

    `inside` are the subfolders that it starts with. After a failure the folder is removed. Temporary folders of killed
    processes, which no process has locked, are removed first. `before_removal` is called with each folder that is
    removed; its error keeps a killed process's folder.
    """
    temporary = root.parent / f".{root.name}.{secrets.token_hex(8)}.new"
    lineage = None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with locked(root.parent, wait=True):
            _clear(root, before_removal)
            temporary.mkdir(mode=0o700)
            lineage = _lock(temporary)
        for name in inside:
            (temporary / name).mkdir(mode=0o700)
        folder = DataDirectory(temporary)
        yield folder
        if folder.sqlite_file.exists():
            # SQLite gives its journal files the mode of the database file.
            folder.sqlite_file.chmod(0o600)
        _sync(temporary)
        temporary.rename(root)
        sync_path(root.parent)
    except BaseException as failed:
        if temporary.exists():
            with suppress(Exception):  # the first error is reported
                before_removal(temporary)
        if not isinstance(failed, OSError):
            raise
        raise FolderError(f"{root} could not be created: {failed.strerror or failed}") from failed
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if lineage is not None:
            os.close(lineage)


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder against other processes that lock it.

    Raises FolderError if another process holds the lock, unless `wait` is set.
    """
    try:
        handle = _lock(folder, wait=wait)
    except BlockingIOError:
        raise FolderError(f"another process uses {folder}: wait until it ends") from None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(folder: Path, *, wait: bool = False) -> int | None:
    """Return the open handle that holds the lock.

    The system releases the lock when the process ends, in any way. Returns None if the file system cannot lock
    folders. Raises BlockingIOError if another process holds the lock.
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


def _clear(root: Path, before_removal: Callable[[Path], None]) -> None:
    """Remove temporary folders of killed processes, with their keys and pass-phrase.

    Locked folders stay.
    """
    for path in root.parent.iterdir():
        if not re.fullmatch(rf"\.{re.escape(root.name)}\.[0-9a-f]{{16}}\.new", path.name):
            continue
        with suppress(OSError):
            handle = _lock(path)
            if handle is not None:
                try:
                    before_removal(path)
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(handle)


def _sync(folder: Path) -> None:
    """Write everything to disk before the folder gets its name.

    A database elsewhere may already refer to it.
    """
    for path in folder.rglob("*"):
        sync_path(path)
    sync_path(folder)


def journal_folder(folder: DataDirectory, kind: DirectoryKind, settings: AuthoritySettings) -> Path:
    """Return the folder of the journals.

    It is the setting, else a folder beside the data directory; a bench's is inside. Raises SettingsError for a journal
    folder inside an authority's data directory.
    """
    # Symbolic links are resolved, so that every command finds the same journals.
    root = folder.root.resolve()
    if kind is DirectoryKind.TESTBENCH:
        return root / "journal"
    path = Path(settings.journal) if settings.journal else root.with_name(f"{root.name}-journal")
    if path.resolve().is_relative_to(root):
        raise SettingsError(f"the journal cannot be in {root}: it must survive a loss of the folder")
    return path


def check_no_journal(path: Path) -> None:
    """Raise FolderError if the folder for the journals is not empty."""
    try:
        taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
    except OSError as closed:
        raise FolderError(f"{path}, the folder of the journals, cannot be read: {closed.strerror}") from closed
    if taken:
        raise FolderError(f"{path} is for this authority's journals, but another file is there: move it away")
