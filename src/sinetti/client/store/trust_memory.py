"""Trust lists that a store took from its services, and its bundles by them.

`DIR/.trust.json` has the newest signed lists of each service. A list counts only below a root that the bundle of a name
has already (docs/operators/succession.md), so a bundle without a root stays as it is.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from sinetti.client.service_address import origin
from sinetti.client.store import files
from sinetti.client.store.settings import NameSettings
from sinetti.domain.usage import TrustListNumbers
from sinetti.domain.values import Environment, Sha256
from sinetti.infra import records
from sinetti.pki import chain, encoding
from sinetti.pki.trust_lists.lists import (
    AnchorRole,
    AnchorsList,
    DistrustList,
    InvalidTrustList,
    parse_anchors,
    parse_distrust,
    parse_signed,
)
from sinetti.pki.trust_lists.verification import ListReader, is_signed_by_root, verify_distrust, verify_stored_anchors

FILE = ".trust.json"

_ABOVE = frozenset({AnchorRole.ROOT, AnchorRole.INTERMEDIATE})


@dataclass(frozen=True)
class TrustMemory:
    """Signed lists of one service as served, and the instant of the last request."""

    anchors: bytes | None = field(default=None, repr=False)
    distrust: bytes | None = field(default=None, repr=False)
    asked: datetime | None = None

    @property
    def numbers(self) -> TrustListNumbers | None:
        """Numbers of the lists, or None without any."""
        if self.anchors is None and self.distrust is None:
            return None
        anchors = 0 if self.anchors is None else parse_anchors(parse_signed(self.anchors).payload).number
        distrust = 0 if self.distrust is None else parse_distrust(parse_signed(self.distrust).payload).number
        return TrustListNumbers(anchors, distrust)

    def newest(self, other: "TrustMemory") -> "TrustMemory":
        """Return this memory with each list of the other one that has a higher number."""
        own, others = (trust_memory.numbers or TrustListNumbers() for trust_memory in (self, other))
        return replace(
            self,
            anchors=other.anchors if others.anchors > own.anchors else self.anchors,
            distrust=other.distrust if others.distrust > own.distrust else self.distrust,
        )


@dataclass(frozen=True)
class TrustedLists:
    """Lists that count below the roots of a bundle; None for each that does not.

    `is_by_root` is True if a root signed the list of distrust, and not a responder alone.
    """

    anchors: AnchorsList | None = None
    distrust: DistrustList | None = None
    is_by_root: bool = False

    @property
    def distrusted(self) -> frozenset[Sha256]:
        """SHA-256 of the distrusted CAs."""
        return (
            frozenset()
            if self.distrust is None
            else frozenset(authority.sha256 for authority in self.distrust.authorities)
        )


def load_trust(store: Path) -> dict[str, TrustMemory]:
    """Return the memory by the origin of each service.

    It is empty if the file is missing or damaged in any part, so that the lists are fetched again.
    """
    try:
        raw = records.json_of(files.octets_of(store / FILE))
        return {str(one): _memory(row) for one, row in raw.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def memory_of(store: Path | None, address: str) -> TrustMemory:
    """Return the memory of the service at an address; an empty one if there is none."""
    if store is None or not (store / FILE).exists():
        return TrustMemory()
    return load_trust(store).get(origin(address), TrustMemory())


def save_trust(store: Path, memory: Mapping[str, TrustMemory]) -> None:
    """Write the memory. Raises OSError."""
    rows = {
        service: {
            "anchors": None if kept.anchors is None else b64encode(kept.anchors).decode(),
            "distrust": None if kept.distrust is None else b64encode(kept.distrust).decode(),
            "asked": kept.asked,
        }
        for service, kept in memory.items()
    }
    files.write_atomic(store / FILE, records.dump(rows))


def extend(settings: NameSettings, memory: TrustMemory) -> NameSettings:
    """Return settings whose bundles have the CAs of the lists.

    A distrusted CA signs no answers. It stays among the CAs of holders, whose certificates are in use until they are
    replaced.
    """
    if memory.anchors is None and memory.distrust is None:
        return settings
    services = _extended(settings.trust_services, settings.environment, memory, AnchorRole.SERVICES)
    holders = _extended(settings.trust_holders, settings.environment, memory, AnchorRole.ISSUING)
    return replace(settings, trust_services=services, trust_holders=holders)


def find_distrusted(settings: NameSettings, memory: TrustMemory) -> tuple[x509.Certificate, ...]:
    """Return the CAs of both bundles that are distrusted."""
    found: dict[x509.Certificate, None] = {}
    for bundle in (settings.trust_services, settings.trust_holders):
        lists = read_lists(bundle, settings.environment, memory)
        known = chain.load_bundle(bundle.encode())
        found |= dict.fromkeys(certificate for certificate in known if _sha256(certificate) in lists.distrusted)
    return tuple(found)


@lru_cache(maxsize=16)
def read_lists(bundle: str, environment: Environment, memory: TrustMemory) -> TrustedLists:
    """Return the lists of a memory that count below the roots of a bundle."""
    roots = tuple(
        certificate for certificate in chain.load_bundle(bundle.encode()) if chain.is_self_signed(certificate)
    )
    anchors, distrust, is_by_root = None, None, False
    try:
        if memory.anchors is not None:
            anchors = verify_stored_anchors(memory.anchors, ListReader(environment, roots))
            roots += tuple(
                authority.certificate for authority in anchors.authorities if authority.role is AnchorRole.ROOT
            )
    except InvalidTrustList:
        anchors = None
    try:
        if memory.distrust is not None:
            issued = parse_distrust(parse_signed(memory.distrust).payload).issued
            reader = ListReader(environment, tuple(dict.fromkeys(roots)))
            distrust = verify_distrust(memory.distrust, reader, issued)
            is_by_root = is_signed_by_root(memory.distrust, reader, issued)
    except InvalidTrustList:
        distrust = None
    return TrustedLists(anchors, distrust, is_by_root)


def _extended(bundle: str, environment: Environment, memory: TrustMemory, role: AnchorRole) -> str:
    lists = read_lists(bundle, environment, memory)
    known = chain.load_bundle(bundle.encode())
    rows = () if lists.anchors is None else lists.anchors.authorities
    added = [row.certificate for row in rows if row.role in _ABOVE or row.role is role]
    wanted = tuple(dict.fromkeys((*known, *added)))
    if role is AnchorRole.SERVICES:
        wanted = tuple(certificate for certificate in wanted if _sha256(certificate) not in lists.distrusted)
    if wanted == tuple(dict.fromkeys(known)):
        return bundle
    return "".join(encoding.certificate_pem(encoding.certificate_der(certificate)).decode() for certificate in wanted)


def _sha256(certificate: x509.Certificate) -> Sha256:
    return encoding.sha256_hex(encoding.certificate_der(certificate))


def _memory(row: Mapping[str, str | None]) -> TrustMemory:
    """Read the row of a service. Raises ValueError, TypeError and KeyError."""
    anchors, distrust, asked = row["anchors"], row["distrust"], row["asked"]
    return TrustMemory(
        _readable(anchors, parse_anchors),
        _readable(distrust, parse_distrust),
        None if asked is None else records.instant_of(asked),
    )


def _readable(text: str | None, parse: Callable[[bytes], object]) -> bytes | None:
    """Return the octets of a list, or None without one. Raises ValueError for others."""
    if text is None:
        return None
    octets = b64decode(text, validate=True)
    parse(parse_signed(octets).payload)
    return octets
