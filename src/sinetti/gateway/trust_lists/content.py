"""Content of both trust lists, as a gateway uses it.

See docs/operators/succession.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from sinetti.domain.values import Environment, Sha256
from sinetti.gateway.x509.path_validation import CaCertificate, authority_of, trust_store_of
from sinetti.pki.encoding import AnyPublicKey, certificate_der, sha256_hex
from sinetti.pki.policy_oids import signs_responses
from sinetti.pki.trust_lists.lists import (
    AnchorRole,
    AnchorsList,
    DistrustEntry,
    DistrustList,
    SignedList,
    TrustList,
    TrustListKind,
)


@dataclass(frozen=True)
class TrustListSettings:
    """Table `[trust_lists]`, with the roots and the environment of the gateway.

    `url` is the status address. `responders` are the CAs of the bridge's responders; without any, the services CAs of
    the lists count.
    """

    url: str
    folder: Path
    roots: tuple[x509.Certificate, ...]
    environment: Environment
    responders: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class PathDistrust:
    """Distrust of a path: the highest distrusted CA, and its place.

    `place` counts from the issuer of the leaf, which has 0. `since` and `until` are the earliest of all its entries.
    """

    name: str
    place: int
    since: datetime
    until: datetime


@dataclass(frozen=True)
class TrustContent:
    """Content of the lists at one instant; it never changes.

    `added` are CAs for the anchors, of all lists that were taken, and `services` the services CAs of these lists.
    `signers` are the services CAs below which the list of distrust was signed; `is_by_root` is True if a root signed
    it. `responders` are the CAs whose responders confirm certificates of a distrusted CA. `damage` is set if a stored
    list cannot be read: no certificate is accepted then.
    """

    anchors: AnchorsList | None = None
    distrust: DistrustList | None = None
    added: tuple[x509.Certificate, ...] = ()
    services: tuple[x509.Certificate, ...] = ()
    signers: tuple[x509.Certificate, ...] = ()
    is_by_root: bool = False
    responders: tuple[CaCertificate, ...] = ()
    damage: str | None = None

    def list_of(self, kind: TrustListKind) -> TrustList | None:
        """Return the list of this kind, or None before the first."""
        return self.anchors if kind is TrustListKind.ANCHORS else self.distrust

    @property
    def entries(self) -> Mapping[Sha256, DistrustEntry]:
        """The distrusted CAs, by the SHA-256 of their certificates."""
        return {} if self.distrust is None else {authority.sha256: authority for authority in self.distrust.authorities}

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """The roots of the list of anchors."""
        rows = () if self.anchors is None else self.anchors.authorities
        return tuple(row.certificate for row in rows if row.role is AnchorRole.ROOT)


@dataclass(frozen=True)
class DistrustIndex:
    """Distrusted CAs of a gateway.

    They are found by certificate, and by key where the gateway knows the certificate. A stolen key is stolen in each
    certificate that its CA has.
    """

    entries: Mapping[Sha256, DistrustEntry] = field(default_factory=dict)
    keys: tuple[tuple[AnyPublicKey, DistrustEntry], ...] = ()

    @classmethod
    def of(cls, content: TrustContent, known: Sequence[x509.Certificate]) -> "DistrustIndex":
        """Return the index; `known` are all CAs that the gateway knows."""
        entries = content.entries
        digests = ((sha256_hex(certificate_der(certificate)), certificate) for certificate in known)
        return cls(
            entries,
            tuple((certificate.public_key(), entries[digest]) for digest, certificate in digests if digest in entries),
        )

    def find(self, above: Sequence[CaCertificate]) -> PathDistrust | None:
        """Return the distrust of a path, the issuer of the leaf first; None without any."""
        if not self.entries:
            return None
        pairs = [
            (at, entry)
            for at, ca_certificate in enumerate(above)
            if (entry := self.entry_of(ca_certificate)) is not None
        ]
        if not pairs:
            return None
        place, highest = pairs[-1]
        since, until = (
            min(distrust_entry.since for _, distrust_entry in pairs),
            min(distrust_entry.bridge_until for _, distrust_entry in pairs),
        )
        return PathDistrust(highest.name, place, since, until)

    def entry_of(self, ca_certificate: CaCertificate) -> DistrustEntry | None:
        """Return the entry of a CA, or None."""
        entry = self.entries.get(Sha256(ca_certificate.digest.hex()))
        return entry or next((entry for key, entry in self.keys if key == ca_certificate.key), None)


def responders_of(settings: TrustListSettings, content: TrustContent) -> tuple[CaCertificate, ...]:
    """Return the CAs whose OCSP responders confirm certificates of distrusted CAs.

    They are those of the settings, or the services CAs of the lists. A distrusted CA is none of them. Below one only
    those of a list of anchors count, since its thief can make others, and sign lists below them.
    """
    certificates = settings.responders or tuple(dict.fromkeys((*content.services, *content.signers)))
    trusted = (
        certificate for certificate in certificates if sha256_hex(certificate_der(certificate)) not in content.entries
    )
    return tuple(ca_certificate for ca_certificate in map(authority_of, trusted) if ca_certificate is not None)


def signer_cas(settings: TrustListSettings, content: TrustContent, signed: SignedList) -> tuple[x509.Certificate, ...]:
    """Return services CAs above the list's signers that lead to a root.

    No CA on the way is distrusted.
    """
    roots, entries, certificates = (*settings.roots, *content.roots), content.entries, []
    for signature in signed.signatures:
        if not signature.chain or not signs_responses(signature.chain[0], settings.environment):
            continue
        is_clean = all(sha256_hex(certificate_der(each)) not in entries for each in signature.chain)
        ways = trust_store_of((*roots, *signature.chain)).ways
        if is_clean and any(way[0].certificate == signature.chain[0] and way[-1].certificate in roots for way in ways):
            certificates.append(signature.chain[0])
    return tuple(certificates)
