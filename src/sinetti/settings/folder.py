"""An authority's folder: where each file lies, what kind it is, and how it is made all at once or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FolderKind(StrEnum):
    """Who made the folder. The bench refuses an authority's, authority commands refuse the bench's."""

    AUTHORITY = "authority"
    TESTBENCH = "testbench"


class FolderError(Exception):
    """A folder that cannot be used for this; the sentence says why and what to do."""


class FolderDamaged(FolderError):
    """A folder that is the right one, but incomplete, in use, or not the register's."""


@dataclass(frozen=True, slots=True)
class Folder:
    """DIR: `kind`, two TOML files, `ca/NAME.cer`, `keys/NAME.pem`, `secrets/`, `trust/` and the embedded register."""

    root: Path

    @property
    def kind(self) -> Path:
        """One word: who made this folder."""
        return self.root / "kind"

    @property
    def settings(self) -> Path:
        """What the operator may change."""
        return self.root / "authority.toml"

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
        """Private keys, encrypted PKCS#8, 0600."""
        return self.root / "keys"

    @property
    def passphrase(self) -> Path:
        """What the keys are encrypted with, 0600."""
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
    def register(self) -> Path:
        """The embedded register (SQLite)."""
        return self.root / "register.sqlite3"

    def exists(self) -> bool:
        """Whether an authority lies here. A missing or empty folder is no authority; any other content is refused."""
        try:
            if not self.root.exists() or (self.root.is_dir() and not any(self.root.iterdir())):
                return False
            made = self.kind.is_file()
        except OSError as closed:
            sentence = f"{self.root} cannot be looked into: {closed.strerror}"
            raise FolderError(sentence) from closed
        if not made:
            sentence = f"{self.root} holds something else than an authority: choose an empty or a new folder"
            raise FolderError(sentence)
        return True

    def check(self, kind: FolderKind) -> None:
        """Raise FolderError unless a folder of this kind lies here."""
        if not self.exists():
            sentence = f"no authority lies in {self.root}: make one first (sinetti authority init --dir {self.root})"
            raise FolderError(sentence)
        found = self.read(self.kind).decode("ascii", "replace").strip()
        if found == kind:
            return
        if found == FolderKind.TESTBENCH:
            sentence = f"{self.root} belongs to a test bench: use sinetti testbench serve, or another folder"
        elif found == FolderKind.AUTHORITY:
            sentence = f"{self.root} belongs to an authority: the test bench takes a folder of its own"
        else:
            sentence = f"{self.kind} says {found[:20]!r}, which is no kind of folder: choose another folder"
        raise FolderError(sentence)

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
def made_at_once(root: Path) -> Iterator[Folder]:
    """Give a temporary folder beside `root` and rename it to `root` at the end; nothing stays behind on a failure."""
    temporary = root.parent / f".{root.name}.{secrets.token_hex(8)}.new"
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        for name in ("ca", "keys", "secrets", "trust"):
            (temporary / name).mkdir(mode=0o700)
        yield Folder(temporary)
        _sync(temporary)
        temporary.rename(root)
        _sync_one(root.parent)
    except OSError as failed:
        sentence = f"{root} could not be made: {failed.strerror or failed}"
        raise FolderError(sentence) from failed
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Have everything on disk before the folder gets its name: a register elsewhere may remember it already."""
    for path in folder.rglob("*"):
        _sync_one(path)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
