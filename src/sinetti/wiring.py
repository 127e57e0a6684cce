"""Puts the server side together: founds an authority's folder, opens it into an office and the seal of its answers."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from cryptography import x509

from sinetti.actions.office import Office, no_step
from sinetti.ca.building import Built, build_hierarchy, response_signer_plan
from sinetti.ca.hierarchy import Hierarchy, Role, parse_hierarchy
from sinetti.ca.issuing import Issuer, LeafKind, OutlivesIssuer, assemble, issues_until, prepare
from sinetti.clock import machine_now
from sinetti.domain.kindness import KIND, Kindness
from sinetti.domain.values import Environment, KeyPolicy
from sinetti.pki.formats import certificate_der, dump_private_key, generate_key, load_certificate, sha256_hex
from sinetti.pki.keycheck import key_id
from sinetti.pki.signers.software import SoftwareSigner
from sinetti.registry import authorities
from sinetti.registry.audit import Deed
from sinetti.registry.authorities import NewAuthority
from sinetti.registry.opening import Register, migrate, open_register
from sinetti.settings import authority as authority_settings
from sinetti.settings.authority import Settings, SettingsError
from sinetti.settings.folder import Folder, FolderDamaged, FolderError, FolderKind, made_at_once, write_secret
from sinetti.settings.signer_files import SigningPair, newest_pair, store_pair
from sinetti.wire.xmldsig import Recipe, Seal, seal_of

SIGNER_RENEWED_BEFORE = timedelta(days=90)
"""A response signer is replaced this long before its end."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What an authority is founded with; `also` writes more files into the folder before it gets its name."""

    kind: FolderKind
    hierarchy: str
    settings: Settings
    now: datetime
    also: Callable[[Folder], None] = lambda _folder: None


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
    responses: "ResponseSigner" = field(repr=False)

    @property
    def recipe(self) -> Recipe:
        """How answers are signed."""
        return Recipe[self.settings.response_recipe.name]


def database_url(folder: Folder, kind: FolderKind, settings: Settings) -> str:
    """Where the register is: DATABASE_URL, else the setting, else the file in the folder; a bench's is always that."""
    embedded = f"sqlite:///{folder.register.absolute()}"
    if kind is FolderKind.TESTBENCH:
        return embedded
    return os.environ.get("DATABASE_URL", "") or settings.database_url or embedded


def found(root: Path, founding: Founding) -> None:
    """Found an authority in a new or empty folder, all at once or not at all.

    Raises FolderError, SettingsError and HierarchyError, and what REGISTER_UNAVAILABLE lists.
    """
    if Folder(root).exists():
        sentence = f"an authority lies in {root} already; its keys are never overwritten. Choose another folder"
        raise FolderError(sentence)
    hierarchy = parse_hierarchy(founding.hierarchy, founding.settings.environment, founding.settings.base_url)
    if hierarchy.test_bench_only and founding.kind is not FolderKind.TESTBENCH:
        sentence = "this hierarchy has another authority's names and is for the test bench only: choose another preset"
        raise FolderError(sentence)
    with made_at_once(root) as folder, _empty_register(folder, founding) as register:
        built = build_hierarchy(hierarchy, founding.now)
        _write(folder, built, founding)
        rows = tuple(_row(built, spec.file_name) for spec in hierarchy.authorities)
        authorities.found(register, hierarchy.environment, rows, Deed("operator", founding.now, secrets.token_hex(16)))


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
    register = _register(folder, kind, settings)
    migrate(register)
    _check_identity(register, settings, certificates)
    issuers = _issuers(hierarchy, certificates)
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
    )
    return Authority(folder, settings, hierarchy, office, ResponseSigner(folder, hierarchy, office, passphrase))


class ResponseSigner:
    """Seals answers, and replaces its own certificate in time."""

    def __init__(self, folder: Folder, hierarchy: Hierarchy, office: Office, passphrase: bytes) -> None:
        """Remember where keys are; the first seal loads or makes one."""
        self._folder, self._hierarchy, self._office, self._passphrase = folder, hierarchy, office, passphrase
        self._lock = Lock()
        self._pair: SigningPair | None = None
        self._seal: Seal | None = None

    def seal(self) -> Seal:
        """The seal for an answer that is given now."""
        now = self._office.now()
        with self._lock:
            if self._seal is None or self._pair is None or not self._lasts(self._pair, now):
                self._pair = self._pair_for(now)
                self._seal = seal_of(self._pair.key, certificate_der(self._pair.certificate))
            return self._seal

    def _lasts(self, pair: SigningPair, now: datetime) -> bool:
        certificate = pair.certificate
        return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - SIGNER_RENEWED_BEFORE

    def _pair_for(self, now: datetime) -> SigningPair:
        name = self._hierarchy.response_signer.file_name
        newest = newest_pair(self._folder, name, self._passphrase, now)
        if newest is not None and self._lasts(newest, now):
            return newest
        try:
            pair = self._issued(now)
        except OutlivesIssuer:
            # The services CA is near its end and issues no more: the last signer serves to its own end.
            if newest is None:
                raise
            return newest
        store_pair(self._folder, name, pair, self._passphrase)
        return pair

    def _issued(self, now: datetime) -> SigningPair:
        spec = self._hierarchy.services
        ca_certificate = load_certificate(self._office.certificates[spec.file_name])
        issuer = Issuer(spec.name, spec.file_name, spec.file_name, ca_certificate, self._hierarchy.base_url)
        key = generate_key(self._hierarchy.response_signer.key_type)
        to_be_signed = prepare(response_signer_plan(self._hierarchy, key.public_key(), now), issuer, LeafKind.SERVICES)
        der = assemble(to_be_signed, self._office.signer.sign(issuer.key_name, to_be_signed), ca_certificate)
        return SigningPair(load_certificate(der), key)


@contextmanager
def _empty_register(folder: Folder, founding: Founding) -> Iterator[Register]:
    """Open the register before any key is made, so that a database that is away or taken is told at once."""
    register = _register(folder, founding.kind, founding.settings, alias="founding")
    try:
        migrate(register)
        if authorities.identity(register) is not None:
            sentence = "this database is another authority's register: give this one a database of its own"
            raise FolderError(sentence)
        yield register
    finally:
        register.close()


def _register(folder: Folder, kind: FolderKind, settings: Settings, alias: str = "default") -> Register:
    try:
        return open_register(database_url(folder, kind, settings), alias)
    except ValueError:
        # The address is not repeated: a password may stand in it.
        sentence = "DATABASE_URL or database_url: write postgresql://USER:PASSWORD@HOST/NAME or sqlite:////PATH"
        raise SettingsError(sentence) from None


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
    founding.also(folder)


def _row(built: Built, file_name: str) -> NewAuthority:
    spec = next(one for one in built.hierarchy.authorities if one.file_name == file_name)
    parents = {one.name: one.file_name for one in built.hierarchy.authorities}
    certificate = built.certificate(file_name)
    der = certificate_der(certificate)
    validity = built.hierarchy.holder_validity if spec.role is Role.ISSUING else timedelta(0)
    return NewAuthority(
        name=file_name,
        common_name=spec.name,
        role=spec.role,
        issuer=parents[spec.parent] if spec.parent else None,
        channel=spec.channel,
        certificate=der,
        sha256=sha256_hex(der),
        key_id=key_id(built.key(file_name).public_key()),
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
