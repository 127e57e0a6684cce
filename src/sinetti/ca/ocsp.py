"""OCSP (RFC 6960): parsing of requests, encoding and signing of responses.

Each concerns one certificate (RFC 5019, 2.1.1). Encoding uses no builder, since that of cryptography takes producedAt
from the machine's clock.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import cache
from typing import assert_never

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp

from sinetti.ca.profiles import SEQUENCE, ca_key, encode_signed, encode_tlv, generalized_time
from sinetti.domain.certificates.ocsp_status import CertIdHash, CertificateStatusInfo, CertStatus, SingleResponse
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial
from sinetti.pki.cert_hash import CERT_HASH_DER, cert_hash_value
from sinetti.pki.chain import extension_value
from sinetti.pki.encoding import PrivateKey, certificate_der, serial_hex, sign
from sinetti.pki.policy_oids import is_ocsp_responder

NONCE_OCTETS = range(1, 33)
"""Accepted lengths of a nonce (RFC 8954, 2.1).

RFC 9654 requires responders to accept them.
"""

_LONGEST_SERIAL = 20
_INTEGER, _OCTET_STRING, _ENUMERATED = 0x02, 0x04, 0x0A
_GOOD, _REVOKED, _UNKNOWN = 0x80, 0xA1, 0x82  # CertStatus: [0] and [2] NULL, [1] RevokedInfo, all IMPLICIT
_EXPLICIT_0, _EXPLICIT_1, _EXPLICIT_2 = 0xA0, 0xA1, 0xA2
_BASIC = bytes.fromhex("06092b0601050507300101")  # id-pkix-ocsp-basic
_NONCE = bytes.fromhex("06092b0601050507300102")  # id-pkix-ocsp-nonce
_SUCCESSFUL = bytes.fromhex("0a0100")
_HASHES: Mapping[CertIdHash, bytes] = {
    # AlgorithmIdentifier in DER with the NULL that every client sends: some compare it octet for octet.
    CertIdHash.SHA1: bytes.fromhex("300906052b0e03021a0500"),
    CertIdHash.SHA256: bytes.fromhex("300d06096086480165030402010500"),
}
_REASONS: Mapping[RevocationReason, int] = {
    # CRLReason (RFC 5280, 5.3.1); "unspecified" is expressed by the absence of the reason.
    RevocationReason.KEY_COMPROMISE: 1,
    RevocationReason.CA_COMPROMISE: 2,
    RevocationReason.AFFILIATION_CHANGED: 3,
    RevocationReason.SUPERSEDED: 4,
    RevocationReason.CESSATION_OF_OPERATION: 5,
    RevocationReason.PRIVILEGE_WITHDRAWN: 9,
    RevocationReason.AA_COMPROMISE: 10,
}


class ErrorStatus(IntEnum):
    """Error values of OCSPResponseStatus that this service uses (RFC 6960, 4.2.1)."""

    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    UNAUTHORIZED = 6


class OcspRequestError(ValueError):
    """Request that gets no certificate status; `status` gives the reason."""

    def __init__(self, status: ErrorStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True)
class OcspRequest:
    """Request for one certificate: serial, hashes of the issuer, and nonce or None."""

    serial: Serial
    hash: CertIdHash
    name_hash: bytes
    key_hash: bytes
    nonce: bytes | None = None


@dataclass(frozen=True)
class Responder:
    """OCSP responder of one CA: its key, and the parts of every response.

    Those parts come from its certificate.
    """

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    responder_id: bytes = field(repr=False)
    certificates: bytes = field(repr=False)

    @property
    def ends(self) -> datetime:
        """Last second (UTC) at which its responses are valid."""
        return self.certificate.not_valid_after_utc


def responder_of(certificate: x509.Certificate, key: PrivateKey) -> Responder:
    """Return a responder from key and certificate.

    Raises ValueError for a certificate with another purpose.
    """
    own = extension_value(certificate, x509.SubjectKeyIdentifier)
    if own is None or not is_ocsp_responder(certificate):
        raise ValueError("this certificate is not for an OCSP responder")
    # KeyHash is SHA-1 over the key's bits (RFC 6960, 4.2.1), like our subjectKeyIdentifier.
    by_key = encode_tlv(_EXPLICIT_2, encode_tlv(_OCTET_STRING, own.digest))
    return Responder(
        certificate, key, by_key, encode_tlv(_EXPLICIT_0, encode_tlv(SEQUENCE, certificate_der(certificate)))
    )


def parse_request(der: bytes) -> OcspRequest:
    """Parse a request (DER) about one certificate.

    A signature of the request is ignored. Raises OcspRequestError:

    - malformedRequest for other octets, for several certificates, and for a nonce outside 1 to 32 octets;
    - unauthorized if the issuer is named by another hash than SHA-1 or SHA-256.
    """
    try:
        request = ocsp.load_der_ocsp_request(der)
        serial, extensions = serial_hex(request.serial_number), list(request.extensions)
    except (ValueError, NotImplementedError, x509.DuplicateExtension) as bad:
        raise OcspRequestError(
            ErrorStatus.MALFORMED_REQUEST, "this is not an OCSP request about one certificate"
        ) from bad
    if len(serial) > 2 * _LONGEST_SERIAL:
        raise OcspRequestError(
            ErrorStatus.MALFORMED_REQUEST, "a serial number must not have so many octets (RFC 5280, 4.1.2.2)"
        )
    return OcspRequest(serial, _hash_of(request), request.issuer_name_hash, request.issuer_key_hash, _nonce(extensions))


def check_issuer(asked: OcspRequest, issuer: x509.Certificate) -> None:
    """Raise OcspRequestError (unauthorized) unless a request names this CA.

    It must name it by its name and its key (4.1.1).
    """
    if (asked.name_hash, asked.key_hash) != _named(issuer)[asked.hash]:
        raise OcspRequestError(ErrorStatus.UNAUTHORIZED, "the request is about certificates of another issuer")


def sign_answer(asked: OcspRequest, issuer: x509.Certificate, response: SingleResponse, responder: Responder) -> bytes:
    """Sign a response about one certificate (DER), with the request's nonce, if any."""
    data = prepare_answer(asked, issuer, response, responder)
    return attach_answer_signature(data, sign(responder.key, data), responder)


def prepare_answer(
    asked: OcspRequest, issuer: x509.Certificate, response: SingleResponse, responder: Responder
) -> bytes:
    """Return the ResponseData that the responder is to sign.

    producedAt equals thisUpdate, the time at which the status was read.
    """
    extensions = b""
    if asked.nonce is not None:
        nonce = encode_tlv(SEQUENCE, _NONCE + encode_tlv(_OCTET_STRING, encode_tlv(_OCTET_STRING, asked.nonce)))
        extensions = encode_tlv(_EXPLICIT_1, encode_tlv(SEQUENCE, nonce))
    produced = generalized_time(response.this_update)
    named = _certificate_id(asked.serial, asked.hash, issuer)
    single = encode_tlv(
        SEQUENCE,
        named
        + _status(response.status)
        + generalized_time(response.this_update)
        + encode_tlv(_EXPLICIT_0, generalized_time(response.next_update))
        + _certificate_hash(response),
    )
    return encode_tlv(SEQUENCE, responder.responder_id + produced + encode_tlv(SEQUENCE, single) + extensions)


def attach_answer_signature(data: bytes, signature: bytes, responder: Responder) -> bytes:
    """Return the response (DER) of ResponseData and its signature."""
    signed = encode_signed(data, responder.key.public_key(), signature, responder.certificates)
    return encode_tlv(
        SEQUENCE,
        _SUCCESSFUL + encode_tlv(_EXPLICIT_0, encode_tlv(SEQUENCE, _BASIC + encode_tlv(_OCTET_STRING, signed))),
    )


def canonical_request(asked_serial: Serial, hash_: CertIdHash, issuer: x509.Certificate) -> OcspRequest:
    """Return the request of a client without a nonce, the key of stored responses."""
    name_hash, key_hash = _named(issuer)[hash_]
    return OcspRequest(asked_serial, hash_, name_hash, key_hash)


def encode_request(asked: OcspRequest, issuer: x509.Certificate) -> bytes:
    """Encode the request of a client without a nonce (DER; RFC 6960, 4.1.1)."""
    certificate_id = _certificate_id(asked.serial, asked.hash, issuer)
    return encode_tlv(SEQUENCE, encode_tlv(SEQUENCE, encode_tlv(SEQUENCE, encode_tlv(SEQUENCE, certificate_id))))


def error_answer(status: ErrorStatus) -> bytes:
    """Encode an error response (DER), which has no signature (4.2.1)."""
    return encode_tlv(SEQUENCE, encode_tlv(_ENUMERATED, bytes([status])))


def _hash_of(request: ocsp.OCSPRequest) -> CertIdHash:
    try:
        return CertIdHash(request.hash_algorithm.name)
    except (ValueError, UnsupportedAlgorithm) as unknown:
        raise OcspRequestError(
            ErrorStatus.UNAUTHORIZED, "the issuer is identified by a hash other than SHA-1 or SHA-256"
        ) from unknown


def _nonce(extensions: list[x509.Extension[x509.ExtensionType]]) -> bytes | None:
    nonce = None
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            nonce = extension.value.nonce
        elif extension.critical:
            raise OcspRequestError(ErrorStatus.MALFORMED_REQUEST, "the request has an unknown critical extension")
    if nonce is not None and len(nonce) not in NONCE_OCTETS:
        raise OcspRequestError(ErrorStatus.MALFORMED_REQUEST, "the request's nonce must have 1 to 32 octets")
    return nonce


@cache
def _named(issuer: x509.Certificate) -> Mapping[CertIdHash, tuple[bytes, bytes]]:
    """Return the hashes by which requests name a CA (4.1.1).

    They are over its name in DER, and over its key's bits.
    """
    name, key = issuer.subject.public_bytes(), _key_bits(issuer)
    return {
        cert_id_hash: (hashlib.new(cert_id_hash, name).digest(), hashlib.new(cert_id_hash, key).digest())
        for cert_id_hash in CertIdHash
    }


def _key_bits(issuer: x509.Certificate) -> bytes:
    """Return the BIT STRING subjectPublicKey without tag, length and unused bits."""
    key = ca_key(issuer)
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@cache
def _certificate_id_of(issuer: x509.Certificate, hash_: CertIdHash) -> bytes:
    name_hash, key_hash = _named(issuer)[hash_]
    return _HASHES[hash_] + encode_tlv(_OCTET_STRING, name_hash) + encode_tlv(_OCTET_STRING, key_hash)


def _certificate_id(serial: Serial, hash_: CertIdHash, issuer: x509.Certificate) -> bytes:
    number = int(serial, 16)
    # One octet more if the first bit is set, since a serial number is positive (X.690, 8.3.3).
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return encode_tlv(SEQUENCE, _certificate_id_of(issuer, hash_) + encode_tlv(_INTEGER, octets))


def _status(status: CertificateStatusInfo) -> bytes:
    match status.cert_status:
        case CertStatus.GOOD:
            return encode_tlv(_GOOD, b"")
        case CertStatus.UNKNOWN:
            return encode_tlv(_UNKNOWN, b"")
        case CertStatus.REVOKED:
            return encode_tlv(_REVOKED, _revocation(status))
        case never:
            assert_never(never)


def _revocation(status: CertificateStatusInfo) -> bytes:
    assert status.revoked_at is not None  # noqa: S101 - cert_status returns none without it
    number = _REASONS.get(status.reason) if status.reason is not None else None
    reason = b"" if number is None else encode_tlv(_EXPLICIT_0, encode_tlv(_ENUMERATED, bytes([number])))
    return generalized_time(status.revoked_at) + reason


def _certificate_hash(response: SingleResponse) -> bytes:
    """Return singleExtensions with CertHash; nothing without a hash."""
    if response.certificate_hash is None:
        return b""
    value = encode_tlv(_OCTET_STRING, cert_hash_value(response.certificate_hash))
    return encode_tlv(_EXPLICIT_1, encode_tlv(SEQUENCE, encode_tlv(SEQUENCE, CERT_HASH_DER + value)))
