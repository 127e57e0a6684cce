"""Puts the server side together: founds an authority's folder, and opens it into an office and the seal of its answers."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from cryptography import x509

from sinetti.actions.office import Office, no_step
from sinetti.ca.building import Built, build_hierarchy, response_signer_plan
from sinetti.ca.hierarchy import Hierarchy, Role, parse_hierarchy
from sinetti.ca.issuing import Issuer, LeafKind, assemble, issues_until, prepare
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
from sinetti.settings.authority import Settings
from sinetti.settings.folder import Folder, FolderError, FolderKind, made_at_once, write_secret
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
    """Where the register is: DATABASE_URL, else the setting, else the file in the folder. A bench's is in its folder."""
    embedded = f"sqlite:///{folder.register.absolute()}"
    if kind is FolderKind.TESTBENCH:
        return embedded
    return os.environ.get("DATABASE_URL", "") or settings.database_url or embedded


def found(root: Path, founding: Founding) -> None:
    """Found an authority in a new or empty folder, all at once or not at all. Raises FolderError and HierarchyError."""
    if Folder(root).exists():
        sentence = f"an authority lies in {root} already; its keys are never overwritten. Choose another folder"
        raise FolderError(sentence)
    hierarchy = parse_hierarchy(founding.hierarchy, founding.settings.environment, founding.settings.base_url)
    if hierarchy.test_bench_only and founding.kind is not FolderKind.TESTBENCH:
        sentence = "this hierarchy carries another authority's names and is for the test bench only: choose another preset"
        raise FolderError(sentence)
    built = build_hierarchy(hierarchy, founding.now)
    with made_at_once(root) as folder:
        _write(folder, built, founding)
        register = open_register(database_url(folder, founding.kind, founding.settings), alias="founding")
        migrate(register)
        if authorities.identity(register) is not None:
            sentence = "this database is another authority's register: give this one a database of its own"
            raise FolderError(sentence)
        rows = tuple(_row(built, spec.file_name) for spec in hierarchy.authorities)
        authorities.found(register, hierarchy.environment, rows, Deed("operator", founding.now, secrets.token_hex(16)))
        register.close()


def open_authority(root: Path, kind: FolderKind, manner: Manner | None = None) -> Authority:
    """Open an authority's folder and register. Raises FolderError where the two do not belong together."""
    folder, manner = Folder(root), manner or Manner()
    folder.check(kind)
    settings = authority_settings.read(folder.settings)
    text = folder.hierarchy.read_text(encoding="utf-8")
    hierarchy = parse_hierarchy(text, settings.environment, settings.base_url)
    register = open_register(database_url(folder, kind, settings))
    migrate(register)
    certificates = {
        spec.file_name: load_certificate((folder.certificates / f"{spec.file_name}.cer").read_bytes())
        for spec in hierarchy.authorities
    }
    _check_identity(register, settings, certificates)
    passphrase = folder.passphrase.read_bytes()
    signer = SoftwareSigner(folder.keys, passphrase)
    issuers = {
        spec.file_name: Issuer(spec.name, spec.file_name, spec.file_name, certificates[spec.file_name], settings.base_url)
        for spec in hierarchy.authorities
        if spec.role is Role.ISSUING
    }
    office = Office(
        environment=settings.environment,
        register=register,
        signer=signer,
        issuers=issuers,
        issuing={channel: name for channel, name in authorities.issuing_names(register).items() if name in issuers},
        country=hierarchy.country,
        certificates={name: certificate_der(certificate) for name, certificate in certificates.items()},
        now=manner.now,
        machine_now=machine_now,
        transfer_key=folder.transfer_key.read_bytes(),
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
        spec = self._hierarchy.services
        ca_certificate = load_certificate(self._office.certificates[spec.file_name])
        issuer = Issuer(spec.name, spec.file_name, spec.file_name, ca_certificate, self._hierarchy.base_url)
        key = generate_key(self._hierarchy.response_signer.key_type)
        to_be_signed = prepare(response_signer_plan(self._hierarchy, key.public_key(), now), issuer, LeafKind.SERVICES)
        der = assemble(to_be_signed, self._office.signer.sign(issuer.key_name, to_be_signed), ca_certificate)
        pair = SigningPair(load_certificate(der), key)
        store_pair(self._folder, name, pair, self._passphrase)
        return pair


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


def _check_identity(register: Register, settings: Settings, certificates: dict[str, x509.Certificate]) -> None:
    identity = authorities.identity(register)
    if identity is None:
        sentence = "the register is empty: this folder's authority was founded with another database"
        raise FolderError(sentence)
    files = {name: sha256_hex(certificate_der(certificate)) for name, certificate in certificates.items()}
    if identity.environment is not Environment(settings.environment) or identity.fingerprints != files:
        sentence = "folder and register are not of the same authority: look at DATABASE_URL and at database_url"
        raise FolderError(sentence)
