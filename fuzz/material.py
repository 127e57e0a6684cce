"""Test keys and certificates of the seeds.

They are always the same, so that a stored input has the same meaning in every run.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sinetti.domain.values import Channel, Environment
from sinetti.pki import policy_oids
from sinetti.pki.encoding import PrivateKey, certificate_der

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""Instant of every check."""

KINDS = ("p256", "p384", "rsa-2048")
CA, ROOT, RESPONDER = "p256-ca", "p256-root", "p256-responder"

_RSA = Path(__file__).parent / "rsa-2048.pem"
_SCALARS = {"p256": 11, "p384": 13, CA: 17, ROOT: 19, RESPONDER: 23}


@cache
def key(kind: str) -> PrivateKey:
    """Return the key of this kind.

    An RSA key comes from its file. An EC key comes from a small number, with which anyone can make it.
    """
    if kind == "rsa-2048":
        found = load_pem_private_key(_RSA.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(found, PrivateKey)  # noqa: S101 - a file of this repository
        return found
    curve = ec.SECP384R1() if kind.startswith("p384") else ec.SECP256R1()
    return ec.derive_private_key(_SCALARS[kind] << 200 | 1, curve)


@cache
def der(kind: str) -> bytes:
    """Return the certificate (DER) of a key.

    It is that of a CA or of a responder; for all other kinds it is a holder's.
    """
    return certificate_der(certificate(kind))


@cache
def certificate(kind: str) -> x509.Certificate:
    """Return the certificate of a key.

    Its signature is deterministic (RFC 6979), so its octets are always the same.
    """
    by = {ROOT: ROOT, CA: ROOT}.get(kind, CA)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(kind))
        .issuer_name(_name(by))
        .public_key(key(kind).public_key())
        .serial_number(0x1F2E3D4C5B6A79888796A5B4C3D2E1F000000000 + len(kind))
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=729))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key(kind).public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key(by).public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=kind in {ROOT, CA}, path_length=None), critical=True)
        .add_extension(_usage(authority=kind in {ROOT, CA}), critical=True)
    )
    for extension in _more(kind):
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key(by), hashes.SHA256(), ecdsa_deterministic=True)


def _more(kind: str) -> list[x509.ExtensionType]:
    if kind == CA:
        oid = policy_oids.channel_policy(Channel.WS, Environment.TEST)
        return [x509.CertificatePolicies([x509.PolicyInformation(oid, None)])]
    if kind == RESPONDER:
        return [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), x509.OCSPNoCheck()]
    if kind == ROOT:
        return []
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("http://lists.example/1.crl")], None, None, None)
    return [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), x509.CRLDistributionPoints([point])]


def _name(kind: str) -> x509.Name:
    named = {ROOT: "Root v1", CA: "Issuing CA v1"}.get(kind, "0123456-7")
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, named),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Sinisiipi Oy"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FI"),
        ]
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
