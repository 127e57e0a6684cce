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
        "The message was laid out anew after it was signed: white space came between its elements or around its "
        "values. Sign last, and send the octets just as they were signed; no program after that may indent or "
        "wrap them."
    ),
    Cause.UNINDENTED: gettext_noop(
        "White space between the elements was signed and then taken away. Sign the message in the form in which "
        "it is sent."
    ),
    Cause.LINE_ENDS: gettext_noop(
        "Line ends were changed between signing and sending: CR and LF became LF, or the other way round. Write "
        "base64 on one line or with LF alone, and change no line ends after signing."
    ),
    Cause.FIELD_ADDED: gettext_noop(
        "An element was put in after signing. Fill in the whole message first, and sign last."
    ),
    Cause.ATTRIBUTES_ADDED: gettext_noop(
        "Attributes such as xsi:type were added after signing, mostly by a SOAP library. Sign what the library "
        "has written, or give it the signed octets to be sent as they are."
    ),
    Cause.PREFIX_RENAMED: gettext_noop(
        "A namespace prefix was changed after signing, mostly by a SOAP library. A prefix belongs to what is "
        "signed: send the signed octets as they are."
    ),
    Cause.DECLARATIONS_CHANGED: gettext_noop(
        "Namespace declarations were added or lost after signing. By inclusive C14N they are signed too: keep "
        "them as they were, or sign by the transforms enveloped and exclusive C14N."
    ),
    Cause.DEFAULT_NAMESPACE: gettext_noop(
        "The SOAP envelope declares a default namespace, and elements of the message that were in none when it "
        "was signed fell into it. Give the envelope's namespace a prefix."
    ),
    Cause.CHARACTERS_RECODED: gettext_noop(
        "Letters such as ä were written in another way after signing (composed or decomposed, Unicode NFC or "
        "NFD). Normalise texts before signing, never after."
    ),
    Cause.TEXT_CHANGED: gettext_noop(
        "The digest is not that of this text: something in it was changed after signing, or other octets were "
        "digested. Compare what your program digested with the canonical form that was received; --signed FILE "
        "shows the first difference."
    ),
    Cause.SIGNED_INFO_CHANGED: gettext_noop(
        "This key made the signature, but over another SignedInfo than the one that was sent. Change nothing in "
        "SignedInfo after SignatureValue is there, not even white space."
    ),
    Cause.IN_ENVELOPE: gettext_noop(
        "The message was signed inside its SOAP envelope. Sign the request element as a document of its own, and "
        "put it into the envelope after that."
    ),
    Cause.SIGNATURE_LEFT_IN: gettext_noop(
        "The signature element itself was digested with the document. The transform enveloped-signature takes it "
        "out: digest the document without ds:Signature."
    ),
    Cause.INCLUSIVE: gettext_noop(
        "Inclusive C14N was used where the signature says exclusive. Use exclusive C14N (xml-exc-c14n#), or say "
        "what you use: without a C14N transform it is inclusive C14N 1.0."
    ),
    Cause.EXCLUSIVE: gettext_noop(
        "Exclusive C14N was used where the signature says inclusive, or a namespace declaration was added after "
        "signing, which comes to the same. Add the transform xml-exc-c14n# after enveloped-signature: "
        "enveloped-signature alone means inclusive C14N 1.0."
    ),
    Cause.COMMENTS: gettext_noop(
        "C14N with comments was used where the signature says without. Canonicalise without comments, or send none."
    ),
    Cause.NOT_CANONICAL: gettext_noop(
        "The text itself was digested or signed instead of its canonical form. Canonicalise first: no XML "
        "declaration, no byte order mark, UTF-8, empty elements with start and end tags, nothing after the root."
    ),
    Cause.DOCUMENT_SIGNED: gettext_noop(
        "The document itself was signed. XML Signature signs SignedInfo, in which the document's digest stands: "
        "make SignedInfo first, canonicalise it and sign that."
    ),
    Cause.DIGEST_METHOD: gettext_noop(
        "The digest was made by another hash than DigestMethod says. Use SHA-256 in both places."
    ),
    Cause.DIGEST_IN_HEX: gettext_noop(
        "DigestValue has the digest in hexadecimal digits. Write the digest's octets themselves in base64."
    ),
    Cause.SIGNATURE_METHOD: gettext_noop(
        "The key is the right one, but the signature was made in another way than SignatureMethod says: another "
        "hash, a hash of a hash, or another padding. Hand SignedInfo itself to the signing function, with the "
        "method that is stated."
    ),
    Cause.ECDSA_IN_DER: gettext_noop(
        "The ECDSA signature is in DER, as most libraries give it. XML Signature wants r and s beside each other:"
        " 64 octets for P-256, 96 for P-384."
    ),
    Cause.WRONG_KEY: gettext_noop(
        "The signature is not by the key of the certificate that stands in it. Sign with the private key that "
        "belongs to this certificate, or put in the certificate that belongs to the key. If they belong together,"
        " SignedInfo was changed after signing."
    ),
    Cause.OTHER_CERTIFICATE: gettext_noop(
        "The signature was made with the key of another certificate than the one in X509Certificate. Put the "
        "certificate that belongs to the signing key there; after a renewal key and certificate change together."
    ),
    Cause.NOT_OURS: gettext_noop(
        "The certificate in the signature was not issued by this service. Sign with the certificate that you "
        "retrieved from here, for this environment and for organisations."
    ),
    Cause.NOT_REGISTERED: gettext_noop(
        "The signature fits and the certificate names this service, but it is not in its register. Sign with the "
        "certificate as it was retrieved from here."
    ),
    Cause.EXPIRED: gettext_noop(
        "The certificate in the signature has expired. Order a new one in the e-service (Settings > Technical "
        "interface and certificates)."
    ),
    Cause.NOT_YET_VALID: gettext_noop(
        "The certificate in the signature is not valid yet. Use it from its first day on; check the clock if that"
        " day has come."
    ),
    Cause.KEY_NOT_ACCEPTED: gettext_noop(
        "The key of the certificate in the signature is not accepted: its type, size or exponent is not allowed, "
        "or it is known to be weak. Use RSA 2048 to 4096, P-256 or P-384."
    ),
    Cause.NO_CERTIFICATE: gettext_noop(
        "The signature has to show exactly one certificate, in KeyInfo/X509Data/X509Certificate. Put the signing "
        "certificate there alone, without its chain."
    ),
    Cause.CERTIFICATE_UNREADABLE: gettext_noop(
        "What stands in X509Certificate is no certificate that can be read. Put the certificate in DER there, as "
        "base64, without the lines BEGIN and END."
    ),
    Cause.NOT_XML: gettext_noop(
        "This is no XML that can be read: one document in UTF-8, without DOCTYPE, is needed. Save the body of the"
        " HTTP request alone, without its headers."
    ),
    Cause.NOT_SOAP_11: gettext_noop(
        "This is no SOAP 1.1 envelope with a message in its Body. Use SOAP 1.1: the namespace "
        "http://schemas.xmlsoap.org/soap/envelope/ and the media type text/xml."
    ),
    Cause.NOTHING_SIGNED: gettext_noop(
        "Messages of this kind carry no signature, so there is nothing to explain. Give the RenewCertificate "
        "request, an answer, a receipt or a signed document."
    ),
    Cause.NO_SIGNATURE: gettext_noop(
        "There is no signature (ds:Signature of XML Signature). Sign the whole element, and put the signature in "
        "as its last child."
    ),
    Cause.OUTSIDE: gettext_noop(
        "The signature stands outside of the message, in the SOAP header perhaps (WS-Security). Put ds:Signature "
        "into the request element, as its last child."
    ),
    Cause.MISPLACED: gettext_noop(
        "The signature has to be the only one, and the last child of the element that is signed. Put it there, "
        "after all fields."
    ),
    Cause.ELSEWHERE: gettext_noop(
        'The Reference of the signature points to something else than the whole message. Write URI="" there: it '
        "means the element as a document of its own."
    ),
    Cause.NOT_CUT: gettext_noop(
        "The message cannot be taken out of its envelope as a document of its own: Body has to hold exactly one "
        "element, and nothing beside it, with namespace names that are absolute."
    ),
    Cause.PARTS: gettext_noop(
        "The signature has other parts than the known ones, or in another order: SignedInfo, SignatureValue and "
        "KeyInfo, one Reference, no Object."
    ),
    Cause.METHOD: gettext_noop(
        "The signature names a method that is not taken. Use the transforms enveloped-signature and exclusive "
        "C14N, SHA-256, and RSA-SHA256 or ECDSA-SHA256, all without comments and parameters."
    ),
    Cause.NOT_BASE64: gettext_noop(
        "A value in the signature is empty or no base64. Write DigestValue, SignatureValue and X509Certificate in"
        " base64 (not base64url)."
    ),
}
"""One text for each cause."""

FITS = gettext_noop("The signature fits.")
FITS_AND_OURS = gettext_noop("The signature fits, and its certificate is of this service.")
TAKEN_WHOLE = gettext_noop("Taken: {element}, the whole document.")
TAKEN_CUT = gettext_noop("Taken: {element}, just the octets that stand in the Body of the SOAP envelope.")
TAKEN_WITH = gettext_noop(
    "Taken: {element}, out of the Body of the SOAP envelope, with the envelope's declarations of {prefixes}."
)
METHODS = gettext_noop(
    "Transforms: {transforms}. SignedInfo: {canonicalisation}. Digest: {digest}. Signature: {signature}."
)
CERTIFICATE = gettext_noop(
    "Certificate: {subject}; serial number {serial}; issued by {issuer}; valid from {begins} until {ends}."
)
OF_THIS_SERVICE = gettext_noop("It was issued by one of the CAs in --anchors.")
OF_ANOTHER = gettext_noop("It was issued by none of the CAs in --anchors.")
WHOSE_NOT_ASKED = gettext_noop("Whose it is was not looked at: --anchors names the CAs of the service.")
DOCUMENT_FITS = gettext_noop("The document has the digest that is stated.")
DOCUMENT_FOUND = gettext_noop(
    "The document: the stated digest is of another form, {form}. They differ first in line {line}, column "
    "{column} (octet {offset}):"
)
DOCUMENT_OTHERWISE = gettext_noop("The document is the same on both sides; its digest was made otherwise: {form}.")
DOCUMENT_LOGGED = gettext_noop(
    "The document: the stated digest is not of the file that --signed names either. It and the form here "
    "differ first in line {line}, column {column} (octet {offset}):"
)
DOCUMENT_UNKNOWN = gettext_noop(
    "The document: the stated digest is of no form that is known here; stated {stated}, here {computed}."
)
INFO_FITS = gettext_noop("SignedInfo has the signature that is stated.")
INFO_FOUND = gettext_noop(
    "SignedInfo: the signature is over another form, {form}. They differ first in line {line}, column "
    "{column} (octet {offset}):"
)
INFO_OTHERWISE = gettext_noop("SignedInfo is the same on both sides; it was signed otherwise: {form}.")
INFO_UNKNOWN = gettext_noop("SignedInfo: the signature is over no form that is known here.")
SIGNED = gettext_noop("signed")
RECEIVED = gettext_noop("received")
WITHHELD = gettext_noop("The octets are not shown: a one-time password may stand in them.")
UNFINISHED = gettext_noop("Not every form was tried: it took too long.")
BY_THIS_CLOCK = gettext_noop(
    "Judged by the clock of this machine, {now}. If the message went to a test bench, give the bench's time with --now."
)
