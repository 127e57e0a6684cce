"""Signers of documents, which sign several octets one by one or in one request."""

from dataclasses import replace

from sinetti.domain.values import KeyType
from sinetti.pki.encoding import certificate_der, verify
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support.authority import holder_certificate, holder_key

SEVERAL = (b"first", b"second")


def test_a_key_here_signs_one_after_the_other():
    key = holder_key(1, KeyType.EC_P256)
    signer = signer_for_key(key, certificate_der(holder_certificate(key)))
    for octets, signature in zip(SEVERAL, signer.sign_all(SEVERAL), strict=True):
        assert verify(key.public_key(), octets, signature)


def test_a_key_elsewhere_signs_in_one_request():
    key, asked = holder_key(1, KeyType.EC_P256), []

    def sign_at_once(several):
        asked.append(several)
        return [b"one", b"two"]

    signer = replace(signer_for_key(key, certificate_der(holder_certificate(key))), sign_at_once=sign_at_once)
    assert (signer.sign_all(SEVERAL), asked) == ([b"one", b"two"], [SEVERAL])
