"""To-be-signed octets of holders' certificates from a template.

They are those of cryptography's builder, in less than half of its time. The builder encodes one sample for each CA and
type of key. A certificate then differs in serial number, validity, subject, key and key identifier alone (RFC 5280,
4.1). Lint reads the result as it reads the builder's.
"""

from collections.abc import Callable
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.ca.issuance_request import IssuingCa, LeafRequest
from sinetti.ca.profiles import SEQUENCE, ca_key, der_integer, der_time, encode_tlv, holder_subject
from sinetti.domain.values import Serial, ValidityPeriod
from sinetti.pki.encoding import PublicKey, algorithm_identifier
from sinetti.pki.key_policy import is_rsa

_EXTENSIONS = 0xA3
_VERSION_3 = bytes.fromhex("a003020102")
_KEY_IDENTIFIER = bytes.fromhex("301d0603551d0e04160414")
"""Extension subjectKeyIdentifier up to its 20 octets (RFC 5280, 4.2.1.2)."""

_SAMPLES: dict[bool, PublicKey] = {
    # Keys that anyone can compute; no certificate has them.
    True: rsa.RSAPublicNumbers(65_537, (1 << 2047) + 1).public_key(),
    False: ec.derive_private_key(1, ec.SECP256R1()).public_key(),
}
_SAMPLE_SERIAL, _SAMPLE_LINEAGE = Serial("40"), "0" * 32

Recorder = Callable[[LeafRequest, IssuingCa], bytes]
"""Function that returns the octets that the builder makes of a request."""


def holder_tbs(plan: LeafRequest, issuer: IssuingCa, by_builder: Recorder) -> bytes:
    """Return the octets that the CA is to sign for a holder, as `by_builder` does.

    Raises ValueError for a request that no certificate can represent.
    """
    before, behind = _constant_parts(issuer, is_rsa(plan.public_key), by_builder)
    identifier = x509.SubjectKeyIdentifier.from_public_key(plan.public_key).digest
    return encode_tlv(
        SEQUENCE,
        _VERSION_3,
        der_integer(int(plan.serial, 16)),
        before,
        encode_tlv(SEQUENCE, der_time(plan.span.not_before), der_time(plan.span.not_after)),
        x509.Name(holder_subject(plan)).public_bytes(),
        plan.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        encode_tlv(_EXTENSIONS, encode_tlv(SEQUENCE, _KEY_IDENTIFIER, identifier, behind)),
    )


@lru_cache(maxsize=256)
def _constant_parts(issuer: IssuingCa, for_rsa: bool, by_builder: Recorder) -> tuple[bytes, bytes]:  # noqa: FBT001 - a key
    """Return algorithm and issuer, and the extensions behind the key identifier."""
    begin = issuer.certificate.not_valid_before_utc
    key = _SAMPLES[for_rsa]
    sample = LeafRequest("-", "-", "FI", _SAMPLE_LINEAGE, key, _SAMPLE_SERIAL, ValidityPeriod(begin, begin))
    _, _, behind = by_builder(sample, issuer).partition(
        _KEY_IDENTIFIER + x509.SubjectKeyIdentifier.from_public_key(key).digest
    )
    return algorithm_identifier(ca_key(issuer.certificate)) + issuer.certificate.subject.public_bytes(), behind
