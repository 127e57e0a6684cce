"""Parsing of a CRL as by the gateway, and the status of a certificate on it."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fuzz import der_changing, material
from fuzz.target import Target, must
from sinetti.gateway.revocation.crl import CrlSource, InvalidCrl, read_list
from sinetti.gateway.revocation.source import GOOD, REVOKED
from sinetti.gateway.x509.path_validation import authority_of

_FRESH = timedelta(days=1)
_LEAF = material.certificate("p256")


def check(octets: bytes) -> None:
    """Read a CRL and query a status.

    The status is revoked or good only if the CA signed the CRL, and never good for a certificate on it.
    """
    try:
        read_list(octets)
    except InvalidCrl:
        return
    issuer = authority_of(material.certificate(material.CA))
    assert issuer is not None  # noqa: S101 - it is a CA
    answer = CrlSource([octets]).status(_LEAF, issuer, material.NOW, _FRESH)
    must(CrlSource([octets]).status(_LEAF, issuer, material.NOW, _FRESH) == answer, "the answer is the same again")
    if answer not in {GOOD, REVOKED}:
        return
    pem = octets.lstrip().startswith(b"-----BEGIN")
    crl = x509.load_pem_x509_crl(octets) if pem else x509.load_der_x509_crl(octets)
    must(crl.is_signature_valid(issuer.key), "the CA signed it")  # type: ignore[arg-type]  # an EC key
    on_it = any(one.serial_number == _LEAF.serial_number for one in crl)
    must(answer == (REVOKED if on_it else GOOD), "revoked is what stands on the list")
    must(crl.last_update_utc <= material.NOW + timedelta(minutes=10), "it is not of tomorrow")


def _seeds() -> dict[str, bytes]:
    point = [x509.UniformResourceIdentifier("http://lists.example/1.crl")]
    scope = x509.IssuingDistributionPoint(point, None, False, False, None, False, False)  # noqa: FBT003 - its only way
    made = {}
    for name, serial in {"good": 7, "revoked": _LEAF.serial_number}.items():
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(material.NOW)
        reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(material.certificate(material.CA).subject)
            .last_update(material.NOW)
            .next_update(material.NOW + _FRESH)
            .add_extension(x509.CRLNumber(1), critical=False)
            .add_revoked_certificate(entry.add_extension(reason, critical=False).build())
        )
        key = material.key(material.CA)
        crl = builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True)
        made[name] = crl.public_bytes(Encoding.DER)
        scoped = builder.add_extension(scope, critical=True).sign(key, hashes.SHA256(), ecdsa_deterministic=True)
        made[f"{name}-scoped"] = scoped.public_bytes(Encoding.DER)
    return made | {"pem": x509.load_der_x509_crl(made["good"]).public_bytes(Encoding.PEM)}


TARGET = Target("revocation-list", check, _seeds, der_changing.changing_and_signing(material.CA), longest=8_192)
