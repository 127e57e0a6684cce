"""File of the service's secret keys, `secrets/keys.json` (docs/operators/keys.md).

Each key is encrypted (AES-256-GCM) under a wrapping key, which is derived from the service's pass-phrase (scrypt, RFC
7914). The file names the wrapping of each key, so that a key in a token can take the place of the pass-phrase.
"""

import json
import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError, locked
from sinetti.domain.secret_keys import FIRST, MOST, Keyring, SecretKey, SecretPurpose
from sinetti.infra.atomic_files import PRIVATE, sync_path, write_atomic
from sinetti.services.context import no_failpoint

BY_PASSPHRASE: Final = "passphrase"  # noqa: S105 - a kind, no secret
"""Kind of a wrapping whose key is derived from the pass-phrase."""
_FORMAT: Final = 1
_COST, _BLOCKS, _LANES = 2**15, 8, 1  # scrypt: 32 MiB and a tenth of a second (docs/operators/keys.md)
_GREATEST_COST: Final = 2**20
_KEY_OCTETS, _SALT_OCTETS, _NONCE_OCTETS = 32, 16, 12
_log = logging.getLogger(__name__)


class SecretsClosed(FolderDamaged):
    """The secret keys are needed, and there is no pass-phrase that opens them."""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """Way to a wrapping key: scrypt over the pass-phrase with these parameters."""

    salt: bytes
    cost: int = _COST
    blocks: int = _BLOCKS
    lanes: int = _LANES

    def key(self, passphrase: bytes) -> bytes:
        """Return the wrapping key."""
        return _derive(self, passphrase)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """Encrypted secret key.

    `wrapped` has its octets under each wrapping, by the wrapping's id.
    """

    purpose: SecretPurpose
    key_id: str
    made_at: datetime
    wrapped: Mapping[str, bytes]

    @property
    def bound(self) -> bytes:
        """Authenticated data of the encryption, so that no entry can pass for another."""
        return f"sinetti-secret\0{_FORMAT}\0{self.purpose}\0{self.key_id}\0{_written(self.made_at)}".encode()


@dataclass(frozen=True, slots=True)
class SecretFile:
    """Content of `secrets/keys.json`.

    The keys of a purpose are in the order of their creation.
    """

    wrappings: Mapping[str, Wrapping]
    keys: tuple[WrappedKey, ...]

    def only(self, wrapping_id: str) -> "SecretFile":
        """Return the file without the other wrappings."""
        keys = tuple(replace(key, wrapped={wrapping_id: key.wrapped[wrapping_id]}) for key in self.keys)
        return SecretFile({wrapping_id: self.wrappings[wrapping_id]}, keys)


@dataclass(frozen=True, slots=True)
class OpenSecrets:
    """Opened file: its keys, and the wrapping that opened them."""

    file: SecretFile
    wrapping_id: str
    wrapping_key: bytes = field(repr=False)
    ring: Keyring

    def with_key(self, purpose: SecretPurpose, now: datetime) -> SecretFile:
        """Return the file with one more key for a purpose.

        Raises FolderDamaged if no id is left.
        """
        number = 1 + int(self.ring.current(purpose).key_id)
        if number > MOST:
            sentence = f"{purpose} has had {MOST} keys already, and no more ids are left"
            raise FolderDamaged(sentence)
        new = SecretKey(str(number), secrets.token_bytes(_KEY_OCTETS), now)
        kept = self.file.only(self.wrapping_id)
        return replace(kept, keys=(*kept.keys, wrap(purpose, new, {self.wrapping_id: self.wrapping_key})))

    def without_key(self, purpose: SecretPurpose, key_id: str) -> SecretFile:
        """Return the file without a key."""
        kept = self.file.only(self.wrapping_id)
        left = tuple(key for key in kept.keys if (key.purpose, key.key_id) != (purpose, key_id))
        return replace(kept, keys=left)


class KeyringFile:
    """Source of the keys in force. Several threads may use it.

    Each call looks whether the file was replaced, so that every process has a new key before data names it. The file
    is opened at the first call, because most commands need no secret.
    """

    def __init__(self, folder: DataDirectory, passphrase: bytes | None) -> None:
        """Store the folder; None: no pass-phrase was found."""
        self._folder, self._passphrase = folder, passphrase
        self._lock = Lock()
        self._ring: Keyring | None = None
        self._seen: tuple[int, int, int] | None = None

    def __call__(self) -> Keyring:
        """Return the keys.

        Raises SecretsClosed without a pass-phrase that opens them, and FolderDamaged for a damaged file. Once opened,
        keys stay in force while the file cannot be opened any more; that is logged.
        """
        seen = _signature(self._folder.secret_keys)
        if self._ring is None or seen != self._seen:
            with self._lock:
                if self._ring is None or seen != self._seen:
                    self._ring, self._seen = self._opened(), seen
        return self._ring

    def _opened(self) -> Keyring:
        try:
            return open_secrets(self._folder, self._passphrase).ring
        except FolderDamaged as damaged:
            if self._ring is None:
                raise
            _log.error("%s; the keys in use stay until this process is restarted", damaged)
            return self._ring


def create_secrets(folder: DataDirectory, passphrase: bytes, now: datetime) -> None:
    """Write a new file with a random key for each purpose. Raises OSError."""
    write_secrets(folder, _new_file(lambda: secrets.token_bytes(_KEY_OCTETS), passphrase, now))


def open_secrets(folder: DataDirectory, passphrase: bytes | None) -> OpenSecrets:
    """Open the keys. Raises SecretsClosed and FolderDamaged."""
    path = folder.secret_keys
    if passphrase is None:
        sentence = (
            f"this needs the keys in {path}, and their pass-phrase is not here: name its file (--passphrase-file)"
        )
        raise SecretsClosed(sentence)
    file = read_secrets(folder)
    for wrapping_id, wrapping in file.wrappings.items():
        key = wrapping.key(passphrase)
        try:
            return OpenSecrets(file, wrapping_id, key, _unwrapped(file, wrapping_id, key))
        except InvalidTag:
            continue
    sentence = f"the pass-phrase does not open the keys in {path}: give that of the keys in {folder.keys}"
    raise SecretsClosed(sentence)


def read_secrets(folder: DataDirectory) -> SecretFile:
    """Read the file, which needs no pass-phrase. Raises FolderDamaged."""
    path = folder.secret_keys
    try:
        return _parsed(json.loads(folder.read(path)))
    except (ValueError, KeyError, TypeError, AttributeError):
        sentence = f"{path} is damaged: restore it from a copy of the folder"
        raise FolderDamaged(sentence) from None


def write_secrets(folder: DataDirectory, file: SecretFile) -> None:
    """Replace the file atomically. Raises OSError."""
    value = {
        "format": _FORMAT,
        "wrappings": {
            one: {
                "by": BY_PASSPHRASE,
                "kdf": "scrypt",
                "salt": _text(by.salt),
                "n": by.cost,
                "r": by.blocks,
                "p": by.lanes,
            }
            for one, by in file.wrappings.items()
        },
        "keys": [
            {
                "purpose": key.purpose,
                "id": key.key_id,
                "made_at": _written(key.made_at),
                "wrapped_by": {one: _text(octets) for one, octets in key.wrapped.items()},
            }
            for key in file.keys
        ],
    }
    write_atomic(folder.secret_keys, f"{json.dumps(value, indent=1)}\n".encode(), PRIVATE)


def new_wrapping(passphrase: bytes) -> tuple[str, Wrapping, bytes]:
    """Return a new wrapping under a pass-phrase: its id, its parameters and its key."""
    wrapping = Wrapping(secrets.token_bytes(_SALT_OCTETS))
    return secrets.token_hex(4), wrapping, wrapping.key(passphrase)


def wrap(purpose: SecretPurpose, key: SecretKey, wrapping_keys: Mapping[str, bytes]) -> WrappedKey:
    """Encrypt a secret key under each of these wrapping keys."""
    bare = WrappedKey(purpose, key.key_id, key.made_at, {})
    return replace(bare, wrapped={one: _sealed(by, key.octets, bare.bound) for one, by in wrapping_keys.items()})


def rotate_secret(
    folder: DataDirectory,
    passphrase: bytes | None,
    purpose: SecretPurpose,
    now: datetime,
    step: Callable[[str], None] = no_failpoint,
) -> str:
    """Add a key for a purpose and return its id. From then on it makes new data.

    Raises SecretsClosed and FolderDamaged. A kill leaves the file as before or with the key.
    """
    with locked(folder.secrets, wait=True):
        file = open_secrets(folder, passphrase).with_key(purpose, now)
        step("rotate-made")
        write_secrets(folder, file)
        step("rotate-written")
    return file.keys[-1].key_id


def remove_secret(folder: DataDirectory, passphrase: bytes | None, purpose: SecretPurpose, key_id: str) -> None:
    """Remove a key that is not the newest of its purpose.

    Raises FolderError for the newest and for an unknown one, SecretsClosed and FolderDamaged.
    """
    with locked(folder.secrets, wait=True):
        opened = open_secrets(folder, passphrase)
        ids = [key.key_id for key in opened.ring.every(purpose)]
        if key_id not in ids[1:]:
            why = "makes new data; rotate it first" if key_id == ids[0] else "does not exist"
            sentence = f"key {key_id} of {purpose} {why}: see sinetti authority secrets status"
            raise FolderError(sentence)
        write_secrets(folder, opened.without_key(purpose, key_id))


def upgrade_secrets(
    folder: DataDirectory, passphrase: bytes, now: datetime, step: Callable[[str], None] = no_failpoint
) -> None:
    """Replace `secrets/transfer.key` of earlier versions by an encrypted file.

    The old key becomes the first key of each purpose, so that all data stays readable. After a kill at any point, the
    next call continues. Raises FolderDamaged if the old key is another one than the first key in the new file.
    """
    old_file = folder.transfer_key
    if not old_file.exists():
        return
    with locked(folder.secrets, wait=True):
        if not old_file.exists():
            return  # another process was faster
        old = folder.read(old_file)
        if not folder.secret_keys.exists():
            write_secrets(folder, _new_file(lambda: old, passphrase, now))
            step("upgrade-written")
        ring = open_secrets(folder, passphrase).ring
        if any(key.key_id == FIRST and key.octets != old for one in SecretPurpose for key in ring.every(one)):
            sentence = f"{old_file} is another key than the first one in {folder.secret_keys.name}: move it elsewhere"
            raise FolderDamaged(sentence)
        step("upgrade-compared")
        old_file.unlink()
        sync_path(folder.secrets)
        step("upgrade-removed")


def _new_file(octets: Callable[[], bytes], passphrase: bytes, now: datetime) -> SecretFile:
    wrapping_id, wrapping, key = new_wrapping(passphrase)
    made = (wrap(one, SecretKey(FIRST, octets(), now), {wrapping_id: key}) for one in SecretPurpose)
    return SecretFile({wrapping_id: wrapping}, tuple(made))


def _parsed(value: Mapping[str, Any]) -> SecretFile:
    """Return the content. Raises ValueError, KeyError, TypeError or AttributeError."""
    if value["format"] != _FORMAT:
        raise ValueError
    wrappings = {one: _wrapping(by) for one, by in value["wrappings"].items()}
    keys = tuple(_wrapped_key(entry, wrappings) for entry in value["keys"])
    # Each purpose has a key, and no two keys have one name.
    if {key.purpose for key in keys} != {*SecretPurpose} or len({(key.purpose, key.key_id) for key in keys}) < len(
        keys
    ):
        raise ValueError
    return SecretFile(wrappings, keys)


def _wrapping(value: Mapping[str, Any]) -> Wrapping:
    if value["by"] != BY_PASSPHRASE or value["kdf"] != "scrypt" or not 1 < value["n"] <= _GREATEST_COST:
        raise ValueError
    return Wrapping(b64decode(value["salt"], validate=True), value["n"], value["r"], value["p"])


def _wrapped_key(value: Mapping[str, Any], wrappings: Iterable[str]) -> WrappedKey:
    wrapped = {one: b64decode(octets, validate=True) for one, octets in value["wrapped_by"].items()}
    if not wrapped or {*wrapped} != {*wrappings} or not 0 <= int(value["id"]) <= MOST:
        raise ValueError
    made_at = datetime.fromisoformat(value["made_at"]).astimezone(UTC)
    return WrappedKey(SecretPurpose(value["purpose"]), str(int(value["id"])), made_at, wrapped)


def _unwrapped(file: SecretFile, wrapping_id: str, wrapping_key: bytes) -> Keyring:
    """Return the keys. Raises InvalidTag."""
    found: dict[SecretPurpose, tuple[SecretKey, ...]] = {}
    for key in file.keys:
        opened = SecretKey(key.key_id, _opened(wrapping_key, key.wrapped[wrapping_id], key.bound), key.made_at)
        found[key.purpose] = (*found.get(key.purpose, ()), opened)
    return Keyring(found)


@lru_cache(maxsize=8)
def _derive(wrapping: Wrapping, passphrase: bytes) -> bytes:
    """Derive a wrapping key, once per process: a tenth of a second."""
    kdf = Scrypt(wrapping.salt, _KEY_OCTETS, wrapping.cost, wrapping.blocks, wrapping.lanes)
    return kdf.derive(passphrase)


def _sealed(key: bytes, octets: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_OCTETS)
    return nonce + AESGCM(key).encrypt(nonce, octets, bound)


def _opened(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Decrypt a key. Raises InvalidTag, also for a text that is too short."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:], bound)
    except ValueError:
        raise InvalidTag from None


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _text(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
