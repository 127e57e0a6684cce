"""Certificate in a signature: its content, and whether this service issued it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.diagnostics.causes import Cause
from sinetti.diagnostics.signed_message import SignatureInfo
from sinetti.pki import chain
from sinetti.pki.encoding import AnyPublicKey, certificate_der, sha256_hex

_NAMED = {x509.NameOID.SERIAL_NUMBER: "serialNumber"}
"""Short names of attributes for which RFC 4514 has none (RFC 4519)."""

_LONGEST_NAME = 200
_LONGEST_MODULUS = 1024


@dataclass(frozen=True)
class CertificateInfo:
    """Content of a certificate.

    Names are in the form of RFC 4514, cut at 200 characters, with control characters left in; dates are UTC.
    `of_this_service`: whether one of the anchors issued it; None if no anchors are known.
    """

    subject: str
    issuer: str
    serial: str
    sha256: str
    not_before: datetime
    not_after: datetime
    of_this_service: bool | None


def describe(certificate: x509.Certificate, anchors: Sequence[x509.Certificate] | None) -> CertificateInfo:
    """Return the content of a certificate.

    Raises ValueError for impossible dates, such as the year 0.
    """
    return CertificateInfo(
        _name(certificate, "subject"),
        _name(certificate, "issuer"),
        _serial(certificate),
        sha256_hex(certificate_der(certificate)),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        None if anchors is None else bool(chain.trusted_ways(certificate, anchors)),
    )


def validity_problem(certificate: CertificateInfo, now: datetime | None) -> Cause | None:
    """Return the objection to the certificate, or None.

    None if no anchors are known. Dates are judged at `now` (UTC); None: not at all.
    """
    if certificate.of_this_service is None:
        return None
    if not certificate.of_this_service:
        return Cause.NOT_OURS
    if now is not None and now > certificate.not_after:
        return Cause.EXPIRED
    return Cause.NOT_YET_VALID if now is not None and now < certificate.not_before else None


def is_ca(certificate: x509.Certificate) -> bool:
    """Return whether a certificate is that of a CA."""
    with suppress(ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    return False


def other_keys(
    signature_info: SignatureInfo, others: Sequence[x509.Certificate], request: x509.CertificateSigningRequest | None
) -> Iterator[tuple[AnyPublicKey, Cause]]:
    """Yield other keys that may have signed, and the cause if they did.

    The key of the certificate signing request in the message, KeyInfo's own KeyValue (RSA), and those of `others`.
    """
    if request is not None:
        with suppress(ValueError, UnsupportedAlgorithm):
            yield request.public_key(), Cause.NEW_KEY
    if signature_info.modulus and signature_info.exponent and len(signature_info.modulus) <= _LONGEST_MODULUS:
        numbers = (int.from_bytes(signature_info.exponent, "big"), int.from_bytes(signature_info.modulus, "big"))
        with suppress(ValueError, UnsupportedAlgorithm):
            yield rsa.RSAPublicNumbers(*numbers).public_key(), Cause.OTHER_CERTIFICATE
    for other in others:
        with suppress(ValueError, UnsupportedAlgorithm):
            yield other.public_key(), Cause.OTHER_CERTIFICATE


def _name(certificate: x509.Certificate, which: str) -> str:
    try:
        name: x509.Name = getattr(certificate, which)
        return name.rfc4514_string(_NAMED)[:_LONGEST_NAME]
    except (ValueError, TypeError):
        return ""


def _serial(certificate: x509.Certificate) -> str:
    number = abs(certificate.serial_number)
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big").hex()
