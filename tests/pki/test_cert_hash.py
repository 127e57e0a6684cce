"""CertHash: one form, which OpenSSL reads as a SEQUENCE of algorithm and digest."""

from hashlib import sha256

import pytest
from cryptography import x509

from sinetti.ca.profiles import encode_tlv
from sinetti.pki.cert_hash import CERT_HASH, CERT_HASH_DER, cert_hash_value

DIGEST = sha256(b"certificate").digest()
ALGORITHM = bytes.fromhex("300d06096086480165030402010500")


def test_the_value_is_an_algorithm_and_a_digest():
    assert cert_hash_value(DIGEST) == encode_tlv(0x30, ALGORITHM + encode_tlv(0x04, DIGEST))


def test_the_identifier_is_the_same_in_both_forms():
    extension = x509.Extension(CERT_HASH, critical=False, value=x509.UnrecognizedExtension(CERT_HASH, b""))
    assert extension.oid.dotted_string == "1.3.36.8.3.13"
    assert bytes([0x06, 0x05, 40 * 1 + 3, 36, 8, 3, 13]) == CERT_HASH_DER


@pytest.mark.parametrize("octets", [b"", DIGEST[:-1], DIGEST + b"x"])
def test_no_other_digest_than_sha_256(octets):
    with pytest.raises(ValueError, match="32 octets"):
        cert_hash_value(octets)
