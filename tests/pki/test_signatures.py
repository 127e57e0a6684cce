import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sinetti.domain.values import KeyType
from sinetti.pki.encoding import algorithm_identifier, hash_for, sign, verify
from tests.support.authority import holder_key

OCTETS = b"what is signed"


@pytest.mark.parametrize("kind", KeyType)
def test_a_signature_verifies_over_the_same_octets_only(kind):
    key = holder_key(1, kind)
    signature = sign(key, OCTETS)
    assert verify(key.public_key(), OCTETS, signature)
    assert not verify(key.public_key(), OCTETS + b".", signature)
    assert not verify(key.public_key(), OCTETS, bytes([signature[0] ^ 1]) + signature[1:])


def test_another_key_does_not_verify():
    assert not verify(holder_key(2).public_key(), OCTETS, sign(holder_key(1), OCTETS))


def test_another_hash_does_not_verify():
    key = holder_key(1, KeyType.RSA_2048)
    assert not verify(key.public_key(), OCTETS, key.sign(OCTETS, padding.PKCS1v15(), hashes.SHA512()))


HASHES = {
    KeyType.RSA_2048: hashes.SHA256,
    KeyType.RSA_4096: hashes.SHA256,
    KeyType.EC_P256: hashes.SHA256,
    KeyType.EC_P384: hashes.SHA384,
}


@pytest.mark.parametrize(("kind", "chosen"), HASHES.items(), ids=HASHES)
def test_the_hash_goes_with_the_key(kind, chosen):
    assert isinstance(hash_for(holder_key(1, kind).public_key()), chosen)


IDENTIFIERS = {
    KeyType.RSA_2048: "300d06092a864886f70d01010b0500",
    KeyType.EC_P256: "300a06082a8648ce3d040302",
    KeyType.EC_P384: "300a06082a8648ce3d040303",
}


@pytest.mark.parametrize(("kind", "der"), IDENTIFIERS.items(), ids=IDENTIFIERS)
def test_the_algorithm_identifier_goes_with_the_key(kind, der):
    assert algorithm_identifier(holder_key(1, kind).public_key()).hex() == der
