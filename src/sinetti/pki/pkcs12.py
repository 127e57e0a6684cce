"""Key, certificate and chain in one file: PKCS#12 (RFC 7292), for programs that keep them so."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from sinetti.pki.encoding import PrivateKey

_ROUNDS, _ROUNDS_LEGACY = 20_000, 2048
"""Rounds of key derivation. The old form is of no strength anyway: some of its readers take no more."""


def is_password(octets: bytes) -> bool:
    """Tell whether octets are a password that a PKCS#12 file takes and a person types: one line of UTF-8, no mark."""
    try:
        return octets.decode().isprintable() and bool(octets)
    except UnicodeDecodeError:
        return False


def dump(
    name: str, key: PrivateKey | None, chain: Sequence[x509.Certificate], password: bytes, *, legacy: bool
) -> bytes:
    """Write a PKCS#12 file: the certificate comes first in `chain`, then those above it. `name` is its friendly name.

    `password` is one as `is_password` tells. Modern: PBES2 with AES-256 and HMAC-SHA-256. Legacy: 3DES and HMAC-SHA-1,
    which whoever has the file breaks.
    """
    how = PrivateFormat.PKCS12.encryption_builder()
    if legacy:
        how = how.kdf_rounds(_ROUNDS_LEGACY).hmac_hash(hashes.SHA1())  # noqa: S303 - what old programs read
        how = how.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    else:
        how = how.kdf_rounds(_ROUNDS).hmac_hash(hashes.SHA256())
        how = how.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    friendly = name.encode()
    if key is None:
        # Certificates alone have their names beside them; the first is the one that is meant.
        bags = [pkcs12.PKCS12Certificate(one, friendly if one is chain[0] else None) for one in chain]
        return pkcs12.serialize_key_and_certificates(None, None, None, bags, how.build(password))
    return pkcs12.serialize_key_and_certificates(friendly, key, chain[0], chain[1:], how.build(password))
