from dataclasses import replace
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.values import KeyType
from sinetti.pki.encoding import (
    certificate_der,
    certificate_pem,
    dump_private_key,
    generate_key,
    load_certificate,
    load_private_key,
    organisation_name,
    passphrase_matches,
    serial_hex,
    sha256_hex,
)
from sinetti.pki.key_policy import key_type
from tests.support import golden
from tests.support.authority import authority, holder_certificate, holder_key, issue, issuer, leaf_plan

PASSPHRASE = b"correct horse"


@pytest.mark.parametrize("kind", KeyType)
def test_a_generated_key_is_of_the_kind_asked_for(kind):
    assert key_type(holder_key(1, kind).public_key()) is kind


def test_an_encrypted_key_comes_back_with_its_passphrase_only():
    key = generate_key(KeyType.EC_P256)
    pem = dump_private_key(key, PASSPHRASE)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert load_private_key(pem, PASSPHRASE).private_numbers() == key.private_numbers()


def test_whether_a_passphrase_opens_a_key():
    assert passphrase_matches(ENCRYPTED, PASSPHRASE)
    assert not passphrase_matches(ENCRYPTED, b"wrong")
    assert not passphrase_matches(BARE, PASSPHRASE)
    assert not passphrase_matches(b"", PASSPHRASE)


def test_a_bare_key_comes_back_without_passphrase():
    key = generate_key(KeyType.EC_P384)
    assert load_private_key(dump_private_key(key, None)).private_numbers() == key.private_numbers()


def changed(key, **numbers):
    """Return a key with some numbers exchanged, as octets that were not validated."""
    own = key.private_numbers()
    names = ("p", "q", "d", "dmp1", "dmq1", "iqmp", "public_numbers")
    whole = rsa.RSAPrivateNumbers(**{name: numbers.get(name, getattr(own, name)) for name in names})
    made = whole.private_key(unsafe_skip_rsa_key_validation=True)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256])
def test_a_key_that_is_only_looked_at_is_the_same_key(kind):
    pem = dump_private_key(holder_key(1, kind), None)
    assert load_private_key(pem, tests_primes=False).private_numbers() == holder_key(1, kind).private_numbers()


@pytest.mark.parametrize("number", ["d", "dmp1", "dmq1", "iqmp"])
def test_numbers_of_an_rsa_key_that_do_not_belong_together_show_without_a_test_of_primes(number):
    key, other = (holder_key(which, KeyType.RSA_2048) for which in (1, 2))
    pem = changed(key, **{number: getattr(other.private_numbers(), number)})
    with pytest.raises(ValueError, match=r"match|PEM"):
        load_private_key(pem, tests_primes=False)


ED25519 = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
BARE = dump_private_key(generate_key(KeyType.EC_P256), None)
ENCRYPTED = dump_private_key(generate_key(KeyType.EC_P256), PASSPHRASE)
UNREADABLE_KEYS = {
    "not PEM": (b"junk", None),
    "another passphrase": (ENCRYPTED, b"wrong"),
    "no passphrase": (ENCRYPTED, None),
    "a passphrase for a bare key": (BARE, PASSPHRASE),
    "another algorithm": (ED25519, None),
}


def test_a_key_that_cannot_be_read_says_why_and_nothing_secret():
    attempts = {case: partial(load_private_key, *of) for case, of in UNREADABLE_KEYS.items()}
    golden.check("sentences/key-files/unreadable", {"en.txt": golden.refusals(attempts, ValueError)})


def test_a_certificate_is_read_from_der_and_pem_alike():
    leaf = holder_certificate(holder_key())
    der = certificate_der(leaf)
    assert load_certificate(der) == load_certificate(certificate_pem(der)) == leaf
    assert certificate_pem(der).endswith(b"-----END CERTIFICATE-----\n")


def test_a_name_that_looks_like_pem_misleads_nobody():
    plan = replace(leaf_plan(holder_key().public_key()), organisation="-----BEGIN CERTIFICATE-----")
    leaf = issue(plan, issuer())
    assert load_certificate(certificate_der(leaf)) == leaf


def test_of_a_pem_file_with_several_the_first_is_read():
    bundle = authority().holders_bundle
    assert load_certificate(bundle) == authority().certificate("SinettiRootTestCAv1")


@pytest.mark.parametrize("octets", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_told_in_words(octets):
    with pytest.raises(ValueError, match=r"X\.509"):
        load_certificate(octets)


def test_sha256_is_lower_case_hex():
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.integers(min_value=0, max_value=2**160))
def test_a_serial_has_an_even_number_of_lower_case_digits(number):
    text = serial_hex(number)
    assert int(text, 16) == number
    assert len(text) % 2 == 0
    assert text == text.lower()


def test_a_negative_serial_is_not_written():
    with pytest.raises(ValueError, match="negative"):
        serial_hex(-1)


NAMES = {
    "as it is": ("Sinisiipi Oy", "Sinisiipi Oy"),
    "blanks at its ends go": (" Sinisiipi Oy ", "Sinisiipi Oy"),
    "cut to 64 characters": ("ä" * 65, "ä" * 64),
    "no blank where it was cut": ("x" * 63 + " y", "x" * 63),
}


@pytest.mark.parametrize(("name", "fitting"), NAMES.values(), ids=NAMES)
def test_an_organisations_name_fits_into_a_subject(name, fitting):
    assert organisation_name(name) == fitting
