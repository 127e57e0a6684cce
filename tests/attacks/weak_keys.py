"""RSA keys that anyone can break, made here.

`badkeys`, an independent program, confirms their weakness. The attacks on them work for factors that are not primes,
too. Factors beside a real prime therefore only have no small factor.
"""

from collections.abc import Callable
from functools import cache
from math import gcd, prod
from random import Random

from sinetti.domain.values import KeyType
from sinetti.pki.key_policy import primes_to
from tests.attacks.csrs import info, integer, rsa_key, unsigned
from tests.pki.weak_numbers import roca_factor
from tests.support.authority import holder_key

WEAK = (
    *(f"RSA {bits}" for bits in (512, 1024, 1536, 2047, 8192)),
    "primes of ROCA",
    "factors beside each other",
    "factors that share their first half",
    "one prime twice",
    "divided by 3",
    "divided by 9973",
    "a modulus of few bits",
    "a modulus of many bits",
    "an exponent of 1",
    "an exponent of 3",
    "a short private exponent",
)
ODD = (
    *(f"an exponent of {what}" for what in ("0", "2", "-1", "17", "65535", "33 bits", "65 bits", "2000 bits")),
    "an even exponent",
    "an exponent above the modulus",
    "an even modulus",
    "a negative modulus",
    "a modulus of 0",
)
"""Names of unsuitable keys by their fault; the keys are made only when needed."""

_SMALL = 2 * prod(primes_to(65_537))
_CHANCE = Random(20_260_302)  # noqa: S311 - the same numbers in each run, for test keys alone


def _number(bits: int) -> int:
    """Return an odd random number that no small prime divides.

    Its first two bits are set.
    """
    return _beside(_CHANCE.getrandbits(bits) | 3 << (bits - 2))


def _beside(number: int) -> int:
    number |= 1
    while gcd(number, _SMALL) != 1:
        number += 2
    return number


def _until_sound(make: Callable[[], int]) -> int:
    """Make numbers until one has no small factor; return it.

    It is then weak for one reason alone.
    """
    while gcd(number := make(), _SMALL) != 1:
        pass
    return number


def _primes() -> tuple[int, int]:
    numbers = holder_key(1, KeyType.RSA_2048).private_numbers()
    return numbers.p, numbers.q


def _short() -> tuple[int, int]:
    """Return modulus and exponent of a key with a short private exponent.

    The public exponent is then as long as the modulus (Wiener, 1990).
    """
    first, second = _primes()
    order, private = (first - 1) * (second - 1), 1 << 300 | 1
    while gcd(private, order) != 1:
        private += 2
    return first * second, pow(private, -1, order)


def _roca() -> int:
    return _until_sound(
        lambda: (
            roca_factor(5 * 2**802 + _CHANCE.getrandbits(700), 5)
            * roca_factor(5 * 2**802 + _CHANCE.getrandbits(700), 11)
        )
    )


def _sparse() -> int:
    """Multiply factors whose words of 128 bits are nearly empty.

    A generator with few random bits fills words like this.
    """

    def factor() -> int:
        words = sum((_CHANCE.getrandbits(7) << 128 * place) for place in range(7))
        return words + (3 << 1022) | 1

    return _until_sound(lambda: factor() * factor())


@cache
def weak() -> dict[str, tuple[int, int, str]]:
    """Return modulus, exponent and badkeys' name of each weak key, by its fault."""
    prime, other = _primes()
    made = {
        **{f"RSA {bits}": (_number(bits), "rsawarnings") for bits in (512, 1024, 1536, 2047, 8192)},
        "primes of ROCA": (_roca(), "roca"),
        "factors beside each other": (prime * _beside(prime + 2), "fermat"),
        "factors that share their first half": (prime * _beside(prime + (1 << 510)), "fermat"),
        "one prime twice": (prime * prime, "fermat"),
        "divided by 3": (3 * _number(2046), "smallfactors"),
        "divided by 9973": (9973 * _beside((3 << 2046) // 9973), "smallfactors"),
        "a modulus of few bits": (_sparse(), "rsapoly"),
        "a modulus of many bits": (_beside((1 << 2048) - (1 << 1700)), "rsabias"),
    }
    return {
        **{what: (modulus, 65_537, called) for what, (modulus, called) in made.items()},
        "an exponent of 1": (prime * other, 1, "rsainvalid"),
        "an exponent of 3": (prime * other, 3, "rsawarnings"),
        "a short private exponent": (*_short(), "smalld"),
    }


@cache
def odd() -> dict[str, tuple[int, int]]:
    """Return modulus and exponent of the unsuitable keys, by their fault.

    A sound modulus has exponents outside the policy. Other numbers are no modulus.
    """
    sound = prod(_primes())
    return {
        "an exponent of 0": (sound, 0),
        "an exponent of 2": (sound, 2),
        "an exponent of -1": (sound, -1),
        "an exponent of 17": (sound, 17),
        "an exponent of 65535": (sound, 65_535),
        "an even exponent": (sound, 65_538),
        "an exponent of 33 bits": (sound, 2**32 + 1),
        "an exponent of 65 bits": (sound, 2**64 + 1),
        "an exponent of 2000 bits": (sound, 2**1999 + 1),
        "an exponent above the modulus": (sound, sound + 2),
        "an even modulus": (sound + 1, 65_537),
        "a negative modulus": (-sound, 65_537),
        "a modulus of 0": (0, 65_537),
    }


def rsa_request(what: str) -> bytes:
    """Return a request for one of these keys.

    It has no valid signature, since the service checks the key first.
    """
    modulus, exponent = odd()[what] if what in ODD else weak()[what][:2]
    return unsigned(info(rsa_key(integer(modulus), integer(exponent))))
