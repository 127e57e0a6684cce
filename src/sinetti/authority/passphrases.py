"""Pass-phrases of keys (docs/operators/keys.md).

They are read from files that only their owner can read, and generated if no file exists.
"""

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.infra.atomic_files import sync_path, write_synced
from sinetti.infra.toml_tables import SettingsError

CREDENTIAL = "sinetti-passphrase"
"""Name of the credential in systemd's LoadCredential=."""

SHORTEST_OFFLINE = 20
"""Least length of an offline pass-phrase in characters.

Key files use little key stretching, so the pass-phrase itself must be hard to guess (pki/encoding.py).
"""

_LONGEST = 1000  # octets; cryptography takes 1023
_RANDOM = 32


class PassphraseError(SettingsError):
    """Unavailable pass-phrase; the sentence has the place and the fix."""


@dataclass(frozen=True)
class PassphraseSource:
    """Pass-phrase with its place, which sentences name."""

    place: str
    octets: bytes = field(repr=False)


def read_passphrase(path: Path) -> bytes:
    """Read a pass-phrase of one line from a file that only its owner can read.

    Raises PassphraseError.
    """
    try:
        mode = path.stat().st_mode
        octets = path.read_bytes() if stat.S_ISREG(mode) else b""
    except OSError as closed:
        raise PassphraseError(f"{path}, the file of a pass-phrase, cannot be read: {closed.strerror}") from closed
    if stat.S_IMODE(mode) & 0o077:
        raise PassphraseError(f"{path} contains a pass-phrase and other users can read it: chmod 600 {path}")
    return checked(octets, str(path))


def checked(octets: bytes, place: str) -> bytes:
    """Return the pass-phrase without its line end. Raises PassphraseError."""
    phrase = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not phrase or len(phrase) > _LONGEST or b"\n" in phrase or b"\0" in phrase:
        raise PassphraseError(f"{place} contains no pass-phrase: write one line of 1 to {_LONGEST} octets")
    return phrase


def read_or_create(path: Path, folder: DataDirectory) -> bytes:
    """Read a new authority's pass-phrase, or generate it and write it to a new file.

    The file must be outside `folder`. Raises PassphraseError.
    """
    check_outside(path, folder)
    if not path.exists():
        write_passphrase(path, secrets.token_urlsafe(_RANDOM).encode())
    return read_passphrase(path)


def check_outside(path: Path, folder: DataDirectory) -> None:
    """Raise PassphraseError for a file of a pass-phrase beside its keys."""
    if path.resolve().is_relative_to(folder.root.resolve()):
        raise PassphraseError(
            f"{path} is in {folder.root}, beside the keys: a pass-phrase there protects nothing; choose another"
        )


def write_passphrase(path: Path, octets: bytes) -> None:
    """Write a pass-phrase into a new file, mode 0600, and sync it to disk.

    Raises PassphraseError.
    """
    try:
        write_synced(path, octets + b"\n")
        sync_path(path.parent)
    except OSError as failed:
        raise PassphraseError(f"{path}, the file of a pass-phrase, cannot be created: {failed.strerror}") from failed


def locate(folder: DataDirectory, kind: DirectoryKind) -> PassphraseSource | None:
    """Find the pass-phrase of the keys if no file was named.

    It is the service's credential, else the file in the folder; a bench's is always in its folder. Returns None if
    there is none; the keys then cannot be used. Raises PassphraseError.
    """
    given = "" if kind is DirectoryKind.TESTBENCH else os.environ.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(given) / CREDENTIAL if given else None
    if credential is not None and credential.exists():
        # Owner and permissions are not checked: the service manager sets them and grants access by an ACL.
        try:
            return PassphraseSource(str(credential), checked(credential.read_bytes(), str(credential)))
        except OSError as closed:
            raise PassphraseError(f"the credential {credential} cannot be read: {closed.strerror}") from closed
    if kind is DirectoryKind.AUTHORITY and not folder.passphrase.exists():
        return None
    return PassphraseSource(str(folder.passphrase), checked(folder.read(folder.passphrase), str(folder.passphrase)))
