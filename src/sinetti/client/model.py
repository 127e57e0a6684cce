"""What `sinetti.toml` comes to once it is read: values that cannot be wrong (docs/agent.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from sinetti.domain.values import Environment, KeyType, Language


class Format(StrEnum):
    """The forms in which a matching set is kept; PEM is always there."""

    PEM = "pem"
    DER = "der"
    PKCS12 = "pkcs12"
    """PBES2 with AES-256 and HMAC-SHA-256: OpenSSL 3, Java 11 and newer."""
    PKCS12_LEGACY = "pkcs12-legacy"
    """3DES and HMAC-SHA-1, for programs that read nothing newer."""


class HookStage(StrEnum):
    """When a hook runs: before a renewal is asked for, to bring a new set into use, after that."""

    BEFORE = "before"
    DEPLOY = "deploy"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Hooks:
    """Programs with their arguments, started without a shell; a stage without one has nothing to do."""

    commands: Mapping[HookStage, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    timeout: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Token:
    """A PKCS#11 token in which keys are made and stay.

    `pin_file` holds the user's PIN.
    """

    module: Path
    label: str
    pin_file: Path


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How the files of a set look.

    `owner` and `group` are names; None leaves them to who runs the agent.

    `password_file` holds the password of PKCS#12 files, `key_password_file` that of an encrypted key.pem.
    """

    formats: frozenset[Format] = frozenset({Format.PEM})
    owner: str | None = None
    group: str | None = None
    mode: int = 0o600
    password_file: Path | None = None
    key_password_file: Path | None = None
    token: Token | None = None

    def over(self, kept: "OutputOptions") -> "OutputOptions":
        """Give how files that were `kept` so far are to look: as they do where nothing is said.

        No key that was encrypted comes to lie in clear; one in a token needs no password of a file.
        """
        wanted = self if self != OutputOptions() else kept
        if wanted.key_password_file is None and wanted.token is None:
            wanted = replace(wanted, key_password_file=kept.key_password_file)
        return wanted

    def encrypted_as(self, former: "OutputOptions") -> "OutputOptions":
        """Give how a set with a new key is to look beside a `former` one: as is said, and no less encrypted."""
        if former.token is not None or self.token is not None or self.key_password_file is not None:
            return self
        return replace(self, key_password_file=former.key_password_file)

    def going_on(self, begun: "OutputOptions") -> "OutputOptions":
        """Give the same for a key that is made already: the password that opens it stays, and a token is for others."""
        wanted = self.over(begun)
        if begun.key_password_file is not None and wanted.token is not None:
            wanted = replace(wanted, key_password_file=begun.key_password_file, token=begun.token)
        return wanted


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """One certificate to take care of; `customer_id` is None where only the defaults speak of it."""

    name: str
    service: str | None
    customer_id: str | None = None
    customer_name: str | None = None
    key: KeyType = KeyType.RSA_2048
    files: OutputOptions = OutputOptions()
    hooks: Hooks = Hooks()
    key_is_explicit: bool = False
    """Whether the file says which key to make; otherwise a name keeps the type that it has."""


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Hours of a week in which renewals are begun: days as date.weekday() counts them.

    `until` before `since` ends on the next day; equal times are the whole day.
    """

    days: frozenset[int]
    since: time
    until: time


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How the agent goes about its work: table `agent`."""

    at_once: int = 8
    spread: timedelta = timedelta(days=10)
    """Renewals are spread over this time from the day on which renewal opens."""
    urgent: timedelta = timedelta(days=14)
    """This near the end neither spread nor maintenance windows hold a renewal back."""
    maintenance: tuple[MaintenanceWindow, ...] = ()
    """None: at any time."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Helsinki"))
    prometheus: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file.

    `entry_of` gives how a name of the store is taken care of, also one without a table.
    """

    path: Path
    store: Path
    language: Language | None
    services: Mapping[str, ServiceEntry]
    care: AgentSettings
    defaults: CertificateEntry
    entries: Mapping[str, CertificateEntry]

    def entry_of(self, name: str) -> CertificateEntry:
        """Give a name's table, or the defaults under that name."""
        known = self.entries.get(name)
        if known is not None:
            return known
        by_default = self.defaults
        return replace(by_default, name=name, customer_id=None, customer_name=None)


@dataclass(frozen=True, slots=True)
class RenewalInfoState:
    """When the service would like to be asked (RFC 9773, 4.2), UTC.

    `explanation`: a sentence or an address.

    Nobody has signed it: it moves the moment, and the service decides.
    """

    start: datetime
    end: datetime
    explanation: str | None = None


class DecisionReason(StrEnum):
    """Why a name waits, or can never be renewed; the values stand in JSON."""

    PLANNED = "planned"
    """Its own moment has not come."""
    MAINTENANCE = "maintenance"
    """Its moment has come, a maintenance window has not."""
    AFTER_FAILURE = "after-failure"
    """It was tried without success, and is tried again then."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    REFUSED_FOR_GOOD = "refused-for-good"
    ENROLMENT_OPEN = "enrolment-open"
    """There is no certificate yet, and only `enrol`, which knows the one-time password, can go on."""
    ENROLMENT_UNCERTAIN = "enrolment-uncertain"
    ENROLMENT_REFUSED = "enrolment-refused"
