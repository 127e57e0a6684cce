"""Certificate revocation lists (RFC 5280, 5), encoded without a builder.

The builders of cryptography do not scale to a million entries. A CRL here consists of entries that are encoded
already, among them those of the previous CRL. A revocation therefore costs one entry, a hash and a signature
(docs/relying/lists.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from sinetti.ca.crl_entries import encode_entry
from sinetti.ca.issuance_request import IssuingCa, RevokedEntry, SignatureRejected
from sinetti.ca.profiles import (
    SEQUENCE,
    ca_key,
    der_integer,
    der_time,
    encode_header,
    encode_signed,
    encode_tlv,
    key_identifier_of,
)
from sinetti.pki.encoding import algorithm_identifier, serial_hex, verify

__all__ = ["RevokedEntry", "SignatureRejected", "encode_entry"]

_NUMBER_BITS = 159
_OCTET_STRING, _EXTENSIONS = 0x04, 0xA0
_VERSION_2 = bytes.fromhex("020101")
_TRUE = bytes.fromhex("0101ff")
# OBJECT IDENTIFIERs of RFC 5280, 5.2.
_AUTHORITY_KEY_IDENTIFIER = bytes.fromhex("0603551d23")
_CRL_NUMBER = bytes.fromhex("0603551d14")
_DISTRIBUTION_POINT = bytes.fromhex("0603551d1c")


@dataclass(frozen=True)
class ParsedCrl:
    """Content of one of our CRLs: number, dates (UTC), and entries in their order."""

    number: int
    this_update: datetime
    next_update: datetime
    entries: tuple[RevokedEntry, ...]


def read_list(der: bytes) -> ParsedCrl:
    """Parse a CRL that this service signed.

    Raises ValueError for any other octets.
    """
    crl = x509.load_der_x509_crl(der)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    # All our CRLs have nextUpdate (RFC 5280, 5.1.2.5); any other counts as expired.
    ends = crl.next_update_utc or crl.last_update_utc
    return ParsedCrl(number, crl.last_update_utc, ends, tuple(_entry(entry) for entry in crl))


def read_signed(der: bytes, issuer_certificate: x509.Certificate) -> ParsedCrl:
    """Parse a CRL that this CA signed.

    Raises ValueError, which says what is wrong, for any other octets.
    """
    try:
        crl = x509.load_der_x509_crl(der)
        if crl.issuer != issuer_certificate.subject or not crl.is_signature_valid(ca_key(issuer_certificate)):
            raise ValueError("its signature is not from this CA")
        return read_list(der)
    except (x509.ExtensionNotFound, x509.DuplicateExtension) as lacking:
        # All our CRLs have a number (RFC 5280, 5.2.3).
        raise ValueError(str(lacking)) from lacking


def prepare_crl(
    issuer: IssuingCa,
    entries: Iterable[RevokedEntry],
    number: int,
    now: datetime,
    next_update: datetime,
) -> bytes:
    """Return the octets to sign for a CRL with these entries, as `build_tbs_crl` does.

    Raises ValueError also for a reason that RFC 5280 does not define.
    """
    return build_tbs_crl(issuer, [encode_entry(entry) for entry in entries], number, now, next_update)


def build_tbs_crl(
    issuer: IssuingCa,
    entries: Iterable[bytes | memoryview],
    number: int,
    now: datetime,
    next_update: datetime,
) -> bytes:
    """Return the octets to sign for the CRL of `issuer.shard`.

    `entries` are encoded already, split into parts in any way. Shard 0 is the complete CRL of the CA, for programs
    without support for distribution points; it names no scope. Times are UTC, in whole seconds. `number` increases
    with every CRL of the CA and has at most 20 octets (5.2.3).

    Raises ValueError if the next update is not after `now`, or if the number is out of bounds.
    """
    if not 0 <= number < 1 << _NUMBER_BITS:
        raise ValueError("a CRL number must be a whole number of at most 20 octets")
    if next_update <= now:
        raise ValueError("the next update must be later than this update")
    extensions = _extension(_AUTHORITY_KEY_IDENTIFIER, key_identifier_of(issuer.certificate).public_bytes())
    extensions += _extension(_CRL_NUMBER, der_integer(number))
    if issuer.shard:
        extensions += _extension(_DISTRIBUTION_POINT, _scope(issuer).public_bytes(), critical=_TRUE)
    octets = tuple(entry for entry in entries if len(entry))
    before = (
        _VERSION_2
        + algorithm_identifier(ca_key(issuer.certificate))
        + issuer.certificate.subject.public_bytes()
        + der_time(now)
        + der_time(next_update)
    )
    # Without entries the sequence is absent (5.1.2.6). Entries are copied once, not for each SEQUENCE around them.
    listed = (encode_header(SEQUENCE, sum(map(len, octets))), *octets) if octets else ()
    return encode_tlv(SEQUENCE, before, *listed, encode_tlv(_EXTENSIONS, encode_tlv(SEQUENCE, extensions)))


def attach_crl_signature(tbs: bytes, signature: bytes, issuer_certificate: x509.Certificate) -> bytes:
    """Return the CRL in DER, after verification of its signature.

    `tbs` is the result of `prepare_crl` or `build_tbs_crl`; it is not parsed again. Raises SignatureRejected if the
    CA's public key does not verify the signature.
    """
    signer_key = ca_key(issuer_certificate)
    if not verify(signer_key, tbs, signature):
        raise SignatureRejected("the CRL's signature is not from this CA")
    return encode_signed(tbs, signer_key, signature)


def _entry(entry: x509.RevokedCertificate) -> RevokedEntry:
    found = {extension.oid: extension.value for extension in entry.extensions}
    reason, since = found.get(x509.CRLReason.oid), found.get(x509.InvalidityDate.oid)
    return RevokedEntry(
        serial=serial_hex(entry.serial_number),
        revoked_at=entry.revocation_date_utc,
        reason=reason.reason.value if isinstance(reason, x509.CRLReason) else x509.ReasonFlags.unspecified.value,
        invalidity_date=since.invalidity_date_utc if isinstance(since, x509.InvalidityDate) else None,
    )


def _extension(identifier: bytes, value: bytes, critical: bytes = b"") -> bytes:
    return encode_tlv(SEQUENCE, identifier, critical, encode_tlv(_OCTET_STRING, value))


def _scope(issuer: IssuingCa) -> x509.IssuingDistributionPoint:
    """Return the critical scope of a shard: the address in its certificates (5.2.5)."""
    return x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(issuer.crl_url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
