"""Signed messages beside another implementation of RFC 9421, in both directions. It reads the machine's clock."""

from types import SimpleNamespace

import http_message_signatures as peer
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sinetti.clock import machine_now
from sinetti.wire.message_signatures import Parts, sign, verify

PARTS = Parts("POST", "/api/v1/sightings", "application/json", b'{"sightings": []}')
KEYS = {
    "Ed25519": (peer.algorithms.ED25519, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)),
    "ECDSA on P-256": (peer.algorithms.ECDSA_P256_SHA256, ec.derive_private_key(7, ec.SECP256R1())),
}
NAMES = ("@method", "@path", "content-type", "content-digest")


def message(headers):
    return SimpleNamespace(method="POST", url="https://certificates.example/api/v1/sightings", headers=headers)


def resolver(key):
    return peer.MappingKeyResolver(public_keys={"edge": key.public_key()}, private_keys={"edge": key})


@pytest.mark.parametrize(("algorithm", "key"), KEYS.values(), ids=KEYS)
def test_another_implementation_takes_what_we_sign(algorithm, key):
    asked = message(sign(PARTS, key, "edge", machine_now()))
    verifier = peer.HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=resolver(key))
    found = verifier.verify(asked, require_components=NAMES, body=PARTS.body)
    assert [one.parameters["keyid"] for one in found] == ["edge"]


@pytest.mark.parametrize(("algorithm", "key"), KEYS.values(), ids=KEYS)
def test_we_take_what_another_implementation_signs(algorithm, key):
    asked = message({"Content-Type": PARTS.content_type})
    signer = peer.HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver(key))
    signer.sign(asked, key_id="edge", covered_component_ids=NAMES[:3], body=PARTS.body, created=machine_now())
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert verify(PARTS, headers, {"edge": key.public_key()}.get, machine_now()) == "edge"
