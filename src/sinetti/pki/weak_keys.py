"""RSA moduli that anybody can factor: four quick tests on the number alone. `n` is odd and at least 2048 bits."""

from itertools import compress
from math import gcd, isqrt, prod

_SMALL_LIMIT = 10_000
_FERMAT_ROUNDS = 300
_ROCA_LIMIT = 167
_ROCA_GENERATOR = 65_537
_LEAST_ONES, _MOST_ONES = 40, 60
_SIEVE, _FINER = 16 * 9 * 5 * 7, 11 * 13 * 17


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


def _squares(modulus: int) -> bytes:
    """Mark the remainders that squares leave."""
    reached = {root * root % modulus for root in range(modulus)}
    return bytes(number in reached for number in range(modulus))


_SMALL_PRODUCT = prod(primes_to(_SMALL_LIMIT))
_SQUARES, _FINER_SQUARES = _squares(_SIEVE), _squares(_FINER)
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


def has_biased_bits(modulus: int) -> bool:
    """Whether far fewer or more of its bits are set than chance sets: 40 to 60 in a hundred are taken.

    Generators that fill numbers with zeros make such ones, and then they factor like polynomials (badkeys, "rsapoly"
    and "rsabias"). A sound key of 2048 bits is as uneven less than once in 10^18.
    """
    return not _LEAST_ONES * modulus.bit_length() <= 100 * modulus.bit_count() <= _MOST_ONES * modulus.bit_length()


def has_close_primes(modulus: int) -> bool:
    """Whether Fermat's method factors it within 300 rounds: both primes nearly equal (CVE-2022-26320), or a square.

    Small remainders spare most rounds the big numbers and the costly root; their tables fit a processor's first cache.
    """
    middle = isqrt(modulus - 1) + 1
    rest = middle * middle - modulus
    step, left = 2 * middle % _SIEVE + 1, rest % _SIEVE
    for turn in range(_FERMAT_ROUNDS):
        if _SQUARES[left]:
            whole = rest + turn * (2 * middle + turn)
            if _FINER_SQUARES[whole % _FINER] and isqrt(whole) ** 2 == whole:
                return True
        left = (left + step) % _SIEVE
        step += 2
    return False
