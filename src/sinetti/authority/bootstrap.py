"""Bootstrap of the server side.

It opens an authority's folder and database, and builds the service context and the response signer.
"""

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509

from sinetti.authority.data_directory import DataDirectory, DirectoryKind, FolderDamaged, journal_folder
from sinetti.authority.directory import CaDirectory
from sinetti.authority.key_files import log_signers, origin_of
from sinetti.authority.key_store import DESTROYED, OFFLINE, AuthorityKeys, StoreKind, open_keys
from sinetti.authority.passphrase_change import settle_passphrase_change
from sinetti.authority.passphrases import PassphraseSource, locate
from sinetti.authority.secret_files import KeyringFile, upgrade_secrets
from sinetti.authority.secret_wrappings import SecretAccess, WrappingToken
from sinetti.authority.service_certificates import (
    IssuanceDependencies,
    ResponseSigner,
    register_certificates,
    responders,
)
from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.remote_keys import (
    RoleOf,
    remote_bridge_signer,
    remote_distrust_signer,
    remote_head_signer,
    remote_issue_signer,
)
from sinetti.authority.signer.remote_store import SUFFIX, RemoteKeyStore
from sinetti.ca.hierarchy_config import parse_hierarchy
from sinetti.ca.hierarchy_model import Hierarchy, HierarchyError
from sinetti.ca.issuance_request import IssuingCa
from sinetti.database.connection import Database, complete_search_indexes, migrate, open_database
from sinetti.database.operations import authorities
from sinetti.database.privileges import grant_to_service
from sinetti.domain.notifications.messages import MessageChannel
from sinetti.domain.requests import LENIENT, Leniency
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.infra.clock import boottime_seconds, is_synchronised, utc_now, utc_now_precise
from sinetti.infra.metrics import recorder
from sinetti.infra.metrics.catalogue import ISSUED
from sinetti.infra.security_txt import load_security_txt
from sinetti.infra.toml_tables import SettingsError
from sinetti.infra.traces import load_trace_settings
from sinetti.journal.marker import JournalMark
from sinetti.journal.writer import Journal, JournalHeader
from sinetti.notifications.context import MessageTransport, NotificationContext
from sinetti.notifications.delivery.sms import HttpSms
from sinetti.notifications.delivery.smtp import Smtp
from sinetti.pki.encoding import PublicKey, certificate_der, load_certificate, passphrase_matches, sha256_hex
from sinetti.pki.signers import Signer, SignerUnavailable
from sinetti.pki.signers.token_pool import TokenSessions
from sinetti.pki.trust_lists.lists import TrustListKind
from sinetti.services.approvals.settings import keep_strictest
from sinetti.services.authorities.trust_lists import newest_list
from sinetti.services.context import (
    IssueRequest,
    ServiceContext,
    Shards,
    always_allowed,
    no_failpoint,
    sign_each,
)
from sinetti.services.evidence.cosign_head import WitnessAddress, is_confirmed
from sinetti.services.facts import Facts
from sinetti.services.issuance.clock_guard import ClockGuard
from sinetti.services.last_signed import LastSigned
from sinetti.services.token_encryption import link_unsealer
from sinetti.settings import authority as authority_settings
from sinetti.settings import notifications, portal
from sinetti.settings.authority import AuthoritySettings, check_database_url
from sinetti.settings.notifications import NoticeSettings
from sinetti.settings.optional_parts import OptionalParts, PartOff
from sinetti.wire.xmldsig.signature import SignatureProfile


@dataclass(frozen=True)
class RuntimeOptions:
    """Options of an opened authority: its clock, and policy changes of the test bench."""

    now: Callable[[], datetime] = utc_now
    leniency: Leniency = LENIENT
    policy: Callable[[KeyPolicy], KeyPolicy] = lambda policy: policy
    step: Callable[[str], None] = no_failpoint


@dataclass(frozen=True)
class Authority:
    """Opened authority with all objects that endpoints and commands need.

    `passphrase` opens the keys in the folder. None: no pass-phrase was found, and keys that need one stay closed.
    """

    folder: DataDirectory
    settings: AuthoritySettings
    cas: CaDirectory
    ctx: ServiceContext
    journal: Journal
    clock: ClockGuard
    responses: ResponseSigner = field(repr=False)
    keys: AuthorityKeys = field(repr=False)
    passphrase: bytes | None = field(repr=False)
    left_out: tuple[PartOff, ...] = ()
    """Optional parts whose settings are wrong."""

    @property
    def hierarchy(self) -> Hierarchy:
        """The hierarchy of the founding, with the CAs that came later."""
        return self.cas.current.hierarchy

    @property
    def secret_access(self) -> SecretAccess:
        """Means to open the secret keys."""
        return _secret_access(self.folder, self.settings, self.passphrase)

    @property
    def recipe(self) -> SignatureProfile:
        """Signature profile of responses."""
        return SignatureProfile[self.settings.response_recipe.name]


def notification_context(
    authority: Authority,
    *,
    settings: NoticeSettings | None = None,
    deliverers: Mapping[MessageChannel, MessageTransport] | None = None,
) -> NotificationContext:
    """Return the notification context of an authority, by its `notices.toml`.

    `deliverers` replace the transports of the settings. Raises SettingsError if the file is missing or invalid.
    """
    ctx, settings = authority.ctx, settings or notifications.read(authority.folder.notices)
    return NotificationContext(
        db=ctx.db,
        environment=ctx.environment,
        now=ctx.now,
        machine_now=ctx.machine_now,
        # Messages state the retention periods that are in effect (docs/operators/retention.md).
        terms=replace(settings.terms, people_kept=timedelta(days=authority.settings.keep_people_days)),
        deliverers=_deliverers(settings, ctx) if deliverers is None else deliverers,
        keys=ctx.keys,
        unseal=link_unsealer(ctx.keys),
    )


def _deliverers(settings: NoticeSettings, ctx: ServiceContext) -> dict[MessageChannel, MessageTransport]:
    smtp = Smtp(settings.smtp, settings.sender, ctx.keys, ctx.machine_now)
    transports: dict[MessageChannel, MessageTransport] = {MessageChannel.EMAIL: smtp}
    if settings.sms is not None:
        transports[MessageChannel.SMS] = HttpSms(settings.sms)
    return transports


def database_url(folder: DataDirectory, kind: DirectoryKind, settings: AuthoritySettings) -> str:
    """Return the URL of the database.

    It is DATABASE_URL, else the setting, else the file in the folder. A bench always uses the file in its folder.
    Raises SettingsError for an invalid URL.
    """
    chosen = "" if kind is DirectoryKind.TESTBENCH else os.environ.get("DATABASE_URL", "") or settings.database_url
    return check_database_url("DATABASE_URL or database_url", chosen) or embedded_url(folder)


SETTINGS_FILE = "authority.toml"
"""Name of the settings file, in sentences about it."""

OWNER = "OWNER_DATABASE_URL"
"""Variable with the URL of the role that owns the tables.

It is for `init` and `migrate` alone.
"""


def migrate_as_owner(db: Database, check: Callable[[Database], None] | None = None) -> None:
    """Migrate the tables as their owner, and give the service's role what it needs.

    The owner's URL is in OWNER_DATABASE_URL. Without it, the role of `db` owns the tables. `check` gets the owner's
    connection before anything is changed: the service's role may have no rights yet. Raises SettingsError, and the
    errors of `check` and `migrate`.
    """
    check = check or (lambda _: None)
    url = check_database_url(OWNER, os.environ.get(OWNER, ""))
    if not url:
        check(db)
        migrate(db)
        return
    try:
        owner = open_database(url, alias="owner")
    except ValueError:
        raise SettingsError(f"{OWNER}: write postgresql://USER:PASSWORD@HOST/NAME") from None
    try:
        check(owner)
        migrate(owner)
        complete_search_indexes(owner)
        grant_to_service(owner, db)
    finally:
        owner.close()


def embedded_url(folder: DataDirectory) -> str:
    """Return the URL of the embedded database in the folder."""
    return f"sqlite:///{quote(str(folder.sqlite_file.absolute()))}"


def open_authority(
    root: Path, kind: DirectoryKind, manner: RuntimeOptions | None = None, *, passphrase: bytes | None = None
) -> Authority:
    """Open an authority's folder and database.

    Without `passphrase` the service's credential or the folder's own pass-phrase is used (docs/operators/keys.md). If
    there is none either, the authority opens, but its keys stay closed.

    Raises FolderError for a missing file or another authority's database, SettingsError, and DATABASE_UNAVAILABLE.
    """
    folder, manner = DataDirectory(root), manner or RuntimeOptions()
    folder.check(kind)
    settings = authority_settings.read(folder.settings)
    hierarchy = read_hierarchy(folder, settings)
    certificates = {spec.file_name: read_certificate(folder, spec.file_name) for spec in hierarchy.authorities}
    phrase = _phrase(folder, kind, hierarchy, passphrase)
    db = _own_database(folder, kind, settings, certificates)
    facts = Facts(folder.facts)
    cas = CaDirectory(db, folder, hierarchy, offline_names, facts)
    journal = _journal(journal_folder(folder, kind, settings), db, journal_mark(folder, kind))
    clock = _guard(db, settings, manner)
    # A bench's certificates use a separate clock, which the machine's clock cannot check.
    may_issue = always_allowed if kind is DirectoryKind.TESTBENCH else clock.issuance_allowed
    keys = private_keys(folder, settings, phrase, cas.role_of, cas.live(lambda now: now.ca_keys))
    dependencies = IssuanceDependencies(keys, manner.now, may_issue, _telling(db))
    ctx = ServiceContext(
        environment=settings.environment,
        db=db,
        signer=keys,
        country=hierarchy.country,
        now=manner.now,
        machine_now=utc_now,
        keys=_keys(folder, _secret_access(folder, settings, phrase), manner),
        policy=manner.policy(hierarchy.key_policy),
        leniency=manner.leniency,
        validity=hierarchy.holder_validity,
        step=manner.step,
        journal=journal,
        log_signers=log_signers(folder, origin_of(settings.base_url), keys),
        **_signing_functions(keys, db),
        shards=Shards(db, settings.certificates_per_list),
        issuance_allowed=may_issue,
        facts=facts,
        **cas.context_parts(),
    )
    cas.answer_with(lambda now: responders(folder, now.hierarchy, now.issuers, dependencies))
    responses = ResponseSigner(folder, hierarchy, cas.services, dependencies)
    ctx, off = _completed(ctx, settings, folder, kind), parts_off(folder, settings)
    return Authority(folder, settings, cas, ctx, journal, clock, responses, keys, phrase, off)


def parts_off(folder: DataDirectory, settings: AuthoritySettings) -> tuple[PartOff, ...]:
    """Return the optional parts whose settings are wrong.

    All settings files of the folder are read. Without `notices.toml` no messages are sent, as intended, so a missing
    file is no fault.
    """
    messages = OptionalParts()
    found = messages.take(notifications.FILE, partial(_notices, folder), None)
    sms = found.left_out if found is not None else ()
    problems = {
        "telemetry": load_trace_settings(settings.telemetry, SETTINGS_FILE)[1],
        "security_txt": load_security_txt(settings.security_txt, SETTINGS_FILE, utc_now())[1],
    }
    others = (PartOff(part, problem) for part, problem in problems.items() if problem)
    return (*settings.left_out, *others, *messages.off, *sms, *portal.read(folder.eservice).left_out)


def _notices(folder: DataDirectory) -> NoticeSettings | None:
    return notifications.read(folder.notices) if folder.notices.exists() else None


def _keys(folder: DataDirectory, access: SecretAccess, manner: RuntimeOptions) -> KeyringFile:
    """Return the source of secret keys, after the upgrade of an earlier version's."""
    if access.passphrase is not None:
        upgrade_secrets(folder, access.passphrase, utc_now(), manner.step)
    return KeyringFile(folder, access)


def _secret_access(folder: DataDirectory, settings: AuthoritySettings, passphrase: bytes | None) -> SecretAccess:
    return SecretAccess(passphrase, WrappingToken(folder.keys, settings.token))


def _own_database(
    folder: DataDirectory,
    kind: DirectoryKind,
    settings: AuthoritySettings,
    certificates: Mapping[str, x509.Certificate],
) -> Database:
    """Open the database, check that it is this authority's, and migrate it."""
    db = open_register(folder, kind, settings)
    # The identity is checked before migrations: a database that is not this authority's stays unchanged.
    check_identity(folder, db, settings, certificates)
    migrate(db)
    return db


def private_keys(
    folder: DataDirectory,
    settings: AuthoritySettings,
    phrase: bytes | None,
    role_of: RoleOf,
    ca_keys: Mapping[str, PublicKey],
) -> AuthorityKeys:
    """Return the keys in the folder, in its token, or in the separate signer.

    `role_of` and `ca_keys` have the roles and public keys of all CAs, by name.
    """
    if settings.signer:
        client = SignerClient(Path(settings.signer))
        return AuthorityKeys([RemoteKeyStore(folder.keys, client, role_of)], ca_keys)
    return open_keys(folder.keys, settings.token, phrase, ca_keys)


def _signing_functions(keys: AuthorityKeys, db: Database) -> dict[str, Any]:
    """Return the functions of the context that are not the plain ones.

    They use the separate signer, or several sessions of a token.
    """
    if keys.stores[0].kind is StoreKind.PKCS11:
        return {"sign_issue": partial(_sign_in_sessions, TokenSessions())}
    for store in keys.stores:
        if isinstance(store, RemoteKeyStore):
            return {
                "sign_head": remote_head_signer(store.client, db),
                "sign_issue": remote_issue_signer(store.client, db),
                "sign_distrust": remote_distrust_signer(store.client),
                "sign_bridge": remote_bridge_signer(store.client, partial(_newest_distrust, db)),
            }
    return {}


def _sign_in_sessions(
    sessions: TokenSessions, signer: Signer, requests: Sequence[IssueRequest]
) -> Sequence[list[bytes] | SignerUnavailable]:
    """Sign as `sign_each` does, with several sessions of a token at once."""
    if len(requests) == 1:
        return sign_each(signer, requests)
    return [result for (result,) in sessions.map(lambda issue_request: sign_each(signer, [issue_request]), requests)]


def _newest_distrust(db: Database) -> bytes | None:
    found = newest_list(TrustListKind.DISTRUST, db)
    return None if found is None else found.octets


def _completed(
    ctx: ServiceContext, settings: AuthoritySettings, folder: DataDirectory, kind: DirectoryKind
) -> ServiceContext:
    """Return the context with the approvals in effect and the node's status files."""
    last_signed = LastSigned(folder.status if kind is DirectoryKind.AUTHORITY else None)
    return replace(ctx, approvals=keep_strictest(settings.policy, ctx), last_signed=last_signed)


def migrate_tables(root: Path) -> None:
    """Migrate the tables of an authority as their owner.

    Raises the errors of `open_authority`.
    """
    folder = DataDirectory(root)
    folder.check(DirectoryKind.AUTHORITY)
    settings = authority_settings.read(folder.settings)
    hierarchy = read_hierarchy(folder, settings)
    certificates = {spec.file_name: read_certificate(folder, spec.file_name) for spec in hierarchy.authorities}
    db = open_register(folder, DirectoryKind.AUTHORITY, settings)
    try:
        migrate_as_owner(db, lambda database: check_identity(folder, database, settings, certificates))
    finally:
        db.close()


def read_hierarchy(folder: DataDirectory, settings: AuthoritySettings) -> Hierarchy:
    """Read the hierarchy that the authority was built with.

    Raises FolderDamaged, also if the environment in the settings is another than that of the CAs.
    """
    text = folder.read(folder.hierarchy).decode("utf-8", "replace")

    try:
        hierarchy = parse_hierarchy(text, settings.environment, settings.base_url, is_stored=True)
    except HierarchyError as bad:
        raise FolderDamaged(
            f"{folder.hierarchy} cannot be used ({bad}): restore it from a copy of the folder"
        ) from None
    if not _has_certificates(folder, hierarchy):
        other = next(environment for environment in Environment if environment is not settings.environment)
        with suppress(HierarchyError):
            if _has_certificates(folder, parse_hierarchy(text, other, settings.base_url, is_stored=True)):
                raise FolderDamaged(_other_environment(settings.environment, other))
    return hierarchy


def _has_certificates(folder: DataDirectory, hierarchy: Hierarchy) -> bool:
    """Return whether the certificates of all CAs are in the folder."""
    return all((folder.certificates / f"{spec.file_name}.cer").exists() for spec in hierarchy.authorities)


def _other_environment(written: Environment, real: Environment) -> str:
    return (
        f"authority.toml has environment = {written}, but this authority was created for {real}, and cannot change "
        f'that: write environment = "{real}", or create another authority in another folder'
    )


def _telling(db: Database) -> Callable[[str, x509.Certificate], None]:
    """Return a function that registers a certificate of the service itself."""

    def register(authority: str, certificate: x509.Certificate) -> None:
        register_certificates(db, [(authority, certificate)])
        recorder.count(ISSUED, "service")

    return register


def _guard(db: Database, settings: AuthoritySettings, manner: RuntimeOptions) -> ClockGuard:
    """Return a guard for the clock that dates come from.

    This is the machine's clock, or the replacement of the test bench.
    """
    if manner.now is not utc_now:
        return ClockGuard(db, manner.now, boottime_seconds)
    witnesses = [WitnessAddress.parse(witness) for witness in settings.witnesses]
    return ClockGuard(
        db, utc_now_precise, boottime_seconds, lambda now: is_synchronised(now) or is_confirmed(db, witnesses, now)
    )


def offline_names(folder: DataDirectory, hierarchy: Hierarchy) -> tuple[str, ...]:
    """Return the root and intermediate CAs without a key of the service, top down."""
    names = [spec.file_name for spec in hierarchy.kept_offline]
    return tuple(name for name in names if not any((folder.keys / f"{name}{kind}").exists() for kind in _KEY_FILES))


_KEY_FILES = (".pem", ".uri", SUFFIX)


def offline_token_names(folder: DataDirectory, hierarchy: Hierarchy) -> frozenset[str]:
    """Return the root and intermediate CAs whose keys are in tokens of their own."""
    names = [spec.file_name for spec in hierarchy.kept_offline]
    return frozenset(name for name in names if (folder.keys / OFFLINE / f"{name}.uri").exists())


def check_opens(folder: DataDirectory, hierarchy: Hierarchy, source: PassphraseSource) -> None:
    """Raise FolderDamaged if a pass-phrase does not open the folder's keys.

    Only the key of the services CA is tried, or another one if that is in a token or in the signer.
    """
    path = folder.keys / f"{hierarchy.services.file_name}.pem"
    name = hierarchy.services.file_name
    if not path.exists() and any((folder.keys / f"{name}{kind}").exists() for kind in (".uri", SUFFIX, DESTROYED)):
        files = sorted(folder.keys.glob("*.pem"))
        if not files:
            return
        path = files[0]
    if not passphrase_matches(folder.read(path), source.octets):
        raise FolderDamaged(
            f"the pass-phrase in {source.place} does not open the keys in {folder.keys}: give that of their init"
        )


def _phrase(folder: DataDirectory, kind: DirectoryKind, hierarchy: Hierarchy, given: bytes | None) -> bytes | None:
    settle_passphrase_change(folder)
    source = locate(folder, kind) if given is None else PassphraseSource("the file of --passphrase-file", given)
    if source is None:
        return None
    check_opens(folder, hierarchy, source)
    return source.octets


def connect_database(
    folder: DataDirectory, kind: DirectoryKind, settings: AuthoritySettings, alias: str = "default"
) -> Database:
    """Open the database at `database_url`. Raises SettingsError."""
    try:
        return open_database(database_url(folder, kind, settings), alias)
    except ValueError:
        # The URL is not repeated, because it may contain a password.
        raise SettingsError(
            "DATABASE_URL or database_url: write postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH"
        ) from None


def open_register(folder: DataDirectory, kind: DirectoryKind, settings: AuthoritySettings) -> Database:
    """Open the existing database.

    A missing SQLite file raises FolderDamaged, because SQLite would create an empty one. Raises SettingsError.
    """
    db = connect_database(folder, kind, settings)
    if (missing := db.missing_file()) is not None:
        backup = "" if kind is DirectoryKind.TESTBENCH else ", or from a backup (sinetti authority restore)"
        raise FolderDamaged(f"{missing} is missing: restore it from a copy of the folder{backup}")
    return db


def _journal(folder: Path, db: Database, mark: JournalMark) -> Journal:
    identity = authorities.identity(db)
    assert identity is not None  # noqa: S101 - check_identity has checked that
    return Journal(folder, JournalHeader(identity.instance_id, identity.environment, mark.node), utc_now, mark)


def journal_mark(folder: DataDirectory, kind: DirectoryKind) -> JournalMark:
    """Return the folder's record of its node's journals."""
    node = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "node"
    root = folder.root.resolve()
    again = f"run sinetti authority reconcile --dir {root} --without-journal, which starts one from the database"
    way_out = "make a new bench in another folder" if kind is DirectoryKind.TESTBENCH else again
    return JournalMark(DataDirectory(root).journal_mark, node, way_out)


def read_certificate(folder: DataDirectory, name: str) -> x509.Certificate:
    """Read a CA's certificate from the folder. Raises FolderDamaged."""
    path = folder.certificates / f"{name}.cer"
    try:
        return load_certificate(folder.read(path))
    except ValueError:
        raise FolderDamaged(f"{path} is not a certificate: restore it from a copy of the folder") from None


def issuers_of(hierarchy: Hierarchy, certificates: Mapping[str, x509.Certificate]) -> dict[str, IssuingCa]:
    """Return the CAs of a hierarchy by file name."""
    return {
        spec.file_name: IssuingCa(
            spec.name, spec.file_name, spec.file_name, certificates[spec.file_name], hierarchy.base_url
        )
        for spec in hierarchy.authorities
    }


def check_identity(
    folder: DataDirectory, db: Database, settings: AuthoritySettings, certificates: Mapping[str, x509.Certificate]
) -> None:
    """Raise FolderDamaged unless the database is this authority's."""
    identity = authorities.identity(db)
    if identity is None:
        raise FolderDamaged("the register is empty: this folder's authority was created with another database")
    files = {name: sha256_hex(certificate_der(certificate)) for name, certificate in certificates.items()}
    if identity.fingerprints != files or folder.instance_id() != identity.instance_id:
        source = "the variable DATABASE_URL" if os.environ.get("DATABASE_URL") else "database_url in authority.toml"
        raise FolderDamaged(f"folder and register belong to different authorities: check {source}")
    if identity.environment is not settings.environment:
        raise FolderDamaged(_other_environment(settings.environment, identity.environment))
