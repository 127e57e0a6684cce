"""Signatures are checked alike with and without the second library."""

import hashlib
import sys

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sinetti.domain.values import KeyType
from sinetti.pki import second_library
from sinetti.pki.encoding import generate_key, sign

OCTETS = b"octets that are signed"
KEYS = {kind: generate_key(kind) for kind in (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048)}


def without_end(signature):
    return signature[:-1]


def with_more(signature):
    return signature + b"\0"


def in_long_form(signature):
    return b"\x30\x81" + signature[1:]


def with_zeros(signature):
    return bytes(len(signature))


WRONG = {
    "nothing": lambda _: b"",
    "no signature": lambda _: b"no signature",
    "cut": without_end,
    "cut after its header": lambda signature: signature[:2],
    "followed by an octet": with_more,
    "of zeros": with_zeros,
    "with a length in more octets than needed": in_long_form,
}


@pytest.mark.parametrize("kind", KEYS)
def test_its_own_signature_counts(kind, library):
    assert second_library.verify(KEYS[kind].public_key(), OCTETS, sign(KEYS[kind], OCTETS))


@pytest.mark.parametrize("hashed", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda one: one.name)
@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384])
def test_a_signature_of_a_digest_counts_for_that_digest(kind, hashed, library):
    key, digest = KEYS[kind], hashlib.new(hashed.name, OCTETS).digest()
    signature = key.sign(OCTETS, ec.ECDSA(hashed))
    assert second_library.verify_digest(key.public_key(), digest, hashed, signature)
    other = hashlib.new(hashed.name, OCTETS + b"!").digest()
    assert not second_library.verify_digest(key.public_key(), other, hashed, signature)


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384])
@pytest.mark.parametrize("change", [lambda digest: digest[:-1], lambda digest: digest + b"!"], ids=["cut", "longer"])
def test_octets_of_another_length_are_no_digest(kind, change, library):
    key, digest = KEYS[kind], hashlib.sha384(OCTETS).digest()
    signature = key.sign(OCTETS, ec.ECDSA(hashes.SHA384()))
    with pytest.raises(ValueError, match="length"):
        second_library.verify_digest(key.public_key(), change(digest), hashes.SHA384(), signature)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_other_octets_are_no_signature(kind, change, library):
    key = KEYS[kind]
    assert not second_library.verify(key.public_key(), OCTETS, change(sign(key, OCTETS)))


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("by", KEYS)
def test_a_signature_of_other_octets_or_another_key_does_not_count(kind, by, library):
    public = KEYS[kind].public_key()
    assert not second_library.verify(public, OCTETS + b"!", sign(KEYS[by], OCTETS))
    assert not second_library.verify(public, OCTETS, sign(generate_key(by), OCTETS))


@pytest.mark.parametrize("kind", [KeyType.EC_P256, KeyType.EC_P384])
def test_numbers_outside_the_group_are_no_signature(kind, library):
    key = KEYS[kind]
    r, s = decode_dss_signature(sign(key, OCTETS))
    beyond = 1 << key.key_size
    for pair in ((0, s), (r, 0), (r + beyond, s), (r, s + beyond)):
        assert not second_library.verify(key.public_key(), OCTETS, encode_dss_signature(*pair))


@pytest.mark.parametrize("curve", [ec.SECP521R1(), ec.SECP256K1()], ids=lambda curve: curve.name)
def test_other_curves_are_checked_alike(curve, library):
    key = ec.generate_private_key(curve)
    signature = sign(key, OCTETS)
    assert second_library.verify(key.public_key(), OCTETS, signature)
    assert not second_library.verify(key.public_key(), OCTETS + b"!", signature)


@pytest.mark.parametrize("error", [ValueError, RuntimeError])
def test_what_the_library_cannot_read_is_no_signature(error, monkeypatch):
    def load(_):
        raise error

    monkeypatch.setattr(second_library, "_load", load)
    key = generate_key(KeyType.EC_P384)
    assert not second_library.verify(key.public_key(), OCTETS, sign(key, OCTETS))


def test_cryptography_is_enough(monkeypatch):
    monkeypatch.setitem(sys.modules, "awscrt.crypto", None)
    assert second_library._loader() is None


def test_the_library_is_named(library):
    assert second_library.library() == library
