"""PKCS#12 in its new and its old form: contents and algorithms."""

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12 as judge

from sinetti.pki import encoding, key_policy
from tests.support import authority

PBES2, TRIPLE_DES = bytes.fromhex("06092a864886f70d01050d"), bytes.fromhex("060a2a864886f70d010c0103")
HMAC_SHA256 = bytes.fromhex("06082a864886f70d0209")
KEY = authority.holder_key(7)


@pytest.fixture
def whole():
    return authority.holder_certificate(KEY), *[one for _, one in authority.authority().entries.values()][:2]


@pytest.mark.parametrize("legacy", [False, True], ids=["new", "old"])
@pytest.mark.parametrize("with_key", [False, True], ids=["without key", "with key"])
def test_what_is_written_is_read_back(whole, with_key, legacy):
    octets = encoding.dump("payröll", KEY if with_key else None, whole, b"secret", legacy=legacy)
    found = judge.load_pkcs12(octets, b"secret")
    if with_key:
        assert key_policy.key_id(found.key.public_key()) == key_policy.key_id(KEY.public_key())
        assert (found.cert.certificate, found.cert.friendly_name) == (whole[0], "payröll".encode())
        assert {one.certificate for one in found.additional_certs} == set(whole[1:])
    else:
        assert found.key is None
        assert {one.certificate for one in found.additional_certs} == set(whole)
        named = [one.certificate for one in found.additional_certs if one.friendly_name]
        assert named == [whole[0]]
    assert (PBES2 in octets, HMAC_SHA256 in octets, TRIPLE_DES in octets) == (not legacy, not legacy, legacy)


def test_another_password_does_not_open_it(whole):
    octets = encoding.dump("payroll", KEY, whole, b"secret", legacy=False)
    with pytest.raises(ValueError, match="password"):
        judge.load_pkcs12(octets, b"another")


PASSWORDS = {
    "letters": (b"secret", True),
    "letters of other alphabets": ("pässwörd ключ 🔑".encode(), True),
    "nothing": (b"", False),
    "Latin-1": (b"p\xe4ss", False),
    "two lines": (b"a\nb", False),
    "a nought": (b"a\0b", False),
    "a byte order mark": (b"\xef\xbb\xbfsecret", False),
}


@pytest.mark.parametrize(("octets", "taken"), PASSWORDS.values(), ids=PASSWORDS)
def test_what_is_a_password(octets, taken, whole):
    assert encoding.is_password(octets) is taken
    if taken:
        assert judge.load_pkcs12(encoding.dump("payroll", KEY, whole, octets, legacy=True), octets).key is not None
