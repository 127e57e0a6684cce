"""Which public keys are taken, and the one id of a key in all its encodings."""

from math import gcd

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.values import KeyId, KeyPolicy, KeyType
from sinetti.pki.encoding import AnyPublicKey, sha256_hex
from sinetti.pki.weak_keys import has_biased_bits, has_close_primes, has_roca_fingerprint, has_small_factor

_RSA_TYPES = {2048: KeyType.RSA_2048, 3072: KeyType.RSA_3072, 4096: KeyType.RSA_4096}
_EC_TYPES = {"secp256r1": KeyType.EC_P256, "secp384r1": KeyType.EC_P384}

_SMALL_EXPONENT = 3
# Lower bound: FIPS 186-5, A.1.1. The upper one keeps a verification cheap: a huge exponent costs 5 ms (facts sheet, 4).
_LEAST_EXPONENT, _GREATEST_EXPONENT = 65_537, 2**32


def key_type(public_key: AnyPublicKey) -> KeyType | None:
    """Tell what `--key` calls this key; None for any other algorithm, curve or size. RSA sizes count exactly."""
    match public_key:
        case rsa.RSAPublicKey():
            return _RSA_TYPES.get(public_key.key_size)
        case ec.EllipticCurvePublicKey():
            return _EC_TYPES.get(public_key.curve.name)
        case _:
            return None


def key_id(public_key: AnyPublicKey) -> KeyId:
    """SHA-256 (lower-case hex) over the key's numbers, so that no re-encoding makes a used key look new.

    As the facts sheet, 4, has it. RSA: the modulus alone, big-endian without leading zeros. EC: the curve's name in
    ASCII ("secp256r1"), then the uncompressed point (SEC 1, 2.3.3). Raises ValueError for any other algorithm.
    """
    match public_key:
        case rsa.RSAPublicKey():
            modulus = public_key.public_numbers().n
            return KeyId(sha256_hex(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")))
        case ec.EllipticCurvePublicKey():
            point = public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            return KeyId(sha256_hex(public_key.curve.name.encode() + point))
        case _:
            why = "only RSA and EC keys have a key id"
            raise ValueError(why)


def check_key_policy(public_key: AnyPublicKey, policy: KeyPolicy) -> KeyId | Rejection:
    """Give the key's id, or KEY_NOT_ACCEPTED: type, size or exponent outside the policy, or known to be weak.

    Looks at numbers only and verifies nothing with the key, so it is cheap and may come first.
    """
    if key_type(public_key) not in policy.types:
        return Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    if isinstance(public_key, rsa.RSAPublicKey):
        numbers = public_key.public_numbers()
        if not _exponent_in_bounds(numbers.e, policy) or _is_weak(numbers.n):
            return Rejection(RejectionReason.KEY_NOT_ACCEPTED)
    return key_id(public_key)


def have_common_factor(first: AnyPublicKey, second: AnyPublicKey) -> bool:
    """Whether two RSA keys have one prime in common, so that whoever sees both can compute both private keys.

    Machines that make keys before they have any randomness make such ones (Heninger et al., "Mining Your Ps and Qs",
    2012). The same modulus twice is the same key, and not meant here.
    """
    if not isinstance(first, rsa.RSAPublicKey) or not isinstance(second, rsa.RSAPublicKey):
        return False
    one, other = first.public_numbers().n, second.public_numbers().n
    return one != other and gcd(one, other) != 1


def _exponent_in_bounds(exponent: int, policy: KeyPolicy) -> bool:
    if exponent == _SMALL_EXPONENT:
        return policy.small_exponent
    return exponent % 2 == 1 and _LEAST_EXPONENT <= exponent <= _GREATEST_EXPONENT


def _is_weak(modulus: int) -> bool:
    if modulus % 2 == 0 or has_biased_bits(modulus):
        return True
    return has_small_factor(modulus) or has_roca_fingerprint(modulus) or has_close_primes(modulus)


def is_rsa(public_key: AnyPublicKey) -> bool:
    """Whether it is an RSA key, of any size."""
    return isinstance(public_key, rsa.RSAPublicKey)
