"""Value types of the hierarchy of CAs."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sinetti.domain.values import Channel, Environment, KeyPolicy, KeyType


class HierarchyError(ValueError):
    """TOML of a hierarchy that cannot be used.

    The text names the line or key and says what to write instead.
    """


class CaRole(StrEnum):
    """Purpose of a CA."""

    ROOT = "root"
    INTERMEDIATE = "intermediate"
    ISSUING = "issuing"
    SERVICES = "services"


@dataclass(frozen=True)
class CaSpec:
    """Specification of one CA.

    `name` is its CN. `parent` is the CN of the CA above it, or None for a root. `channel` is set for the role issuing
    only. `token` is the URI of the PKCS#11 token for its key, or empty for the authority's own place of keys. A standby
    issues nothing until its activation.
    """

    name: str
    role: CaRole
    parent: str | None
    key_type: KeyType
    lifetime: timedelta
    channel: Channel | None = None
    token: str = ""
    is_standby: bool = False

    @property
    def file_name(self) -> str:
        """CN without blanks, for file names and addresses."""
        return file_name_for(self.name)

    @property
    def responder_file_name(self) -> str:
        """Prefix of the files of its OCSP responder.

        It contains an underscore, which a CA's name cannot contain.
        """
        return f"{self.file_name}_ocsp"


@dataclass(frozen=True)
class ResponseSignerSpec:
    """Leaf of the services CA whose key signs responses; `name` is its CN."""

    name: str
    key_type: KeyType
    lifetime: timedelta

    @property
    def file_name(self) -> str:
        """CN without blanks."""
        return file_name_for(self.name)


@dataclass(frozen=True)
class Hierarchy:
    """Specification of all CAs of one environment.

    `authorities` lists every CA after the one above it. `policy_arc` is the OID above its policies; None
    before it could be given (docs/operators/oids.md).
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
    policy_arc: str | None = None

    @property
    def services(self) -> CaSpec:
        """CA whose leaves sign responses."""
        return next(ca for ca in self.authorities if ca.role is CaRole.SERVICES)

    @property
    def answering(self) -> tuple[CaSpec, ...]:
        """CAs that issue leaves and have OCSP responders."""
        return tuple(ca for ca in self.authorities if ca.role in {CaRole.ISSUING, CaRole.SERVICES})

    @property
    def kept_offline(self) -> tuple[CaSpec, ...]:
        """CAs that sign only CAs, and whose keys stay offline: root and intermediates.

        The running service never needs these keys.
        """
        return tuple(ca for ca in self.authorities if ca.role in {CaRole.ROOT, CaRole.INTERMEDIATE})

    def issuing(self, channel: Channel) -> CaSpec | None:
        """Return the CA that issues to holders for this channel first, or None."""
        return next((ca for ca in self.authorities if ca.channel is channel and not ca.is_standby), None)


def file_name_for(name: str) -> str:
    """Remove the blanks from a CN."""
    return name.replace(" ", "")
