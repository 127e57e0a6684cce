"""Change of the ways to the service's secret keys: pass-phrase, token, or both.

The file is replaced once and atomically, so a kill leaves it with the former ways or with the new ones. A key in a
token has its location on disk before it is created, and the next call deletes it if the file does not name it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

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
    SecretAccess,
    TokenWrapping,
    Wrapping,
    WrappingToken,
    new_wrapping_id,
    passphrase_wrapping,
)
from sinetti.pki.encoding import passphrase_matches
from sinetti.pki.signers.pkcs11_uri import TokenLocation, read_pin
from sinetti.services.context import no_failpoint


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
    places = [one.at.place for one in opened.file.wrappings.values() if isinstance(one, TokenWrapping)]
    if (new.by.module, new.by.label) not in {(one.module, one.label) for one in places}:
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
