"""Ids of certificates for renewal hints (RFC 9773, 4.1)."""

import base64
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from sinetti.pki.ari_id import ari_cert_id, key_identifier, parse_ari_cert_id
from sinetti.pki.encoding import serial_hex
from tests.support import golden
from tests.support.authority import NOW, holder_certificate, holder_key, issuer


def bare(serial, identifier=None):
    """Return a certificate with hardly any content."""
    key, name = ec.derive_private_key(7, ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, NOW, NOW)
    if identifier is not None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(identifier, None, None), critical=False)
    return builder.sign(key, hashes.SHA256())


def test_the_example_of_the_standard():
    """RFC 9773, 4.1: this key identifier, this serial, this id."""
    identifier = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    assert ari_cert_id(bare(0x87654321, identifier)) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    assert parse_ari_cert_id("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE") == (identifier, "87654321")


def test_a_certificate_of_ours_names_its_issuer():
    held = holder_certificate(holder_key())
    identifier, serial = parse_ari_cert_id(ari_cert_id(held))
    assert identifier == key_identifier(issuer().certificate)
    assert serial == serial_hex(held.serial_number)


@given(st.integers(1, 2**159 - 1))
def test_there_and_back(number):
    assert parse_ari_cert_id(ari_cert_id(bare(number, b"key")))[1] == serial_hex(number)


def b64(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


KEY = b64(b"key")
NOT_ONE = {
    "nothing": "",
    "one part": KEY,
    "three parts": f"{KEY}.AQ.AQ",
    "no serial": f"{KEY}.",
    "no key": ".AQ",
    "padding": f"{KEY}.AQ==",
    "another alphabet": f"{KEY}.+/8",
    "bits left over": f"{KEY}.AR",
    "a length that is none": f"{KEY}.AAAAA",
    "a negative serial": f"{KEY}.{b64(bytes([0x80]))}",
    "a serial with a nought too many": f"{KEY}.{b64(bytes([0, 1]))}",
    "a long serial": f"{KEY}.{b64(b'x' * 21)}",
    "a long key": f"{'A' * 128}.AQ",
    "a blank": f"{KEY} .AQ",
    "a line end": f"{KEY}.AQ\n",
    "letters of others": "ä.AQ",
}


def test_what_is_no_id():
    attempts = {name: partial(parse_ari_cert_id, text) for name, text in NOT_ONE.items()}
    attempts["an issuer without identifier"] = partial(ari_cert_id, bare(1))
    attempts["an issuer with an empty identifier"] = partial(ari_cert_id, bare(1, b""))
    golden.check("sentences/renewal-ids/refused", {"en.txt": golden.refusals(attempts, ValueError)})


def test_a_ca_without_an_identifier():
    assert key_identifier(bare(1)) == b""
