"""Keys of a new authority: where each is created, and the names that they get."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sinetti.authority.data_directory import FolderError
from sinetti.authority.key_store import OFFLINE, FileKeyStore, KeyStore, NewKey, TokenKeyStore, open_keys
from sinetti.ca.hierarchy_model import CaSpec, Hierarchy, HierarchyError, ResponseSignerSpec
from sinetti.domain.values import Environment
from sinetti.pki.encoding import PrivateKey
from sinetti.pki.signers.pkcs11_uri import TokenLocation, load_location


@dataclass(frozen=True)
class KeyPlaces:
    """Places of a new authority's keys.

    `token` is the authority's own token; None: the keys are in files. With `has_offline_folder`, keys of root and
    intermediate CAs without a token of their own are in the folder of offline keys. Raises FolderError and
    HierarchyError if a key would be where PRODUCTION may not have it.
    """

    hierarchy: Hierarchy
    token: TokenLocation | None
    has_offline_folder: bool

    def __post_init__(self) -> None:
        """Check the places."""
        specs = self.hierarchy.kept_offline
        in_folder = [spec for spec in specs if self.is_in_offline_folder(spec)]
        if self.has_offline_folder and not in_folder:
            raise FolderError(
                "--offline-dir is not needed: the hierarchy has tokens for root and intermediate CAs; leave it out"
            )
        if self.hierarchy.environment is Environment.PRODUCTION and self.token is not None:
            beside = [spec for spec in specs if not self.is_offline(spec)]
            if beside:
                raise FolderError(
                    f"the key of {beside[0].name} would be in the token of the service: give --offline-dir, or name a "
                    "token of its own in the hierarchy"
                )

    def token_of(self, spec: CaSpec | ResponseSignerSpec) -> TokenLocation | None:
        """Return the token for a key; None: in a file. Raises HierarchyError."""
        if not isinstance(spec, CaSpec) or not spec.token:
            return None if self.is_in_offline_folder(spec) else self.token
        try:
            return load_location(spec.token, self.token)
        except ValueError as bad:
            raise HierarchyError(f"token of {spec.name!r}: {bad}") from None

    def is_in_offline_folder(self, spec: CaSpec | ResponseSignerSpec) -> bool:
        """Return True for a key in the folder of offline keys."""
        is_kept_offline = isinstance(spec, CaSpec) and spec in self.hierarchy.kept_offline
        return self.has_offline_folder and is_kept_offline and not cast("CaSpec", spec).token

    def is_offline(self, spec: CaSpec) -> bool:
        """Return True for a key that the running service does not use."""
        if spec not in self.hierarchy.kept_offline:
            return False
        own = self.token_of(spec) if spec.token else None
        is_apart = own is not None and (self.token is None or _identity(own) != _identity(self.token))
        return is_apart or self.is_in_offline_folder(spec)


def _identity(token: TokenLocation) -> tuple[Path, str]:
    return token.module.resolve(), token.label


class FoundingKeys:
    """Keys of a new authority while its folder is created.

    `online` are the keys in the folder.
    """

    def __init__(self, folder: Path, places: KeyPlaces, passphrase: bytes) -> None:
        """Store the arguments; `folder` is the new folder of keys."""
        self._folder, self.places = folder, places
        self.online = open_keys(folder, places.token, passphrase, {})
        self._in_files = FileKeyStore(folder, passphrase)
        self._created: dict[str, tuple[KeyStore, NewKey]] = {}

    def create(self, spec: CaSpec | ResponseSignerSpec) -> PrivateKey:
        """Create the key of a CA or of the response signer.

        Raises SignerUnavailable and OSError.
        """
        store = self._store(spec)
        new = store.create(spec.file_name, spec.key_type)
        self._created[spec.file_name] = store, new
        return cast("PrivateKey", new.key)

    def new(self, file_name: str) -> NewKey:
        """Return a key that was created."""
        return self._created[file_name][1]

    def keep(self, spec: CaSpec) -> None:
        """Name a CA's key, unless it belongs in the folder of offline keys.

        Raises OSError.
        """
        if not self.places.is_in_offline_folder(spec):
            store, new = self._created[spec.file_name]
            store.keep(new, spec.file_name)

    def close(self) -> None:
        """End the processes that use tokens."""
        self.online.close()

    def _store(self, spec: CaSpec | ResponseSignerSpec) -> KeyStore:
        token = self.places.token_of(spec)
        if token is None:
            return self._in_files
        is_offline = isinstance(spec, CaSpec) and self.places.is_offline(spec)
        folder = self._folder / OFFLINE if is_offline else self._folder
        return TokenKeyStore(folder, token, self.online.tokens()[0].pool)
