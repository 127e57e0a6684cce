"""RSA moduli that anybody can factor: three quick tests on the number alone. `n` is odd and at least 2048 bits."""

from itertools import compress
from math import gcd, isqrt, prod

_SMALL_LIMIT = 10_000
_FERMAT_ROUNDS = 300
_ROCA_LIMIT = 167
_ROCA_GENERATOR = 65_537
_SIEVE = 3465
_SQUARES_MOD_64 = frozenset(number * number % 64 for number in range(64))
_SQUARES_MOD_SIEVE = frozenset(number * number % _SIEVE for number in range(_SIEVE))


def primes_to(limit: int) -> tuple[int, ...]:
    """Every odd prime up to and with `limit`, by the sieve of Eratosthenes."""
    marks = bytearray([1]) * (limit + 1)
    for number in range(3, isqrt(limit) + 1, 2):
        marks[number * number :: number] = bytes(len(marks[number * number :: number]))
    return tuple(compress(range(3, limit + 1, 2), marks[3::2]))


def _subgroup(prime: int) -> frozenset[int]:
    """List what the powers of 65537 reach modulo this prime."""
    reached, power = set[int](), 1
    while power not in reached:
        reached.add(power)
        power = power * _ROCA_GENERATOR % prime
    return frozenset(reached)


_SMALL_PRODUCT = prod(primes_to(_SMALL_LIMIT))
_ROCA_SUBGROUPS = {prime: _subgroup(prime) for prime in primes_to(_ROCA_LIMIT)}


def has_small_factor(modulus: int) -> bool:
    """Whether a prime below 10,000 divides it (NIST SP 800-89, 5.3.3, asks for 752)."""
    return gcd(modulus, _SMALL_PRODUCT) != 1


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether it looks like a key of the library of CVE-2017-15361 ("ROCA").

    That library made primes k·M + (65537^a mod M) with M a product of the first primes, so the modulus is a power of
    65537 modulo each of them (Nemec et al., "The Return of Coppersmith's Attack", 2017, section 3). A sound key is
    taken for such a one less than once in a hundred million.
    """
    return all(modulus % prime in subgroup for prime, subgroup in _ROCA_SUBGROUPS.items())


def _is_square(number: int) -> bool:
    """Whether it is a square; the residues modulo 64 and 9·5·7·11 spare 98 of 100 numbers the costly root."""
    if number & 63 not in _SQUARES_MOD_64 or number % _SIEVE not in _SQUARES_MOD_SIEVE:
        return False
    return isqrt(number) ** 2 == number


def has_close_primes(modulus: int) -> bool:
    """Whether Fermat's method factors it within 300 rounds: both primes nearly equal (CVE-2022-26320), or a square."""
    middle = isqrt(modulus - 1) + 1
    rest = middle * middle - modulus
    for _ in range(_FERMAT_ROUNDS):
        if _is_square(rest):
            return True
        rest += 2 * middle + 1
        middle += 1
    return False
