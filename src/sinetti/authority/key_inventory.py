"""Inventory of an authority's private keys, with a test signature of each."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sinetti.authority.bootstrap import Authority, offline_token_names
from sinetti.authority.data_directory import DataDirectory
from sinetti.authority.key_files import certificates_of, log_verifiers
from sinetti.authority.key_store import DESTROYED, AuthorityKeys, StoreKind, TokenKeyStore, check_signature
from sinetti.authority.service_certificates import managed_leaves
from sinetti.authority.signer.remote_store import RemoteKeyStore
from sinetti.ca.hierarchy_model import CaRole, Hierarchy
from sinetti.ca.issuance_request import IssuingCa, LeafProfile
from sinetti.ca.profiles import ca_key
from sinetti.domain.values import Environment
from sinetti.pki import key_policy
from sinetti.pki.encoding import PublicKey, serial_hex
from sinetti.pki.signers import SignerUnavailable, pkcs11_uri
from sinetti.pki.signers.token_keys import ED25519, KeyFacts, TokenPublicKey


class KeyRole(StrEnum):
    """Purpose of a key."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    ISSUING = "issuing"
    SERVICES = "services"
    RESPONSE_SIGNER = "response-signer"
    OCSP = "ocsp"
    LOG = "log"


@dataclass(frozen=True)
class ListedKey:
    """Private key of an authority.

    `uri` is its location in a token, or None for a key in a file. `store` is None for a key that is offline.
    """

    name: str
    role: KeyRole
    kind: StoreKind
    uri: str | None
    public: TokenPublicKey = field(repr=False)
    keys: AuthorityKeys | None = field(repr=False)

    @property
    def is_of_ca(self) -> bool:
        """True for the key of a CA, which has the CA's name."""
        return self.role.value in set(CaRole)

    @property
    def key_type(self) -> str:
        """Type of the key, such as ec-p384."""
        if isinstance(self.public, Ed25519PublicKey):
            return ED25519
        return str(key_policy.key_type(self.public))


@dataclass(frozen=True)
class CheckedKey:
    """Result for one key; `facts` are a token's, and `problem` is None for a good key.

    `has_signed` is None for a key that is offline.
    """

    listed: ListedKey
    facts: KeyFacts | None
    has_signed: bool | None
    problem: str | None


@dataclass(frozen=True)
class KeyHolder:
    """Folder and keys of an authority; `issuers` are its CAs by file name."""

    folder: DataDirectory
    hierarchy: Hierarchy
    issuers: Mapping[str, IssuingCa]
    keys: AuthorityKeys
    offline: AbstractSet[str]


def holder_of(authority: Authority) -> KeyHolder:
    """Return the folder and keys of an opened authority."""
    ctx = authority.ctx
    return KeyHolder(authority.folder, authority.hierarchy, ctx.issuers, authority.keys, ctx.offline)


def list_keys(holder: KeyHolder) -> tuple[ListedKey, ...]:
    """Return all keys of an authority that were not destroyed, CAs first.

    Raises FolderDamaged.
    """
    hierarchy, issuers = holder.hierarchy, holder.issuers
    cas = {spec.file_name: KeyRole(spec.role.value) for spec in hierarchy.authorities}
    in_tokens = offline_token_names(holder.folder, hierarchy)
    public = {name: ca_key(issuers[name].certificate) for name in cas}
    apart = holder.keys.offline_tokens()
    listed_keys = []
    for name, role in cas.items():
        if (holder.folder.keys / f"{name}{DESTROYED}").exists():
            continue
        keys = apart if name in in_tokens else None if name in holder.offline else holder.keys
        listed_keys.append(_listed(name, role, public[name], keys))
    return (*listed_keys, *_leaves(holder), *_log_keys(holder))


def _leaves(holder: KeyHolder) -> Iterator[ListedKey]:
    for spec in managed_leaves(holder.hierarchy, holder.issuers):
        role = KeyRole.OCSP if spec.kind is LeafProfile.RESPONDER else KeyRole.RESPONSE_SIGNER
        for certificate in certificates_of(holder.folder, spec.files, spec.issuer.certificate):
            name = f"{spec.files.name}-{serial_hex(certificate.serial_number)}"
            if holder.keys.store_of(name).has(name):
                yield _listed(name, role, cast("PublicKey", certificate.public_key()), holder.keys)


def _log_keys(holder: KeyHolder) -> Iterator[ListedKey]:
    for name, verifier in log_verifiers(holder.folder).items():
        if holder.keys.store_of(name).has(name):
            public = Ed25519PublicKey.from_public_bytes(verifier.public)
            yield _listed(name, KeyRole.LOG, public, holder.keys)


def _listed(name: str, role: KeyRole, public: TokenPublicKey, keys: AuthorityKeys | None) -> ListedKey:
    store = None if keys is None else keys.store_of(name)
    if isinstance(store, RemoteKeyStore):
        return ListedKey(name, role, StoreKind.SIGNER, None, public, keys)
    if not isinstance(store, TokenKeyStore):
        return ListedKey(name, role, StoreKind.FILE, None, public, keys)
    try:
        uri = pkcs11_uri.dump(store.location(name)).decode().strip()
    except (OSError, ValueError):
        uri = None  # `check_keys` has the reason
    return ListedKey(name, role, StoreKind.PKCS11, uri, public, keys)


def check_keys(holder: KeyHolder) -> tuple[CheckedKey, ...]:
    """Sign with each key that is here, and read the attributes of keys in tokens.

    In PRODUCTION a key must have been created in its token, and never extractable.
    """
    return tuple(_checked(listed_key, holder.hierarchy.environment) for listed_key in list_keys(holder))


def _checked(listed_key: ListedKey, environment: Environment) -> CheckedKey:
    if listed_key.keys is None:
        return CheckedKey(listed_key, None, None, None)
    facts, store = None, listed_key.keys.store_of(listed_key.name)
    try:
        if isinstance(store, TokenKeyStore):
            facts = store.pool.describe(store.location(listed_key.name))
        if isinstance(store, RemoteKeyStore):
            store.check_named(listed_key.name)
        else:
            check_signature(store.open(listed_key.name, listed_key.public), listed_key.public)
    except (SignerUnavailable, OSError, ValueError) as bad:
        return CheckedKey(listed_key, facts, has_signed=False, problem=str(bad))
    problem = None
    if facts is not None and not facts.is_sensitive:
        problem = "the token shows the key to its user: create a new one that is sensitive"
    elif (
        facts is not None
        and environment is Environment.PRODUCTION
        and not (facts.is_local and facts.is_never_extractable)
    ):
        problem = "the key was not created in the token, so copies of it may exist: create a new generation of the CA"
    return CheckedKey(listed_key, facts, has_signed=True, problem=problem)
