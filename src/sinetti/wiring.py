"""Puts the server side together: founds an authority's folder, opens it into an office and the seal of its answers."""

import logging
import os
import platform
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from urllib.parse import quote

from cryptography import x509

from sinetti.actions.office import Office, no_step
from sinetti.ca.building import Built, build_hierarchy, response_signer_plan
from sinetti.ca.hierarchy import AuthoritySpec, Hierarchy, Role, parse_hierarchy
from sinetti.ca.issuing import Issuer, LeafKind, assemble, issues_until, prepare
from sinetti.clock import machine_now, ticks
from sinetti.domain.kindness import KIND, Kindness
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki.chain import valid_at
from sinetti.pki.formats import certificate_der, dump_private_key, generate_key, load_certificate, sha256_hex
from sinetti.pki.keycheck import key_id
from sinetti.pki.signers import SignerUnavailable
from sinetti.pki.signers.software import SoftwareSigner
from sinetti.registry import authorities
from sinetti.registry.audit import Deed
from sinetti.registry.authorities import NewAuthority
from sinetti.registry.journal import Journal, Owner
from sinetti.registry.opening import Register, migrate, open_register
from sinetti.settings import authority as authority_settings
from sinetti.settings.authority import Settings, SettingsError, check_database_url
from sinetti.settings.folder import (
    Folder,
    FolderDamaged,
    FolderError,
    FolderKind,
    locked,
    made_at_once,
    sync,
    write_secret,
)
from sinetti.settings.journal_place import check_no_journal, journal_folder
from sinetti.settings.signer_files import SigningPair, newest_pair, store_pair
from sinetti.wire.xmldsig import Recipe, Seal, seal_of

SIGNER_RENEWED_BEFORE = timedelta(days=90)
"""A response signer is replaced this long before its end, or for the last third of its life if that is less."""

TRIED_AGAIN_AFTER = 30.0
"""Seconds after which a replacement that could not be made is tried again."""

_TAKEN = "this database is another authority's register: give this one a database of its own"
_log = logging.getLogger(__name__)


class AnswersUnsigned(FolderDamaged):
    """The services CA has ended, and with it every signer of answers; the sentence says when, and what to do."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What an authority is founded with; `also` writes more files into the folder before it gets its name."""

    kind: FolderKind
    hierarchy: str
    settings: Settings
    now: datetime
    also: Callable[[Folder], None] = lambda _folder: None
    step: Callable[[str], None] = no_step


@dataclass(frozen=True, slots=True)
class Manner:
    """How an opened authority behaves: its clock, and what the test bench may change of its policy."""

    now: Callable[[], datetime] = machine_now
    kindness: Kindness = KIND
    policy: Callable[[KeyPolicy], KeyPolicy] = lambda policy: policy
    step: Callable[[str], None] = no_step


@dataclass(frozen=True, slots=True)
class Authority:
    """An opened authority: everything that doors and commands need."""

    folder: Folder
    settings: Settings
    hierarchy: Hierarchy
    office: Office
    journal: Journal
    responses: "ResponseSigner" = field(repr=False)

    @property
    def recipe(self) -> Recipe:
        """How answers are signed."""
        return Recipe[self.settings.response_recipe.name]


def database_url(folder: Folder, kind: FolderKind, settings: Settings) -> str:
    """Where the register is: DATABASE_URL, else the setting, else the file in the folder; a bench's is always that.

    Raises SettingsError for an address that no register can be at.
    """
    chosen = "" if kind is FolderKind.TESTBENCH else os.environ.get("DATABASE_URL", "") or settings.database_url
    return check_database_url("DATABASE_URL or database_url", chosen) or _embedded(folder)


def _embedded(folder: Folder) -> str:
    return f"sqlite:///{quote(str(folder.register.absolute()))}"


def found(root: Path, founding: Founding) -> None:
    """Found an authority in a new or empty folder, all at once or not at all.

    The folder gets its name with a mark in it, then the register is founded, then the mark goes: until then nobody can
    open the folder, and whoever founds there again, with the same options, finishes what was begun.
    Raises FolderError, SettingsError and HierarchyError, and what `migrate` raises.
    """
    folder = Folder(root.absolute())
    hierarchy = parse_hierarchy(founding.hierarchy, founding.settings.environment, founding.settings.base_url)
    if hierarchy.test_bench_only and founding.kind is not FolderKind.TESTBENCH:
        sentence = "this hierarchy has another authority's names and is for the test bench only: choose another preset"
        raise FolderError(sentence)
    if folder.exists():
        sentence = f"an authority lies in {root} already; its keys are never overwritten. Choose another folder"
        raise FolderError(sentence)
    check_no_journal(journal_folder(folder, founding.kind, founding.settings))
    if folder.is_begun():
        _refuse_other_options(folder, founding)
    else:
        check_database_url("database_url", founding.settings.database_url)
        _refuse_taken(folder, founding)
        with made_at_once(folder.root) as new:
            _write(new, build_hierarchy(hierarchy, founding.now), founding)
            founding.step("written")
        founding.step("in place")
    _finish(folder, hierarchy, founding)


def open_authority(root: Path, kind: FolderKind, manner: Manner | None = None) -> Authority:
    """Open an authority's folder and register.

    Raises FolderError where they do not belong together or files are missing, SettingsError, and what
    REGISTER_UNAVAILABLE lists.
    """
    folder, manner = Folder(root), manner or Manner()
    folder.check(kind)
    settings = authority_settings.read(folder.settings)
    text = folder.read(folder.hierarchy).decode("utf-8", "replace")
    hierarchy = parse_hierarchy(text, settings.environment, settings.base_url)
    certificates = {spec.file_name: _certificate(folder, spec.file_name) for spec in hierarchy.authorities}
    passphrase, transfer_key = folder.read(folder.passphrase), folder.read(folder.transfer_key)
    if database_url(folder, kind, settings) == _embedded(folder) and not folder.register.is_file():
        sentence = f"{folder.register} is not there: bring it back from a copy of the folder"
        raise FolderDamaged(sentence)
    register = _register(folder, kind, settings)
    # Whose it is comes first: a database that is another's, or nobody's, stays as it is.
    _check_identity(register, settings, certificates)
    migrate(register)
    issuers = _issuers(hierarchy, certificates)
    journal = _journal(journal_folder(folder, kind, settings), register)
    office = Office(
        environment=settings.environment,
        register=register,
        signer=SoftwareSigner(folder.keys, passphrase),
        issuers=issuers,
        issuing={channel: name for channel, name in authorities.issuing_names(register).items() if name in issuers},
        country=hierarchy.country,
        certificates={name: certificate_der(certificate) for name, certificate in certificates.items()},
        now=manner.now,
        machine_now=machine_now,
        transfer_key=transfer_key,
        policy=manner.policy(hierarchy.key_policy),
        kindness=manner.kindness,
        validity=hierarchy.holder_validity,
        step=manner.step,
        journal=journal,
    )
    return Authority(
        folder, settings, hierarchy, office, journal, ResponseSigner(folder, hierarchy, office, passphrase)
    )


class ResponseSigner:
    """Seals answers, and replaces its own certificate in time; the last one ends with the services CA."""

    def __init__(self, folder: Folder, hierarchy: Hierarchy, office: Office, passphrase: bytes) -> None:
        """Remember where keys are; the first seal loads or makes one."""
        self._folder, self._hierarchy, self._office, self._passphrase = folder, hierarchy, office, passphrase
        self._issuer = office.issuers[hierarchy.services.file_name]
        self._lock = Lock()
        self._held: tuple[x509.Certificate, Seal] | None = None
        self._again = 0.0

    def seal(self) -> Seal:
        """The seal for an answer that is given now.

        Where a replacement is due, one caller makes it; meanwhile, and while it cannot be made, what is in force
        serves on. Raises AnswersUnsigned, SignerUnavailable, OSError and ValueError where nothing is in force.
        """
        now = self._office.now()
        held = self._held
        if held is None or not valid_at(held[0], now):
            with self._lock:
                return self._made(now)
        if self._lasts(held[0], now) or ticks() < self._again or not self._lock.acquire(blocking=False):
            return held[1]
        try:
            return self._made(now)
        finally:
            self._lock.release()

    def _lasts(self, certificate: x509.Certificate, now: datetime) -> bool:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        due = end - min(SIGNER_RENEWED_BEFORE, (end - begin) / 3)
        return valid_at(certificate, now) and (now < due or end >= self._issuer.certificate.not_valid_after_utc)

    def _made(self, now: datetime) -> Seal:
        held = self._held
        if held is None or not self._lasts(held[0], now):
            pair = self._pair_for(now)
            held = self._held = (pair.certificate, seal_of(pair.key, certificate_der(pair.certificate)))
        return held[1]

    def _pair_for(self, now: datetime) -> SigningPair:
        name, ca = self._hierarchy.response_signer.file_name, self._issuer
        if now > (end := ca.certificate.not_valid_after_utc):
            sentence = (
                f"{ca.name} ended at {end:%Y-%m-%dT%H:%M:%SZ}, so answers cannot be signed: found a new authority"
            )
            raise AnswersUnsigned(sentence)
        if ticks() < self._again:
            sentence = f"no certificate for {name} could be made; it is tried again every {TRIED_AGAIN_AFTER:.0f} s"
            raise SignerUnavailable(sentence)
        newest = newest_pair(self._folder, name, self._passphrase, ca.certificate, now)
        if newest is not None and self._lasts(newest.certificate, now):
            return newest
        try:
            with locked(self._folder.certificates, wait=True):
                # Another process of this node may have made one while this one waited.
                made = newest_pair(self._folder, name, self._passphrase, ca.certificate, now)
                if made is not None and self._lasts(made.certificate, now):
                    return made
                pair = self._issued(now)
                store_pair(self._folder, name, pair, self._passphrase)
        except (SignerUnavailable, OSError, ValueError):
            self._again = ticks() + TRIED_AGAIN_AFTER
            if newest is None:
                raise
            _log.exception("no new certificate for %s could be made: the one in force serves on", name)
            return newest
        return pair

    def _issued(self, now: datetime) -> SigningPair:
        issuer, key = self._issuer, generate_key(self._hierarchy.response_signer.key_type)
        ends_by = issuer.certificate.not_valid_after_utc
        plan = response_signer_plan(self._hierarchy, key.public_key(), now, ends_by=ends_by)
        to_be_signed = prepare(plan, issuer, LeafKind.SERVICES)
        der = assemble(to_be_signed, self._office.signer.sign(issuer.key_name, to_be_signed), issuer.certificate)
        return SigningPair(load_certificate(der), key)


def _refuse_other_options(folder: Folder, founding: Founding) -> None:
    """What was begun is finished as it was begun, never as something else. A bench's own ports may differ."""
    begun = authority_settings.read(folder.settings)
    same = folder.read(folder.hierarchy) == founding.hierarchy.encode() and folder.is_of(founding.kind)
    if not same or (founding.kind is FolderKind.AUTHORITY and begun != founding.settings):
        sentence = (
            f"the founding of another authority was begun in {folder.root} and cut short: give the same options as "
            "then, which finishes it, or another folder"
        )
        raise FolderError(sentence)


def _refuse_taken(folder: Folder, founding: Founding) -> None:
    """Look at a register elsewhere before any key is made, so that a database that is away or taken is told at once."""
    if database_url(folder, founding.kind, founding.settings) == _embedded(folder):
        return
    register = _register(folder, founding.kind, founding.settings, alias="founding")
    try:
        if authorities.identity(register) is not None:
            raise FolderError(_TAKEN)
        migrate(register)
    finally:
        register.close()


def _finish(folder: Folder, hierarchy: Hierarchy, founding: Founding) -> None:
    """Found the register of a folder that is in its place, unless that is done, and take the mark away."""
    with locked(folder.root):
        rows = tuple(_row(hierarchy, spec, _certificate(folder, spec.file_name)) for spec in hierarchy.authorities)
        register = _register(folder, founding.kind, authority_settings.read(folder.settings), alias="founding")
        try:
            identity = authorities.identity(register)
            if identity is None:
                migrate(register)
                founding.step("migrated")
                deed = Deed("operator", founding.now, secrets.token_hex(16))
                identity = authorities.found(register, hierarchy.environment, rows, deed)
                founding.step("committed")
            if identity.fingerprints != {row.name: row.sha256 for row in rows}:
                raise FolderError(_TAKEN)
        finally:
            register.close()
        folder.founding.unlink(missing_ok=True)
        sync(folder.root)


def _register(folder: Folder, kind: FolderKind, settings: Settings, alias: str = "default") -> Register:
    try:
        return open_register(database_url(folder, kind, settings), alias)
    except ValueError:
        # The address is not repeated: a password may stand in it.
        sentence = "DATABASE_URL or database_url: write postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH"
        raise SettingsError(sentence) from None


def _journal(folder: Path, register: Register) -> Journal:
    identity = authorities.identity(register)
    assert identity is not None  # noqa: S101 - _check_identity has looked
    node = re.sub(r"[^A-Za-z0-9-]", "-", platform.node()) or "node"
    return Journal(folder, Owner(identity.instance_id, identity.environment, node), machine_now)


def _certificate(folder: Folder, name: str) -> x509.Certificate:
    path = folder.certificates / f"{name}.cer"
    try:
        return load_certificate(folder.read(path))
    except ValueError:
        sentence = f"{path} is no certificate: bring it back from a copy of the folder"
        raise FolderDamaged(sentence) from None


def _issuers(hierarchy: Hierarchy, certificates: Mapping[str, x509.Certificate]) -> dict[str, Issuer]:
    return {
        spec.file_name: Issuer(
            spec.name, spec.file_name, spec.file_name, certificates[spec.file_name], hierarchy.base_url
        )
        for spec in hierarchy.authorities
    }


def _write(folder: Folder, built: Built, founding: Founding) -> None:
    passphrase = secrets.token_urlsafe(32).encode()
    folder.founding.write_text("The founding of this authority is not finished.\n", encoding="ascii")
    folder.kind.write_text(f"{founding.kind}\n", encoding="ascii")
    folder.settings.write_text(authority_settings.render(founding.settings), encoding="utf-8")
    folder.hierarchy.write_text(founding.hierarchy, encoding="utf-8")
    write_secret(folder.passphrase, passphrase)
    write_secret(folder.transfer_key, secrets.token_bytes(32))
    for spec in built.hierarchy.authorities:
        write_secret(folder.keys / f"{spec.file_name}.pem", dump_private_key(built.key(spec.file_name), passphrase))
        octets = certificate_der(built.certificate(spec.file_name))
        (folder.certificates / f"{spec.file_name}.cer").write_bytes(octets)
    signer = built.hierarchy.response_signer.file_name
    store_pair(folder, signer, SigningPair(built.certificate(signer), built.key(signer)), passphrase)
    (folder.trust / "holders.pem").write_bytes(built.holders_bundle)
    (folder.trust / "services.pem").write_bytes(built.services_bundle)
    if database_url(folder, founding.kind, founding.settings) == _embedded(folder):
        folder.register.touch()
    founding.also(folder)


def _row(hierarchy: Hierarchy, spec: AuthoritySpec, certificate: x509.Certificate) -> NewAuthority:
    parents = {one.name: one.file_name for one in hierarchy.authorities}
    der = certificate_der(certificate)
    validity = hierarchy.holder_validity if spec.role is Role.ISSUING else timedelta(0)
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
        signs_until=issues_until(certificate, validity),
    )


def _check_identity(register: Register, settings: Settings, certificates: Mapping[str, x509.Certificate]) -> None:
    identity = authorities.identity(register)
    if identity is None:
        sentence = "the register is empty: this folder's authority was founded with another database"
        raise FolderDamaged(sentence)
    files = {name: sha256_hex(certificate_der(certificate)) for name, certificate in certificates.items()}
    if identity.environment is not Environment(settings.environment) or identity.fingerprints != files:
        sentence = "folder and register are not of the same authority: look at DATABASE_URL and at database_url"
        raise FolderDamaged(sentence)
