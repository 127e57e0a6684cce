"""Certificate identifier for renewal information (RFC 9773, 4.1).

It consists of the issuer's key identifier and the serial.
"""

import base64
import binascii
import re

from cryptography import x509

from sinetti.domain.values import Serial
from sinetti.pki.encoding import serial_hex

LONGEST = 128
"""Longest identifier that is parsed, in characters.

Key identifiers of 20 octets and serials of 20 octets make 55.
"""

_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_LONGEST_SERIAL = 20
"""Longest serial in octets (RFC 5280, 4.1.2.2)."""


def ari_cert_id(certificate: x509.Certificate) -> str:
    """Return the identifier of a certificate.

    Raises ValueError if the certificate has no authority key identifier, or a negative serial.
    """
    try:
        named = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        named = None
    if not named:
        raise ValueError("this certificate does not name its issuer's key (authorityKeyIdentifier)")
    serial = bytes.fromhex(serial_hex(certificate.serial_number))
    # DER puts a zero octet before a number that would otherwise be negative (X.690, 8.3).
    return f"{_written(named)}.{_written(_der(serial))}"


def parse_ari_cert_id(text: str) -> tuple[bytes, Serial]:
    """Parse an identifier into the key identifier of the issuing CA and the serial.

    Raises ValueError if it does not follow RFC 9773, 4.1.
    """
    match = _SHAPE.fullmatch(text) if len(text) <= LONGEST else None
    identifier, octets = (_read(part) for part in match.groups()) if match else (None, None)
    if not identifier or not octets or len(octets) > _LONGEST_SERIAL:
        raise ValueError(_NOT_ONE)
    serial = octets.lstrip(b"\x00") or b"\x00"
    if octets != _der(serial):
        raise ValueError(_NOT_ONE)
    return identifier, Serial(serial.hex())


def key_identifier(authority: x509.Certificate) -> bytes:
    """Return the identifier of a CA's key, as its certificates contain it.

    It is empty if the CA certificate has none.
    """
    try:
        return authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return b""


_NOT_ONE = (
    "an ID is the issuer's key identifier and the bytes of the serial in DER, each in base64url without padding, with "
    "a dot between"
)


def _der(serial: bytes) -> bytes:
    return b"\x00" + serial if serial[0] & 0x80 else serial


def _written(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes | None:
    """Decode base64url without padding.

    The result is None for any other text, and if unused bits at the end are set.
    """
    try:
        octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    return octets if _written(octets) == text else None
