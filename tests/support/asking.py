"""OCSP requests as clients send them, and client checks of the responses."""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp


def asked(
    serial: int | x509.Certificate,
    issuer: x509.Certificate,
    *,
    sha256: bool = False,
    nonce: bytes | None = None,
) -> bytes:
    """Build an OCSP request (DER) about a certificate or a serial number."""
    number = serial if isinstance(serial, int) else serial.serial_number
    algorithm = hashes.SHA256() if sha256 else hashes.SHA1()  # noqa: S303 - what clients send
    key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    if sha256:
        key = _digest(issuer.public_key(), algorithm)
    name = _hash(issuer.subject.public_bytes(), algorithm)
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, number, algorithm)
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def believed(der: bytes, issuer: x509.Certificate, now: datetime) -> ocsp.OCSPResponse:
    """Parse an OCSP response and check it as a client does.

    The responder certificate was issued by this CA and is in force. The signature covers these octets. The response is
    neither too early nor too old.
    """
    response = ocsp.load_der_ocsp_response(der)
    assert response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    (responder,) = response.certificates
    responder.verify_directly_issued_by(issuer)
    assert responder.not_valid_before_utc <= now <= responder.not_valid_after_utc
    purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]
    assert responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
    own = responder.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert (response.responder_key_hash, response.responder_name) == (own, None)
    key = responder.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
    assert response.this_update_utc <= now <= response.next_update_utc
    return response


def _hash(octets: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(octets)
    return digest.finalize()


def _digest(key: object, algorithm: hashes.HashAlgorithm) -> bytes:
    """Hash the public key of an EC key of the test authority.

    The hashed octets are the content of the BIT STRING at the end of SubjectPublicKeyInfo.
    """
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return _hash(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), algorithm)
