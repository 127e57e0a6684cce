"""Self-revocation call of a certificate: body, answer, and client signature."""

import json
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import certificate_der, generate_key, serial_hex, sha256_hex
from sinetti.wire.http_signatures.certificate_keys import HttpSignatureAlgorithm, certificate_signer, verify
from sinetti.wire.http_signatures.profile import SignedComponents
from sinetti.wire.json_api.revocations import (
    CONTENT_TYPE,
    PATH,
    InvalidRevocation,
    RevocationBody,
    RevocationReply,
    parse,
    parse_revoked,
    render,
    render_revoked,
    sign_revocation,
)
from tests.support import golden
from tests.support.authority import NOW, holder_certificate, holder_key

SUPERSEDED = RevocationReason.SUPERSEDED
ASKED = RevocationBody("4100", SUPERSEDED)
KINDS = {
    KeyType.EC_P256: HttpSignatureAlgorithm.P256,
    KeyType.EC_P384: HttpSignatureAlgorithm.P384,
    KeyType.RSA_2048: HttpSignatureAlgorithm.RSA_PSS,
}


def certificate_of(key):
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0x41, NOW, NOW + timedelta(days=1))
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


@pytest.mark.parametrize(("kind", "algorithm"), KINDS.items(), ids=KINDS)
def test_what_a_client_signs(kind, algorithm):
    key = generate_key(kind)
    certificate = certificate_of(key)
    call = sign_revocation(certificate, SUPERSEDED, certificate_signer(key), NOW)
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert f'alg="{algorithm}"' in headers["signature-input"]
    found = verify(
        SignedComponents("POST", PATH, CONTENT_TYPE, call.body), headers, lambda _name: key.public_key(), NOW
    )
    assert found == sha256_hex(certificate_der(certificate))
    assert parse(call.body) == RevocationBody(serial_hex(certificate.serial_number), SUPERSEDED)


def test_a_token_signs_by_what_it_can():
    """No key is at hand, only a signer.

    It is called with the algorithm that was named.
    """
    key, asked = generate_key(KeyType.RSA_2048), []

    def token(algorithm, octets):
        asked.append(algorithm)
        return certificate_signer(key)(algorithm, octets)

    call = sign_revocation(certificate_of(key), SUPERSEDED, token, NOW, HttpSignatureAlgorithm.RSA)
    headers = {name.lower(): value for name, value in call.headers.items()}
    assert asked == [HttpSignatureAlgorithm.RSA]
    assert verify(SignedComponents("POST", PATH, CONTENT_TYPE, call.body), headers, lambda _name: key.public_key(), NOW)


def test_keys_that_cannot_sign_it():
    cases = {
        "an EC key by RSA": (holder_certificate(holder_key()), HttpSignatureAlgorithm.RSA),
        "Ed25519": (certificate_of(ed25519.Ed25519PrivateKey.generate()),),
        "P-521": (certificate_of(ec.derive_private_key(7, ec.SECP521R1())),),
    }
    attempts = {
        name: partial(sign_revocation, held, SUPERSEDED, lambda *_: b"", NOW, *algorithm)
        for name, (held, *algorithm) in cases.items()
    }
    golden.check("sentences/revocation-calls/keys", {"en.txt": golden.refusals(attempts, ValueError)})


def test_the_body():
    assert json.loads(render(ASKED)) == {"serial": "4100", "reason": "superseded"}
    assert parse(render(ASKED)) == ASKED


def written(**changed):
    value = {"serial": "4100", "reason": "superseded", **changed}
    return json.dumps({name: one for name, one in value.items() if one != "-"}).encode()


BAD = {
    "nothing": b"",
    "no JSON": b"{",
    "too deep": b"[" * 100_000,
    "a list": b"[]",
    "no serial": written(serial="-"),
    "no reason": written(reason="-"),
    "one member more": written(invalid_since="2027-01-01T00:00:00Z"),
    "an odd number of digits": written(serial="410"),
    "capitals": written(serial="4A"),
    "a number": written(serial=41),
    "an empty serial": written(serial=""),
    "a long serial": written(serial="41" * 21),
    "a reason that there is not": written(reason="lost"),
    "certificateHold": written(reason="certificateHold"),
    "a list of reasons": written(reason=["superseded"]),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_bodies_that_are_none(body):
    with pytest.raises(InvalidRevocation):
        parse(body)


REVOKED = RevocationReply("4100", datetime(2027, 3, 1, 12, tzinfo=UTC), SUPERSEDED)


def test_the_answer():
    told = render_revoked(REVOKED)
    assert told == {"serial": "4100", "revoked_at": "2027-03-01T12:00:00Z", "reason": "superseded"}
    assert parse_revoked(json.dumps(told).encode()) == REVOKED
    east = RevocationReply("4100", REVOKED.revoked_at.astimezone(timezone(timedelta(hours=2))), SUPERSEDED)
    assert render_revoked(east) == told


def test_answers_without_an_instant():
    attempts = {
        repr(at): partial(parse_revoked, json.dumps({**render_revoked(REVOKED), "revoked_at": at}).encode())
        for at in ("2027-03-01T12:00:00", "yesterday Z", "13Z", 5, None)
    }
    said = golden.refusals(attempts, InvalidRevocation)
    golden.check("sentences/revocation-calls/answers", {"en.txt": said})
