"""Faults of signatures, as a closed list, so that callers can translate them."""

from enum import StrEnum


class SignatureErrorCode(StrEnum):
    """Reason for which a signature does not count.

    The values are sentences in English and contain nothing of the document.
    """

    MISSING = "there is no signature"
    MISPLACED = "the signature is not the only one and the last child of the root"
    ELSEWHERE = "the signature covers something else than the document"
    NOT_CUT = "the signed element cannot be taken out of its envelope"
    PARTS = "its parts are not the known ones"
    METHOD = "signature method not taken"
    DIGEST_METHOD = "digest method not taken"
    CANONICALISATION = "canonicalisation method not taken"
    TRANSFORMS = "transforms not taken"
    NOT_BASE64 = "what should be base64 is not"
    NOT_ONE_CERTIFICATE = "not exactly one X509Certificate"
    NO_X509_DATA = "no X509Data around the certificate"
    CERTIFICATE_TOO_LONG = "the certificate is too long"
    CERTIFICATE_UNREADABLE = "the certificate cannot be read"
    KEY_NOT_ACCEPTED = "the presented certificate or its key is not accepted"
    SIGNATURE_MISFIT = "the signature does not fit"
    DIGEST_MISFIT = "the digest does not fit"


class SignatureMissing(ValueError):
    """Document without ds:Signature."""


class SignatureInvalid(ValueError):
    """Signature that is broken or outside the shape.

    `str()` is the `SignatureErrorCode`.
    """


class WrongReference(SignatureInvalid):
    """Signature whose reference or place covers something else than the document."""
