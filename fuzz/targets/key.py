"""Public and private keys: their decoding, and their acceptance."""

from math import gcd

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from fuzz import der_changing, material
from fuzz.target import Target, must
from sinetti.domain.refusals import Rejection
from sinetti.domain.values import KeyPolicy
from sinetti.pki.encoding import AnyPublicKey, dump_private_key, load_private_key, passphrase_matches
from sinetti.pki.key_policy import check_key_policy, key_id, key_type
from sinetti.wire.http_signatures.profile import load_public_key, load_signing_key

_POLICIES = (KeyPolicy(), KeyPolicy(small_exponent=True), KeyPolicy(types=frozenset()))
_PRIVATE = b"-----BEGIN"


def check(octets: bytes) -> None:
    """Read the octets as each kind of key."""
    if _PRIVATE in octets:
        _private(octets)
        return
    try:
        found = load_der_public_key(octets)
    except (ValueError, UnsupportedAlgorithm):
        return
    for policy in _POLICIES:
        checked = check_key_policy(found, policy)
        if not isinstance(checked, Rejection):
            _sound(found, policy)
            must(key_id(found) == checked, "a key has one id")
            again = load_der_public_key(found.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
            must(key_id(again) == checked, "in another encoding too")


def _sound(found: AnyPublicKey, policy: KeyPolicy) -> None:
    must(key_type(found) in policy.types, "its type is taken")
    if isinstance(found, ec.EllipticCurvePublicKey):
        must(found.curve.key_size in {256, 384}, "P-256 and P-384 are taken, no others")
        return
    assert isinstance(found, rsa.RSAPublicKey)  # noqa: S101 - there are no other types
    numbers = found.public_numbers()
    must(numbers.n.bit_length() in {2048, 3072, 4096}, "RSA sizes are exact")
    must(numbers.e % 2 == 1 and (numbers.e > 65_536 or policy.small_exponent), "the exponent keeps to the policy")  # noqa: PLR2004
    must(numbers.e.bit_length() <= 33, "a huge exponent is dear to verify with")  # noqa: PLR2004 - FIPS 186-5, halved
    must(gcd(numbers.n, 2 * 3 * 5 * 7 * 11 * 13 * 17 * 19 * 23) == 1, "no small prime divides the modulus")


def _private(octets: bytes) -> None:
    for read in (load_public_key, load_signing_key):
        try:
            read(octets)
        except ValueError as bad:
            must(str(bad).count("\n") == 0, "why not is one sentence")
    # The file sets the rounds of its key derivation. It is the owner's own file, not one of an attacker.
    if b"ENCRYPTED" in octets:
        return
    passphrase_matches(octets, b"passphrase")
    try:
        key = load_private_key(octets)
    except ValueError:
        return
    again = load_private_key(dump_private_key(key, None))
    must(again.private_numbers() == key.private_numbers(), "what was read can be written and read")


def _seeds() -> dict[str, bytes]:
    made = {}
    for kind in material.KINDS:
        public = material.key(kind).public_key()
        made[f"public-{kind}"] = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        made[f"pem-{kind}"] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for name, form in {"pkcs8": PrivateFormat.PKCS8, "sec1": PrivateFormat.TraditionalOpenSSL}.items():
            if kind != "rsa-2048":
                private = material.key(kind).private_bytes(Encoding.PEM, form, NoEncryption())
                made[f"private-{kind}-{name}"] = private
    return made


TARGET = Target("key", check, _seeds, der_changing.change, longest=6_000)
