from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyPolicy, KeyType
from sinetti.pki.key_policy import check_key_policy, have_common_factor, is_rsa, key_id, key_type
from tests.pki.weak_numbers import next_prime, roca_factor, with_a_prime_of
from tests.support.authority import holder_key

EVERYTHING = KeyPolicy()
BENCH = KeyPolicy(small_exponent=True)
REFUSED = Rejection(RejectionReason.KEY_NOT_ACCEPTED)
MODULUS = holder_key(1, KeyType.RSA_2048).public_key().public_numbers().n


def rsa_public(modulus: int, exponent: int = 65_537) -> rsa.RSAPublicKey:
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


@pytest.mark.parametrize("kind", KeyType)
def test_every_type_of_ours_is_taken_and_gets_its_id(kind):
    public_key = holder_key(1, kind).public_key()
    assert check_key_policy(public_key, EVERYTHING) == key_id(public_key)


EXPONENTS = {
    "the usual one": (65_537, EVERYTHING, True),
    "the greatest odd one within bounds": (2**32 - 1, EVERYTHING, True),
    "beyond the bounds": (2**32 + 1, EVERYTHING, False),
    "a huge one": (2**2000 + 1, EVERYTHING, False),
    "between 3 and 65537": (17, BENCH, False),
    "one below 65537": (65_535, EVERYTHING, False),
    "3 without the switch": (3, EVERYTHING, False),
    "3 with the switch": (3, BENCH, True),
}


@pytest.mark.parametrize(("exponent", "policy", "taken"), EXPONENTS.values(), ids=EXPONENTS)
def test_exponents(exponent, policy, taken):
    assert (check_key_policy(rsa_public(MODULUS, exponent), policy) != REFUSED) is taken


SIZES = {
    "RSA of 1024 bits": 1024,
    "RSA of 2047 bits": 2047,
    "RSA of 2049 bits": 2049,
    "RSA of 8192 bits": 8192,
}


@pytest.mark.parametrize("bits", SIZES.values(), ids=SIZES)
def test_rsa_sizes_count_exactly(bits):
    odd = (1 << (bits - 1)) + 9
    assert key_type(rsa_public(odd)) is None
    assert check_key_policy(rsa_public(odd), EVERYTHING) == REFUSED


CLOSE = next_prime(2**1023 + 2**1022)
WEAK = {
    "an even modulus": (1 << 2047) + 2,
    "a small factor": 9973 * ((1 << 2047) // 9973 + 2),
    "primes of the ROCA shape": roca_factor(5 * 2**802, 5) * roca_factor(5 * 2**802, 11),
    "primes close to each other": CLOSE * next_prime(CLOSE + 2),
}


@pytest.mark.parametrize("modulus", WEAK.values(), ids=WEAK)
def test_weak_moduli_are_refused(modulus):
    assert modulus.bit_length() == 2048
    assert check_key_policy(rsa_public(modulus), EVERYTHING) == REFUSED


IDS = {
    "RSA: the modulus, whatever the exponent": (
        rsa_public(MODULUS, 3),
        sha256(MODULUS.to_bytes(256, "big")).hexdigest(),
    ),
    "EC: curve and uncompressed point": (
        (POINT := holder_key().public_key()),
        sha256(b"secp256r1" + POINT.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).hexdigest(),
    ),
}


@pytest.mark.parametrize(("public_key", "expected"), IDS.values(), ids=IDS)
def test_a_key_has_one_id_in_every_encoding(public_key, expected):
    assert key_id(public_key) == expected


def test_a_compressed_point_has_the_id_of_the_uncompressed_one():
    octets = POINT.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    assert key_id(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)) == key_id(POINT)


def test_other_algorithms_have_no_id():
    with pytest.raises(ValueError, match="only RSA and EC"):
        key_id(ed25519.Ed25519PrivateKey.generate().public_key())


def test_a_policy_narrows_the_types():
    only_rsa = KeyPolicy(types=frozenset({KeyType.RSA_2048}))
    assert check_key_policy(POINT, only_rsa) == REFUSED
    assert check_key_policy(rsa_public(MODULUS), only_rsa) == key_id(rsa_public(MODULUS))


def test_is_rsa_tells_the_family():
    assert is_rsa(rsa_public(MODULUS))
    assert not is_rsa(POINT)


OTHERS = {
    "Ed25519": ed25519.Ed25519PrivateKey.generate().public_key(),
    "EC on P-521": ec.generate_private_key(ec.SECP521R1()).public_key(),
    "EC on secp256k1": ec.generate_private_key(ec.SECP256K1()).public_key(),
}


@pytest.mark.parametrize("public_key", OTHERS.values(), ids=OTHERS)
def test_other_algorithms_and_curves_are_refused(public_key):
    assert key_type(public_key) is None
    assert check_key_policy(public_key, EVERYTHING) == REFUSED


ONE, OTHER = holder_key(1, KeyType.RSA_2048), holder_key(2, KeyType.RSA_2048)
THIRD = with_a_prime_of(ONE, OTHER)
SHARING = {
    "the first's prime": (ONE, THIRD, True),
    "the second's prime": (THIRD, OTHER, True),
    "no prime": (ONE, OTHER, False),
    "the same key": (ONE, ONE, False),
    "RSA and EC": (ONE, holder_key(1), False),
    "EC and RSA": (holder_key(1), ONE, False),
}


@pytest.mark.parametrize(("first", "second", "shared"), SHARING.values(), ids=SHARING)
def test_keys_that_share_a_factor(first, second, shared):
    assert have_common_factor(first.public_key(), second.public_key()) is shared


def test_one_look_at_a_key_that_shares_a_factor_finds_nothing():
    assert check_key_policy(THIRD.public_key(), EVERYTHING) == key_id(THIRD.public_key())
