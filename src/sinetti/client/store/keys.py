"""The holder's keys: made here, kept here, sent nowhere."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from sinetti.domain.values import KeyId, Serial
from sinetti.pki import encoding, key_policy
from sinetti.pki.encoding import PrivateKey


def key_id(key: PrivateKey) -> KeyId:
    """Give the id of a key pair: that of its public half."""
    return key_policy.key_id(key.public_key())


def belongs(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Tell whether a certificate is for this key: the numbers decide, not their encoding."""
    return is_for(certificate, key_id(key))


def is_for(certificate: x509.Certificate, key_id: KeyId) -> bool:
    """Tell whether a certificate is for the key of this id."""
    try:
        return key_policy.key_id(certificate.public_key()) == key_id
    except (ValueError, UnsupportedAlgorithm):  # a key of a kind that nobody here makes
        return False


def serial_of(certificate: x509.Certificate) -> Serial:
    """Give a certificate's serial number as it is written everywhere: lower-case hex. ValueError if it is negative."""
    return encoding.serial_hex(certificate.serial_number)
