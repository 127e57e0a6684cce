"""Change of the service's pass-phrase: all key files, and the file of secret keys.

New files are written beside the old ones. One mark commits all of them, and renames follow, which need no secret. After
a kill before the mark the old pass-phrase opens everything, and after it the new one does. `settle_passphrase_change`
continues either way; every command calls it when it opens the folder.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sinetti.authority.data_directory import DataDirectory, FolderDamaged, FolderError, locked
from sinetti.authority.secret_files import (
    OpenSecrets,
    SecretFile,
    SecretsClosed,
    open_secrets,
    read_secrets,
    write_secrets,
)
from sinetti.authority.secret_wrappings import (
    BY_PASSPHRASE,
    BY_TOKEN,
    KEY_OCTETS,
    PassphraseWrapping,
    SecretAccess,
    TokenWrapping,
    Wrapping,
    WrappingToken,
    new_wrapping_id,
    passphrase_wrapping,
)
from sinetti.infra.atomic_files import PRIVATE, sync_path, write_atomic, write_synced
from sinetti.pki.encoding import passphrase_matches
from sinetti.pki.signers.pkcs11_uri import TokenLocation, read_pin
from sinetti.services.context import no_failpoint

_NEXT: Final = ".next"
_ENCRYPTED: Final = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
_BEGUN, _COMMITTED = "begun", "committed"
_RANDOM_OCTETS: Final = 32


@dataclass(frozen=True)
class NewPassphrase:
    """New pass-phrase.

    With `is_inside` its file is the one in the folder, else the caller has written it elsewhere.
    """

    octets: bytes = field(repr=False)
    is_inside: bool = False


def random_passphrase() -> bytes:
    """Return a pass-phrase of 256 random bits."""
    return secrets.token_urlsafe(_RANDOM_OCTETS).encode()


def change_passphrase(
    folder: DataDirectory, access: SecretAccess, new: NewPassphrase, step: Callable[[str], None] = no_failpoint
) -> int:
    """Encrypt all keys in the folder again, under a new pass-phrase.

    `access` has the present one. A token that opens the secret keys opens them afterwards, too.

    Returns the number of key files. The pass-phrase in the folder is replaced or removed at the end. Raises
    FolderError if both pass-phrases are equal, if no key has one, or if another process does the same. Raises
    FolderDamaged if a key does not open, and SignerUnavailable; the folder is then as before.
    """
    old = access.passphrase or b""
    if old == new.octets:
        raise FolderError("the new pass-phrase is the present one: nothing was changed")
    settle_passphrase_change(folder)
    with locked(folder.secrets):
        opened, keys = open_secrets(folder, access), dict(_encrypted_keys(folder, old))
        if not keys and BY_PASSPHRASE not in opened.file.kinds():
            raise FolderError(
                "no key of this authority has a pass-phrase: sinetti authority secrets wrap passphrase adds one"
            )
        wrapping_key = secrets.token_bytes(KEY_OCTETS)
        wrappings = _new_wrappings(opened, access, new.octets, wrapping_key)
        state: dict[str, Any] = {"state": _BEGUN, "wrappings": [*wrappings], "inside": new.is_inside}
        _write_mark(folder, state)
        step("passphrase-begun")
        if new.is_inside:
            write_synced(_beside(folder.passphrase), new.octets)
        for path, key in keys.items():
            _write_next(path, key, new.octets)
        sync_path(folder.keys)
        step("passphrase-keys-written")
        both = dict.fromkeys(opened.file.wrappings, opened.wrapping_key) | dict.fromkeys(wrappings, wrapping_key)
        all_of_them = {**opened.file.wrappings, **wrappings}
        write_secrets(folder, SecretFile(all_of_them, opened.wrapped(both)))
        step("passphrase-wrapped-twice")
        _write_mark(folder, state | {"state": _COMMITTED})
        step("passphrase-committed")
        _finish(folder, step)
    return len(keys)


def _new_wrappings(
    opened: OpenSecrets, access: SecretAccess, passphrase: bytes, wrapping_key: bytes
) -> dict[str, Wrapping]:
    """Return the wrappings of the same kinds for a new wrapping key.

    With the old key, an old copy of the folder and the former pass-phrase would open the new file. Raises
    SignerUnavailable.
    """
    found: dict[str, Wrapping] = {}
    for wrapping in opened.file.wrappings.values():
        wrapping_id = new_wrapping_id()
        if isinstance(wrapping, PassphraseWrapping):
            found[wrapping_id] = passphrase_wrapping(wrapping_id, passphrase, wrapping_key)
        elif access.token is not None:
            found[wrapping_id] = access.token.wrapping(wrapping_id, wrapping.at, wrapping_key)
    return found


def is_passphrase_in_force(folder: DataDirectory, passphrase: bytes) -> bool:
    """Return True if a pass-phrase opens the keys in the folder. Raises FolderDamaged."""
    if BY_PASSPHRASE not in read_secrets(folder).kinds():
        return any(passphrase_matches(folder.read(path), passphrase) for path in folder.keys.glob("*.pem"))
    try:
        open_secrets(folder, SecretAccess(passphrase))
    except SecretsClosed:
        return False
    return True


def settle_passphrase_change(folder: DataDirectory) -> None:
    """Finish a committed change of the pass-phrase, or undo another.

    Needs no pass-phrase. Raises FolderDamaged and OSError.
    """
    if not _mark(folder).exists():
        return
    try:
        # A change that another process has committed takes milliseconds to finish. Before that the old files count.
        with locked(folder.secrets, wait=_state(folder).get("state") == _COMMITTED):
            state = _state(folder).get("state")
            if state == _COMMITTED:
                _finish(folder, no_failpoint)
            elif state == _BEGUN:
                _undo(folder)
    except FolderError as used:
        if isinstance(used, FolderDamaged):
            raise


def _finish(folder: DataDirectory, step: Callable[[str], None]) -> None:
    state = _state(folder)
    for path in sorted(folder.keys.glob(f"*{_NEXT}")):
        path.replace(path.with_suffix(""))
        step("passphrase-key-renamed")
    sync_path(folder.keys)
    file = read_secrets(folder)
    if {*file.wrappings} != {*state["wrappings"]}:
        write_secrets(folder, file.only(state["wrappings"]))
    step("passphrase-old-wrapping-removed")
    if not state["inside"]:
        folder.passphrase.unlink(missing_ok=True)
    elif _beside(folder.passphrase).exists():
        _beside(folder.passphrase).replace(folder.passphrase)
    sync_path(folder.secrets)
    step("passphrase-moved")
    _remove_mark(folder)


def _undo(folder: DataDirectory) -> None:
    state, file = _state(folder), read_secrets(folder)
    old = [wrapping for wrapping in file.wrappings if wrapping not in state["wrappings"]]
    if len(file.wrappings) > len(old) > 0:
        write_secrets(folder, file.only(old))
    for path in (*folder.keys.glob(f"*{_NEXT}"), _beside(folder.passphrase)):
        path.unlink(missing_ok=True)
    sync_path(folder.keys)
    _remove_mark(folder)


def _encrypted_keys(folder: DataDirectory, passphrase: bytes) -> Iterator[tuple[Path, PrivateKeyTypes]]:
    """Yield the encrypted keys in the folder.

    Raises FolderDamaged if one does not open.
    """
    for path in sorted(folder.keys.glob("*.pem")):
        octets = folder.read(path)
        if _ENCRYPTED in octets:
            yield path, _loaded(path, octets, passphrase)


def _write_next(path: Path, key: PrivateKeyTypes, passphrase: bytes) -> None:
    """Write a key under the new pass-phrase beside its file, and read it back."""
    how = BestAvailableEncryption(passphrase)
    write_synced(_beside(path), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    again = _loaded(_beside(path), _beside(path).read_bytes(), passphrase)
    if _octets(again) != _octets(key):
        raise FolderDamaged(f"{_beside(path)} is not what was written: nothing was changed; check the disk")


def _loaded(path: Path, octets: bytes, passphrase: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(octets, passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise FolderDamaged(
            f"the pass-phrase does not open {path}: move the file out of the folder if it is not in use"
        ) from None


def _octets(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}{_NEXT}")


def _mark(folder: DataDirectory) -> Path:
    return folder.secrets / "passphrase-change.json"


def _state(folder: DataDirectory) -> dict[str, Any]:
    """Return the state of a change; empty if another process has finished it."""
    try:
        found = json.loads(_mark(folder).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise FolderDamaged(f"{_mark(folder)} is damaged: restore the folder from a copy")
    return found


def _write_mark(folder: DataDirectory, state: dict[str, Any]) -> None:
    write_atomic(_mark(folder), json.dumps(state).encode(), PRIVATE)


def _remove_mark(folder: DataDirectory) -> None:
    _mark(folder).unlink(missing_ok=True)
    sync_path(folder.secrets)


@dataclass(frozen=True)
class NewWrapping:
    """New way to the secret keys: a pass-phrase, or a new key in a token.

    With `is_alone` the former ways end, and so does a former one of the same kind.
    """

    by: bytes | TokenLocation = field(repr=False)
    is_alone: bool = False

    @property
    def kind(self) -> str:
        """Kind of the wrapping."""
        return BY_TOKEN if isinstance(self.by, TokenLocation) else BY_PASSPHRASE


def wrap_secrets(
    folder: DataDirectory,
    access: SecretAccess,
    new: NewWrapping,
    record: Callable[[tuple[str, ...]], None],
    step: Callable[[str], None] = no_failpoint,
) -> tuple[str, ...]:
    """Add a way to the secret keys, or replace all ways by it.

    Returns the kinds of all ways. `record` gets them before the file is replaced. A way that exists stays as it is, so
    that the same call may be repeated. Raises FolderError if another one of its kind exists and it is not alone,
    SecretsClosed and FolderDamaged, also if the pass-phrase is not that of the key files, and SignerUnavailable.
    """
    token = access.token or WrappingToken(folder.keys, None)
    with locked(folder.secrets, wait=True):
        token.forget_unused(folder, read_secrets(folder).wrappings.values())
        opened = check_wrapping(folder, access, new)
        if not new.is_alone and new.kind in opened.file.kinds():
            return opened.file.kinds()
        key = secrets.token_bytes(KEY_OCTETS) if new.is_alone else opened.wrapping_key
        try:
            made = _made(folder, token, new, key, step)
            step("wrapping-made")
            wrappings = made if new.is_alone else {**opened.file.wrappings, **made}
            file = SecretFile(wrappings, opened.wrapped(dict.fromkeys(wrappings, key)))
            record(file.kinds())
            write_secrets(folder, file)
            step("wrapping-written")
        finally:
            token.forget_unused(folder, read_secrets(folder).wrappings.values())
    return file.kinds()


def check_wrapping(folder: DataDirectory, access: SecretAccess, new: NewWrapping) -> OpenSecrets:
    """Open the secret keys.

    Raises the errors of `wrap_secrets` for a new way that cannot be added.
    """
    opened = open_secrets(folder, access)
    if isinstance(new.by, bytes):
        _check_key_files(folder, new.by)
    else:
        read_pin(new.by)
    if not new.is_alone and new.kind in opened.file.kinds():
        _check_same(folder, opened, new)
    return opened


def _check_key_files(folder: DataDirectory, passphrase: bytes) -> None:
    """Raise FolderDamaged if a pass-phrase is not that of the key files."""
    for path in sorted(folder.keys.glob("*.pem")):
        if not passphrase_matches(folder.read(path), passphrase):
            raise FolderDamaged(
                f"this pass-phrase does not open {path}: give that of the key files, since one opens both"
            )


def _check_same(folder: DataDirectory, opened: OpenSecrets, new: NewWrapping) -> None:
    """Raise FolderError if the way of this kind is another one."""
    if isinstance(new.by, bytes):
        try:
            open_secrets(folder, SecretAccess(new.by))
        except SecretsClosed:
            raise FolderError(
                "another pass-phrase opens the secret keys: sinetti authority passphrase --new replaces it"
            ) from None
        return
    places = [wrapping.at.place for wrapping in opened.file.wrappings.values() if isinstance(wrapping, TokenWrapping)]
    if (new.by.module, new.by.label) not in {(place.module, place.label) for place in places}:
        raise FolderError(f"the token {places[0].label} opens the secret keys: --alone replaces it by {new.by.label}")


def _made(
    folder: DataDirectory, token: WrappingToken, new: NewWrapping, key: bytes, step: Callable[[str], None]
) -> dict[str, Wrapping]:
    """Return the new wrapping of a key, by its id.

    Raises SignerUnavailable and OSError.
    """
    wrapping_id = new_wrapping_id()
    if isinstance(new.by, bytes):
        return {wrapping_id: passphrase_wrapping(wrapping_id, new.by, key)}
    at = token.create(folder, new.by)
    step("wrapping-created")
    return {wrapping_id: token.wrapping(wrapping_id, at, key)}
