"""Helpers of the tests of explanations.

They have shapes of signatures, messages to begin with, and a question.
"""

from dataclasses import replace
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sinetti.diagnostics.explain import diagnose
from sinetti.diagnostics.search import DiagnosisContext
from sinetti.pki.encoding import certificate_der
from sinetti.wire.xmldsig.signature import SignatureProfile, sign_document
from sinetti.wire.xmldsig.signers import signer_for_key
from tests.support import authority, xml_signing
from tests.support.faulty_signing import INCLUSIVE_INFO, request, signed
from tests.support.xml_signing import ENVELOPED_ALONE, MORE, OURS, PLACE

RSA = replace(OURS, kind="rsa-2048", method=MORE + "rsa-sha256")
P384 = replace(OURS, kind="p384", method=MORE + "ecdsa-sha384")
SHAPES = {"exclusive": OURS, "inclusive": ENVELOPED_ALONE, "all inclusive": INCLUSIVE_INFO, "RSA": RSA, "P-384": P384}
OTHERS = ' xmlns:web="urn:web" xmlns:v1="urn:v1"'
SECOND = timedelta(seconds=1)
XSI = "http://www.w3.org/2001/XMLSchema-instance"
GOOD = signed(request())
DOCUMENT = request("<!-- note -->", root=' xmlns:unused="urn:u"')
PASSWORD = "aB3dE6gH9jK2mN5p"


def replaced(document, old, new):
    assert old in document
    return document.replace(old, new)


def bare(document):
    return document.replace(PLACE, "").encode()


def guessed(octets, **known):
    return diagnose(octets, DiagnosisContext(**known))


def by_other_key(octets):
    return xml_signing._sign(replace(OURS, kind="other-p256"), octets)


def rsa_sign(**how):
    def sign(octets):
        return xml_signing.key("rsa-2048").sign(
            octets, how.get("padding", padding.PKCS1v15()), how.get("hashing", hashes.SHA256())
        )

    return sign


def anchors():
    return [authority.issuer().certificate]


def sealed_by(who, document=None):
    document = bare(request()) if document is None else document
    match who:
        case "holder":
            key = authority.holder_key()
            seal = signer_for_key(key, certificate_der(authority.holder_certificate(key)))
        case "services":
            key, certificate = authority.response_signer()
            seal = signer_for_key(key, certificate_der(certificate))
        case _:
            seal = signer_for_key(xml_signing.key(who), xml_signing.certificate(who))
    return sign_document(document, seal, SignatureProfile.EXCLUSIVE)
