"""SubjectPublicKeyInfo of a certificate or request (RFC 5280, 4.1.2.7).

Its EC curve must be named, not described: RFC 5480, 2.1.1, forbids a description (specifiedCurve). The library accepts
a description that equals a known curve, and then shows the key as if the curve were named. Other programs trusted
descriptions with another generator (CVE-2020-0601). Checks of incoming certificates and requests therefore reject a
description.
"""

from cryptography import x509

_OBJECT_IDENTIFIER, _VERSION = 0x06, 0xA0
_LONG_FORM = 0x80

_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
"""The OBJECT IDENTIFIER id-ecPublicKey (RFC 5480, 2.1.1), with tag and length."""

_BEFORE_KEY = 5
"""Number of members of a TBSCertificate between its version and the key.

They are serial, signature, issuer, validity and subject.
"""

_BEFORE_REQUESTED_KEY = 2
"""Number of members of a CertificationRequestInfo before the key (RFC 2986, 4.1).

They are version and subject.
"""

DESCRIBED = "its key describes an elliptic curve instead of naming it (RFC 5480, 2.1.1)"
"""Message for the rejection of such a certificate."""


def describes_curve(certificate: x509.Certificate) -> bool:
    """Return True if the parameters of an EC key are not the name of a curve.

    The result is False for other keys.
    """
    return _is_described(certificate.tbs_certificate_bytes, _BEFORE_KEY)


def request_describes_curve(request: x509.CertificateSigningRequest) -> bool:
    """Return True if the key of a request is such an EC key."""
    return _is_described(request.tbs_certrequest_bytes, _BEFORE_REQUESTED_KEY)


def checked(certificate: x509.Certificate) -> x509.Certificate:
    """Return the certificate.

    Raises ValueError with the text DESCRIBED if its key describes its curve.
    """
    if describes_curve(certificate):
        raise ValueError(DESCRIBED)
    return certificate


def _is_described(signed: bytes, before: int) -> bool:
    """Return True if the key after `before` members describes its curve.

    `signed` was parsed as DER before, so its lengths are valid.
    """
    at, _ = _inside(signed, 0)
    if signed[at] == _VERSION:
        _, at = _inside(signed, at)
    for _ in range(before):
        _, at = _inside(signed, at)
    algorithm, _ = _inside(signed, at)
    identifier, end = _inside(signed, algorithm)
    if signed[identifier : identifier + len(_EC_PUBLIC_KEY)] != _EC_PUBLIC_KEY:
        return False
    parameters = identifier + len(_EC_PUBLIC_KEY)
    return parameters == end or signed[parameters] != _OBJECT_IDENTIFIER


def _inside(der: bytes, at: int) -> tuple[int, int]:
    """Return begin and end of the contents of the element at `at`."""
    length, begin = der[at + 1], at + 2
    if length & _LONG_FORM:
        more = length & ~_LONG_FORM
        length, begin = int.from_bytes(der[begin : begin + more], "big"), begin + more
    return begin, begin + length
