"""Probable causes of a signature that does not verify, and their texts.

`sinetti explain` and the log of the test bench use this closed list. Each text says what happened, what it means and
the next step (docs/integrators/explain.md). The English text is the message id; `locale/` holds the Finnish and the
Swedish one. Names of XML Signature stay as they are in every language. The texts on facts in the report come after
them.
"""

from collections.abc import Mapping
from enum import StrEnum

from sinetti.i18n.translate import gettext_noop


class Cause(StrEnum):
    """Probable cause.

    Each has a row in docs/integrators/explain.md and a text in diagnostics/causes.py.
    """

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


GUESSES: Mapping[Cause, str] = {
    Cause.INDENTED: gettext_noop(
        "The message was reformatted after signing. White space was added between its elements or around "
        "its values. Sign last and send exactly the bytes that were signed. Nothing may indent or wrap "
        "them afterwards."
    ),
    Cause.UNINDENTED: gettext_noop(
        "White space between the elements was signed and then removed. Sign the message in the form in "
        "which you send it."
    ),
    Cause.LINE_ENDS: gettext_noop(
        "Line endings changed between signing and sending (CR LF and LF). Write base64 on one line or "
        "with LF only, and do not change line endings after signing."
    ),
    Cause.FIELD_ADDED: gettext_noop(
        "An element was added after signing. Fill in the whole message first, and sign last."
    ),
    Cause.ATTRIBUTES_ADDED: gettext_noop(
        "Attributes such as xsi:type were added after signing, usually by a SOAP library. Sign what the "
        "library wrote, or give it the signed bytes to send unchanged."
    ),
    Cause.PREFIX_RENAMED: gettext_noop(
        "A namespace prefix was changed after signing, usually by a SOAP library. Prefixes are part of "
        "what is signed. Send the signed bytes unchanged."
    ),
    Cause.DECLARATIONS_CHANGED: gettext_noop(
        "Namespace declarations were added or lost after signing. Inclusive C14N signs them too. Keep "
        "them unchanged, or sign with the transforms enveloped-signature and exclusive C14N."
    ),
    Cause.DEFAULT_NAMESPACE: gettext_noop(
        "The SOAP envelope declares a default namespace. Elements of the message that had no namespace "
        "when signed became part of it. Give the envelope's namespace a prefix."
    ),
    Cause.CHARACTERS_RECODED: gettext_noop(
        "Letters such as ä were encoded differently after signing (composed or decomposed, Unicode NFC or "
        "NFD). Normalise texts before signing, never after it."
    ),
    Cause.TEXT_CHANGED: gettext_noop(
        "The digest does not match this text. The text was changed after signing, or the digest was "
        "computed over other bytes. Compare the bytes that your program digested with the canonical form "
        "received. --signed FILE shows the first difference."
    ),
    Cause.SIGNED_INFO_CHANGED: gettext_noop(
        "This key made the signature, but over a different SignedInfo from the one sent. Change nothing "
        "in SignedInfo after computing SignatureValue, not even white space."
    ),
    Cause.IN_ENVELOPE: gettext_noop(
        "The message was signed inside its SOAP envelope. Sign the request element as a document of its "
        "own, and only then put it in the envelope."
    ),
    Cause.SIGNATURE_LEFT_IN: gettext_noop(
        "The digest includes the signature element itself. The transform enveloped-signature removes it. "
        "Compute the digest of the document without ds:Signature."
    ),
    Cause.INCLUSIVE: gettext_noop(
        "Inclusive C14N was used, but the signature states exclusive C14N. Use exclusive C14N "
        "(xml-exc-c14n#), or state the form that you use. Without a C14N transform, it is inclusive C14N "
        "1.0."
    ),
    Cause.EXCLUSIVE: gettext_noop(
        "Exclusive C14N was used, but the signature states inclusive C14N. A namespace declaration added "
        "after signing has the same effect. Add the transform xml-exc-c14n# after enveloped-signature. "
        "Alone, enveloped-signature means inclusive C14N 1.0."
    ),
    Cause.COMMENTS: gettext_noop(
        "C14N with comments was used, but the signature states C14N without comments. Canonicalise "
        "without comments, or send no comments."
    ),
    Cause.NOT_CANONICAL: gettext_noop(
        "The raw text was digested or signed instead of its canonical form. Canonicalise first: no XML "
        "declaration, no byte order mark, UTF-8, empty elements with start and end tags, nothing after "
        "the root."
    ),
    Cause.DOCUMENT_SIGNED: gettext_noop(
        "The document itself was signed. XML Signature signs SignedInfo, which contains the document's "
        "digest. Build SignedInfo first, canonicalise it and sign it."
    ),
    Cause.DIGEST_METHOD: gettext_noop(
        "The digest was computed with a different hash function from the one in DigestMethod. Use SHA-256 "
        "in both places."
    ),
    Cause.DIGEST_IN_HEX: gettext_noop(
        "DigestValue contains the digest as hexadecimal digits. Write the bytes of the digest directly in base64."
    ),
    Cause.SIGNATURE_METHOD: gettext_noop(
        "The key is right, but SignatureMethod does not name the method that was used: another hash, a "
        "hash of a hash, or another padding. Give SignedInfo itself to the signing function, and use the "
        "stated method."
    ),
    Cause.ECDSA_IN_DER: gettext_noop(
        "The ECDSA signature is in DER, as most libraries return it. XML Signature needs r and s one "
        "after the other: 64 bytes for P-256, 96 for P-384."
    ),
    Cause.WRONG_KEY: gettext_noop(
        "The signature was not made with the key of the certificate in it. Sign with the private key that "
        "belongs to this certificate, or include the certificate that belongs to the key. If they do "
        "belong together, SignedInfo was changed after signing."
    ),
    Cause.OTHER_CERTIFICATE: gettext_noop(
        "The signature was made with the key of a different certificate from the one in X509Certificate. "
        "Put the certificate of the signing key there. A renewal changes both the key and the "
        "certificate."
    ),
    Cause.NOT_OURS: gettext_noop(
        "The certificate in the signature was not issued by this service. Sign with an organisation's "
        "certificate that you retrieved from this service for this environment."
    ),
    Cause.NOT_REGISTERED: gettext_noop(
        "The signature matches and the certificate names this service, but the certificate is not in the "
        "service's register. Sign with the certificate exactly as you retrieved it."
    ),
    Cause.EXPIRED: gettext_noop(
        "The certificate in the signature has expired. Order a new one in the e-service (Settings > Technical "
        "interface and certificates)."
    ),
    Cause.NOT_YET_VALID: gettext_noop(
        "The certificate in the signature is not valid yet. Use it only after its validity has begun. If "
        "it has begun, check the clock."
    ),
    Cause.KEY_NOT_ACCEPTED: gettext_noop(
        "The key of the certificate in the signature is not accepted. Its type, size or exponent is not "
        "allowed, or it is known to be weak. Use RSA 2048 to 4096, P-256 or P-384."
    ),
    Cause.NO_CERTIFICATE: gettext_noop(
        "The signature must contain exactly one certificate, in KeyInfo/X509Data/X509Certificate. Put "
        "only the signing certificate there, without its chain."
    ),
    Cause.CERTIFICATE_UNREADABLE: gettext_noop(
        "The content of X509Certificate is not a readable certificate. Put the certificate there in DER, "
        "as base64, without the lines BEGIN and END."
    ),
    Cause.NOT_XML: gettext_noop(
        "This is not readable XML. Use one document in UTF-8 without DOCTYPE. Save only the body of the "
        "HTTP request, without its headers."
    ),
    Cause.NOT_SOAP_11: gettext_noop(
        "This is not a SOAP 1.1 envelope with a message in its Body. Use SOAP 1.1: the namespace "
        "http://schemas.xmlsoap.org/soap/envelope/ and the media type text/xml."
    ),
    Cause.NOTHING_SIGNED: gettext_noop(
        "Messages of this kind have no signature, so there is nothing to explain. Give the "
        "RenewCertificate request, an answer, a receipt or a signed document."
    ),
    Cause.NO_SIGNATURE: gettext_noop(
        "There is no signature (ds:Signature of XML Signature). Sign the whole element, and add the "
        "signature as its last child."
    ),
    Cause.OUTSIDE: gettext_noop(
        "The signature is outside the message, perhaps in the SOAP header (WS-Security). Put ds:Signature "
        "in the request element, as its last child."
    ),
    Cause.MISPLACED: gettext_noop(
        "There must be only one signature, and it must be the last child of the signed element. Put it "
        "there, after all fields."
    ),
    Cause.ELSEWHERE: gettext_noop(
        'The signature\'s Reference does not point to the whole message. Write URI="" there. It means the '
        "element as a document of its own."
    ),
    Cause.NOT_CUT: gettext_noop(
        "The message cannot be extracted from its envelope as a document of its own. Body must contain "
        "exactly one element and nothing else, and its namespace names must be absolute."
    ),
    Cause.PARTS: gettext_noop(
        "The signature has unexpected parts, or its parts are in the wrong order. Use SignedInfo, "
        "SignatureValue and KeyInfo in this order, with one Reference and no Object."
    ),
    Cause.METHOD: gettext_noop(
        "The signature uses a method that is not accepted. Use the transforms enveloped-signature and "
        "exclusive C14N, the digest SHA-256, and RSA-SHA256 or ECDSA-SHA256, all without comments and "
        "parameters."
    ),
    Cause.NOT_BASE64: gettext_noop(
        "A value in the signature is empty or not base64. Write DigestValue, SignatureValue and "
        "X509Certificate in base64 (not base64url)."
    ),
}
"""One text for each cause."""

FITS = gettext_noop("The signature matches the message.")
FITS_AND_OURS = gettext_noop("The signature matches the message, and its certificate was issued by this service.")
TAKEN_WHOLE = gettext_noop("Examined: {element}, the whole document.")
TAKEN_CUT = gettext_noop("Examined: {element}, exactly the bytes in the Body of the SOAP envelope.")
TAKEN_WITH = gettext_noop(
    "Examined: {element} from the Body of the SOAP envelope, with the envelope's declarations of {prefixes}."
)
METHODS = gettext_noop(
    "Transforms: {transforms}. SignedInfo: {canonicalisation}. Digest: {digest}. Signature: {signature}."
)
CERTIFICATE = gettext_noop(
    "Certificate: {subject}; serial number {serial}; issued by {issuer}; valid from {begins} until {ends}."
)
OF_THIS_SERVICE = gettext_noop("It was issued by a CA in --anchors.")
OF_ANOTHER = gettext_noop("It was not issued by any CA in --anchors.")
WHOSE_NOT_ASKED = gettext_noop("Its issuer was not checked. To check it, give the service's CAs with --anchors.")
DOCUMENT_FITS = gettext_noop("The digest of the document matches.")
DOCUMENT_FOUND = gettext_noop(
    "The document: the digest in the signature belongs to another form, {form}. The first difference is "
    "in line {line}, column {column} (byte {offset}):"
)
DOCUMENT_OTHERWISE = gettext_noop(
    "The document is the same on both sides, but its digest was computed differently: {form}."
)
DOCUMENT_LOGGED = gettext_noop(
    "The document: the digest in the signature does not match the --signed file either. The first "
    "difference between that file and this form is in line {line}, column {column} (byte {offset}):"
)
DOCUMENT_UNKNOWN = gettext_noop(
    "The document: the digest in the signature matches no known form. The signature has {stated}, but the "
    "digest computed here is {computed}."
)
INFO_FITS = gettext_noop("The signature of SignedInfo matches.")
INFO_FOUND = gettext_noop(
    "SignedInfo: the signature was made over another form, {form}. The first difference is in line "
    "{line}, column {column} (byte {offset}):"
)
INFO_OTHERWISE = gettext_noop("SignedInfo is the same on both sides, but it was signed differently: {form}.")
INFO_UNKNOWN = gettext_noop("SignedInfo: the signature matches no known form.")
SIGNED = gettext_noop("signed")
RECEIVED = gettext_noop("received")
WITHHELD = gettext_noop("The bytes are not shown, because they may contain a one-time password.")
UNFINISHED = gettext_noop("Not every form was tried, because it took too long.")
BY_THIS_CLOCK = gettext_noop(
    "Checked by this computer's clock, {now}. If the message went to a test bench, give the bench's time with --now."
)
