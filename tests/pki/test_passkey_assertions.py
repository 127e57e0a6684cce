"""Assertions of passkeys are verified again without fido2, which makes the keys of these tests."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from functools import partial
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fido2.cose import ES256, ES256K, ES384, ES512, PS256, RS256, EdDSA

from sinetti.pki.passkey_assertions import (
    COSE_ALGORITHM,
    LoggedAssertion,
    PasskeyError,
    decode_web64,
    origin_of,
    to_spki,
    verify_assertion,
)
from tests.support import golden

HOST, ORIGIN, DIGEST, NONCE = "pki.example", "https://pki.example:8443", sha256(b"shown").digest(), b"n" * 32
RSA_KEY = rsa.generate_private_key(65537, 2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)


def _curve(key, digest):
    return key, lambda signed: key.sign(signed, ec.ECDSA(digest))


ED_KEY = Ed25519PrivateKey.generate()
KEYS = {
    ES256: _curve(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()),
    ES384: _curve(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()),
    ES512: _curve(ec.generate_private_key(ec.SECP521R1()), hashes.SHA512()),
    ES256K: _curve(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256()),
    EdDSA: (ED_KEY, ED_KEY.sign),
    RS256: (RSA_KEY, lambda signed: RSA_KEY.sign(signed, padding.PKCS1v15(), hashes.SHA256())),
    PS256: (RSA_KEY, lambda signed: RSA_KEY.sign(signed, PSS, hashes.SHA256())),
}


def asserted(kind=ES256, *, host=HOST, flags=5, origin=ORIGIN, what="webauthn.get", digest=DIGEST):
    """Return an assertion as a browser makes it."""
    key, sign = KEYS[kind]
    challenge = urlsafe_b64encode(sha256(NONCE + digest).digest()).decode().rstrip("=")
    client = json.dumps({"type": what, "challenge": challenge, "origin": origin}).encode()
    data = sha256(host.encode()).digest() + bytes([flags]) + bytes(4)
    cose = kind.from_cryptography_key(key.public_key())
    signature = sign(data + sha256(client).digest())
    return LoggedAssertion(NONCE, client, data, signature, to_spki(cose), cose[COSE_ALGORITHM])


@pytest.mark.parametrize("kind", KEYS, ids=lambda kind: kind.__name__)
def test_each_type_of_key(kind):
    found = asserted(kind)
    verify_assertion(found, DIGEST)
    with pytest.raises(PasskeyError, match="signature"):
        verify_assertion(replace(found, signature=found.signature[:-1] + bytes([found.signature[-1] ^ 1])), DIGEST)


def test_the_site_is_named():
    assert origin_of(GOOD.client_data) == ORIGIN


GOOD = asserted()
WRONG = {
    "another proposal": asserted(digest=sha256(b"other").digest()),
    "another nonce": replace(GOOD, nonce=b"m" * 32),
    "a registration": asserted(what="webauthn.create"),
    "another party": asserted(host="other.example"),
    "a party above the host": asserted(host="example"),
    "a party below the host": asserted(host="login.pki.example"),
    "no verification": asserted(flags=1),
    "no presence": asserted(flags=4),
    "short data": replace(GOOD, authenticator_data=GOOD.authenticator_data[:36]),
    "other data": replace(GOOD, authenticator_data=GOOD.authenticator_data + b"\0"),
    "another algorithm": replace(GOOD, algorithm=-257),
    "an unknown algorithm": replace(GOOD, algorithm=0),
    "another key": replace(GOOD, public_key=asserted(ES384).public_key),
    "no key": replace(GOOD, public_key=b"no"),
    "no JSON": replace(GOOD, client_data=b"no"),
    "other JSON": replace(GOOD, client_data=b"[]"),
    "a member missing": replace(GOOD, client_data=b"{}"),
}


def test_what_proves_nothing():
    attempts = {case: partial(verify_assertion, found, DIGEST) for case, found in WRONG.items()}
    golden.check("sentences/passkey-proofs/refused", {"en.txt": golden.refusals(attempts, PasskeyError)})


@pytest.mark.parametrize("cose", [{}, {1: 4}, {1: 2, -1: 9, -2: b"", -3: b""}, {1: 1, -2: b"short"}])
def test_keys_of_unknown_types(cose):
    with pytest.raises(PasskeyError, match="type"):
        to_spki(cose)


def test_base64url_is_checked():
    assert decode_web64("-_8") == b"\xfb\xff"
    with pytest.raises(PasskeyError, match="base64url"):
        decode_web64("a")
