"""The bench's TLS certificate: its own small CA, and a leaf for a few names.

Both are valid from 2000 to 2099.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sinetti.infra.atomic_files import write_synced
from sinetti.pki.encoding import dump_private_key

_FROM = datetime(2000, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
_SIGNING = {"digital_signature": True, "key_cert_sign": False, "crl_sign": False}
_ISSUING = {"digital_signature": False, "key_cert_sign": True, "crl_sign": True}
_NEVER = (
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class ServerFiles:
    """Paths of the leaf, its key and the CA to trust."""

    certificate: Path
    key: Path
    trust: Path


def make_server_certificate(files: ServerFiles, further: Sequence[str] = ()) -> None:
    """Make CA and leaf and write them; the CA's key is discarded.

    The leaf is for loopback, and for the DNS names in `further`.
    """
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sinetti test bench, server CA")])
    leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    hosts = [x509.DNSName(name) for name in ("localhost", *further)]
    names = [*hosts, x509.IPAddress(ip_address("127.0.0.1")), x509.IPAddress(ip_address("::1"))]
    ca = _builder(ca_name, ca_name, ca_key.public_key(), ca_key.public_key())
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_usage(_ISSUING), critical=True)
    leaf = _builder(leaf_name, ca_name, leaf_key.public_key(), ca_key.public_key())
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(_usage(_SIGNING), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    leaf = leaf.add_extension(x509.SubjectAlternativeName(names), critical=False)
    write_synced(files.key, dump_private_key(leaf_key, None))
    files.certificate.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))
    files.trust.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), _FROM, _UNTIL)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    return builder.add_extension(identifier, critical=False)


def _usage(allowed: dict[str, bool]) -> x509.KeyUsage:
    return x509.KeyUsage(**allowed, **dict.fromkeys(_NEVER, False))
