"""Validated content of `sinetti.toml` (docs/holders/agent.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sinetti.domain.values import Environment, KeyType, Language
from sinetti.wire.transparency.observer import NO_DEMANDS, LogPolicy


class Format(StrEnum):
    """Formats in which a matching set is kept; PEM is always there."""

    PEM = "pem"
    DER = "der"
    PKCS12 = "pkcs12"
    """PBES2 with AES-256 and HMAC-SHA-256: OpenSSL 3, Java 11 and newer."""
    PKCS12_LEGACY = "pkcs12-legacy"
    """3DES and HMAC-SHA-1, for programs that read nothing newer."""
    JKS = "jks"
    """Old form of Java's key store, made by keytool."""


WITH_PASSWORD = frozenset({Format.PKCS12, Format.PKCS12_LEGACY, Format.JKS})
"""Formats that contain the key, protected by the password of `password_file`."""


class HookStage(StrEnum):
    """Stage of a hook: before a renewal is requested, at deployment, or after it."""

    BEFORE = "before"
    DEPLOY = "deploy"
    AFTER = "after"


@dataclass(frozen=True)
class ServiceEntry:
    """A certificate service.

    The bundles are PEM, read from the files that the table names and kept whole.
    """

    name: str
    address: str
    environment: Environment
    trust_services: str
    trust_holders: str
    tls_ca: str | None = None
    log: LogPolicy = NO_DEMANDS
    """Demands on the service's log."""


@dataclass(frozen=True)
class Hooks:
    """Programs with their arguments, started without a shell.

    A stage without a program does nothing.
    """

    commands: Mapping[HookStage, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    timeout: timedelta = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """A PKCS#11 token in which keys are made and stay.

    `pin_file` holds the user's PIN.
    """

    module: Path
    label: str
    pin_file: Path


@dataclass(frozen=True)
class OutputOptions:
    """Output options of the files of a set.

    `owner` and `group` are names; None leaves the user of the agent. `password_file` holds the password of PKCS#12
    files, `key_password_file` that of an encrypted key.pem.
    """

    formats: frozenset[Format] = frozenset({Format.PEM})
    owner: str | None = None
    group: str | None = None
    mode: int = 0o600
    password_file: Path | None = None
    key_password_file: Path | None = None
    token: Token | None = None

    def over(self, kept: "OutputOptions") -> "OutputOptions":
        """Return the options for files that had the options `kept` so far.

        Unset options stay as they are. An encrypted key never becomes unencrypted. A key in a token needs no password
        file.
        """
        wanted = self if self != OutputOptions() else kept
        if wanted.key_password_file is None and wanted.token is None:
            wanted = replace(wanted, key_password_file=kept.key_password_file)
        return wanted

    def encrypted_as(self, former: "OutputOptions") -> "OutputOptions":
        """Return the options for a set with a new key that follows a `former` set.

        They are these options, with no less encryption than before.
        """
        if former.token is not None or self.token is not None or self.key_password_file is not None:
            return self
        return replace(self, key_password_file=former.key_password_file)

    def going_on(self, begun: "OutputOptions") -> "OutputOptions":
        """Return the options for a key that has been made already.

        The password that opens the key stays. A token applies to later keys.
        """
        wanted = self.over(begun)
        if begun.key_password_file is not None and wanted.token is not None:
            wanted = replace(wanted, key_password_file=begun.key_password_file, token=begun.token)
        return wanted


DEFAULT_OUTPUT = OutputOptions()


@dataclass(frozen=True)
class CertificateEntry:
    """Settings of one certificate.

    `customer_id` is None if the certificate has only the defaults.
    """

    name: str
    service: str | None
    customer_id: str | None = None
    customer_name: str | None = None
    key: KeyType = KeyType.RSA_2048
    files: OutputOptions = DEFAULT_OUTPUT
    hooks: Hooks = Hooks()
    key_is_explicit: bool = False
    """True if the file names a key type; otherwise a name keeps its type."""
    is_enrolled: bool = True
    """False if the file says that the certificate is planned for later."""


@dataclass(frozen=True)
class MaintenanceWindow:
    """Hours of a week in which renewals may begin: days as date.weekday() counts them.

    `until` before `since` ends on the next day; equal times are the whole day.
    """

    days: frozenset[int]
    since: time
    until: time


@dataclass(frozen=True)
class AgentSettings:
    """Settings of the agent: table `agent`."""

    at_once: int = 8
    spread: timedelta = timedelta(days=6)
    """Time over which renewals are spread, from the day on which renewal opens."""
    urgent: timedelta = timedelta(days=14)
    """Time before the end in which neither spread nor windows hold a renewal back."""
    maintenance: tuple[MaintenanceWindow, ...] = ()
    """Empty: at any time."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Helsinki"))
    prometheus: Path | None = None


@dataclass(frozen=True)
class Config:
    """Content of the whole file.

    `entry_of` returns the settings of any name in the store, with or without a table.
    """

    path: Path
    store: Path
    language: Language | None
    services: Mapping[str, ServiceEntry]
    care: AgentSettings
    defaults: CertificateEntry
    entries: Mapping[str, CertificateEntry]

    def entry_of(self, name: str) -> CertificateEntry:
        """Return a name's table, or the defaults under that name."""
        known = self.entries.get(name)
        if known is not None:
            return known
        by_default = self.defaults
        return replace(by_default, name=name, customer_id=None, customer_name=None)


def without_file(store: Path) -> Config:
    """Return the configuration of a store without a sinetti.toml."""
    return Config(store / "sinetti.toml", store, None, {}, AgentSettings(), CertificateEntry("", None), {})


@dataclass(frozen=True)
class RenewalInfoState:
    """Time at which the service suggests renewal (RFC 9773, 4.2), UTC.

    `explanation`: a sentence or an address. The hint is not signed. It moves the moment, and the service decides.
    """

    start: datetime
    end: datetime
    explanation: str | None = None


class DecisionReason(StrEnum):
    """Reason for which a name waits or can never be renewed; the values stand in JSON."""

    PLANNED = "planned"
    """Its own moment has not come."""
    MAINTENANCE = "maintenance"
    """Its moment has come, but no maintenance window has."""
    AFTER_FAILURE = "after-failure"
    """A try failed, and the next one is planned."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    REFUSED_FOR_GOOD = "refused-for-good"
    ENROLMENT_OPEN = "enrolment-open"
    """No certificate yet; only `enrol`, with the one-time password, can resume."""
    ENROLMENT_UNCERTAIN = "enrolment-uncertain"
    ENROLMENT_REFUSED = "enrolment-refused"
