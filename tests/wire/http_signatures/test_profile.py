"""Signed messages: accepted ones, and each cause of a rejection."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sinetti.wire.http_signatures.profile import (
    MessageSignatureError,
    SignatureErrorReason,
    SignedComponents,
    load_public_key,
    load_signing_key,
    sign,
    verify,
)

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PARTS = SignedComponents("POST", "/api/v1/sightings", "application/json", b'{"sightings": []}')
KEYS = {
    "Ed25519": ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32),
    "ECDSA on P-256": ec.derive_private_key(7, ec.SECP256R1()),
}
KEY = KEYS["Ed25519"]
BY_NAME = {"edge-1": KEY.public_key(), "edge-2": KEYS["ECDSA on P-256"].public_key()}


def lowered(headers):
    return {name.lower(): value for name, value in headers.items()}


def signed(**changed):
    headers = lowered(sign(PARTS, KEY, "edge-1", NOW))
    return {**headers, **{name.replace("_", "-"): value for name, value in changed.items()}}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_what_one_end_signs_the_other_takes(key):
    headers = lowered(sign(PARTS, key, "edge", NOW))
    assert verify(PARTS, headers, {"edge": key.public_key()}.get, NOW) == "edge"


def over(stated, key=KEY, parts=PARTS, digest=None):
    """Return the headers of a message signed by hand over the parts in `stated`."""
    digest = digest or f"sha-256=:{base64.b64encode(hashlib.sha256(parts.body).digest()).decode()}:"
    names = stated[stated.index("(") + 1 : stated.index(")")].replace('"', "").split(" ")
    values = {
        "@method": parts.method,
        "@path": parts.path,
        "content-type": parts.content_type,
        "content-digest": digest,
        "@authority": "certificates.example",
    }
    lines = [*(f'"{name}": {values[name]}' for name in names), f'"@signature-params": {stated}']
    value = base64.b64encode(key.sign("\n".join(lines).encode())).decode()
    return {"signature-input": f"a={stated}", "signature": f"a=:{value}:", "content-digest": digest}


CREATED = int(NOW.timestamp())
ALL = '("@method" "@path" "content-type" "content-digest")'
SHA512 = f"sha-512=:{base64.b64encode(hashlib.sha512(PARTS.body).digest()).decode()}:"
SHA256 = f"sha-256=:{base64.b64encode(hashlib.sha256(PARTS.body).digest()).decode()}:"

TAKEN = {
    "the fewest parameters": over(f'{ALL};created={CREATED};keyid="edge-1"'),
    "with a nonce, in another order": over(f'{ALL};nonce="n 1";keyid="edge-1";created={CREATED}'),
    "components in another order": over(
        f'("content-digest" "content-type" "@path" "@method");created={CREATED};keyid="edge-1"'
    ),
    "the longer digest": over(f'{ALL};created={CREATED};keyid="edge-1"', digest=SHA512),
    "two digests that both fit": over(f'{ALL};created={CREATED};keyid="edge-1"', digest=f"{SHA256}, {SHA512}"),
    "five minutes old": over(f'{ALL};created={CREATED - 300};keyid="edge-1"'),
    "five minutes ahead": over(f'{ALL};created={CREATED + 300};keyid="edge-1"'),
}


@pytest.mark.parametrize("headers", TAKEN.values(), ids=TAKEN)
def test_taken(headers):
    assert verify(PARTS, headers, BY_NAME.get, NOW) == "edge-1"


REFUSED = {
    "no signature": (signed(signature=""), SignatureErrorReason.MISSING),
    "no digest": (signed(content_digest=""), SignatureErrorReason.MISSING),
    "no input": (signed(signature_input=""), SignatureErrorReason.MISSING),
    "two signatures": (
        signed(signature_input=f"{signed()['signature-input']}, {signed()['signature-input']}"),
        SignatureErrorReason.SHAPE,
    ),
    "labels that differ": (
        signed(signature="other" + signed()["signature"].removeprefix("sinetti")),
        SignatureErrorReason.SHAPE,
    ),
    "a signature that is no octets": (signed(signature="sinetti=abc"), SignatureErrorReason.SHAPE),
    "broken base64": (signed(signature="sinetti=:abc:"), SignatureErrorReason.SHAPE),
    "a parameter twice": (over(f'{ALL};created={CREATED};keyid="edge-1";keyid="edge-2"'), SignatureErrorReason.SHAPE),
    "an unknown parameter": (over(f'{ALL};created={CREATED};keyid="edge-1";tag="x"'), SignatureErrorReason.SHAPE),
    "created as text": (over(f'{ALL};created="{CREATED}";keyid="edge-1"'), SignatureErrorReason.SHAPE),
    "a number as key id": (over(f"{ALL};created={CREATED};keyid=1"), SignatureErrorReason.SHAPE),
    "no created": (over(f'{ALL};keyid="edge-1"'), SignatureErrorReason.SHAPE),
    "no key id": (over(f"{ALL};created={CREATED}"), SignatureErrorReason.SHAPE),
    "not written as it is signed": (
        signed(signature_input=signed()["signature-input"].replace('" "', '"  "', 1)),
        SignatureErrorReason.SHAPE,
    ),
    "the body not covered": (
        over(f'("@method" "@path" "content-type");created={CREATED};keyid="edge-1"'),
        SignatureErrorReason.COVERED,
    ),
    "more covered": (
        over(f'("@method" "@path" "content-type" "content-digest" "@authority");created={CREATED};keyid="edge-1"'),
        SignatureErrorReason.COVERED,
    ),
    "covered twice": (
        over(f'("@method" "@path" "content-type" "content-digest" "@path");created={CREATED};keyid="edge-1"'),
        SignatureErrorReason.COVERED,
    ),
    "a second too old": (over(f'{ALL};created={CREATED - 301};keyid="edge-1"'), SignatureErrorReason.CREATED),
    "a second too far ahead": (over(f'{ALL};created={CREATED + 301};keyid="edge-1"'), SignatureErrorReason.CREATED),
    "an unknown signer": (over(f'{ALL};created={CREATED};keyid="edge-9"'), SignatureErrorReason.SIGNER),
    "another's name": (over(f'{ALL};created={CREATED};keyid="edge-2"'), SignatureErrorReason.MISFIT),
    "another algorithm than the key's": (
        over(f'{ALL};created={CREATED};keyid="edge-1";alg="ecdsa-p256-sha256"'),
        SignatureErrorReason.MISFIT,
    ),
    "another message's signature": (
        signed(signature=lowered(sign(replace(PARTS, body=b"{}"), KEY, "edge-1", NOW))["signature"]),
        SignatureErrorReason.MISFIT,
    ),
    "one of two digests does not match": (
        over(f'{ALL};created={CREATED};keyid="edge-1"', digest=f"{SHA256}, sha-512=:AAAA:"),
        SignatureErrorReason.DIGEST,
    ),
    "a digest twice": (
        over(f'{ALL};created={CREATED};keyid="edge-1"', digest=f"{SHA256}, {SHA256}"),
        SignatureErrorReason.DIGEST,
    ),
    "a digest that is not taken": (
        over(f'{ALL};created={CREATED};keyid="edge-1"', digest="md5=:AAAA:"),
        SignatureErrorReason.DIGEST,
    ),
    "a digest in no shape": (
        over(f'{ALL};created={CREATED};keyid="edge-1"', digest="sha-256"),
        SignatureErrorReason.DIGEST,
    ),
    "a digest in broken base64": (
        over(f'{ALL};created={CREATED};keyid="edge-1"', digest="sha-256=:A:"),
        SignatureErrorReason.DIGEST,
    ),
}


@pytest.mark.parametrize(("headers", "wrong"), REFUSED.values(), ids=REFUSED)
def test_refused(headers, wrong):
    with pytest.raises(MessageSignatureError) as refused:
        verify(PARTS, headers, BY_NAME.get, NOW)
    assert refused.value.wrong is wrong


CHANGED = {
    "the method": (replace(PARTS, method="PUT"), SignatureErrorReason.MISFIT),
    "the path": (replace(PARTS, path="/api/v1/other"), SignatureErrorReason.MISFIT),
    "the content type": (replace(PARTS, content_type="text/plain"), SignatureErrorReason.MISFIT),
    "the body": (replace(PARTS, body=b"{}"), SignatureErrorReason.DIGEST),
    "a line end in a value": (replace(PARTS, content_type="application/json\nx: y"), SignatureErrorReason.SHAPE),
    "letters that no header has": (replace(PARTS, content_type="applicätion/json"), SignatureErrorReason.SHAPE),
}


@pytest.mark.parametrize(("parts", "wrong"), CHANGED.values(), ids=CHANGED)
def test_what_is_changed_on_the_way_is_refused(parts, wrong):
    with pytest.raises(MessageSignatureError) as refused:
        verify(parts, signed(), BY_NAME.get, NOW)
    assert refused.value.wrong is wrong


def test_an_ecdsa_value_has_both_numbers_side_by_side():
    headers = lowered(sign(PARTS, KEYS["ECDSA on P-256"], "edge-2", NOW))
    value = base64.b64decode(headers["signature"].removeprefix("sinetti=:").removesuffix(":"))
    headers["signature"] = f"sinetti=:{base64.b64encode(value[:-1]).decode()}:"
    with pytest.raises(MessageSignatureError, match="does not match"):
        verify(PARTS, headers, BY_NAME.get, NOW)


def private_pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_keys_are_read(key):
    assert load_public_key(public_pem(key)) == key.public_key() == load_signing_key(private_pem(key)).public_key()


OTHER_KEYS = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "another curve": ec.derive_private_key(7, ec.SECP384R1()),
}


@pytest.mark.parametrize("key", OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_other_keys_are_not_taken(key):
    with pytest.raises(ValueError, match="only Ed25519"):
        load_public_key(public_pem(key))
    with pytest.raises(ValueError, match="only Ed25519"):
        load_signing_key(private_pem(key))


def test_what_is_no_key_is_said():
    with pytest.raises(ValueError, match="not a PEM public key"):
        load_public_key(private_pem(KEY))
    with pytest.raises(ValueError, match="not a PEM private key"):
        load_signing_key(public_pem(KEY))
    with pytest.raises(ValueError, match="passphrase"):
        load_signing_key(private_pem(KEY), b"not encrypted")


def test_a_name_that_fits_no_header_is_not_signed_with():
    with pytest.raises(ValueError, match="letters"):
        sign(PARTS, KEY, 'a"b', NOW)
