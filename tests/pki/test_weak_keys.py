from math import gcd, isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.values import KeyType
from sinetti.pki.key_policy import has_biased_bits, has_close_primes, has_roca_fingerprint, has_small_factor, primes_to
from tests.pki.weak_numbers import near_prime, next_prime, roca_factor
from tests.support.authority import holder_key


def test_the_sieve_finds_the_odd_primes():
    assert primes_to(31) == (3, 5, 7, 11, 13, 17, 19, 23, 29, 31)
    assert len(primes_to(10_000)) == 1228


@given(st.integers(2**800, 2**805), st.integers(2**800, 2**805), st.integers(1, 2**60), st.integers(1, 2**60))
def test_every_modulus_of_the_roca_shape_is_known(first_times, second_times, first_exponent, second_exponent):
    modulus = roca_factor(first_times, first_exponent) * roca_factor(second_times, second_exponent)
    assert has_roca_fingerprint(modulus)


def test_one_step_beside_the_roca_shape_is_not():
    assert not has_roca_fingerprint(roca_factor(2**802, 5) * roca_factor(2**803, 7) + 2)


@pytest.mark.parametrize("factor", [3, 751, 9973])
def test_a_small_factor_is_found(factor):
    assert has_small_factor(factor * near_prime(2**2040))


def test_a_factor_over_the_limit_is_not_looked_for():
    assert not has_small_factor(10_007 * 10_009)


SOUND_PRIME = next_prime(2**512 + 12_345)


@pytest.mark.parametrize("gap", [0, 2, 2**200, 2**257])
def test_primes_close_to_each_other_are_found(gap):
    assert has_close_primes(SOUND_PRIME * next_prime(SOUND_PRIME + gap))


def test_primes_far_from_each_other_are_not():
    assert not has_close_primes(SOUND_PRIME * next_prime(SOUND_PRIME + 2**400))


def plain_fermat(modulus):
    middle = isqrt(modulus - 1) + 1
    return any(isqrt(rest) ** 2 == rest for rest in ((middle + turn) ** 2 - modulus for turn in range(300)))


@given(st.integers(2**40, 2**300), st.integers(0, 400), st.integers(0, 3))
def test_masks_of_residues_skip_no_round(root, turns, more):
    """(root + turns)² − half² is found after `turns` rounds, if (root + turns)² − root² is about half²."""
    half = isqrt((root + turns) ** 2 - root**2) + more
    modulus = abs((root + turns) ** 2 - half**2) | 1
    assert has_close_primes(modulus) is plain_fermat(modulus)


@pytest.mark.parametrize(("turn", "found"), [(299, True), (300, False)])
def test_three_hundred_rounds_are_played(turn, found):
    middle = 10**6 + turn
    half = isqrt(middle**2 - 10**12) + 1
    half += (middle - half + 1) % 2  # the modulus is odd
    modulus = (middle - half) * (middle + half)
    assert isqrt(modulus - 1) + 1 == middle - turn
    assert has_close_primes(modulus) is found


BITS = {
    "hardly any": ((1 << 2047) + 1, True),
    "one fewer than 40 in a hundred": ((1 << 2047) + (1 << 818) - 1, True),
    "40 in a hundred": ((1 << 2047) + (1 << 819) - 1, False),
    "60 in a hundred": ((1 << 2047) + (1 << 1227) - 1, False),
    "one more than 60 in a hundred": ((1 << 2047) + (1 << 1228) - 1, True),
}


@pytest.mark.parametrize(("modulus", "uneven"), BITS.values(), ids=BITS)
def test_bits_that_chance_does_not_set(modulus, uneven):
    assert has_biased_bits(modulus) is uneven


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.RSA_3072, KeyType.RSA_4096])
def test_sound_keys_pass(kind):
    modulus = holder_key(1, kind).public_key().public_numbers().n
    assert not has_small_factor(modulus)
    assert not has_roca_fingerprint(modulus)
    assert not has_close_primes(modulus)
    assert not has_biased_bits(modulus)
    assert gcd(modulus, 2) == 1
