"""What the gateway says to people: one message id for each verdict, English, translated in the catalogues.

The reader is whoever looks after the program that called: what happened, what it means, what to do next.
"""

from sinetti.i18n.translate import mark

GOOD = mark("The certificate {serial} of {name} ({customer_id}) is good, valid until {until}.")
GOOD_UNCHECKED = mark(
    "The certificate {serial} of {name} ({customer_id}) is valid until {until}. Whether it was revoked was not checked."
)
GOOD_DOCUMENT = mark(
    "The document is whole, signed by {name} ({customer_id}) with the certificate {serial}, valid until {until}."
)
GOOD_DOCUMENT_UNCHECKED = mark(
    "The document is whole, signed by {name} ({customer_id}) with the certificate {serial}, valid until {until}. "
    "Whether the certificate was revoked was not checked."
)

MALFORMED = mark(
    "The certificate is not taken: {why}. Send the organisation's own certificate as it was retrieved, in DER or PEM."
)
MALFORMED_DOCUMENT = mark(
    "The document cannot be read: {why}. Send one XML document in UTF-8, without DOCTYPE, and sign it again."
)
UNTRUSTED = mark(
    "The certificate was not issued by a CA that is trusted here. Use the organisation's certificate for this service; "
    "if its CA is not one that everybody knows, send the chain with it."
)
OTHER_ENVIRONMENT = mark(
    "The certificate is not one for the environment {environment}, and the environments never mix. Use the "
    "organisation's certificate for this environment, or order one."
)
WRONG_PURPOSE = mark(
    "The certificate is not an organisation's for a technical interface, it was issued for something else. Use the "
    "organisation's own, as it was retrieved."
)
EXPIRED = mark(
    "The certificate expired on {until} and can no longer be used. Take its successor into use, or order a new one in "
    "the e-service (Settings > Technical interface and certificates)."
)
CA_EXPIRED = mark(
    "The CA that issued the certificate expired on {until}, and the certificate ended with it. Order a new one in the "
    "e-service (Settings > Technical interface and certificates)."
)
NOT_YET_VALID = mark(
    "The certificate is valid only from {at}; the clock here says {now}. Use it from then on, and its predecessor "
    "until then."
)
CA_NOT_YET_VALID = mark(
    "The CA that issued the certificate is valid only from {at}; the clock here says {now}. Try again then, or tell "
    "the service's support."
)
WRONG_CHANNEL = mark(
    "The certificate is for the channel {channel}, and {wanted} is needed here. Use the organisation's certificate for "
    "{wanted}, or order one in the e-service (Settings > Technical interface and certificates)."
)
UNKNOWN_CHANNEL = mark(
    "For which channel the certificate was issued is not known here, and {wanted} is needed. Tell the service's "
    "support: its CA has to be named in the trust file."
)
REVOKED = mark(
    "The certificate was revoked and can no longer be used. Order a new one in the e-service (Settings > Technical "
    "interface and certificates) and take it into use."
)
CA_REVOKED = mark(
    "A CA above the certificate was revoked, so nothing that it issued can be used. Ask the service's support which CA "
    "issues now."
)
STATUS_UNKNOWN = mark(
    "Whether the certificate was revoked cannot be told now: {why}. It may be in order. Try again later; if it stays "
    "so, tell the service's support."
)
SIGNATURE_MISSING = mark(
    "The document carries no signature. Sign the whole document, put the signature last in its root element and send "
    "it again."
)
SIGNATURE_INVALID = mark(
    "The signature does not count: {why}. Sign the document last, change nothing afterwards (no indenting, no line "
    "breaks) and send it again."
)
OTHER_CERTIFICATE = mark(
    "The document is signed with another certificate than the connection was opened with. Use the same certificate for "
    "both and send it again."
)
COVERS_SOMETHING_ELSE = mark(
    "The signature does not cover the whole document: {why}. Sign all of it, put the one signature last in its root "
    "element and send it again."
)
FOR_THE_CERTIFICATE_SERVICE = mark(
    "This is a message to the certificate service, and no delivery. Send it to the certificate service's address, or "
    "send the document that was meant."
)

# Why a certificate is malformed.
NO_CERTIFICATE = mark("this is no X.509 certificate, neither DER nor PEM")
PRIVATE_KEY = mark("this is a private key, which goes to nobody; its certificate is what is asked for")
TOO_LONG = mark("the certificate is too long")
UNREADABLE = mark("the certificate cannot be read")
BAD_SERIAL = mark("its serial number is not a positive one of at most 20 octets")
UNKNOWN_CRITICAL = mark("it has a critical extension that is not known here")
BAD_KEY = mark("its key is of a type, size or weakness that is not taken")
NOT_ONE_CUSTOMER = mark("it does not name exactly one customer ID")
TOO_LONG_DOCUMENT = mark("it is longer than 20 MB")
TOO_MANY_MARKS = mark(
    "it has more than 400,000 tags and attributes, and more than one for 12 octets, so it has to be divided"
)

# Why a status is not known.
NO_LIST = mark("no revocation list of its CA is here")
OLD_LIST = mark("the revocation list of its CA is too old")
OTHER_LIST = mark(
    "the revocation list of its CA is signed by another key, for other certificates, or of a kind that is not taken"
)
NO_ANSWER = mark("no OCSP answer that counts was given")
NOT_KNOWN = mark("its CA does not know it")
