"""Why a signature does not fit: the closed list of guesses that `sinetti explain` and the bench's log make."""

from enum import StrEnum


class Cause(StrEnum):
    """What was probably done wrong. Each has a row in docs/explain.md and a text in diagnostics/cause_texts.py."""

    # The document was changed after it was signed.
    INDENTED = "indented-after-signing"
    UNINDENTED = "white-space-removed"
    LINE_ENDS = "line-ends-changed"
    FIELD_ADDED = "field-added"
    ATTRIBUTES_ADDED = "attributes-added"
    PREFIX_RENAMED = "prefix-renamed"
    DECLARATIONS_CHANGED = "declarations-changed"
    DEFAULT_NAMESPACE = "default-namespace-inherited"
    CHARACTERS_RECODED = "characters-recoded"
    TEXT_CHANGED = "text-changed"
    SIGNED_INFO_CHANGED = "signed-info-changed"
    # Other octets were signed than those that the signature says.
    IN_ENVELOPE = "signed-in-envelope"
    SIGNATURE_LEFT_IN = "signature-left-in"
    INCLUSIVE = "inclusive-instead-of-exclusive"
    EXCLUSIVE = "exclusive-instead-of-inclusive"
    COMMENTS = "with-comments"
    NOT_CANONICAL = "not-canonicalised"
    DOCUMENT_SIGNED = "document-signed-directly"
    # They were digested or signed in another way.
    DIGEST_METHOD = "digest-of-another-hash"
    DIGEST_IN_HEX = "digest-in-hex"
    SIGNATURE_METHOD = "signature-made-otherwise"
    ECDSA_IN_DER = "ecdsa-in-der"
    # The key or its certificate.
    WRONG_KEY = "wrong-key"
    OTHER_CERTIFICATE = "key-of-another-certificate"
    NOT_OURS = "certificate-not-ours"
    NOT_REGISTERED = "certificate-not-registered"
    EXPIRED = "certificate-expired"
    NOT_YET_VALID = "certificate-not-yet-valid"
    KEY_NOT_ACCEPTED = "key-not-accepted"
    NO_CERTIFICATE = "not-one-certificate"
    CERTIFICATE_UNREADABLE = "certificate-unreadable"
    # The message or its signature is of another shape.
    NOT_XML = "not-xml"
    NOT_SOAP_11 = "not-soap-1.1"
    NOTHING_SIGNED = "nothing-signed"
    NO_SIGNATURE = "no-signature"
    OUTSIDE = "signature-outside"
    MISPLACED = "signature-misplaced"
    ELSEWHERE = "covers-something-else"
    NOT_CUT = "not-one-request"
    PARTS = "parts-not-known"
    METHOD = "method-not-taken"
    NOT_BASE64 = "not-base64"
