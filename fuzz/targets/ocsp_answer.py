"""Verification of an OCSP response, as by the gateway.

Only a response about the certificate, signed by the CA or its responder, is accepted.
"""

from datetime import timedelta
from random import Random

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from fuzz import der_changing, material
from fuzz.target import Target, must
from sinetti.ca.ocsp import canonical_request, responder_of, sign_answer
from sinetti.domain.certificates.ocsp_status import CertIdHash, CertificateStatusInfo, CertStatus, SingleResponse
from sinetti.domain.values import Serial
from sinetti.gateway.revocation.ocsp import OcspSource
from sinetti.gateway.revocation.source import GOOD, NO_ANSWER, NOT_KNOWN, REVOKED
from sinetti.gateway.x509.path_validation import CaCertificate, authority_of
from sinetti.pki.encoding import serial_hex

_FRESH = timedelta(days=1)
_LEAF = material.certificate("p256")


def check(octets: bytes) -> None:
    """Query a status and answer with these octets.

    The result is the same twice, and no other signer is accepted.
    """
    answer = _status(octets)
    must(answer in {GOOD, REVOKED, NOT_KNOWN, NO_ANSWER}, "the answer is one of four")
    must(_status(octets) == answer, "it is the same again")
    if answer != NO_ANSWER:
        must(der_changing.whole(octets), "there is nothing after its end")
        _signed(octets)


def _status(octets: bytes) -> object:
    answers = OcspSource(["http://ocsp.example"], ask=lambda _address, _request: octets, random=bytes)
    return answers.status(_LEAF, _authority(), material.NOW, _FRESH)


def _authority() -> CaCertificate:
    found = authority_of(material.certificate(material.CA))
    assert found is not None  # noqa: S101 - it is a CA
    return found


def _signed(octets: bytes) -> None:
    """Check that one of the two allowed keys signed the response."""
    response = ocsp.load_der_ocsp_response(octets)
    hashing = response.signature_hash_algorithm
    assert hashing is not None  # noqa: S101 - a valid signature has one
    for kind in (material.CA, material.RESPONDER):
        key = material.key(kind).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - as their names say
        try:
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashing))
        except Exception:  # noqa: BLE001, S112 - not by this key
            continue
        return
    must(condition=False, sentence="a believed answer is signed by the CA or its responder")


def change(octets: bytes, chance: Random) -> bytes:
    """Change the content of a response's envelope, and sign it again."""
    try:
        (outer,) = der_changing.parse(octets)
        basic = outer.at(1, 0, 1)
        inner = der_changing.change(basic.inside(), chance)
    except ValueError:
        return der_changing.change(octets, chance)
    if chance.random() > 1 / 4:
        inner = der_changing.signed_again(inner, chance.choice((material.RESPONDER, material.CA)))
    basic.content = inner
    return outer.octets() if chance.random() < 7 / 8 else der_changing.change(outer.octets(), chance)


def _seeds() -> dict[str, bytes]:
    issuer, made = material.certificate(material.CA), {}
    serial = Serial(serial_hex(_LEAF.serial_number))
    responder = responder_of(material.certificate(material.RESPONDER), material.key(material.RESPONDER))
    for standing in CertStatus:
        status = CertificateStatusInfo(standing, material.NOW if standing is CertStatus.REVOKED else None)
        single = SingleResponse(status, material.NOW, material.NOW + _FRESH)
        made[standing.value] = sign_answer(
            canonical_request(serial, CertIdHash.SHA256, issuer), issuer, single, responder
        )
    made["try-later"] = bytes.fromhex("30030a0103")
    builder = ocsp.OCSPResponseBuilder().add_response(
        _LEAF,
        issuer,
        hashes.SHA1(),  # noqa: S303 - as clients ask
        ocsp.OCSPCertStatus.GOOD,
        material.NOW,
        material.NOW + _FRESH,
        None,
        None,
    )
    by_ca = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, issuer).sign(
        material.key(material.CA), hashes.SHA256()
    )
    return made | {"by-the-ca": by_ca.public_bytes(Encoding.DER)}


TARGET = Target("ocsp-answer", check, _seeds, change, longest=8_192)
