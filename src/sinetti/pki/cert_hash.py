"""CertHash in OCSP responses: the hash of the certificate that a status is about.

Common PKI 2.0, part 4, defines it. A CertID names issuer and serial number only. Where the issuer's key was stolen, a
forgery can have the CertID of a real certificate, but not its hash.
"""

from cryptography import x509

CERT_HASH = x509.ObjectIdentifier("1.3.36.8.3.13")
"""OID of the extension in singleExtensions."""

CERT_HASH_DER = bytes.fromhex("06052b2408030d")
"""The OID in DER."""

_BEFORE_DIGEST = bytes.fromhex("3031300d060960864801650304020105000420")
"""SEQUENCE of AlgorithmIdentifier (SHA-256), and an OCTET STRING of 32 octets."""

DIGEST_OCTETS = 32
"""Length of the hash in octets."""


def cert_hash_value(digest: bytes) -> bytes:
    """Return CertHash (DER) with the SHA-256 of a certificate.

    Raises ValueError for another length.
    """
    if len(digest) != DIGEST_OCTETS:
        raise ValueError("a SHA-256 has 32 octets")
    return _BEFORE_DIGEST + digest
