"""File of the service's secret keys, `secrets/keys.json` (docs/operators/keys.md).

Each key is encrypted (AES-256-GCM) under a wrapping key, which the service's pass-phrase or a key in a token opens
(`secret_wrappings.py`).
"""

import json
import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from cryptography.exceptions import InvalidTag

from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError, locked
from sinetti.authority.secret_wrappings import (
    KEY_OCTETS,
    PassphraseWrapping,
    SecretAccess,
    TokenWrapping,
    Wrapping,
    format_wrapping,
    new_wrapping_id,
    parse_wrapping,
    passphrase_wrapping,
    seal,
    unseal,
)
from sinetti.domain.secret_keys import FIRST, MOST, Keyring, SecretKey, SecretPurpose
from sinetti.infra.atomic_files import PRIVATE, sync_path, write_atomic
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.signers import SignerUnavailable
from sinetti.services.context import no_failpoint

_FORMAT: Final = 1
_TOKEN_PAUSE: Final = 10.0
"""Time in seconds until a running process asks a token again that is away."""
_log = logging.getLogger(__name__)


class SecretsClosed(FolderDamaged):
    """The secret keys are needed, and no pass-phrase and no token here opens them."""


class TokenAway(SecretsClosed):
    """The token that opens the secret keys cannot be used now."""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class SecretFile:
    """Content of `secrets/keys.json`.

    The keys of a purpose are in the order of their creation.
    """

    wrappings: Mapping[str, Wrapping]
    keys: tuple[WrappedKey, ...]

    def only(self, ids: Collection[str]) -> "SecretFile":
        """Return the file without the other wrappings."""
        keys = tuple(
            replace(key, wrapped={wrapping_id: key.wrapped[wrapping_id] for wrapping_id in ids}) for key in self.keys
        )
        return SecretFile({wrapping_id: self.wrappings[wrapping_id] for wrapping_id in ids}, keys)

    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of the wrappings, sorted."""
        return tuple(sorted({wrapping.by for wrapping in self.wrappings.values()}))


@dataclass(frozen=True)
class OpenSecrets:
    """Opened file: its keys, and the wrapping key that opened them.

    `file` has only the wrappings of this key.
    """

    file: SecretFile
    wrapping_key: bytes = field(repr=False)
    ring: Keyring

    def with_key(self, purpose: SecretPurpose, now: datetime) -> SecretFile:
        """Return the file with one more key for a purpose.

        Raises FolderDamaged if no id is left.
        """
        number = 1 + int(self.ring.current(purpose).key_id)
        if number > MOST:
            raise FolderDamaged(f"{purpose} has had {MOST} keys already, and no more ids are left")
        new = SecretKey(str(number), secrets.token_bytes(KEY_OCTETS), now)
        by = dict.fromkeys(self.file.wrappings, self.wrapping_key)
        return replace(self.file, keys=(*self.file.keys, wrap(purpose, new, by)))

    def without_key(self, purpose: SecretPurpose, key_id: str) -> SecretFile:
        """Return the file without a key."""
        left = tuple(key for key in self.file.keys if (key.purpose, key.key_id) != (purpose, key_id))
        return replace(self.file, keys=left)

    def wrapped(self, wrapping_keys: Mapping[str, bytes]) -> tuple[WrappedKey, ...]:
        """Return all keys, encrypted under each of these wrapping keys."""
        return tuple(wrap(key.purpose, self.ring.get(key.purpose, key.key_id), wrapping_keys) for key in self.file.keys)


class KeyringFile:
    """Source of the keys in force. Several threads may use it.

    Each call looks whether the file was replaced, so that every process has a new key before data names it. The file
    is opened at the first call, because most commands need no secret.
    """

    def __init__(self, folder: DataDirectory, access: SecretAccess) -> None:
        """Store folder and means."""
        self._folder, self._access = folder, access
        self._lock = Lock()
        self._ring: Keyring | None = None
        self._seen: tuple[int, int, int] | None = None
        self._asks_token_at = 0.0

    def __call__(self) -> Keyring:
        """Return the keys.

        Raises SecretsClosed without means that open them, and FolderDamaged for a damaged file. Once opened, keys stay
        in force while the file cannot be opened any more; that is logged. A token that is away is asked again later.
        """
        seen = _signature(self._folder.secret_keys)
        if self._needs_opening(seen):
            with self._lock:
                if self._needs_opening(seen):
                    self._open(seen)
        assert self._ring is not None  # noqa: S101 - `_open` has raised otherwise
        return self._ring

    def _needs_opening(self, seen: tuple[int, int, int] | None) -> bool:
        return self._ring is None or (seen != self._seen and monotonic_seconds() >= self._asks_token_at)

    def _open(self, seen: tuple[int, int, int] | None) -> None:
        try:
            self._ring = open_secrets(self._folder, self._access).ring
        except TokenAway as away:
            if self._ring is None:
                raise
            self._asks_token_at = monotonic_seconds() + _TOKEN_PAUSE
            _log.error("%s; the keys in use stay until the token is back", away)
            return
        except FolderDamaged as damaged:
            if self._ring is None:
                raise
            _log.error("%s; the keys in use stay until this process is restarted", damaged)
        self._seen = seen


def create_secrets(folder: DataDirectory, access: SecretAccess, now: datetime) -> None:
    """Write a new file with a random key for each purpose.

    The pass-phrase opens it, a new key in the token, or each of them. The location of that key stays beside the file,
    until `forget_unused` is called for a complete folder. Raises SignerUnavailable and OSError.
    """
    write_secrets(folder, _new_file(folder, lambda: secrets.token_bytes(KEY_OCTETS), access, now))


def open_secrets(folder: DataDirectory, access: SecretAccess) -> OpenSecrets:
    """Open the keys.

    A pass-phrase is tried first, and a token is used only without it, or if the keys have none. Raises SecretsClosed,
    TokenAway and FolderDamaged.
    """
    path = folder.secret_keys
    closed = f"this needs the keys in {path}, and their pass-phrase is not here: name its file (--passphrase-file)"
    if not path.exists() and access.passphrase is None:  # keys of an earlier version
        raise SecretsClosed(closed)
    file = read_secrets(folder)
    if access.passphrase is not None and (by := _of_kind(file, PassphraseWrapping)):
        closed = f"the pass-phrase does not open the keys in {path}: give that of the keys in {folder.keys}"
        for wrapping_id, wrapping in by.items():
            with suppress(InvalidTag):
                return _opened_by(file, wrapping_id, wrapping.key(wrapping_id, access.passphrase))
    elif access.token is not None and (by_token := _of_kind(file, TokenWrapping)):
        closed = f"the key in the token does not open the keys in {path}: restore the file or the token from a copy"
        for wrapping_id, in_token in by_token.items():
            try:
                return _opened_by(file, wrapping_id, in_token.key(wrapping_id, access.token))
            except InvalidTag:
                continue
            except SignerUnavailable as away:
                raise TokenAway(f"the keys in {path} cannot be opened: {away}") from None
    raise SecretsClosed(closed)


_Kind = TypeVar("_Kind", PassphraseWrapping, TokenWrapping)


def _of_kind(file: SecretFile, kind: type[_Kind]) -> dict[str, _Kind]:
    return {one: wrapping for one, wrapping in file.wrappings.items() if isinstance(wrapping, kind)}


def _opened_by(file: SecretFile, wrapping_id: str, key: bytes) -> OpenSecrets:
    """Return the file, opened with a wrapping key. Raises InvalidTag."""
    ring = _unwrapped(file, wrapping_id, key)
    same = []
    for wrapping in file.wrappings:
        with suppress(InvalidTag):
            _unwrapped(file, wrapping, key)
            same.append(wrapping)
    return OpenSecrets(file.only(same), key, ring)


def read_secrets(folder: DataDirectory) -> SecretFile:
    """Read the file, which needs no pass-phrase. Raises FolderDamaged."""
    path = folder.secret_keys
    try:
        return _parsed(json.loads(folder.read(path)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FolderDamaged(f"{path} is damaged: restore it from a copy of the folder") from None


def write_secrets(folder: DataDirectory, file: SecretFile) -> None:
    """Replace the file atomically. Raises OSError."""
    value = {
        "format": _FORMAT,
        "wrappings": {wrapping_id: format_wrapping(by) for wrapping_id, by in file.wrappings.items()},
        "keys": [
            {
                "purpose": key.purpose,
                "id": key.key_id,
                "made_at": _written(key.made_at),
                "wrapped_by": {
                    wrapping_id: b64encode(octets).decode("ascii") for wrapping_id, octets in key.wrapped.items()
                },
            }
            for key in file.keys
        ],
    }
    write_atomic(folder.secret_keys, f"{json.dumps(value, indent=1)}\n".encode(), PRIVATE)


def wrap(purpose: SecretPurpose, key: SecretKey, wrapping_keys: Mapping[str, bytes]) -> WrappedKey:
    """Encrypt a secret key under each of these wrapping keys."""
    bare = WrappedKey(purpose, key.key_id, key.made_at, {})
    return replace(
        bare, wrapped={wrapping_id: seal(by, key.octets, bare.bound) for wrapping_id, by in wrapping_keys.items()}
    )


def rotate_secret(
    folder: DataDirectory,
    access: SecretAccess,
    purpose: SecretPurpose,
    now: datetime,
    step: Callable[[str], None] = no_failpoint,
) -> str:
    """Add a key for a purpose and return its id. From then on it makes new data.

    Raises SecretsClosed and FolderDamaged. A kill leaves the file as before or with the key.
    """
    with locked(folder.secrets, wait=True):
        file = open_secrets(folder, access).with_key(purpose, now)
        step("rotate-made")
        write_secrets(folder, file)
        step("rotate-written")
    return file.keys[-1].key_id


def remove_secret(folder: DataDirectory, access: SecretAccess, purpose: SecretPurpose, key_id: str) -> None:
    """Remove a key that is not the newest of its purpose.

    Raises FolderError for the newest and for an unknown one, SecretsClosed and FolderDamaged.
    """
    with locked(folder.secrets, wait=True):
        opened = open_secrets(folder, access)
        ids = [key.key_id for key in opened.ring.every(purpose)]
        if key_id not in ids[1:]:
            why = "makes new data; rotate it first" if key_id == ids[0] else "does not exist"
            raise FolderError(f"key {key_id} of {purpose} {why}: see sinetti authority secrets status")
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
            write_secrets(folder, _new_file(folder, lambda: old, SecretAccess(passphrase), now))
            step("upgrade-written")
        ring = open_secrets(folder, SecretAccess(passphrase)).ring
        if any(
            key.key_id == FIRST and key.octets != old
            for secret_purpose in SecretPurpose
            for key in ring.every(secret_purpose)
        ):
            raise FolderDamaged(
                f"{old_file} is another key than the first one in {folder.secret_keys.name}: move it elsewhere"
            )
        step("upgrade-compared")
        old_file.unlink()
        sync_path(folder.secrets)
        step("upgrade-removed")


def _new_file(folder: DataDirectory, octets: Callable[[], bytes], access: SecretAccess, now: datetime) -> SecretFile:
    key, wrappings = secrets.token_bytes(KEY_OCTETS), dict[str, Wrapping]()
    if access.passphrase is not None:
        wrapping_id = new_wrapping_id()
        is_beside = folder.passphrase.exists()
        wrappings[wrapping_id] = passphrase_wrapping(wrapping_id, access.passphrase, key, is_beside=is_beside)
    if access.token is not None and access.token.place is not None:
        wrapping_id = new_wrapping_id()
        wrappings[wrapping_id] = access.token.wrapping(
            wrapping_id, access.token.create(folder, access.token.place), key
        )
    by = dict.fromkeys(wrappings, key)
    return SecretFile(
        wrappings, tuple(wrap(secret_purpose, SecretKey(FIRST, octets(), now), by) for secret_purpose in SecretPurpose)
    )


def _parsed(value: Mapping[str, Any]) -> SecretFile:
    """Return the content. Raises ValueError, KeyError, TypeError or AttributeError."""
    if value["format"] != _FORMAT:
        raise ValueError
    wrappings = {one: parse_wrapping(by) for one, by in value["wrappings"].items()}
    keys = tuple(_wrapped_key(entry, wrappings) for entry in value["keys"])
    # Each purpose has a key, and no two keys have one name.
    if {key.purpose for key in keys} != {*SecretPurpose} or len({(key.purpose, key.key_id) for key in keys}) < len(
        keys
    ):
        raise ValueError
    return SecretFile(wrappings, keys)


def _wrapped_key(value: Mapping[str, Any], wrappings: Iterable[str]) -> WrappedKey:
    wrapped = {one: b64decode(octets, validate=True) for one, octets in value["wrapped_by"].items()}
    if not wrapped or {*wrapped} != {*wrappings} or not 0 <= int(value["id"]) <= MOST:
        raise ValueError
    made_at = datetime.fromisoformat(value["made_at"]).astimezone(UTC)
    return WrappedKey(SecretPurpose(value["purpose"]), str(int(value["id"])), made_at, wrapped)


def _unwrapped(file: SecretFile, wrapping_id: str, wrapping_key: bytes) -> Keyring:
    """Return the keys. Raises InvalidTag."""
    pairs: dict[SecretPurpose, tuple[SecretKey, ...]] = {}
    for key in file.keys:
        opened = SecretKey(key.key_id, unseal(wrapping_key, key.wrapped[wrapping_id], key.bound), key.made_at)
        pairs[key.purpose] = (*pairs.get(key.purpose, ()), opened)
    return Keyring(pairs)


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
