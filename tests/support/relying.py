"""Files of a relying party: certificates, CRLs and anchors of the test authority."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sinetti.ca.crl import RevokedEntry, attach_crl_signature, prepare_crl
from sinetti.ca.hierarchy_builder import GeneratedHierarchy, generate_hierarchy
from sinetti.ca.hierarchy_config import load_preset, parse_hierarchy
from sinetti.ca.hierarchy_model import CaRole
from sinetti.domain.values import Channel, Environment, KeyType, Serial, ValidityPeriod
from sinetti.pki.encoding import PrivateKey, certificate_der, dump_private_key, generate_key, serial_hex, sign
from tests.support.authority import BASE_URL, CUSTOMER_ID, issue, issuer, leaf_plan

__all__ = ["AGES", "CUSTOMER_ID", "Material", "material"]

AGES = {
    "good": (-timedelta(days=10), timedelta(days=100, hours=1)),
    "revoked": (-timedelta(days=10), timedelta(days=100)),
    "expired": (-timedelta(days=100), -timedelta(days=1)),
    "foreign": (-timedelta(days=10), timedelta(days=100)),
}
"""Start and end of each certificate's validity, relative to now."""


@dataclass(frozen=True, slots=True)
class Material:
    """Certificates by kind, their key, and the authority, all made for `now`."""

    now: datetime
    built: GeneratedHierarchy
    key: PrivateKey
    certificates: Mapping[str, x509.Certificate]

    def der(self, kind: str) -> bytes:
        """Return a certificate in DER."""
        return certificate_der(self.certificates[kind])

    def rfc9440(self, kind: str) -> str:
        """Return a certificate's DER in base64."""
        return b64encode(self.der(kind)).decode("ascii")

    def crl(self, *, at: datetime | None = None, number: int = 1, channel: Channel = Channel.WS) -> bytes:
        """Sign a CRL of the issuing CA that lists the revoked certificate."""
        by, at = issuer(channel, self.built), at or self.now
        entry = RevokedEntry(self.serial("revoked"), at, "keyCompromise", None)
        tbs = prepare_crl(by, [entry], number, at, at + timedelta(days=7))
        return attach_crl_signature(tbs, sign(self.built.key(by.key_name), tbs), by.certificate)

    def serial(self, kind: str) -> Serial:
        """Return a certificate's serial number."""
        return serial_hex(self.certificates[kind].serial_number)

    def written(self, folder: Path, *, at: datetime | None = None) -> Path:
        """Write anchors, the CRL, keys and certificates into a folder, and return it."""
        (folder / "lists").mkdir(parents=True)
        (folder / "anchors.pem").write_bytes(self.anchors())
        (folder / "issuing.pem").write_bytes(issuer(Channel.WS, self.built).certificate.public_bytes(Encoding.PEM))
        (folder / "lists" / "issuing.crl").write_bytes(self.crl(at=at))
        for kind, one in self.certificates.items():
            pem = one.public_bytes(Encoding.PEM) + dump_private_key(self.key, None)
            (folder / f"{kind}.pem").write_bytes(pem)
        return folder

    def whole(self) -> tuple[bytes, bytes]:
        """Return all CAs above WS holders, and a complete CRL of each, in PEM.

        Web servers need them in this form.
        """
        issuing = issuer(Channel.WS, self.built).file_name
        above = [
            one.file_name for one in self.built.hierarchy.authorities if one.role in {CaRole.ROOT, CaRole.INTERMEDIATE}
        ]
        lists = b""
        for name in (*above, issuing):
            by = self.built.issuer(name, shard=0)
            entries = [RevokedEntry(self.serial("revoked"), self.now, "superseded")] if name == issuing else []
            tbs = prepare_crl(by, entries, 1, self.now, self.now + timedelta(days=7))
            der = attach_crl_signature(tbs, sign(self.built.key(name), tbs), by.certificate)
            lists += x509.load_der_x509_crl(der).public_bytes(Encoding.PEM)
        return b"".join(self.built.certificate(name).public_bytes(Encoding.PEM) for name in (*above, issuing)), lists

    def anchors(self) -> bytes:
        """Return the CAs that issue to holders, in PEM."""
        return b"".join(issuer(one, self.built).certificate.public_bytes(Encoding.PEM) for one in Channel)


@cache
def material(now: datetime) -> Material:
    """Make an authority and a holder's certificate of each kind.

    The authority is 200 days old. The certificate `foreign` is from another authority.
    """
    built, other = (_authority(now - timedelta(days=200)) for _ in range(2))
    key = generate_key(KeyType.EC_P256)
    certificates = {}
    for kind, (begins, ends) in AGES.items():
        of = other if kind == "foreign" else built
        plan = replace(leaf_plan(key.public_key()), span=ValidityPeriod(now + begins, now + ends))
        certificates[kind] = issue(plan, issuer(Channel.WS, of), built=of)
    return Material(now, built, key, certificates)


def _authority(at: datetime) -> GeneratedHierarchy:
    return generate_hierarchy(parse_hierarchy(load_preset("default"), Environment.TEST, BASE_URL), at)
