"""HTTP messages signed by holders' keys.

Each key has its algorithms, and the verifier accepts no other keys or algorithms.
"""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from sinetti.wire.http_signatures import profile
from sinetti.wire.http_signatures.certificate_keys import (
    HttpSignatureAlgorithm,
    algorithms,
    certificate_signer,
    sign,
    verify,
)
from sinetti.wire.http_signatures.profile import (
    MessageSignatureError,
    SignatureErrorReason,
    SignedComponents,
    signed_headers,
)

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PARTS = SignedComponents("POST", "/api/v1/revocations", "application/json", b'{"serial":"41","reason":"superseded"}')
RSA = {bits: rsa.generate_private_key(65537, bits) for bits in (1024, 2048)}
KEYS = {
    "RSA": (RSA[2048], (HttpSignatureAlgorithm.RSA_PSS, HttpSignatureAlgorithm.RSA)),
    "P-256": (ec.derive_private_key(7, ec.SECP256R1()), (HttpSignatureAlgorithm.P256,)),
    "P-384": (ec.derive_private_key(7, ec.SECP384R1()), (HttpSignatureAlgorithm.P384,)),
}
PAIRS = {f"{name}, {one}": (key, one) for name, (key, several) in KEYS.items() for one in several}


def lowered(headers):
    return {name.lower(): value for name, value in headers.items()}


def signed(key, algorithm, **changed):
    headers = lowered(sign(PARTS, "k", NOW, algorithm, certificate_signer(key)))
    return {**headers, **{name.replace("_", "-"): value for name, value in changed.items()}}


def taken(headers, key, parts=PARTS, now=NOW):
    return verify(parts, headers, {"k": key.public_key()}.get, now)


def wrong(headers, key, **rest):
    with pytest.raises(MessageSignatureError) as refused:
        taken(headers, key, **rest)
    return refused.value.wrong


@pytest.mark.parametrize(("key", "several"), KEYS.values(), ids=KEYS)
def test_each_key_has_its_algorithms(key, several):
    assert algorithms(key.public_key()) == several


OTHERS = {
    "RSA of 1024 bits": RSA[1024].public_key(),
    "RSA of 8192 bits": rsa.RSAPublicNumbers(65537, (1 << 8191) | 1).public_key(),
    "another curve": ec.derive_private_key(7, ec.SECP521R1()).public_key(),
    "a gateway's kind of key": ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32).public_key(),
}


@pytest.mark.parametrize("key", OTHERS.values(), ids=OTHERS)
def test_other_keys_have_none(key):
    assert algorithms(key) == ()


@pytest.mark.parametrize(("key", "algorithm"), PAIRS.values(), ids=PAIRS)
def test_what_one_end_signs_the_other_takes(key, algorithm):
    headers = signed(key, algorithm)
    assert taken(headers, key) == "k"
    for edge in (timedelta(minutes=5), -timedelta(minutes=5)):
        assert taken(headers, key, now=NOW + edge) == "k"
        assert wrong(headers, key, now=NOW + edge * 1.01) is SignatureErrorReason.CREATED
    for parts in (
        SignedComponents("PUT", PARTS.path, PARTS.content_type, PARTS.body),
        SignedComponents("POST", "/api/v1/sightings", PARTS.content_type, PARTS.body),
        SignedComponents("POST", PARTS.path, "application/json; charset=utf-8", PARTS.body),
    ):
        assert wrong(headers, key, parts=parts) is SignatureErrorReason.MISFIT
    other = SignedComponents("POST", PARTS.path, PARTS.content_type, PARTS.body.replace(b"41", b"42"))
    assert wrong(headers, key, parts=other) is SignatureErrorReason.DIGEST


@pytest.mark.parametrize(("key", "algorithm"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("said", [*HttpSignatureAlgorithm, "hmac-sha256", "ed25519", "rsa-sha1", ""])
def test_an_algorithm_is_never_another(key, algorithm, said):
    """The signature fits the algorithm that made it.

    Under the name of another algorithm it does not count, even if the key could use that one.
    """
    headers = lowered(signed_headers(PARTS, "k", NOW, said, lambda octets: certificate_signer(key)(algorithm, octets)))
    if said == algorithm:
        assert taken(headers, key) == "k"
    else:
        assert wrong(headers, key) is SignatureErrorReason.MISFIT


@pytest.mark.parametrize(("key", "several"), KEYS.values(), ids=KEYS)
def test_only_a_key_of_one_algorithm_may_leave_it_out(key, several):
    chosen = several[0]

    def without_alg(octets):
        return certificate_signer(key)(chosen, octets.replace(b';alg="x"', b""))

    headers = lowered(signed_headers(PARTS, "k", NOW, "x", without_alg))
    headers["signature-input"] = headers["signature-input"].replace(';alg="x"', "")
    if len(several) == 1:
        assert taken(headers, key) == "k"
    else:
        assert wrong(headers, key) is SignatureErrorReason.MISFIT


ODD = {
    "PSS with a short salt": lambda octets: RSA[2048].sign(
        octets, padding.PSS(padding.MGF1(hashes.SHA512()), 32), hashes.SHA512()
    ),
    "PSS with another hash": lambda octets: RSA[2048].sign(
        octets, padding.PSS(padding.MGF1(hashes.SHA256()), 64), hashes.SHA256()
    ),
    "PSS of SHA-512 whose mask is SHA-256's": lambda octets: RSA[2048].sign(
        octets, padding.PSS(padding.MGF1(hashes.SHA256()), 64), hashes.SHA512()
    ),
    "another RSA key": lambda octets: certificate_signer(rsa.generate_private_key(65537, 2048))(
        HttpSignatureAlgorithm.RSA_PSS, octets
    ),
    "nothing": lambda _octets: b"",
    "zeroes": lambda _octets: bytes(256),
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_rsa_in_another_way(value):
    headers = lowered(signed_headers(PARTS, "k", NOW, HttpSignatureAlgorithm.RSA_PSS, value))
    assert wrong(headers, RSA[2048]) in {SignatureErrorReason.MISFIT, SignatureErrorReason.SHAPE}


P256 = KEYS["P-256"][0]
ODD_EC = {
    "in DER": lambda octets: P256.sign(octets, ec.ECDSA(hashes.SHA256())),
    "an octet too many": lambda octets: certificate_signer(P256)(HttpSignatureAlgorithm.P256, octets) + b"\x00",
    "an octet too few": lambda octets: certificate_signer(P256)(HttpSignatureAlgorithm.P256, octets)[:-1],
    "zeroes": lambda _octets: bytes(64),
    "as wide as P-384's": lambda octets: b"".join(
        bytes(16) + certificate_signer(P256)(HttpSignatureAlgorithm.P256, octets)[at : at + 32] for at in (0, 32)
    ),
    "another key": lambda octets: certificate_signer(ec.derive_private_key(8, ec.SECP256R1()))(
        HttpSignatureAlgorithm.P256, octets
    ),
}


@pytest.mark.parametrize("value", ODD_EC.values(), ids=ODD_EC)
def test_ecdsa_in_another_way(value):
    assert (
        wrong(lowered(signed_headers(PARTS, "k", NOW, HttpSignatureAlgorithm.P256, value)), P256)
        is SignatureErrorReason.MISFIT
    )


def test_more_octets_than_any_key_gives():
    headers = lowered(signed_headers(PARTS, "k", NOW, HttpSignatureAlgorithm.RSA_PSS, lambda _octets: bytes(513)))
    assert wrong(headers, RSA[2048]) is SignatureErrorReason.SHAPE


def test_a_key_that_is_too_small_is_not_asked():
    headers = lowered(sign(PARTS, "k", NOW, HttpSignatureAlgorithm.RSA, certificate_signer(RSA[1024])))
    assert wrong(headers, RSA[1024]) is SignatureErrorReason.MISFIT


MISSING = ("signature", "signature-input", "content-digest")


@pytest.mark.parametrize("name", MISSING)
def test_a_header_is_missing_or_twice(name):
    headers = signed(P256, HttpSignatureAlgorithm.P256)
    assert wrong({**headers, name: ""}, P256) is SignatureErrorReason.MISSING
    assert wrong({**headers, name: f"{headers[name]}, {headers[name]}"}, P256) in {
        SignatureErrorReason.SHAPE,
        SignatureErrorReason.MISFIT,
    }


def test_gateways_keys_and_holders_keys_stay_apart():
    """A holder's signature by an algorithm that gateways do not use is no gateway's.

    The reverse holds as well.
    """
    edge = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    headers = lowered(profile.sign(PARTS, edge, "k", NOW))
    assert wrong(headers, edge) is SignatureErrorReason.MISFIT
    p384 = KEYS["P-384"][0]
    for name in (f'alg="{HttpSignatureAlgorithm.P384}"', 'alg="ed25519"'):
        changed = signed(p384, HttpSignatureAlgorithm.P384)
        changed["signature-input"] = changed["signature-input"].replace(f'alg="{HttpSignatureAlgorithm.P384}"', name)
        with pytest.raises(MessageSignatureError):
            profile.verify(PARTS, changed, {"k": edge.public_key()}.get, NOW)
