"""Faults of signatures, as a closed list, so that callers can translate them."""

from enum import StrEnum


class SignatureErrorCode(StrEnum):
    """Reason for which a signature does not count.

    The values are sentences in English and contain nothing of the document.
    """

    MISSING = "there is no signature"
    MISPLACED = "the document must have one signature, as the last child of its root element"
    ELSEWHERE = "the signature covers something other than the document"
    NOT_CUT = "the signed element cannot be extracted from its envelope"
    PARTS = "the structure of the signature is not accepted"
    METHOD = "the signature method is not accepted"
    DIGEST_METHOD = "the digest method is not accepted"
    CANONICALISATION = "the canonicalisation method is not accepted"
    TRANSFORMS = "the transforms are not accepted"
    NOT_BASE64 = "a value in the signature is not base64"
    NOT_ONE_CERTIFICATE = "there must be exactly one X509Certificate"
    NO_X509_DATA = "the certificate is not inside an X509Data element"
    CERTIFICATE_TOO_LONG = "the certificate is too long"
    CERTIFICATE_UNREADABLE = "the certificate cannot be read"
    KEY_NOT_ACCEPTED = "the signer's certificate is not accepted"
    SIGNATURE_MISFIT = "the signature does not match"
    DIGEST_MISFIT = "the digest does not match"


class SignatureMissing(ValueError):
    """Document without ds:Signature."""


class SignatureInvalid(ValueError):
    """Signature that is broken or outside the shape.

    `str()` is the `SignatureErrorCode`.
    """


class WrongReference(SignatureInvalid):
    """Signature whose reference or place covers something else than the document."""
