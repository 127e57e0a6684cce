"""Numbers for weak keys, good enough for tests but not for cryptography."""

from math import gcd, prod

from cryptography.hazmat.primitives.asymmetric import rsa

from sinetti.pki.key_policy import primes_to

_BASES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
_SMALL = prod(primes_to(2000))


# 39 primes: what the library of CVE-2017-15361 multiplied for its smaller keys, a factor of every larger M as well.
ROCA_M = 2 * prod(primes_to(167))


def roca_factor(times: int, exponent: int) -> int:
    """Make a number of the weak library's shape, the only property that matters."""
    return times * ROCA_M + pow(65_537, exponent, ROCA_M)


def is_probable_prime(number: int) -> bool:
    """Apply the Miller–Rabin test to an odd number above 37.

    The bases are the first twelve primes.
    """
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, base, odd, twos) for base in _BASES)


def next_prime(start: int) -> int:
    """Find the first probable prime at or above a large number."""
    number = start | 1
    while gcd(number, _SMALL) != 1 or not is_probable_prime(number):
        number += 2
    return number


def near_prime(start: int) -> int:
    """Find the first number at or above `start` that no prime up to 37 divides."""
    number = start | 1
    while any(number % base == 0 for base in _BASES):
        number += 2
    return number


def with_a_prime_of(first: rsa.RSAPrivateKey, second: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
    """Make a third key from a prime of each of two keys.

    It is sound by itself, but not beside either of them.
    """
    p, q = first.private_numbers().p, second.private_numbers().q
    exponent = 65_537
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public).private_key()


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in {1, number - 1}:
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False
