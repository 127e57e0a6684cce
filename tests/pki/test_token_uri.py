"""URIs of keys in tokens (RFC 7512): written, read back, rejected if malformed."""

from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.pki.signers import pkcs11_uri
from sinetti.pki.signers.pkcs11_uri import TokenKey, TokenLocation
from tests.support import golden

PLACE = TokenLocation(Path("/usr/lib/softhsm/libsofthsm2.so"), "sinetti", Path("/etc/sinetti/pin"))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def test_a_uri_looks_as_other_programs_expect_it():
    key = TokenKey(PLACE, b"\x01\xff", "sinetti payroll", "ab" * 32)
    assert pkcs11_uri.dump(key).decode() == (
        "pkcs11:token=sinetti;object=sinetti%20payroll;id=%01%FF;type=private"
        "?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/sinetti/pin"
        f"&x-sinetti-key-id={'ab' * 32}\n"
    )


@given(TEXTS, TEXTS, st.binary(min_size=1), st.one_of(st.none(), st.just("0f" * 32)))
def test_any_label_and_id_survive(label, name, key_id, public):
    kind = "private" if public else "secret-key"
    key = TokenKey(TokenLocation(PLACE.module, label, PLACE.pin_file), key_id, name, public, kind)
    octets = pkcs11_uri.dump(key)
    assert pkcs11_uri.load(octets) == key
    assert octets.startswith(pkcs11_uri.SCHEME)


def test_a_known_token_replaces_module_and_pin_file():
    moved = TokenLocation(Path("/opt/module.so"), "sinetti", Path("/etc/pin"))
    key = TokenKey(PLACE, b"\x01", "x")
    assert pkcs11_uri.placed(key, moved).place == moved
    for known in (None, TokenLocation(moved.module, "other", moved.pin_file)):
        assert pkcs11_uri.placed(key, known) == key


GOOD = pkcs11_uri.dump(TokenKey(PLACE, b"\x01", "x", "ab" * 32))
BAD = {
    "nothing": b"",
    "a key in PEM": b"-----BEGIN PRIVATE KEY-----\n",
    "no ASCII": GOOD.replace(b"sinetti", "ä".encode()),
    "no ID": GOOD.replace(b"%01", b""),
    "no module": GOOD.replace(b"module-path", b"module"),
    "another scheme": GOOD.replace(b"pkcs11:", b"file:"),
    "an odd id of the key": GOOD.replace(b"abab", b"zzzz"),
}


def test_what_is_no_uri_of_a_key_is_refused():
    attempts = {name: partial(pkcs11_uri.load, octets) for name, octets in BAD.items()}
    golden.check("sentences/token-uris/keys", {"en.txt": golden.refusals(attempts, ValueError)})


PLACES = {
    "a label alone": ("pkcs11:token=vault", TokenLocation(PLACE.module, "vault", PLACE.pin_file)),
    "all parts": (
        "pkcs11:token=a%20b?module-path=/m.so&pin-source=file:/p",
        TokenLocation(Path("/m.so"), "a b", Path("/p")),
    ),
    "a module": ("pkcs11:token=x?module-path=/m.so", TokenLocation(Path("/m.so"), "x", PLACE.pin_file)),
}


@pytest.mark.parametrize(("text", "place"), PLACES.values(), ids=PLACES)
def test_the_uri_of_a_token(text, place):
    assert pkcs11_uri.load_location(text, PLACE) == place


def test_the_uri_of_a_token_with_all_parts_needs_no_other():
    text, place = PLACES["all parts"]
    assert pkcs11_uri.load_location(text, None) == place


NO_PLACES = {
    "another scheme": "file:token=vault",
    "no token": "pkcs11:object=vault",
    "a key": "pkcs11:token=vault;id=%01",
    "another attribute": "pkcs11:token=vault?pin-value=1234",
}


def test_what_is_no_uri_of_a_token_is_refused():
    attempts = {name: partial(pkcs11_uri.load_location, text, PLACE) for name, text in NO_PLACES.items()}
    attempts["neither module nor PIN"] = partial(pkcs11_uri.load_location, "pkcs11:token=vault", None)
    golden.check("sentences/token-uris/tokens", {"en.txt": golden.refusals(attempts, ValueError)})
