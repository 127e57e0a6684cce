"""The hierarchy of CAs as values."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sinetti.domain.values import Channel, Environment, KeyPolicy, KeyType


class HierarchyError(ValueError):
    """The hierarchy's TOML cannot be used; the text names the line or key and says what to write instead."""


class CaRole(StrEnum):
    """What a CA is for."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    ISSUING = "issuing"
    SERVICES = "services"


@dataclass(frozen=True, slots=True)
class CaSpec:
    """One CA.

    `name` is its CN, `parent` the CN of the CA above it (None: it signs itself).

    `channel` is set for the role issuing only.
    """

    name: str
    role: CaRole
    parent: str | None
    key_type: KeyType
    lifetime: timedelta
    channel: Channel | None = None

    @property
    def file_name(self) -> str:
        """The CN without blanks, as it stands in file names and addresses."""
        return file_name_for(self.name)

    @property
    def responder_file_name(self) -> str:
        """What the files of its OCSP responder begin with; the underscore can stand in no CA's name."""
        return f"{self.file_name}_ocsp"


@dataclass(frozen=True, slots=True)
class ResponseSignerSpec:
    """The leaf of the services CA whose key signs responses; `name` is its CN."""

    name: str
    key_type: KeyType
    lifetime: timedelta

    @property
    def file_name(self) -> str:
        """The CN without blanks."""
        return file_name_for(self.name)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Everything that makes one environment's CAs.

    `authorities` has every CA after the one above it.
    """

    environment: Environment
    base_url: str
    organisation: str
    country: str
    test_bench_only: bool
    authorities: tuple[CaSpec, ...]
    response_signer: ResponseSignerSpec
    holder_validity: timedelta
    key_policy: KeyPolicy

    @property
    def services(self) -> CaSpec:
        """The CA whose leaves sign responses."""
        return next(one for one in self.authorities if one.role is CaRole.SERVICES)

    @property
    def answering(self) -> tuple[CaSpec, ...]:
        """The CAs that issue leaves, for whose certificates OCSP requests are answered."""
        return tuple(one for one in self.authorities if one.role in {CaRole.ISSUING, CaRole.SERVICES})

    @property
    def kept_offline(self) -> tuple[CaSpec, ...]:
        """The CAs that sign nothing but CAs, whose keys serving never needs: root and intermediates."""
        return tuple(one for one in self.authorities if one.role in {CaRole.ROOT, CaRole.INTERMEDIATE})

    def issuing(self, channel: Channel) -> CaSpec | None:
        """Give the CA that issues to holders for this channel, None if there is none."""
        return next((one for one in self.authorities if one.channel is channel), None)


def file_name_for(name: str) -> str:
    """Take the blanks out of a CN."""
    return name.replace(" ", "")
