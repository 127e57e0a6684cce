"""Certificate revocation lists (RFC 5280, 5), one full list per shard of a CA."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sinetti.ca.joining import ca_key, joined
from sinetti.ca.plans import Issuer, RevokedEntry, SignatureRejected
from sinetti.ca.profiles import key_identifier_of
from sinetti.ca.recording import recorder
from sinetti.pki.formats import PublicKey, serial_hex
from sinetti.pki.signing import hash_for

__all__ = ["RevokedEntry", "SignatureRejected", "SignedList", "assemble_crl", "prepare_crl", "read_list", "read_signed"]

_NUMBER_BITS = 159


@dataclass(frozen=True, slots=True)
class SignedList:
    """What stands in a CRL of ours: its number, its dates (UTC), and its entries in the list's order."""

    number: int
    this_update: datetime
    next_update: datetime
    entries: tuple[RevokedEntry, ...]


def read_list(der: bytes) -> SignedList:
    """Read a CRL that we signed. Raises ValueError for something else."""
    crl = x509.load_der_x509_crl(der)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    # None of ours is without nextUpdate (RFC 5280, 5.1.2.5); one that were has had its time.
    ends = crl.next_update_utc or crl.last_update_utc
    return SignedList(number, crl.last_update_utc, ends, tuple(_entry(one) for one in crl))


def read_signed(der: bytes, issuer_certificate: x509.Certificate) -> SignedList:
    """Read a CRL that this CA signed. Raises ValueError, which says what is wrong, for anything else."""
    try:
        crl = x509.load_der_x509_crl(der)
        if crl.issuer != issuer_certificate.subject or not crl.is_signature_valid(ca_key(issuer_certificate)):
            why = "the signature over it is not this CA's"
            raise ValueError(why)
        return read_list(der)
    except (x509.ExtensionNotFound, x509.DuplicateExtension) as lacking:
        # None of ours is without its number (RFC 5280, 5.2.3).
        raise ValueError(str(lacking)) from lacking


def prepare_crl(
    issuer: Issuer,
    entries: Iterable[RevokedEntry],
    number: int,
    now: datetime,
    next_update: datetime,
) -> bytes:
    """Give the exact octets to sign for the CRL of `issuer.shard`: a full list of that shard's certificates.

    Times are UTC, whole seconds; `number` grows with every list of the CA and has at most 20 octets (5.2.3). Raises
    ValueError for a next update that is not after `now`, a number out of bounds or a reason that RFC 5280 does not
    know.
    """
    if not 0 <= number < 1 << _NUMBER_BITS:
        why = "a CRL number is a whole number of at most 20 octets"
        raise ValueError(why)
    if next_update <= now:
        why = "the next update comes after this one"
        raise ValueError(why)
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, now, next_update)
    builder = builder.add_extension(key_identifier_of(issuer.certificate), critical=False)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    builder = builder.add_extension(_scope(issuer), critical=True)
    for entry in entries:
        builder = builder.add_revoked_certificate(_revoked(entry))
    signer_key = ca_key(issuer.certificate)
    key = recorder(signer_key)
    builder.sign(key, hash_for(signer_key))
    return key.octets


def assemble_crl(tbs: bytes, signature: bytes, issuer_certificate: x509.Certificate) -> bytes:
    """Give the CRL in DER, its signature checked with the CA's public key. Raises SignatureRejected otherwise."""
    signer_key = ca_key(issuer_certificate)
    der = joined(tbs, signer_key, signature)
    if not _is_signed(der, signer_key):
        why = "the signature over the CRL is not this CA's"
        raise SignatureRejected(why)
    return der


def _entry(one: x509.RevokedCertificate) -> RevokedEntry:
    found = {extension.oid: extension.value for extension in one.extensions}
    reason, since = found.get(x509.CRLReason.oid), found.get(x509.InvalidityDate.oid)
    return RevokedEntry(
        serial=serial_hex(one.serial_number),
        revoked_at=one.revocation_date_utc,
        reason=reason.reason.value if isinstance(reason, x509.CRLReason) else x509.ReasonFlags.unspecified.value,
        invalidity_date=since.invalidity_date_utc if isinstance(since, x509.InvalidityDate) else None,
    )


def _is_signed(der: bytes, signer_key: PublicKey) -> bool:
    try:
        return x509.load_der_x509_crl(der).is_signature_valid(signer_key)
    except ValueError:
        return False


def _scope(issuer: Issuer) -> x509.IssuingDistributionPoint:
    """Say critically which shard it is, by the address that stands in its certificates (5.2.5)."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(issuer.crl_url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _revoked(entry: RevokedEntry) -> x509.RevokedCertificate:
    reason = x509.ReasonFlags(entry.reason)
    if reason is x509.ReasonFlags.remove_from_crl:
        why = "removeFromCRL is for delta CRLs only (RFC 5280, 5.3.1)"
        raise ValueError(why)
    builder = x509.RevokedCertificateBuilder(int(entry.serial, 16), entry.revoked_at)
    # "unspecified" is said by leaving the reason out (5.3.1).
    if reason is not x509.ReasonFlags.unspecified:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    if entry.invalidity_date is not None:
        builder = builder.add_extension(x509.InvalidityDate(entry.invalidity_date), critical=False)
    return builder.build()
