"""Pass-phrases of keys: read from files that only their owner reads, made where there is none yet (docs/keys.md)."""

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, sync, write_secret
from sinetti.infra.toml_tables import SettingsError

CREDENTIAL = "sinetti-passphrase"
"""What systemd's LoadCredential= has to call the file."""

SHORTEST_OFFLINE = 20
"""Characters: key files stretch a pass-phrase so little that it has to be hard to guess by itself (pki/encoding.py)."""

_LONGEST = 1000  # octets; cryptography takes 1023
_RANDOM = 32


class PassphraseError(SettingsError):
    """A pass-phrase that cannot be had from where it should be; the sentence says where, and what to do."""


@dataclass(frozen=True, slots=True)
class PassphraseSource:
    """A pass-phrase and where it was found, for a sentence to name."""

    place: str
    octets: bytes = field(repr=False)


def read_passphrase(path: Path) -> bytes:
    """Read a pass-phrase, one line at most, from a file that nobody but its owner can read. Raises PassphraseError."""
    try:
        mode = path.stat().st_mode
        octets = path.read_bytes() if stat.S_ISREG(mode) else b""
    except OSError as closed:
        sentence = f"{path}, the file of a pass-phrase, cannot be read: {closed.strerror}"
        raise PassphraseError(sentence) from closed
    if stat.S_IMODE(mode) & 0o077:
        sentence = f"{path} holds a pass-phrase and is open to others than its owner: chmod 600 {path}"
        raise PassphraseError(sentence)
    return checked(octets, str(path))


def checked(octets: bytes, place: str) -> bytes:
    """Give the pass-phrase without the end of its line. Raises PassphraseError."""
    phrase = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not phrase or len(phrase) > _LONGEST or b"\n" in phrase or b"\0" in phrase:
        sentence = f"{place} holds no pass-phrase: it is one line of 1 to {_LONGEST} octets"
        raise PassphraseError(sentence)
    return phrase


def read_or_create(path: Path, folder: DataDirectory) -> bytes:
    """Read a new authority's pass-phrase, or make one and write it where no file is yet; never inside `folder`.

    Raises PassphraseError.
    """
    if path.resolve().is_relative_to(folder.root.resolve()):
        sentence = (
            f"{path} lies in {folder.root}, beside the keys: a pass-phrase there protects nothing; choose another"
        )
        raise PassphraseError(sentence)
    if not path.exists():
        write_passphrase(path, secrets.token_urlsafe(_RANDOM).encode())
    return read_passphrase(path)


def write_passphrase(path: Path, octets: bytes) -> None:
    """Write a pass-phrase into a new file, 0600, and have it on disk.

    Raises PassphraseError.
    """
    try:
        write_secret(path, octets + b"\n")
        sync(path.parent)
    except OSError as failed:
        sentence = f"{path}, the file of a pass-phrase, cannot be made: {failed.strerror}"
        raise PassphraseError(sentence) from failed


def locate(folder: DataDirectory, kind: DirectoryKind) -> PassphraseSource | None:
    """Find the pass-phrase of the keys where no file was named: the service's credential, else what is in the folder.

    A bench's is in its folder always. None where there is none: keys then cannot be used. Raises PassphraseError.
    """
    given = "" if kind is DirectoryKind.TESTBENCH else os.environ.get("CREDENTIALS_DIRECTORY", "")
    credential = Path(given) / CREDENTIAL if given else None
    if credential is not None and credential.exists():
        # Whose it is, and who may read it, is the service manager's business: it shows rights by way of an ACL.
        try:
            return PassphraseSource(str(credential), checked(credential.read_bytes(), str(credential)))
        except OSError as closed:
            sentence = f"the credential {credential} cannot be read: {closed.strerror}"
            raise PassphraseError(sentence) from closed
    if kind is DirectoryKind.AUTHORITY and not folder.passphrase.exists():
        return None
    return PassphraseSource(str(folder.passphrase), checked(folder.read(folder.passphrase), str(folder.passphrase)))
