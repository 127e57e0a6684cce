"""Signed messages against another implementation of RFC 9421, in both directions.

The tests read the machine's clock.
"""

from types import SimpleNamespace

import http_message_signatures as peer
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from sinetti.api.revocations import RevocationsEndpoint
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.infra.clock import utc_now
from sinetti.pki.encoding import load_certificate, sha256_hex
from sinetti.server.http import Request
from sinetti.wire.http_signatures import certificate_keys
from sinetti.wire.http_signatures.certificate_keys import HttpSignatureAlgorithm, certificate_signer
from sinetti.wire.http_signatures.profile import MessageSignatureError, SignedComponents, sign, verify
from sinetti.wire.json_api.revocations import PATH, RevocationBody, render, sign_revocation
from tests.support.registers import sqlite_db
from tests.support.scene import REQUEST, enrolled, sqlite_scene

__all__ = ["sqlite_db", "sqlite_scene"]

PARTS = SignedComponents("POST", "/api/v1/sightings", "application/json", b'{"sightings": []}')
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
    asked = message(sign(PARTS, key, "edge", utc_now()))
    verifier = peer.HTTPMessageVerifier(signature_algorithm=algorithm, key_resolver=resolver(key))
    found = verifier.verify(asked, require_components=NAMES, body=PARTS.body)
    assert [one.parameters["keyid"] for one in found] == ["edge"]


@pytest.mark.parametrize(("algorithm", "key"), KEYS.values(), ids=KEYS)
def test_we_take_what_another_implementation_signs(algorithm, key):
    asked = message({"Content-Type": PARTS.content_type})
    signer = peer.HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver(key))
    signer.sign(asked, key_id="edge", covered_component_ids=NAMES[:3], body=PARTS.body, created=utc_now())
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert verify(PARTS, headers, {"edge": key.public_key()}.get, utc_now()) == "edge"


RSA = rsa.generate_private_key(65537, 2048)
HOLDERS = {
    HttpSignatureAlgorithm.RSA_PSS: (peer.algorithms.RSA_PSS_SHA512, RSA),
    HttpSignatureAlgorithm.RSA: (peer.algorithms.RSA_V1_5_SHA256, RSA),
    HttpSignatureAlgorithm.P256: (peer.algorithms.ECDSA_P256_SHA256, ec.derive_private_key(7, ec.SECP256R1())),
}
P384 = ec.derive_private_key(7, ec.SECP384R1())


class EcdsaP384(peer.HTTPSignatureAlgorithm):
    """Algorithm ecdsa-p384-sha384 (RFC 9421, 3.3.5), which the library leaves out.

    The frame around it is the library's.
    """

    algorithm_id = "ecdsa-p384-sha384"

    def __init__(self, public_key=None, private_key=None, password=None):  # noqa: ARG002 - as the library calls it
        """Set the keys."""
        self.public_key, self.private_key = public_key, private_key

    def sign(self, message):
        """Return the signature, which is r and s of 48 octets each."""
        r, s = decode_dss_signature(self.private_key.sign(message, ec.ECDSA(hashes.SHA384())))
        return r.to_bytes(48, "big") + s.to_bytes(48, "big")

    def verify(self, signature, message):
        """Verify a signature; raise an error if it is invalid."""
        r, s = int.from_bytes(signature[:48], "big"), int.from_bytes(signature[48:], "big")
        self.public_key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA384()))


HOLDERS[HttpSignatureAlgorithm.P384] = (EcdsaP384, P384)


@pytest.mark.parametrize("algorithm", HOLDERS)
def test_another_implementation_takes_what_a_holder_s_key_signs(algorithm):
    its, key = HOLDERS[algorithm]
    headers = certificate_keys.sign(PARTS, "edge", utc_now(), algorithm, certificate_signer(key))
    verifier = peer.HTTPMessageVerifier(signature_algorithm=its, key_resolver=resolver(key))
    found = verifier.verify(message(headers), require_components=NAMES, body=PARTS.body)
    assert [one.parameters["keyid"] for one in found] == ["edge"]


@pytest.mark.parametrize("algorithm", HOLDERS)
def test_we_take_what_another_implementation_signs_with_a_holder_s_key(algorithm):
    its, key = HOLDERS[algorithm]
    asked = message({"Content-Type": PARTS.content_type})
    signer = peer.HTTPMessageSigner(signature_algorithm=its, key_resolver=resolver(key))
    signer.sign(asked, key_id="edge", covered_component_ids=NAMES[:3], body=PARTS.body, created=utc_now())
    headers = {name.lower(): value for name, value in asked.headers.items()}
    by_name = {"edge": key.public_key()}.get
    assert certificate_keys.verify(PARTS, headers, by_name, utc_now()) == "edge"
    if algorithm is not HttpSignatureAlgorithm.P256:
        with pytest.raises(MessageSignatureError):
            verify(PARTS, headers, {"edge": P384.public_key()}.get, utc_now())


def test_a_program_of_others_revokes_a_certificate(sqlite_scene):
    """The endpoint accepts a call that the library signed.

    The library accepts a call that our client signed.
    """
    held, now = enrolled(sqlite_scene), utc_now()
    sqlite_scene.machine.now = now
    body, name = render(RevocationBody(held.serial, RevocationReason.SUPERSEDED)), sha256_hex(held.der)
    asked = SimpleNamespace(
        method="POST", url=f"https://certificates.example{PATH}", headers={"Content-Type": "application/json"}
    )
    keys = peer.MappingKeyResolver(public_keys={name: held.key.public_key()}, private_keys={name: held.key})
    its = peer.algorithms.ECDSA_P256_SHA256
    signer = peer.HTTPMessageSigner(signature_algorithm=its, key_resolver=keys)
    signer.sign(asked, key_id=name, covered_component_ids=NAMES[:3], body=body, created=now)
    headers = {one.lower(): value for one, value in asked.headers.items()}
    reply = RevocationsEndpoint(sqlite_scene.ctx)(Request("POST", PATH, "", headers, REQUEST, body))
    assert reply.status == 200, reply.body
    assert sqlite_scene.certificate(held.serial).revoked
    ours = sign_revocation(load_certificate(held.der), RevocationReason.SUPERSEDED, certificate_signer(held.key), now)
    asked.headers = dict(ours.headers)
    verifier = peer.HTTPMessageVerifier(signature_algorithm=its, key_resolver=keys)
    assert verifier.verify(asked, require_components=NAMES, body=ours.body)
