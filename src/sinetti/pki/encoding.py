"""Keys and certificates in and out of their encodings, and the two hex forms that every room uses.

Key, certificate and chain in one file: PKCS#12 (RFC 7292), for programs that keep them so.
"""

from collections.abc import Sequence
from typing import assert_never

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from sinetti.domain.values import KeyType, Serial, Sha256
from sinetti.pki import spki

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""The private keys that this project makes and uses."""

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""The public keys that it looks into; any other kind is refused where it comes in."""

AnyPublicKey = PublicKeyTypes
"""Whatever cryptography reads out of a request or certificate."""

ORGANISATION_LIMIT = 64
"""ub-organization-name, in characters (RFC 5280, appendix A.1)."""

_EXPONENT = 65_537


def generate_key(kind: KeyType) -> PrivateKey:
    """Make a key pair with the machine's own randomness; RSA with the exponent 65537."""
    match kind:
        case KeyType.RSA_2048:
            return rsa.generate_private_key(_EXPONENT, 2048)
        case KeyType.RSA_3072:
            return rsa.generate_private_key(_EXPONENT, 3072)
        case KeyType.RSA_4096:
            return rsa.generate_private_key(_EXPONENT, 4096)
        case KeyType.EC_P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyType.EC_P384:
            return ec.generate_private_key(ec.SECP384R1())
        case never:
            assert_never(never)


def load_private_key(pem: bytes, passphrase: bytes | None = None, *, tests_primes: bool = True) -> PrivateKey:
    """Read a PEM private key, RSA or EC.

    Without `tests_primes` the numbers of an RSA key are only compared with each other, in 35 µs instead of 40 ms. A
    damaged octet still shows. That is for keys which are looked at, not used.

    Raises ValueError with a sentence that says why, and never with anything of the key or passphrase in it.
    """
    try:
        key = load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=not tests_primes)
    except TypeError:
        why = "the key is encrypted and no passphrase was given, or the other way round"
        raise ValueError(why) from None
    except (ValueError, UnsupportedAlgorithm):
        why = "this is no PEM private key, or the passphrase is wrong"
        raise ValueError(why) from None
    if not isinstance(key, PrivateKey):
        why = "the key is neither RSA nor EC"
        raise ValueError(why)  # noqa: TRY004 -- the octets are wrong, not the caller's types
    if isinstance(key, rsa.RSAPrivateKey) and not tests_primes and not _is_consistent(key):
        why = "the numbers of the key do not belong together"
        raise ValueError(why)
    return key


def _is_consistent(key: rsa.RSAPrivateKey) -> bool:
    """Compare the numbers of an RSA private key with each other (RFC 8017, 3.2)."""
    numbers = key.private_numbers()
    p, q, d, public = numbers.p, numbers.q, numbers.d, numbers.public_numbers
    return (
        min(p, q) > 1
        and p * q == public.n
        and d * public.e % (p - 1) == d * public.e % (q - 1) == 1
        and numbers.dmp1 == d % (p - 1)
        and numbers.dmq1 == d % (q - 1)
        and numbers.iqmp * q % p == 1
    )


def passphrase_matches(pem: bytes, passphrase: bytes) -> bool:
    """Whether a passphrase opens a PEM private key.

    The key itself is not looked at: that takes 0.2 s for RSA 4096.
    """
    try:
        load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=True)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return True


LONGEST_PASSPHRASE = 1023
"""Octets: OpenSSL takes no longer ones for keys."""


def dump_private_key(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """PKCS#8 in PEM: encrypted (PBES2: PBKDF2-SHA-256 and AES-256, well under a millisecond to open), or bare for None.

    The few rounds of PBKDF2 suppose a passphrase of high entropy, as a machine makes it, not one that people remember.
    """
    how: KeySerializationEncryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def certificate_pem(der: bytes) -> bytes:
    """Write the same certificate as PEM (RFC 7468), its last line ended.

    Raises ValueError if it is no certificate.
    """
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def certificate_der(certificate: x509.Certificate) -> bytes:
    """Give the octets of a certificate in DER."""
    return certificate.public_bytes(Encoding.DER)


def load_certificate(octets: bytes) -> x509.Certificate:
    """Read one certificate, DER or PEM (of a PEM file with several: the first).

    Raises ValueError with a sentence that people can read, also where its key describes an elliptic curve.
    """
    # DER comes first: what opens PEM may also stand inside a name.
    for load in (x509.load_der_x509_certificate, x509.load_pem_x509_certificate):
        try:
            certificate = load(octets)
        except (ValueError, x509.InvalidVersion):
            continue
        return spki.checked(certificate)
    why = "this is no X.509 certificate, neither DER nor PEM"
    raise ValueError(why)


def sha256_hex(octets: bytes) -> Sha256:
    """SHA-256 in lower-case hex: 64 digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(octets)
    return Sha256(digest.finalize().hex())


def serial_hex(number: int) -> Serial:
    """Write a serial number in lower-case hex, an even number of digits.

    Raises ValueError for a negative one: no certificate has it that keeps to RFC 5280, 4.1.2.2.
    """
    if number < 0:
        why = "its serial number is negative"
        raise ValueError(why)
    return Serial(number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big").hex())


def organisation_name(name: str) -> str:
    """Give the name as it may stand in a subject: its first 64 characters, no blanks at either end (facts sheet, 4)."""
    return name.strip()[:ORGANISATION_LIMIT].rstrip()


_ROUNDS, _ROUNDS_LEGACY = 20_000, 2048
"""Rounds of key derivation.

The old form is of no strength anyway: some of its readers take no more.
"""


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
