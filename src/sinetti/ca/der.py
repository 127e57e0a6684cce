"""DER values, and the outer structure of signed data (RFC 5280, 4.1 and 5.1).

It is SEQUENCE { to-be-signed, AlgorithmIdentifier, BIT STRING }.
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sinetti.pki.encoding import PublicKey
from sinetti.pki.signatures import algorithm_identifier

SEQUENCE, BIT_STRING = 0x30, 0x03
_SHORT = 0x80


def encode_signed(tbs: bytes, public_key: PublicKey, signature: bytes, behind: bytes = b"") -> bytes:
    """Join octets and signature to one DER value, with the algorithm of the key.

    `behind` is the part after the signature: in an OCSP response it is certificates (RFC 6960, 4.2.1).
    """
    # The leading zero says that no bits of the last octet are unused (X.690, 8.6.2).
    return encode_tlv(SEQUENCE, tbs, algorithm_identifier(public_key), encode_tlv(BIT_STRING, b"\0", signature), behind)


def ca_key(certificate: x509.Certificate) -> PublicKey:
    """Return the public key of a CA.

    Raises ValueError for a key that is neither RSA nor EC.
    """
    key = certificate.public_key()
    if not isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        why = "the CA's key is neither RSA nor EC"
        raise ValueError(why)  # noqa: TRY004 -- the certificate is wrong, not the caller's types
    return key


def encode_tlv(tag: int, *content: bytes | memoryview) -> bytes:
    """Encode one DER value with a definite length (X.690, 8.1.3 and 10.1).

    The content comes in parts, since that of a CRL has 40 MB.
    """
    return b"".join((encode_header(tag, sum(map(len, content))), *content))


def encode_header(tag: int, length: int) -> bytes:
    """Return tag and length of a DER value with `length` octets of content."""
    if length < _SHORT:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _SHORT | len(octets))) + octets
