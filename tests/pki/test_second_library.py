"""Signatures are checked alike with and without the second library."""

import pytest

from sinetti.domain.values import KeyType
from sinetti.pki import second_library
from sinetti.pki.encoding import generate_key, sign

OCTETS = b"octets that are signed"
KEYS = {kind: generate_key(kind) for kind in (KeyType.EC_P256, KeyType.EC_P384, KeyType.RSA_2048)}


@pytest.fixture(params=["with it", "without it"])
def library(request, monkeypatch):
    if request.param == "without it":
        monkeypatch.setattr(second_library, "_load", None)
    elif not second_library.IS_SECOND:
        pytest.skip("awscrt is not installed: sinetti[fast]")


@pytest.mark.parametrize("kind", KEYS)
def test_its_own_signature_counts_and_no_other(kind, library):
    key = KEYS[kind]
    signature = sign(key, OCTETS)
    public = key.public_key()
    assert second_library.verify(public, OCTETS, signature)
    assert not second_library.verify(public, OCTETS + b"!", signature)
    assert not second_library.verify(generate_key(KeyType.EC_P256).public_key(), OCTETS, signature)
    for wrong in (b"", b"no signature", signature[:-1], signature + b"\0", bytes(len(signature))):
        assert not second_library.verify(public, OCTETS, wrong)
