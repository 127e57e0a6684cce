"""Keys in a PKCS#11 token, with a record of each before it is made.

`DIR/NAME/token/ID.uri` is written before a key is made under that ID, and deleted when the key is in a generation. A
key that no folder of the name mentions was left by an interrupted run. It is used for the next request, or reported.
"""

import importlib
import importlib.util
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from sinetti.client.messages import error_reasons, messages
from sinetti.client.messages.messages import Message, make_message
from sinetti.client.model import Token
from sinetti.client.store import files
from sinetti.client.store.files import StoreError
from sinetti.domain.values import KeyId, KeyType
from sinetti.pki import key_policy
from sinetti.pki.encoding import PrivateKey, PublicKey
from sinetti.pki.signers import SignerUnavailable, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation

FOLDER = "token"
_ID_OCTETS = 16


class _Driver(Protocol):
    """Interface of `pki/signers/pkcs11.py`, which is loaded only if a token is used."""

    def make(self, key: TokenKey, kind: KeyType) -> PublicKey:
        """Make a key pair."""

    def find(self, key: TokenKey) -> PublicKey | None:
        """Find a key; None if it does not exist."""

    def public_keys(self, place: TokenLocation) -> frozenset[tuple[bytes, KeyId]]:
        """Return ID and key ID of the public keys, without the PIN."""

    def private_key(self, key: TokenKey, public: PublicKey) -> PrivateKey:
        """Return the private key, which signs in the token."""

    def is_present(self, key: TokenKey) -> bool:
        """Return whether the token has a key."""

    def delete(self, key: TokenKey) -> None:
        """Delete a key pair."""


def make(
    name_folder: Path, kind: KeyType, token: Token, on_message: Callable[[Message], None]
) -> tuple[PrivateKey, bytes]:
    """Make a key in the token, or take up one that was left there.

    Return the private key and its URI to store. Raises StoreError, SignerUnavailable, OSError.
    """
    driver, place = _driver(), TokenLocation(token.module, token.label, token.pin_file)
    same_token = [one for one in orphaned_keys(name_folder) if one.place.label == place.label]
    for left in (replace(token_key, place=place) for token_key in same_token):
        public = driver.find(left)
        if public is None:
            _forget(name_folder, left.id)
        elif key_policy.key_type(public) is kind:
            on_message(make_message(messages.TOKEN_KEY_TAKEN_UP, name=name_folder.name, key_id=left.id.hex()))
            return _made(driver, left, public)
        else:
            on_message(orphan_message(name_folder, left))
    key = TokenKey(place, secrets.token_bytes(_ID_OCTETS), f"sinetti {name_folder.name}")
    files.make_folder(name_folder / FOLDER)
    files.write_atomic(_intent(name_folder, key.id), pkcs11_uri.dump(key))
    return _made(driver, key, driver.make(key, kind))


def orphaned_keys(name_folder: Path) -> tuple[TokenKey, ...]:
    """List recorded keys that no journal and no generation mentions.

    Some of them may never have been made.
    """
    spoken_of = {token_key.id for path in name_folder.glob("*/*/key.uri") if (token_key := _read(path)) is not None}
    intents = [
        token_key for path in sorted((name_folder / FOLDER).glob("*.uri")) if (token_key := _read(path)) is not None
    ]
    return tuple(intent for intent in intents if intent.id not in spoken_of)


def orphan_message(name_folder: Path, key: TokenKey) -> Message:
    """Return the message on an unused key in a token, with the command to delete it."""
    module, label = key.place.module, key.place.label
    command = f"pkcs11-tool --module {module} --token-label {label} --login --delete-object --type privkey --id "
    return make_message(
        messages.TOKEN_KEY_LEFT, name=name_folder.name, token=label, key_id=key.id.hex(), command=command + key.id.hex()
    )


def clear_intent(name_folder: Path, octets: bytes) -> None:
    """Delete the record of a key that is in a generation now."""
    _forget(name_folder, pkcs11_uri.load(octets).id)


def key_of(key: TokenKey, known: Token | None, public: PublicKeyTypes) -> PrivateKey:
    """Return the private key for a key of a token.

    If the settings know the token, its module and PIN file come from there.
    """
    return _driver().private_key(_with_place(key, known), cast("PublicKey", public))


Tokens = dict[tuple[Path, str], frozenset[tuple[bytes, KeyId]] | StoreError]
"""Public keys of each token that was asked, or the reason why it cannot be used."""


def check_in_token(key: TokenKey, known: Token | None, asked: Tokens) -> None:
    """Check that a key's token is there and has its public key. Uses no PIN.

    Each token is asked once for all names that share `asked`. Raises StoreError.
    """
    place = _with_place(key, known).place
    at = place.module, place.label
    if at not in asked:
        asked[at] = _public_keys(place)
    pairs = asked[at]
    if isinstance(pairs, StoreError):
        raise pairs
    if (key.id, key.key_id) not in pairs:
        raise _unusable(f"the token {place.label} cannot be used: it does not contain the key")


def _public_keys(place: TokenLocation) -> frozenset[tuple[bytes, KeyId]] | StoreError:
    try:
        return _driver().public_keys(place)
    except SignerUnavailable as bad:
        return _unusable(str(bad))
    except StoreError as bad:
        return bad


def _unusable(why: str) -> StoreError:
    return StoreError(messages.TOKEN_KEY_GONE, why=error_reasons.translate_reason(why))


def list_keys(name_folder: Path, known: Token | None) -> tuple[TokenKey, ...]:
    """List all keys of a name in tokens: of its generations, requests and records.

    Module and PIN file of the token `known` come from there.
    """
    paths = (*name_folder.glob("*/*/key.uri"), *(name_folder / FOLDER).glob("*.uri"))
    found = {
        (token_key.place.label, token_key.id): _with_place(token_key, known)
        for path in paths
        if (token_key := _read(path)) is not None
    }
    return tuple(found.values())


def check_tokens(keys: Iterable[TokenKey]) -> None:
    """Check that the tokens of these keys can be used.

    Raises StoreError, SignerUnavailable.
    """
    for key in keys:
        _driver().is_present(key)


def delete(keys: Iterable[TokenKey]) -> None:
    """Delete keys from their tokens; a key that is gone is passed over.

    Raises StoreError, SignerUnavailable.
    """
    for key in keys:
        _driver().delete(key)


def _with_place(key: TokenKey, known: Token | None) -> TokenKey:
    """Return the key with module and PIN file of the settings if these know its token."""
    if known is None or known.label != key.place.label:
        return key
    return replace(key, place=TokenLocation(known.module, known.label, known.pin_file))


def _made(driver: _Driver, key: TokenKey, public: PublicKey) -> tuple[PrivateKey, bytes]:
    whole = replace(key, key_id=key_policy.key_id(public))
    return driver.private_key(whole, public), pkcs11_uri.dump(whole)


def _driver() -> _Driver:
    if importlib.util.find_spec("pkcs11") is None:
        raise StoreError(messages.NEEDS_PKCS11_EXTRA)
    return cast("_Driver", importlib.import_module("sinetti.pki.signers.pkcs11"))


def _intent(name_folder: Path, key: bytes) -> Path:
    return name_folder / FOLDER / f"{key.hex()}.uri"


def _forget(name_folder: Path, key: bytes) -> None:
    _intent(name_folder, key).unlink(missing_ok=True)


def _read(path: Path) -> TokenKey | None:
    try:
        return pkcs11_uri.load(files.read(path))
    except (ValueError, StoreError):
        return None
