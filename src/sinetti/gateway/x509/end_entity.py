"""Parser of end-entity certificates that callers present.

A parsed certificate is not trusted yet.
"""

import re
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from sinetti.domain.values import KeyPolicy, Serial, ValidityPeriod
from sinetti.gateway.x509 import verdict_texts
from sinetti.gateway.x509.path_validation import is_understood
from sinetti.pki import encoding, key_policy, policy_oids
from sinetti.pki.encoding import certificate_der, load_certificate, serial_hex
from sinetti.wire.xmldsig.algorithms import LARGEST_CERTIFICATE

_LARGEST_PEM = 2 * LARGEST_CERTIFICATE
_LONGEST_SERIAL = 160
"""Longest serial number in bits (RFC 5280, 4.1.2.2)."""
_LONGEST_NAME = 64
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")

# The authority decides which keys an organisation may have; e=3 is an option of benches (facts sheet, 4).
_KEYS = KeyPolicy(small_exponent=True)


class InvalidCertificate(Exception):
    """Octets that cannot be an organisation's certificate; `why` is a message id."""

    def __init__(self, why: str) -> None:
        """Store the message id."""
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class EndEntityCertificate:
    """Parsed certificate; its names count only if its issuer is trusted.

    `name` is None unless there is exactly one O. `is_holders`: its own extensions are those of an organisation's
    certificate (facts sheet, 4).
    """

    certificate: x509.Certificate = field(repr=False)
    der: bytes = field(repr=False)
    customer_id: str
    name: str | None
    serial: Serial
    span: ValidityPeriod
    is_holders: bool


def parse_certificate(octets: bytes) -> EndEntityCertificate:
    """Parse a certificate, DER or PEM; of several certificates only the first.

    Raises InvalidCertificate. No signature is verified.
    """
    certificate, der = _loaded(octets)
    try:
        check_structure(certificate)
        if not isinstance(key_policy.check_key_policy(certificate.public_key(), _KEYS), str):
            raise InvalidCertificate(verdict_texts.BAD_KEY)
        return EndEntityCertificate(
            certificate,
            der,
            _customer_id(certificate),
            _only(certificate, NameOID.ORGANIZATION_NAME),
            serial_hex(certificate.serial_number),
            ValidityPeriod(certificate.not_valid_before_utc, certificate.not_valid_after_utc),
            policy_oids.is_holder_certificate(certificate),
        )
    except UnsupportedAlgorithm:
        raise InvalidCertificate(verdict_texts.BAD_KEY) from None
    except (ValueError, TypeError):
        raise InvalidCertificate(verdict_texts.UNREADABLE) from None


def check_structure(certificate: x509.Certificate) -> None:
    """Raise InvalidCertificate if a rule of RFC 5280 for all certificates is violated.

    Raises ValueError for a certificate that cannot be parsed.
    """
    serial = certificate.serial_number
    if serial <= 0 or serial.bit_length() > _LONGEST_SERIAL:
        raise InvalidCertificate(verdict_texts.BAD_SERIAL)
    if not is_understood(certificate):
        raise InvalidCertificate(verdict_texts.UNKNOWN_CRITICAL)


def _loaded(octets: bytes) -> tuple[x509.Certificate, bytes]:
    if len(octets) > _LARGEST_PEM:
        raise InvalidCertificate(verdict_texts.TOO_LONG)
    try:
        certificate = load_certificate(octets)
    except (ValueError, TypeError) as bad:
        if str(bad) == encoding.DESCRIBED:
            raise InvalidCertificate(verdict_texts.BAD_KEY) from None
        is_key = _PRIVATE_KEY.search(octets) is not None
        raise InvalidCertificate(verdict_texts.PRIVATE_KEY if is_key else verdict_texts.NO_CERTIFICATE) from None
    der = certificate_der(certificate)
    if len(der) > LARGEST_CERTIFICATE:
        raise InvalidCertificate(verdict_texts.TOO_LONG)
    return certificate, der


def _customer_id(certificate: x509.Certificate) -> str:
    """Return the one CN.

    It appears in headers and logs, so it must be short and printable, as every customer id is.
    """
    name = _only(certificate, NameOID.COMMON_NAME)
    if not name or len(name) > _LONGEST_NAME or not name.isascii() or not name.isprintable() or name != name.strip():
        raise InvalidCertificate(verdict_texts.NOT_ONE_CUSTOMER)
    return name


def _only(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> str | None:
    attributes = certificate.subject.get_attributes_for_oid(kind)
    value = attributes[0].value if len(attributes) == 1 else None
    return value if isinstance(value, str) else None
