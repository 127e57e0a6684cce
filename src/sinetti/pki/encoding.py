"""Encodings of keys and certificates, and the two hex forms of all packages.

PKCS#12 (RFC 7292) contains key, certificate and chain in one file, for programs that need it.

Plain signatures of X.509.

They are RSA PKCS#1 v1.5 (RFC 8017, 8.2) and ECDSA in DER (RFC 3279, 2.2.3).
"""

from collections.abc import Sequence
from typing import assert_never

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
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
from sinetti.pki.crl_splice import element

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""Private key types that this project creates and uses."""

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
"""Public key types that this project reads; input checks reject any other type."""

AnyPublicKey = PublicKeyTypes
"""Public key types that cryptography reads from requests and certificates."""

ORGANISATION_LIMIT = 64
"""ub-organization-name, in characters (RFC 5280, appendix A.1)."""

_EXPONENT = 65_537


def generate_key(kind: KeyType) -> PrivateKey:
    """Generate a key pair with the machine's randomness; RSA with the exponent 65537."""
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
    """Load a PEM private key, RSA or EC.

    Without `tests_primes` the numbers of an RSA key are only compared with each other, in 35 µs instead of 40 ms. The
    comparison still detects a damaged octet. It is for keys that are inspected, not used.

    Raises ValueError with a sentence for users. The sentence contains no part of the key or passphrase.
    """
    try:
        key = load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=not tests_primes)
    except TypeError:
        raise ValueError(
            "the key is encrypted, and its passphrase is missing"
            if passphrase is None
            else "the key is not encrypted, so it needs no passphrase"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        is_encrypted = passphrase is not None and b"ENCRYPTED" in pem
        raise ValueError("the passphrase is wrong" if is_encrypted else "this is not a private key in PEM") from None
    if not isinstance(key, PrivateKey):
        raise ValueError("the key is neither RSA nor EC")  # noqa: TRY004 -- the octets are wrong, not the caller's types
    if isinstance(key, rsa.RSAPrivateKey) and not tests_primes and not _is_consistent(key):
        raise ValueError("the numbers in the key do not match each other")
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
    """Return True if a passphrase decrypts a PEM private key.

    The key itself is not checked, since that takes 0.2 s for RSA 4096.
    """
    try:
        load_pem_private_key(pem, passphrase, unsafe_skip_rsa_key_validation=True)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False
    return True


LONGEST_PASSPHRASE = 1023
"""Longest passphrase in octets, the limit of OpenSSL for keys."""


def dump_private_key(key: PrivateKey, passphrase: bytes | None) -> bytes:
    """Encode a private key as PKCS#8 in PEM, encrypted or, without passphrase, bare.

    Encryption is PBES2 with PBKDF2-SHA-256 and AES-256; decryption takes well under a millisecond. The few rounds of
    PBKDF2 require a machine-generated passphrase of high entropy, not one that people remember.
    """
    how: KeySerializationEncryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def certificate_pem(der: bytes) -> bytes:
    """Convert a certificate to PEM (RFC 7468), with a line end.

    Raises ValueError if it is no certificate.
    """
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def certificate_der(certificate: x509.Certificate) -> bytes:
    """Return the DER of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def load_certificate(octets: bytes) -> x509.Certificate:
    """Load one certificate, DER or PEM (the first of a PEM file with several).

    Raises ValueError with a sentence for users, also if its key describes an elliptic curve.
    """
    # DER comes first: the marker of PEM may also occur inside a name.
    for load in (x509.load_der_x509_certificate, x509.load_pem_x509_certificate):
        try:
            certificate = load(octets)
        except (ValueError, x509.InvalidVersion):
            continue
        return checked(certificate)
    raise ValueError("this is not an X.509 certificate in DER or PEM")


def sha256_hex(octets: bytes) -> Sha256:
    """Return the SHA-256 in lower-case hex: 64 digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(octets)
    return Sha256(digest.finalize().hex())


def serial_hex(number: int) -> Serial:
    """Format a serial number in lower-case hex, an even number of digits.

    Raises ValueError for a negative one, which RFC 5280, 4.1.2.2, forbids.
    """
    if number < 0:
        raise ValueError("its serial number is negative")
    return Serial(number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big").hex())


def organisation_name(name: str) -> str:
    """Return the name for a subject: 64 characters at most, trimmed (facts sheet, 4)."""
    return name.strip()[:ORGANISATION_LIMIT].rstrip()


_ROUNDS, _ROUNDS_LEGACY = 20_000, 2048
"""Rounds of key derivation, of the modern and of the legacy form.

The legacy form has no strength anyway, and some of its readers accept no more.
"""


def is_password(octets: bytes) -> bool:
    """Return True for a password that PKCS#12 accepts and a person can type.

    It is one line of UTF-8 without byte order mark.
    """
    try:
        return octets.decode().isprintable() and bool(octets)
    except UnicodeDecodeError:
        return False


def dump(
    name: str, key: PrivateKey | None, chain: Sequence[x509.Certificate], password: bytes, *, legacy: bool
) -> bytes:
    """Encode a PKCS#12 file with the friendly name `name`.

    The certificate comes first in `chain`, then those above it. `password` satisfies `is_password`. The modern form
    uses PBES2 with AES-256 and HMAC-SHA-256. The legacy form uses 3DES and HMAC-SHA-1, which an attacker with the file
    can break.
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
        # Without a key each certificate has its own name; the first one gets the friendly name.
        bags = [
            pkcs12.PKCS12Certificate(certificate, friendly if certificate is chain[0] else None)
            for certificate in chain
        ]
        return pkcs12.serialize_key_and_certificates(None, None, None, bags, how.build(password))
    return pkcs12.serialize_key_and_certificates(friendly, key, chain[0], chain[1:], how.build(password))


X509Hash = hashes.SHA256 | hashes.SHA384
"""Hash algorithms of our own signatures."""

_P384_BITS = 384

# AlgorithmIdentifier in DER: RSA has a NULL as parameter (RFC 4055, 5), ECDSA none (RFC 5758, 3.2).
_SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_WITH_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")


def hash_for(public_key: PublicKey) -> X509Hash:
    """Return the hash for a signer's key (RFC 5758, 3.2).

    It is SHA-256 for RSA and P-256, SHA-384 for P-384.
    """
    if isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.key_size >= _P384_BITS:
        return hashes.SHA384()
    return hashes.SHA256()


def algorithm_identifier(public_key: PublicKey) -> bytes:
    """Return the AlgorithmIdentifier of a key's signatures, in DER.

    The source is RFC 5280, 4.1.1.2.
    """
    if isinstance(public_key, rsa.RSAPublicKey):
        return _SHA256_WITH_RSA
    return _ECDSA_WITH_SHA384 if isinstance(hash_for(public_key), hashes.SHA384) else _ECDSA_WITH_SHA256


def sign(private_key: PrivateKey, octets: bytes) -> bytes:
    """Sign octets with the hash that `hash_for` names."""
    chosen = hash_for(private_key.public_key())
    if isinstance(private_key, rsa.RSAPrivateKey):
        return private_key.sign(octets, padding.PKCS1v15(), chosen)
    return private_key.sign(octets, ec.ECDSA(chosen))


def verify(public_key: PublicKey, octets: bytes, signature: bytes) -> bool:
    """Return True if this key made the signature, with the hash of `hash_for`."""
    chosen = hash_for(public_key)
    try:
        if isinstance(public_key, rsa.RSAPublicKey):
            public_key.verify(signature, octets, padding.PKCS1v15(), chosen)
        else:
            public_key.verify(signature, octets, ec.ECDSA(chosen))
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def verify_digest(
    public_key: ec.EllipticCurvePublicKey, digest: bytes, hashed: hashes.HashAlgorithm, signature: bytes
) -> bool:
    """Return True if this key made the signature of a digest.

    Raises ValueError if the digest has another length than the hash.
    """
    try:
        public_key.verify(signature, digest, ec.ECDSA(Prehashed(hashed)))
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


_OBJECT_IDENTIFIER, _VERSION = 0x06, 0xA0
_LONG_FORM = 0x80


_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
"""The OBJECT IDENTIFIER id-ecPublicKey (RFC 5480, 2.1.1), with tag and length."""


_BEFORE_KEY = 5
"""Number of members of a TBSCertificate between its version and the key.

They are serial, signature, issuer, validity and subject.
"""


_BEFORE_REQUESTED_KEY = 2
"""Number of members of a CertificationRequestInfo before the key (RFC 2986, 4.1).

They are version and subject.
"""


DESCRIBED = "its key describes an elliptic curve instead of naming it (RFC 5480, 2.1.1)"
"""Message for the rejection of such a certificate."""


def describes_curve(certificate: x509.Certificate) -> bool:
    """Return True if the parameters of an EC key are not the name of a curve.

    The result is False for other keys.
    """
    return _is_described(certificate.tbs_certificate_bytes, _BEFORE_KEY)


def request_describes_curve(request: x509.CertificateSigningRequest) -> bool:
    """Return True if the key of a request is such an EC key."""
    return _is_described(request.tbs_certrequest_bytes, _BEFORE_REQUESTED_KEY)


def checked(certificate: x509.Certificate) -> x509.Certificate:
    """Return the certificate.

    Raises ValueError with the text DESCRIBED if its key describes its curve.
    """
    if describes_curve(certificate):
        raise ValueError(DESCRIBED)
    return certificate


def _is_described(signed: bytes, before: int) -> bool:
    """Return True if the key after `before` members describes its curve.

    `signed` was parsed as DER before, so its lengths are valid.
    """
    at, _ = _inside(signed, 0)
    if signed[at] == _VERSION:
        _, at = _inside(signed, at)
    for _ in range(before):
        _, at = _inside(signed, at)
    algorithm, _ = _inside(signed, at)
    identifier, end = _inside(signed, algorithm)
    if signed[identifier : identifier + len(_EC_PUBLIC_KEY)] != _EC_PUBLIC_KEY:
        return False
    parameters = identifier + len(_EC_PUBLIC_KEY)
    return parameters == end or signed[parameters] != _OBJECT_IDENTIFIER


def inner_algorithm(tbs: bytes) -> bytes:
    """Return the AlgorithmIdentifier (DER) in a TBSCertificate of version 3.

    It must have been parsed before.
    """
    at, _ = _inside(tbs, 0)
    _, at = _inside(tbs, at)  # the version
    _, at = _inside(tbs, at)  # the serial number
    return tbs[at : _inside(tbs, at)[1]]


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Return begin and end of the contents of the element at `at`."""
    length, begin = der[at + 1], at + 2
    if length & _LONG_FORM:
        more = length & ~_LONG_FORM
        length, begin = int.from_bytes(der[begin : begin + more], "big"), begin + more
    return begin, begin + length


def signed_part(der: bytes) -> bytes:
    """Return the part of a certificate that is signed.

    It is the first element (RFC 5280, 4.1). Raises ValueError for octets that cannot be one.
    """
    start, _ = element(der, 0)
    _, end = element(der, start)
    return der[start:end]
