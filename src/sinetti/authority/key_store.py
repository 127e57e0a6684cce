"""Stores of an authority's private keys: encrypted files, and PKCS#11 tokens.

Each key has a name and one file in the folder of keys: `NAME.pem` with the encrypted key, or `NAME.uri` with the
location of the key in a token (RFC 7512). Keys of root and intermediate CAs in a token of their own have their URIs in
`offline/`, so that the running service does not use them.
"""

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sinetti.authority.data_directory import FolderError
from sinetti.ca.hierarchy_model import CaSpec
from sinetti.domain.requests import SignatureProof
from sinetti.domain.values import KeyType
from sinetti.infra.atomic_files import PRIVATE, destroy_file, sync_path, write_atomic, write_synced
from sinetti.pki import encoding
from sinetti.pki.csr import build_request
from sinetti.pki.encoding import PrivateKey, PublicKey, dump_private_key, generate_key, load_private_key
from sinetti.pki.signers import ActApproval, KeyMissing, SignerUnavailable, measured, pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from sinetti.pki.signers.software import SoftwareSigner
from sinetti.pki.signers.token_keys import ED25519, TokenPublicKey, located
from sinetti.pki.signers.token_pool import TokenPool

SigningKey = PrivateKey | Ed25519PrivateKey
"""Private keys of an authority: of certificates, and of the log."""

REQUEST_SUFFIX = ".csr"
"""End of the name of the file with a new CA's request."""

DESTROYED = ".destroyed"
"""End of the mark that the key of a name was destroyed (docs/termination.md)."""

OFFLINE = "offline"
"""Subfolder with the URIs of keys that the running service does not use."""

ABANDONED_AFTER = timedelta(hours=1)
"""Age at which a key without a name was left by a process that ended."""

_MARK = b"sinetti authority keys check\n"
"""Beginning of the octets of a test signature.

They are no certificate, list or message.
"""

_log = logging.getLogger(__name__)


class StoreKind(StrEnum):
    """Kind of a store, as `sinetti authority keys list` shows it."""

    FILE = "file"
    PKCS11 = "pkcs11"
    SIGNER = "signer"


@dataclass(frozen=True)
class NewKey:
    """Key that was created and has no name yet; `at` is its location in a token."""

    key: SigningKey = field(repr=False)
    at: TokenKey | None = None


class KeyStore(Protocol):
    """Place where private keys are created and used, by name."""

    kind: StoreKind

    def is_usable(self) -> bool:
        """Return False if the keys cannot be opened for want of a pass-phrase."""

    def has(self, name: str) -> bool:
        """Return True if the key of this name is in the store."""

    def create(self, label: str, kind: KeyType | str) -> NewKey:
        """Create a key, which `keep` names. Raises SignerUnavailable and OSError."""

    def keep(self, new: NewKey, name: str) -> None:
        """Name a key, and write that to disk. Raises OSError."""

    def discard(self, new: NewKey) -> None:
        """Delete a key that has no name. Raises SignerUnavailable and OSError."""

    def open(self, name: str, public: TokenPublicKey) -> SigningKey:
        """Return the private key of this public key.

        Raises ValueError if it is another key, SignerUnavailable if it cannot be used now, and OSError.
        """

    def sign(self, key_name: str, octets: bytes, public: TokenPublicKey, proof: SignatureProof | None) -> bytes:
        """Sign with the key of a CA. Raises SignerUnavailable."""

    def check(self, key_name: str, public: TokenPublicKey) -> None:
        """Check that the key of a CA can be used. Raises SignerUnavailable."""

    def delete(self, name: str) -> None:
        """Destroy the key of this name; do nothing if it is not here.

        Raises SignerUnavailable, ValueError and OSError.
        """

    def approve(self, approval: ActApproval) -> None:
        """Pass the approval of an act to a signer that verifies it."""

    def begin(self, spec: CaSpec, organisation: str) -> bytes:
        """Make the key of a new CA under its name, and return its request in DER.

        The same call returns the same request. Raises FolderError for a key that has no request, SignerUnavailable
        and OSError.
        """

    def admit(self, name: str, chain: Sequence[x509.Certificate]) -> None:
        """Show a CA's certificate, and those above it, to a signer with rules.

        Raises SignatureRefused and SignerUnavailable.
        """

    def close(self) -> None:
        """End what the store has open; the next use opens it again."""


class _FolderStore(ABC):
    """Requests of new CAs beside their keys: `NAME.csr`.

    They stay until the CA has its certificate.
    """

    _folder: Path

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return True if the key of this name is in the store."""

    @abstractmethod
    def create(self, label: str, kind: KeyType | str) -> NewKey:
        """Create a key, which `keep` names."""

    @abstractmethod
    def keep(self, new: NewKey, name: str) -> None:
        """Name a key, and write that to disk."""

    def begin(self, spec: CaSpec, organisation: str) -> bytes:
        """Create the key of a new CA, and write its request before the key.

        Raises FolderError for a key that has no request, SignerUnavailable and OSError.
        """
        name = spec.file_name
        path = self._folder / f"{name}{REQUEST_SUFFIX}"
        if self.has(name):
            if not path.exists():
                raise FolderError(f"there is a key {name} in {self._folder} already: give the new CA another name")
            return path.read_bytes()
        new = self.create(name, spec.key_type)
        request = build_request(cast("PrivateKey", new.key), spec.name, organisation)
        write_atomic(path, request)
        self.keep(new, name)
        return request

    def admit(self, name: str, chain: Sequence[x509.Certificate]) -> None:  # noqa: ARG002 - there are no rules
        """Remove the request of a CA that has its certificate."""
        (self._folder / f"{name}{REQUEST_SUFFIX}").unlink(missing_ok=True)


class FileKeyStore(_FolderStore):
    """Keys in encrypted PKCS#8 files."""

    kind = StoreKind.FILE

    def __init__(self, folder: Path, passphrase: bytes | None) -> None:
        """Store the arguments. Without pass-phrase (None), no key can be used or created."""
        self._folder, self._passphrase = folder, passphrase
        self._signer = SoftwareSigner(folder, passphrase)

    def is_usable(self) -> bool:
        """Return True if the pass-phrase is known."""
        return self._passphrase is not None

    def has(self, name: str) -> bool:
        """Return True if the file of the key exists."""
        return (self._folder / f"{name}.pem").exists()

    def create(self, label: str, kind: KeyType | str) -> NewKey:  # noqa: ARG002 - a file has no label
        """Create a key in memory. Raises SignerUnavailable without pass-phrase."""
        self._known_passphrase()
        return NewKey(Ed25519PrivateKey.generate() if kind == ED25519 else generate_key(KeyType(kind)))

    def keep(self, new: NewKey, name: str) -> None:
        """Write the key to its file. Raises OSError and SignerUnavailable."""
        octets = dump_private_key(cast("PrivateKey", new.key), self._known_passphrase())
        write_synced(self._folder / f"{name}.pem", octets)
        sync_path(self._folder)

    def discard(self, new: NewKey) -> None:
        """Do nothing: the key is in memory only."""

    def open(self, name: str, public: TokenPublicKey) -> SigningKey:
        """Decrypt the file. Raises ValueError, SignerUnavailable and OSError."""
        path, passphrase = self._folder / f"{name}.pem", self._known_passphrase()
        key: object
        if isinstance(public, Ed25519PublicKey):
            try:
                key = load_pem_private_key(path.read_bytes(), passphrase)
            except (TypeError, UnsupportedAlgorithm) as bad:
                raise ValueError(str(bad)) from None
        else:
            key = load_private_key(path.read_bytes(), passphrase)
        if cast("SigningKey", key).public_key() != public:
            raise ValueError(f"{path} does not match its public half")
        return cast("SigningKey", key)

    def sign(
        self,
        key_name: str,
        octets: bytes,
        public: TokenPublicKey,  # noqa: ARG002 - the caller verifies
        proof: SignatureProof | None = None,
    ) -> bytes:
        """Sign with the key of a CA. Raises SignerUnavailable."""
        with measured(self.kind.value):
            return self._signer.sign(key_name, octets, proof)

    def check(self, key_name: str, public: TokenPublicKey) -> None:
        """Sign nothing with the key of a CA. Raises SignerUnavailable."""
        self.sign(key_name, b"", public)

    def delete(self, name: str) -> None:
        """Overwrite and remove the file of a key. Raises OSError."""
        destroy_file(self._folder / f"{name}.pem")

    def approve(self, approval: ActApproval) -> None:
        """Do nothing: the caller has verified it."""

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _known_passphrase(self) -> bytes:
        if self._passphrase is None:
            raise SignerUnavailable(
                "the keys' pass-phrase is not beside them: give --passphrase-file (docs/operators/keys.md)"
            )
        return self._passphrase


class TokenKeyStore(_FolderStore):
    """Keys in PKCS#11 tokens, each with a file that has its URI.

    New keys get the file `new-ID.uri` before they are created in `token`. `token` also replaces module and PIN file of
    URIs that have its label, so that both can be moved.
    """

    kind = StoreKind.PKCS11

    def __init__(self, folder: Path, token: TokenLocation | None, pool: TokenPool) -> None:
        """Store the arguments; the token is used when a key is."""
        self._folder, self._token, self.pool = folder, token, pool
        self._opened: dict[str, SigningKey] = {}

    def is_usable(self) -> bool:
        """Return True: the PIN is read when a key is used."""
        return True

    def has(self, name: str) -> bool:
        """Return True if the key has a URI."""
        return (self._folder / f"{name}.uri").exists()

    def create(self, label: str, kind: KeyType | str) -> NewKey:
        """Create a key in the token. Raises SignerUnavailable and OSError."""
        at = self.reserve(label)
        public = self.pool.generate(at, kind)
        return NewKey(self._private(at, public), located(at, public))

    def reserve(self, label: str) -> TokenKey:
        """Choose the ID of a new key, and write it to disk. Raises OSError."""
        assert self._token is not None  # noqa: S101 - only a store with a token creates keys
        at = TokenKey(self._token, secrets.token_bytes(_ID_OCTETS), f"sinetti {label}")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_atomic(self._reservation(at), pkcs11_uri.dump(at), PRIVATE)
        return at

    def keep(self, new: NewKey, name: str) -> None:
        """Write the URI under the name of the key. Raises OSError."""
        assert new.at is not None  # noqa: S101 - `create` returned it
        write_atomic(self._folder / f"{name}.uri", pkcs11_uri.dump(new.at), PRIVATE)
        self._reservation(new.at).unlink(missing_ok=True)

    def discard(self, new: NewKey) -> None:
        """Delete a key without a name from its token.

        Raises SignerUnavailable and OSError.
        """
        assert new.at is not None  # noqa: S101 - `create` returned it
        self.pool.delete(new.at)
        self._reservation(new.at).unlink(missing_ok=True)

    def open(self, name: str, public: TokenPublicKey) -> SigningKey:
        """Find the key in its token.

        Raises ValueError, KeyMissing if the token lacks the key, SignerUnavailable and OSError.
        """
        at = self.location(name)
        key = self.pool.find(at)
        if key is None:
            raise KeyMissing(f"the token {at.place.label} does not contain the key {name}")
        if key != public:
            raise ValueError(f"{self._folder / name}.uri does not match its public half")
        return self._private(at, public)

    def check(self, key_name: str, public: TokenPublicKey) -> None:
        """Sign nothing with the key of a CA. Raises SignerUnavailable."""
        self.sign(key_name, b"", public)

    def sign(
        self,
        key_name: str,
        octets: bytes,
        public: TokenPublicKey,
        proof: SignatureProof | None = None,  # noqa: ARG002 - the interface's
    ) -> bytes:
        """Sign with the key of a CA. Raises SignerUnavailable."""
        key = self._opened.get(key_name)
        if key is None:
            try:
                key = self._opened[key_name] = self._private(self.location(key_name), public)
            except (OSError, ValueError) as bad:
                raise SignerUnavailable(f"the URI of the key {key_name} cannot be read: {bad}") from None
        with measured(self.kind.value):
            return encoding.sign(cast("PrivateKey", key), octets)

    def location(self, name: str) -> TokenKey:
        """Return the location of a key. Raises ValueError and OSError."""
        return self._placed((self._folder / f"{name}.uri").read_bytes())

    def delete(self, name: str) -> None:
        """Delete a key in its token, and then its URI.

        Raises SignerUnavailable, ValueError and OSError.
        """
        if self.has(name):
            self.pool.delete(self.location(name))
            self._opened.pop(name, None)
            destroy_file(self._folder / f"{name}.uri")

    def approve(self, approval: ActApproval) -> None:
        """Do nothing: the caller has verified it."""

    def close(self) -> None:
        """End the processes that use the token."""
        self.pool.close()

    def beside(self, name: str) -> "TokenKeyStore":
        """Return the store that creates keys beside a key.

        They come into the token of new keys, else into that of the key, which may be dead. Raises ValueError and
        OSError.
        """
        return self if self._token is not None else TokenKeyStore(self._folder, self.location(name).place, self.pool)

    def offline(self) -> "TokenKeyStore":
        """Return the store of keys that the running service does not use."""
        return TokenKeyStore(self._folder / OFFLINE, None, self.pool)

    def delete_reserved(self, before: datetime | None = None) -> None:
        """Delete keys without a name, of before this instant (UTC) or all.

        Raises SignerUnavailable, OSError and ValueError.
        """
        for path in self._folder.glob("new-*.uri"):
            if before is None or path.stat().st_mtime < before.timestamp():
                self.pool.delete(self._placed(path.read_bytes()))
                path.unlink(missing_ok=True)

    def delete_all(self) -> None:
        """Delete the keys of an authority that was not completed.

        Raises SignerUnavailable, OSError and ValueError.
        """
        for path in self._folder.rglob("*.uri"):
            self.pool.delete(self._placed(path.read_bytes()))
            path.unlink()

    def _placed(self, uri: bytes) -> TokenKey:
        return pkcs11_uri.placed(pkcs11_uri.load(uri), self._token)

    def _private(self, at: TokenKey, public: TokenPublicKey) -> SigningKey:
        if isinstance(public, Ed25519PublicKey):
            return self.pool.ed25519_key(at, public)
        return self.pool.private_key(at, public)

    def _reservation(self, key: TokenKey) -> Path:
        return self._folder / f"new-{key.id.hex()}.uri"


_ID_OCTETS = 16


class AuthorityKeys:
    """All private keys of an authority's folder, and the signer of its CAs.

    The first store gets new keys. `ca_keys` are the public keys of the CAs by name.
    """

    def __init__(self, stores: Sequence[KeyStore], ca_keys: Mapping[str, PublicKey]) -> None:
        """Store the arguments; keys are opened when they are used."""
        self.stores, self._ca_keys = tuple(stores), ca_keys

    @property
    def makes(self) -> KeyStore:
        """Store of new keys."""
        return self.stores[0]

    def store_of(self, name: str) -> KeyStore:
        """Return the store that has a key; the store of new keys if none has it."""
        return next((store for store in self.stores if store.has(name)), self.makes)

    def open(self, name: str, public: TokenPublicKey) -> SigningKey:
        """Return a private key. Raises ValueError, SignerUnavailable and OSError."""
        return self.store_of(name).open(name, public)

    def sign(self, key_name: str, octets: bytes, proof: SignatureProof | None = None) -> bytes:
        """Sign with the key of a CA, as `pki.encoding.sign` does.

        `proof` is the signature of a renewal, for the separate signer. Raises SignerUnavailable.
        """
        return self.store_of(key_name).sign(key_name, octets, self._public_key(key_name), proof)

    def check(self, key_name: str) -> None:
        """Check that the key of a CA can be used. Raises SignerUnavailable."""
        self.store_of(key_name).check(key_name, self._public_key(key_name))

    def _public_key(self, key_name: str) -> PublicKey:
        public = self._ca_keys.get(key_name)
        if public is None:
            raise SignerUnavailable(f"this authority has no CA whose key is {key_name}")
        return public

    def place_of(self, name: str) -> KeyStore:
        """Return the store that creates keys where a key is.

        Raises ValueError and OSError.
        """
        store = self.store_of(name)
        return store.beside(name) if isinstance(store, TokenKeyStore) else store

    def tokens(self) -> tuple[TokenKeyStore, ...]:
        """Return the stores that use tokens."""
        return tuple(store for store in self.stores if isinstance(store, TokenKeyStore))

    def offline_tokens(self) -> "AuthorityKeys":
        """Return the keys of root and intermediate CAs that are in tokens of their own."""
        return AuthorityKeys([token.offline() for token in self.tokens()], self._ca_keys)

    def delete(self, name: str) -> None:
        """Destroy a key in each store that has it.

        Raises SignerUnavailable, ValueError and OSError.
        """
        for store in self.stores:
            store.delete(name)

    def approve(self, approval: ActApproval) -> None:
        """Pass the approval of an act to the stores, before the act."""
        for store in self.stores:
            store.approve(approval)

    def delete_abandoned(self, now: datetime) -> None:
        """Delete keys in tokens that ended processes created and did not use."""
        for store in self.tokens():
            try:
                store.delete_reserved(now - ABANDONED_AFTER)
            except (SignerUnavailable, OSError, ValueError) as away:
                _log.warning("keys that were never used remain in a token: %s", away)

    def close(self) -> None:
        """End processes that use tokens, and connections; the next use opens them again."""
        for store in self.stores:
            store.close()


def open_keys(
    folder: Path, token: TokenLocation | None, passphrase: bytes | None, ca_keys: Mapping[str, PublicKey]
) -> AuthorityKeys:
    """Return the keys in a folder.

    New ones are created in `token`, or in files without it. `ca_keys` are the public keys of the CAs.
    """
    in_tokens = TokenKeyStore(folder, token, TokenPool(folder))
    in_files = FileKeyStore(folder, passphrase)
    # A key that is moved into a token has both files for a moment, and the URI counts.
    stores: tuple[KeyStore, ...] = (in_files, in_tokens) if token is None else (in_tokens, in_files)
    return AuthorityKeys(stores, ca_keys)


def check_signature(key: SigningKey, public: TokenPublicKey) -> None:
    """Sign octets that mean nothing, and verify that.

    Raises ValueError if the signature is wrong, and SignerUnavailable.
    """
    octets = _MARK + secrets.token_bytes(32)
    if isinstance(public, Ed25519PublicKey):
        try:
            public.verify(cast("Ed25519PrivateKey", key).sign(octets), octets)
        except InvalidSignature:
            is_right = False
        else:
            is_right = True
    else:
        is_right = encoding.verify(public, octets, encoding.sign(cast("PrivateKey", key), octets))
    if not is_right:
        raise ValueError("its signature does not match its public half")


def delete_unfinished(folder: Path) -> None:
    """Delete the keys of an `init` that ended before its folder got its name.

    `folder` is the temporary folder. Raises SignerUnavailable if the keys' tokens cannot be used.
    """
    keys = folder / "keys"
    if keys.is_dir():
        pool = TokenPool(keys)
        try:
            TokenKeyStore(keys, None, pool).delete_all()
        finally:
            pool.close()
