"""Initialisation of an authority's folder and database.

It is completed as a whole or not at all, and never overwrites anything.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography import x509

from sinetti.authority.bootstrap import (
    check_opens,
    connect_database,
    database_url,
    embedded_url,
    migrate_as_owner,
    offline_names,
    offline_token_names,
    read_certificate,
)
from sinetti.authority.data_directory import (
    DataDirectory,
    DirectoryKind,
    FolderError,
    atomic_directory,
    check_no_journal,
    journal_folder,
    locked,
)
from sinetti.authority.key_files import create_log_key, origin_of, store_pair
from sinetti.authority.key_relocation import OfflineKeys
from sinetti.authority.key_store import (
    OFFLINE,
    FileKeyStore,
    KeyStore,
    NewKey,
    TokenKeyStore,
    delete_unfinished,
    open_keys,
)
from sinetti.authority.passphrases import PassphraseSource
from sinetti.authority.secret_files import create_secrets, open_secrets, read_secrets
from sinetti.authority.secret_wrappings import BY_PASSPHRASE, SecretAccess, WrappingToken, delete_wrapping_keys
from sinetti.ca.crl import attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_config import is_same_hierarchy, parse_hierarchy
from sinetti.ca.hierarchy_model import CaRole, CaSpec, Hierarchy, HierarchyError, ResponseSignerSpec
from sinetti.ca.issuance import last_issuance_time
from sinetti.database.approvals import officers
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.connection import Database, check_durability
from sinetti.database.issuance.crls import WHOLE
from sinetti.database.operations import authorities
from sinetti.database.operations.authorities import NewAuthority
from sinetti.domain.authorities.lifecycle import CaState
from sinetti.domain.values import Environment
from sinetti.infra.atomic_files import sync_path, write_atomic, write_synced
from sinetti.pki.encoding import PrivateKey, certificate_der, sha256_hex, sign
from sinetti.pki.key_policy import key_id
from sinetti.pki.signers.pkcs11_uri import TokenLocation, load_location
from sinetti.services.approvals.officers import CheckedOfficer, check_founders, found_officers
from sinetti.services.context import no_failpoint
from sinetti.services.facts import Facts
from sinetti.services.status.crl import OFFLINE_LIFE, store_external_crl
from sinetti.settings import authority
from sinetti.settings.authority import AuthoritySettings, check_database_url


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


_TAKEN = "this database is another authority's register: give this one a database of its own"


@dataclass(frozen=True)
class InitOptions:
    """Options of an initialisation.

    `also` writes more files into the folder before it gets its name. The keys are encrypted under `passphrase`, which
    the operator keeps elsewhere; None: under a generated one in the folder, or, with a token, by that alone. With
    `offline` the keys of root and intermediate CAs are stored only there. `officers` can approve from the beginning.
    `actor` is in audit rows.
    """

    kind: DirectoryKind
    hierarchy: str
    settings: AuthoritySettings
    now: datetime
    also: Callable[[DataDirectory], None] = lambda _folder: None
    step: Callable[[str], None] = no_failpoint
    passphrase: bytes | None = field(default=None, repr=False)
    offline: OfflineKeys | None = None
    officers: tuple[CheckedOfficer, ...] = ()
    actor: str = "operator"


def initialise(root: Path, founding: InitOptions) -> None:
    """Initialise an authority in a new or empty folder, as a whole or not at all.

    The folder gets its name with a mark in it, then the database is initialised, then the mark is removed. A folder
    with the mark cannot be opened. Another initialisation with the same options completes an interrupted one.

    Keys that were created in a token are deleted if the folder does not get its name.

    Raises FolderError, OfficerError, SettingsError, HierarchyError and SignerUnavailable, and the errors of `migrate`.
    """
    folder, hierarchy = check_founding(root, founding)
    if folder.awaits_certificates():
        folder.check(founding.kind)
    if folder.is_partially_initialised():
        refuse_other_options(folder, hierarchy, founding)
    else:
        check_database_url("database_url", founding.settings.database_url)
        check_database_free(folder, founding)
        if founding.offline is not None:
            founding.offline.clear_what_was_begun(folder)
        try:
            _create(folder, hierarchy, key_places(hierarchy, founding), founding)
        except Exception:
            if founding.offline is not None:
                founding.offline.clear_what_was_begun(folder)
            raise
        founding.step("in place")
    finish_founding(folder, hierarchy, founding)


def key_places(hierarchy: Hierarchy, founding: InitOptions) -> KeyPlaces:
    """Return the places of the keys of a founding."""
    return KeyPlaces(hierarchy, founding.settings.token, has_offline_folder=founding.offline is not None)


def check_founding(root: Path, founding: InitOptions) -> tuple[DataDirectory, Hierarchy]:
    """Return folder and hierarchy of a founding, if its folder and journal are free.

    Raises FolderError, OfficerError, SettingsError and HierarchyError.
    """
    folder = DataDirectory(root.absolute())
    if founding.kind is DirectoryKind.AUTHORITY:
        check_founders(founding.officers, founding.settings.environment)
    hierarchy = parse_hierarchy(founding.hierarchy, founding.settings.environment, founding.settings.base_url)
    if folder.exists():
        raise FolderError(
            f"there is already an authority in {root}; its keys are never overwritten. Choose another folder"
        )
    journal = journal_folder(folder, founding.kind, founding.settings)
    check_no_journal(journal)
    if founding.offline is not None:
        founding.offline.check_place(folder, journal)
    return folder, hierarchy


@contextmanager
def new_folder(
    folder: DataDirectory, places: KeyPlaces, founding: InitOptions
) -> Iterator[tuple[DataDirectory, FoundingKeys]]:
    """Yield a temporary folder with settings, secrets and the log's key.

    The keys in it are yielded, too.

    The folder gets its name at the end of the block. Otherwise its keys are deleted.
    """
    passphrase = founding.passphrase or secrets.token_urlsafe(32).encode()
    with atomic_directory(folder.root, before_removal=_delete_keys) as new:
        keys = FoundingKeys(new.keys, places, passphrase)
        try:
            new.founding.write_text("The creation of this authority is not finished.\n", encoding="ascii")
            new.kind.write_text(f"{founding.kind}\n", encoding="ascii")
            new.settings.write_text(authority.render(founding.settings), encoding="utf-8")
            new.hierarchy.write_text(founding.hierarchy, encoding="utf-8")
            if _is_passphrase_inside(founding):
                write_synced(new.passphrase, passphrase)
            given = passphrase if places.token is None else founding.passphrase
            create_secrets(new, SecretAccess(given, WrappingToken(new.keys, places.token)), founding.now)
            create_log_key(new, origin_of(founding.settings.base_url), keys.online)
            if database_url(new, founding.kind, founding.settings) == embedded_url(new):
                new.sqlite_file.touch()
            yield new, keys
        finally:
            keys.close()


def _is_passphrase_inside(founding: InitOptions) -> bool:
    """Return True if the folder gets a pass-phrase: no other thing opens its keys."""
    return founding.passphrase is None and founding.settings.token is None


def _delete_keys(folder: Path) -> None:
    """Delete an unfinished folder's keys in tokens. Raises SignerUnavailable."""
    delete_unfinished(folder)
    delete_wrapping_keys(DataDirectory(folder))


def _create(folder: DataDirectory, hierarchy: Hierarchy, places: KeyPlaces, founding: InitOptions) -> None:
    """Create all keys and certificates, and the folder with its name."""
    with new_folder(folder, places, founding) as (new, keys):
        built = generate_hierarchy(hierarchy, founding.now, create_key=keys.create)
        _write(new, built, keys, founding)
        founding.step("written")
        if founding.offline is not None:
            _write_offline(folder, built, places, founding.offline)
            founding.step("offline")


def refuse_other_options(folder: DataDirectory, hierarchy: Hierarchy, founding: InitOptions) -> None:
    """Raise FolderError if an interrupted initialisation had other options.

    A bench's own ports may differ.
    """
    begun = authority.read(folder.settings)
    stored = folder.read(folder.hierarchy).decode("utf-8", "replace")
    same = is_same_hierarchy(stored, founding.hierarchy) and folder.is_kind(founding.kind)
    in_folder = set(offline_names(folder, hierarchy)) - offline_token_names(folder, hierarchy)
    same &= bool(in_folder) is (founding.offline is not None or folder.founders.exists())
    same &= folder.passphrase.exists() is _is_passphrase_inside(founding)
    if begun.token is not None:
        same &= (BY_PASSPHRASE in read_secrets(folder).kinds()) is (founding.passphrase is not None)
    if not same or (founding.kind is DirectoryKind.AUTHORITY and begun != founding.settings):
        raise FolderError(
            f"the founding of another authority was begun in {folder.root} and cut short: give the same options as "
            "then, which finishes it, or another folder"
        )


def check_database_free(folder: DataDirectory, founding: InitOptions) -> None:
    """Check an external database before any key is generated.

    An unreachable or used database is reported at once.
    """
    if database_url(folder, founding.kind, founding.settings) == embedded_url(folder):
        return
    db = connect_database(folder, founding.kind, founding.settings, alias="founding")
    try:
        if authorities.identity(db) is not None:
            raise FolderError(_TAKEN)
        check_durability(db)
        migrate_as_owner(db)
    finally:
        db.close()


def finish_founding(folder: DataDirectory, hierarchy: Hierarchy, founding: InitOptions) -> None:
    """Initialise the database of a folder in its place, and remove the mark.

    A database that is already initialised stays as it is.
    """
    with locked(folder.root):
        certificates = {spec.file_name: read_certificate(folder, spec.file_name) for spec in hierarchy.authorities}
        _read_back(folder, hierarchy, certificates, founding)
        rows = tuple(authority_row(hierarchy, spec, certificates[spec.file_name]) for spec in hierarchy.authorities)
        db = connect_database(folder, founding.kind, authority.read(folder.settings), alias="founding")
        try:
            identity = authorities.identity(db)
            if identity is None:
                migrate_as_owner(db)
                founding.step("migrated")
                audit = AuditContext(founding.actor, founding.now, secrets.token_hex(16))
                identity = authorities.insert_authority(db, hierarchy.environment, rows, audit)
                founding.step("committed")
            if identity.fingerprints != {row.name: row.sha256 for row in rows}:
                raise FolderError(_TAKEN)
            _insert_officers(db, founding, folder)
            _publish_first_lists(folder, db, founding)
        finally:
            db.close()
        write_atomic(folder.instance, f"{identity.instance_id}\n".encode())
        if founding.offline is not None:
            founding.offline.finish()
        WrappingToken(folder.keys, None).forget_unused(folder, read_secrets(folder).wrappings.values())
        folder.founding.unlink(missing_ok=True)
        sync_path(folder.root)


def _insert_officers(db: Database, founding: InitOptions, folder: DataDirectory) -> None:
    """Insert the founders, once, and pin their keys in the folder.

    Raises FolderError if others were inserted before.
    """
    found_officers(db, founding.officers, AuditContext(founding.actor, founding.now, secrets.token_hex(16)))
    wanted = {officer.key.fingerprint for officer in founding.officers}
    if wanted != {officer.fingerprint for officer in officers.list_all_officers(db)}:
        raise FolderError("the interrupted init had other officers: give the same ones again")
    if not folder.facts.exists():
        Facts(folder.facts).pin(wanted)


def _write(folder: DataDirectory, built: GeneratedHierarchy, keys: FoundingKeys, founding: InitOptions) -> None:
    for spec in built.hierarchy.authorities:
        keys.keep(spec)
        if keys.places.is_offline(spec):
            for shard in (WHOLE, 1):
                octets = _first_list(built, spec, founding, shard)
                (folder.certificates / f"{spec.file_name}.{shard}.crl").write_bytes(octets)
        octets = certificate_der(built.certificate(spec.file_name))
        (folder.certificates / f"{spec.file_name}.cer").write_bytes(octets)
    signer = built.hierarchy.response_signer.file_name
    store_pair(folder, signer, built.certificate(signer), keys.new(signer), keys.online)
    (folder.trust / "holders.pem").write_bytes(built.holders_bundle)
    (folder.trust / "services.pem").write_bytes(built.services_bundle)
    founding.also(folder)


def _write_offline(folder: DataDirectory, built: GeneratedHierarchy, places: KeyPlaces, offline: OfflineKeys) -> None:
    names = [spec.file_name for spec in built.hierarchy.kept_offline if places.is_in_offline_folder(spec)]
    keys = {name: built.key(name) for name in names}
    offline.write(keys, {name: built.certificate(name) for name in names}, mark=str(folder.root))


def _first_list(built: GeneratedHierarchy, spec: CaSpec, founding: InitOptions, shard: int) -> bytes:
    """Sign the first CRL of a CA whose key goes offline now.

    The list is empty, and numbered as `publish` would number it.
    """
    issuer, number = built.issuer(spec.file_name, shard), int(founding.now.timestamp() * 1000)
    tbs = prepare_crl(issuer, (), number, founding.now, founding.now + OFFLINE_LIFE)
    return attach_crl_signature(tbs, sign(built.key(spec.file_name), tbs), issuer.certificate)


def _read_back(
    folder: DataDirectory, hierarchy: Hierarchy, certificates: Mapping[str, x509.Certificate], founding: InitOptions
) -> None:
    """Check that the given pass-phrases, which are stored elsewhere, open the keys."""
    if founding.passphrase is not None:
        check_opens(folder, hierarchy, PassphraseSource("the file of --passphrase-file", founding.passphrase))
        open_secrets(folder, SecretAccess(founding.passphrase))
    if founding.offline is not None:
        names = set(offline_names(folder, hierarchy)) - offline_token_names(folder, hierarchy)
        founding.offline.check({name: certificates[name] for name in sorted(names)})


def _publish_first_lists(folder: DataDirectory, db: Database, founding: InitOptions) -> None:
    """Store the first lists of offline CAs in the database and delete their files."""
    for path in sorted(folder.certificates.glob("*.crl")):
        name, _, shard = path.stem.rpartition(".")
        audit = AuditContext(founding.actor, founding.now, secrets.token_hex(16))
        store_external_crl(name, int(shard), folder.read(path), db, audit)
        path.unlink()


def authority_row(hierarchy: Hierarchy, spec: CaSpec, certificate: x509.Certificate) -> NewAuthority:
    """Return the row of a CA of a hierarchy."""
    parents = {ca.name: ca.file_name for ca in hierarchy.authorities}
    der = certificate_der(certificate)
    validity = hierarchy.holder_validity if spec.role is CaRole.ISSUING else timedelta(0)
    return NewAuthority(
        name=spec.file_name,
        common_name=spec.name,
        role=spec.role,
        issuer=parents[spec.parent] if spec.parent else None,
        channel=spec.channel,
        certificate=der,
        sha256=sha256_hex(der),
        key_id=key_id(certificate.public_key()),
        signs_from=certificate.not_valid_before_utc,
        signs_until=last_issuance_time(certificate, validity),
        state=CaState.STANDBY if spec.is_standby else CaState.ISSUING,
    )
