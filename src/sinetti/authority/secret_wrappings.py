"""Wrappings of the service's secret keys (docs/operators/keys.md).

The wrapping key, which encrypts them, is 256 random bits. It is encrypted under a key that is derived from the
pass-phrase (scrypt, RFC 7914), by an AES key in a PKCS#11 token, or by each of them.
"""

import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sinetti.authority.data_directory import DataDirectory
from sinetti.infra.atomic_files import PRIVATE, write_atomic
from sinetti.pki.signers import SignerUnavailable, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from sinetti.pki.signers.token_pool import PoolLimits, TokenPool

BY_PASSPHRASE: Final = "passphrase"  # noqa: S105 - a kind, no secret
"""Kind of a wrapping that the pass-phrase opens."""
BY_TOKEN: Final = "token"  # noqa: S105 - a kind, no secret
"""Kind of a wrapping that a key in a token opens."""
KEY_OCTETS: Final = 32
_COST, _BLOCKS, _LANES = 2**15, 8, 1  # scrypt: 32 MiB and a tenth of a second (docs/operators/keys.md)
_COST_BESIDE: Final = 2**8
_GREATEST_COST: Final = 2**20
_SALT_OCTETS, _NONCE_OCTETS, _ID_OCTETS = 16, 12, 16
_LABEL: Final = "sinetti secrets"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PassphraseWrapping:
    """Wrapping key, encrypted under a key that scrypt derives with these parameters."""

    salt: bytes
    sealed: bytes = b""
    cost: int = _COST
    blocks: int = _BLOCKS
    lanes: int = _LANES

    @property
    def by(self) -> str:
        """Kind of the wrapping."""
        return BY_PASSPHRASE

    def key(self, wrapping_id: str, passphrase: bytes) -> bytes:
        """Return the wrapping key. Raises InvalidTag for another pass-phrase."""
        return unseal(_derive(self, passphrase), self.sealed, _bound(wrapping_id))


@dataclass(frozen=True)
class TokenWrapping:
    """Wrapping key, encrypted by a key in a token."""

    at: TokenKey
    sealed: bytes

    @property
    def by(self) -> str:
        """Kind of the wrapping."""
        return BY_TOKEN

    def key(self, wrapping_id: str, token: "WrappingToken") -> bytes:
        """Return the wrapping key. Raises SignerUnavailable."""
        return token.decrypt(self.at, self.sealed, _bound(wrapping_id))


Wrapping = PassphraseWrapping | TokenWrapping


class WrappingToken:
    """Use of keys in tokens that encrypt wrapping keys.

    `marks` is the folder of marks about refused PINs. `place` is the authority's own token; it replaces module and PIN
    file of a key in a token with its label. Processes that use the token end after each use, since uses are rare.
    """

    def __init__(self, marks: Path, place: TokenLocation | None) -> None:
        """Store the arguments; the token is used when a key is."""
        self.place, self._pool = place, TokenPool(marks, PoolLimits(processes=1))

    def create(self, folder: DataDirectory, place: TokenLocation) -> TokenKey:
        """Create a key in a token, and write its location to disk before that.

        `forget_unused` deletes the key if no wrapping names it. Raises SignerUnavailable and OSError.
        """
        key = TokenKey(place, secrets.token_bytes(_ID_OCTETS), _LABEL, object_type="secret-key")
        try:
            self._pool.delete(key)  # so that nothing is written for a token that cannot be used
            write_atomic(folder.secrets / f"new-{key.id.hex()}.uri", pkcs11_uri.dump(key), PRIVATE)
            self._pool.create_wrapping_key(key)
        except Exception:
            self._pool.close()
            raise
        return key  # its next use is `wrapping`

    def wrapping(self, wrapping_id: str, at: TokenKey, key: bytes) -> TokenWrapping:
        """Encrypt a wrapping key, and check that the token decrypts it.

        Raises SignerUnavailable.
        """
        bound, at = _bound(wrapping_id), pkcs11_uri.placed(at, self.place)
        try:
            sealed = self._pool.encrypt(at, key, bound)
            if self._pool.decrypt(at, sealed, bound) != key or key in sealed:
                raise SignerUnavailable(f"the token {at.place.label} cannot be used: it does not encrypt correctly")
        finally:
            self._pool.close()
        return TokenWrapping(at, sealed)

    def decrypt(self, at: TokenKey, sealed: bytes, bound: bytes) -> bytes:
        """Decrypt a wrapping key. Raises SignerUnavailable."""
        try:
            return self._pool.decrypt(pkcs11_uri.placed(at, self.place), sealed, bound)
        finally:
            self._pool.close()

    def forget_unused(self, folder: DataDirectory, used: Collection[Wrapping]) -> None:
        """Delete keys that were created and that no wrapping in use names.

        If a token cannot be used now, its key stays, and a later call deletes it.
        """
        ids = {token_wrapping.at.id for token_wrapping in used if isinstance(token_wrapping, TokenWrapping)}
        try:
            for path in folder.secrets.glob("new-*.uri"):
                key = pkcs11_uri.load(path.read_bytes())
                if key.id not in ids:
                    self._pool.delete(pkcs11_uri.placed(key, self.place))
                path.unlink(missing_ok=True)
        except (SignerUnavailable, ValueError) as away:
            _log.warning("a key that was never used remains in a token: %s", away)
        finally:
            self._pool.close()


@dataclass(frozen=True)
class SecretAccess:
    """Means to open the secret keys: the pass-phrase, the token, or both.

    None: there is no such means.
    """

    passphrase: bytes | None = field(repr=False)
    token: WrappingToken | None = None


def delete_wrapping_keys(folder: DataDirectory) -> None:
    """Delete the keys that the `init` of an unfinished folder has created in tokens.

    Raises SignerUnavailable.
    """
    pool = TokenPool(folder.keys)
    try:
        for path in folder.secrets.glob("*.uri"):
            pool.delete(pkcs11_uri.load(path.read_bytes()))
            path.unlink()
    finally:
        pool.close()


def new_wrapping_id() -> str:
    """Return the id of a new wrapping."""
    return secrets.token_hex(4)


def passphrase_wrapping(
    wrapping_id: str, passphrase: bytes, key: bytes, *, is_beside: bool = False
) -> PassphraseWrapping:
    """Encrypt a wrapping key under a pass-phrase.

    With `is_beside`, the pass-phrase was generated (256 random bits) and is in the same folder: no time is spent on
    attempts to guess it.
    """
    bare = PassphraseWrapping(secrets.token_bytes(_SALT_OCTETS), cost=_COST_BESIDE if is_beside else _COST)
    return replace(bare, sealed=seal(_derive(bare, passphrase), key, _bound(wrapping_id)))


def parse_wrapping(value: Mapping[str, Any]) -> Wrapping:
    """Parse a wrapping. Raises ValueError, KeyError, TypeError or AttributeError."""
    sealed = b64decode(value["sealed"], validate=True)
    if value["by"] == BY_TOKEN:
        return TokenWrapping(pkcs11_uri.load(value["uri"].encode()), sealed)
    if value["by"] != BY_PASSPHRASE or value["kdf"] != "scrypt" or not 1 < value["n"] <= _GREATEST_COST:
        raise ValueError
    return PassphraseWrapping(b64decode(value["salt"], validate=True), sealed, value["n"], value["r"], value["p"])


def format_wrapping(wrapping: Wrapping) -> dict[str, Any]:
    """Return a wrapping as it is in the file."""
    sealed = b64encode(wrapping.sealed).decode("ascii")
    if isinstance(wrapping, TokenWrapping):
        return {"by": BY_TOKEN, "uri": pkcs11_uri.dump(wrapping.at).decode().strip(), "sealed": sealed}
    salt = b64encode(wrapping.salt).decode("ascii")
    numbers = {"n": wrapping.cost, "r": wrapping.blocks, "p": wrapping.lanes}
    return {"by": BY_PASSPHRASE, "kdf": "scrypt", "salt": salt, **numbers, "sealed": sealed}


def seal(key: bytes, octets: bytes, bound: bytes) -> bytes:
    """Encrypt octets, and authenticate `bound` with them (AES-256-GCM)."""
    nonce = secrets.token_bytes(_NONCE_OCTETS)
    return nonce + AESGCM(key).encrypt(nonce, octets, bound)


def unseal(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Decrypt octets. Raises InvalidTag, also for a text or a key of another length."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_OCTETS], sealed[_NONCE_OCTETS:], bound)
    except ValueError:
        raise InvalidTag from None


def _bound(wrapping_id: str) -> bytes:
    """Return the authenticated data of a wrapping key."""
    return f"sinetti-secret-wrapping\0{wrapping_id}".encode()


@lru_cache(maxsize=8)
def _derive(wrapping: PassphraseWrapping, passphrase: bytes) -> bytes:
    """Derive a key, once per process: a tenth of a second."""
    kdf = Scrypt(wrapping.salt, KEY_OCTETS, wrapping.cost, wrapping.blocks, wrapping.lanes)
    return kdf.derive(passphrase)
