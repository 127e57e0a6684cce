"""Certificates whose EC key describes its curve, written octet by octet."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.attacks import csrs

_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def described(certificate, signer):
    """Return the certificate with a described P-256 key, signed again."""
    public = certificate.public_key()
    named = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    inside = certificate.tbs_certificate_bytes
    before, found, after = inside.partition(named)
    assert found
    header = 2 if inside[1] < 0x80 else 2 + (inside[1] & 0x7F)
    tbs = csrs.tlv(csrs.SEQUENCE, before[header:], csrs.ec_key(point, csrs.explicit_p256()), after)
    signature = signer.sign(tbs, ec.ECDSA(hashes.SHA256()))
    whole = csrs.tlv(csrs.SEQUENCE, tbs, _ECDSA_SHA256, csrs.tlv(csrs.BITS, b"\0", signature))
    return x509.load_der_x509_certificate(whole)
