"""Key policy: accepted public keys, the id of a key, and weak RSA moduli.

The id is the same in all encodings of a key. Four quick tests on the modulus alone detect RSA moduli that an attacker
can factor. `n` is odd and at least 2048 bits.

SubjectPublicKeyInfo of a certificate or request (RFC 5280, 4.1.2.7).

Its EC curve must be named, not described: RFC 5480, 2.1.1, forbids a description (specifiedCurve). The library accepts
a description that equals a known curve, and then shows the key as if the curve were named. Other programs trusted
descriptions with another generator (CVE-2020-0601). Checks of incoming certificates and requests therefore reject a
description.
"""

from itertools import compress
from math import gcd, isqrt, prod

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyId, KeyPolicy, KeyType
from sinetti.pki.encoding import AnyPublicKey, sha256_hex

_SMALL_LIMIT = 10_000
_FERMAT_ROUNDS = 300
_ROCA_LIMIT = 167
_ROCA_GENERATOR = 65_537
_LEAST_ONES, _MOST_ONES = 40, 60
_FERMAT_SIEVES = (64, 63, 65, 11, 17, 19, 23, 29, 31)


def primes_to(limit: int) -> tuple[int, ...]:
    """Return the odd primes up to and including `limit`, by the sieve of Eratosthenes."""
    marks = bytearray([1]) * (limit + 1)
    for number in range(3, isqrt(limit) + 1, 2):
        marks[number * number :: number] = bytes(len(marks[number * number :: number]))
    return tuple(compress(range(3, limit + 1, 2), marks[3::2]))


def _subgroup(prime: int) -> frozenset[int]:
    """Return the residues of the powers of 65537 modulo this prime."""
    reached, power = set[int](), 1
    while power not in reached:
        reached.add(power)
        power = power * _ROCA_GENERATOR % prime
    return frozenset(reached)


def _sieve(modulus: int) -> tuple[int, ...]:
    """Return, for each residue of n, a mask of the x for which x² − n may be a square.

    It repeats with the period `modulus`, for as many x as Fermat's method tries.
    """
    squares = {root * root % modulus for root in range(modulus)}
    repeats = sum(1 << place for place in range(0, modulus + _FERMAT_ROUNDS, modulus))
    return tuple(
        repeats * sum(1 << x for x in range(modulus) if (x * x - n) % modulus in squares) for n in range(modulus)
    )


_SMALL_PRODUCT = prod(primes_to(_SMALL_LIMIT))
_SIEVES, _SIEVES_PRODUCT = {modulus: _sieve(modulus) for modulus in _FERMAT_SIEVES}, prod(_FERMAT_SIEVES)
_ROCA_SUBGROUPS = {prime: _subgroup(prime) for prime in primes_to(_ROCA_LIMIT)}


def has_small_factor(modulus: int) -> bool:
    """Return True if a prime below 10,000 divides the modulus.

    NIST SP 800-89, 5.3.3, requires 752.
    """
    return gcd(modulus, _SMALL_PRODUCT) != 1


def has_roca_fingerprint(modulus: int) -> bool:
    """Return True for the pattern of keys of CVE-2017-15361 ("ROCA").

    That library generated primes k·M + (65537^a mod M) with M a product of the first primes. The modulus is therefore
    a power of 65537 modulo each of them (Nemec et al., "The Return of Coppersmith's Attack", 2017, section 3). A sound
    key matches less than once in a hundred million.
    """
    return all(modulus % prime in subgroup for prime, subgroup in _ROCA_SUBGROUPS.items())


def has_biased_bits(modulus: int) -> bool:
    """Return True unless 40 to 60 per cent of the modulus' bits are set.

    Generators that fill numbers with zeros produce such moduli, which factor like polynomials (badkeys, "rsapoly" and
    "rsabias"). A sound key of 2048 bits is as uneven less than once in 10^18.
    """
    return not _LEAST_ONES * modulus.bit_length() <= 100 * modulus.bit_count() <= _MOST_ONES * modulus.bit_length()


def has_close_primes(modulus: int) -> bool:
    """Return True if Fermat's method factors the modulus within 300 rounds.

    Both primes are then nearly equal (CVE-2022-26320), or it is a square. Masks of small residues leave one round in
    3,000 to the big numbers and the costly root.
    """
    middle = isqrt(modulus - 1) + 1
    residue, start = modulus % _SIEVES_PRODUCT, middle % _SIEVES_PRODUCT
    left = (1 << _FERMAT_ROUNDS) - 1
    for small, sieve in _SIEVES.items():
        left &= sieve[residue % small] >> start % small
    while left:
        whole = (middle + (left & -left).bit_length() - 1) ** 2 - modulus
        if isqrt(whole) ** 2 == whole:
            return True
        left &= left - 1
    return False


_RSA_TYPES = {2048: KeyType.RSA_2048, 3072: KeyType.RSA_3072, 4096: KeyType.RSA_4096}
_EC_TYPES = {"secp256r1": KeyType.EC_P256, "secp384r1": KeyType.EC_P384}

_SMALL_EXPONENT = 3
# Lower bound: FIPS 186-5, A.1.1. The upper one keeps a verification cheap: a huge exponent costs 5 ms (facts sheet, 4).
_LEAST_EXPONENT, _GREATEST_EXPONENT = 65_537, 2**32


def key_type(public_key: AnyPublicKey) -> KeyType | None:
    """Return the key type, or None for any other algorithm, curve or size.

    RSA sizes must match exactly.
    """
    match public_key:
        case rsa.RSAPublicKey():
            return _RSA_TYPES.get(public_key.key_size)
        case ec.EllipticCurvePublicKey():
            return _EC_TYPES.get(public_key.curve.name)
        case _:
            return None


def key_id(public_key: AnyPublicKey) -> KeyId:
    """Return the id of a key: SHA-256 over its numbers in lower-case hex.

    A used key therefore has the same id in every encoding. The facts sheet, 4, defines the octets:

    - RSA: the modulus alone, big-endian without leading zeros.
    - EC: the curve's name in ASCII ("secp256r1"), then the uncompressed point (SEC 1, 2.3.3).

    Raises ValueError for any other algorithm.
    """
    match public_key:
        case rsa.RSAPublicKey():
            modulus = public_key.public_numbers().n
            return KeyId(sha256_hex(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")))
        case ec.EllipticCurvePublicKey():
            point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return KeyId(sha256_hex(public_key.curve.name.encode() + point))
        case _:
            raise ValueError("only RSA and EC keys have a key id")


def check_key_policy(public_key: AnyPublicKey, policy: KeyPolicy) -> KeyId | Rejection:
    """Return the id of a key, or KEY_NOT_ACCEPTED.

    A key is rejected if its type, size or exponent is outside the policy, or if it is known to be weak. The check
    looks at numbers only and verifies nothing with the key. It is therefore cheap and may come first.
    """
    if key_type(public_key) not in policy.types:
        return Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        if not _exponent_in_bounds(numbers.e, policy) or _is_weak(numbers.n):
            return Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    return key_id(public_key)


def have_common_factor(first: AnyPublicKey, second: AnyPublicKey) -> bool:
    """Return True if two RSA keys have exactly one prime in common.

    An observer of both keys can then compute both private keys. Machines that generate keys without enough randomness
    produce such pairs (Heninger et al., "Mining Your Ps and Qs", 2012). Equal moduli are the same key and do not
    count.
    """
    if not isinstance(first, rsa.RSAPublicKey) or not isinstance(second, rsa.RSAPublicKey):
        return False
    number, other = first.public_numbers().n, second.public_numbers().n
    return number != other and gcd(number, other) != 1


def _exponent_in_bounds(exponent: int, policy: KeyPolicy) -> bool:
    if exponent == _SMALL_EXPONENT:
        return policy.small_exponent
    return exponent % 2 == 1 and _LEAST_EXPONENT <= exponent <= _GREATEST_EXPONENT


def _is_weak(modulus: int) -> bool:
    if modulus % 2 == 0 or has_biased_bits(modulus):
        return True
    return has_small_factor(modulus) or has_roca_fingerprint(modulus) or has_close_primes(modulus)


def is_rsa(public_key: AnyPublicKey) -> bool:
    """Return True for an RSA key of any size."""
    return isinstance(public_key, rsa.RSAPublicKey)
