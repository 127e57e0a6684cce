"""Answers over SOAP: a response signer signs SignedInfo of one form alone."""

import re
from pathlib import Path

import pytest

from sinetti.authority.signer.rules import check_answer
from sinetti.authority.signer.tasks import SigningTask, TaskKind
from sinetti.domain.values import KeyType
from sinetti.pki.encoding import certificate_der, sign
from sinetti.pki.signers import SignatureRefused
from sinetti.wire.soap.responses import AcceptedResponse, render_response
from sinetti.wire.soap.schema_types import Operation
from sinetti.wire.xmldsig.signature import SignatureProfile
from sinetti.wire.xmldsig.signers import signer_with
from tests.support.authority import NOW, holder_certificate, holder_key, response_signer
from tests.support.signing import CA, LOG, RESPONSE_SIGNER, one

VECTORS = Path(__file__).parents[2] / "vectors" / "canonical"


def signed_info(key, certificate, recipe=SignatureProfile.EXCLUSIVE):
    """Return what the service would have a response signer sign."""
    seen = []

    def record(octets):
        seen.append(octets)
        return sign(key, octets)

    render_response(Operation.NEW, AcceptedResponse("1" * 32), signer_with(certificate, record), recipe)
    return seen[0]


INFO = signed_info(response_signer()[0], certificate_der(response_signer()[1]))


@pytest.mark.parametrize("recipe", SignatureProfile)
@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.EC_P256, KeyType.EC_P384])
def test_each_key_and_profile_of_the_service_is_read(kind, recipe):
    key = holder_key(1, kind)
    check_answer(signed_info(key, certificate_der(holder_certificate(key)), recipe), key.public_key())


@pytest.mark.parametrize("path", sorted(VECTORS.glob("answer-*.signed-info.xml")), ids=lambda path: path.stem)
def test_each_published_answer_is_read(path):
    kind = KeyType.RSA_2048 if b"rsa-sha256" in path.read_bytes() else KeyType.EC_P256
    check_answer(path.read_bytes(), holder_key(1, kind).public_key())


def test_an_answer_is_signed(rules):
    assert one(rules, SigningTask(TaskKind.ANSWER, RESPONSE_SIGNER, INFO))


OTHERS = {
    "nothing": b"",
    "a request": INFO.replace(b'URI=""', b'URI="#x"'),
    "another digest": INFO.replace(b"xmlenc#sha256", b"xmlenc#sha512"),
    "another method": INFO.replace(b"ecdsa-sha256", b"ecdsa-sha384"),
    "a digest of another length": INFO.replace(b"=</ds:DigestValue>", b"</ds:DigestValue>"),
    "a digest with bits beyond its end": re.sub(rb".=</ds:Dig", b"B=</ds:Dig", INFO),
    "a line end": INFO + b"\n",
    "a certificate": holder_certificate(holder_key()).tbs_certificate_bytes,
}


@pytest.mark.parametrize("octets", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_signed(rules, octets):
    assert octets != INFO
    with pytest.raises(SignatureRefused, match="not the SignedInfo of an answer"):
        one(rules, SigningTask(TaskKind.ANSWER, RESPONSE_SIGNER, octets))


@pytest.mark.parametrize("name", [CA, LOG, f"{RESPONSE_SIGNER}2", "Other-1a"])
def test_no_other_key_signs_answers(rules, name):
    with pytest.raises(SignatureRefused, match="no key that signs answers"):
        one(rules, SigningTask(TaskKind.ANSWER, name, INFO), NOW)
