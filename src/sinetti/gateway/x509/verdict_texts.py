"""Texts of verdicts: reason and next step, in English message ids."""

from sinetti.i18n.translate import gettext_noop

GOOD = gettext_noop("The certificate {serial} of {name} ({customer_id}) is good, valid until {until}.")


GOOD_UNCHECKED = gettext_noop(
    "The certificate {serial} of {name} ({customer_id}) is valid until {until}. Whether it was revoked was not checked."
)


GOOD_DOCUMENT = gettext_noop(
    "The document is whole, signed by {name} ({customer_id}) with the certificate {serial}, valid until {until}."
)


GOOD_DOCUMENT_UNCHECKED = gettext_noop(
    "The document is whole, signed by {name} ({customer_id}) with the certificate {serial}, valid until {until}. "
    "Whether the certificate was revoked was not checked."
)


MALFORMED = gettext_noop(
    "The certificate is not taken: {why}. Send the organisation's own certificate as it was retrieved, in DER or PEM."
)


MALFORMED_DOCUMENT = gettext_noop(
    "The document cannot be read: {why}. Send one XML document in UTF-8, without DOCTYPE, and sign it again."
)


UNTRUSTED = gettext_noop(
    "The certificate was not issued by a CA that is trusted here. Use the organisation's certificate for this service; "
    "if its CA is not one that everybody knows, send the chain with it."
)


OTHER_ENVIRONMENT = gettext_noop(
    "The certificate is not one for the environment {environment}, and the environments never mix. Use the "
    "organisation's certificate for this environment, or order one."
)


WRONG_PURPOSE = gettext_noop(
    "The certificate is not an organisation's for a technical interface, it was issued for something else. Use the "
    "organisation's own, as it was retrieved."
)


EXPIRED = gettext_noop(
    "The certificate expired on {until} and can no longer be used. Take its successor into use, or order a new one in "
    "the e-service (Settings > Technical interface and certificates)."
)


CA_EXPIRED = gettext_noop(
    "The CA that issued the certificate expired on {until}, and the certificate ended with it. Order a new one in the "
    "e-service (Settings > Technical interface and certificates)."
)


NOT_YET_VALID = gettext_noop(
    "The certificate is valid only from {at}; the clock here says {now}. Use it from then on, and its predecessor "
    "until then."
)


CA_NOT_YET_VALID = gettext_noop(
    "The CA that issued the certificate is valid only from {at}; the clock here says {now}. Try again then, or tell "
    "the service's support."
)


WRONG_CHANNEL = gettext_noop(
    "The certificate is for the channel {channel}, and {wanted} is needed here. Use the organisation's certificate for "
    "{wanted}, or order one in the e-service (Settings > Technical interface and certificates)."
)


UNKNOWN_CHANNEL = gettext_noop(
    "For which channel the certificate was issued is not known here, and {wanted} is needed. Tell the service's "
    "support: its CA has to be named in the trust file."
)


REVOKED = gettext_noop(
    "The certificate was revoked and can no longer be used. Order a new one in the e-service (Settings > Technical "
    "interface and certificates) and take it into use."
)


CA_REVOKED = gettext_noop(
    "A CA above the certificate was revoked, so nothing that it issued can be used. Ask the service's support which CA "
    "issues now."
)


STATUS_UNKNOWN = gettext_noop(
    "Whether the certificate was revoked cannot be told now: {why}. It may be in order. Try again later; if it stays "
    "so, tell the service's support."
)


SIGNATURE_MISSING = gettext_noop(
    "The document carries no signature. Sign the whole document, put the signature last in its root element and send "
    "it again."
)


SIGNATURE_INVALID = gettext_noop(
    "The signature does not count: {why}. Sign the document last, change nothing afterwards (no indenting, no line "
    "breaks) and send it again."
)


OTHER_CERTIFICATE = gettext_noop(
    "The document is signed with another certificate than the connection was opened with. Use the same certificate for "
    "both and send it again."
)


COVERS_SOMETHING_ELSE = gettext_noop(
    "The signature does not cover the whole document: {why}. Sign all of it, put the one signature last in its root "
    "element and send it again."
)


FOR_THE_CERTIFICATE_SERVICE = gettext_noop(
    "This is a message to the certificate service, and no delivery. Send it to the certificate service's address, or "
    "send the document that was meant."
)


# Reasons for a malformed certificate.
NO_CERTIFICATE = gettext_noop("this is no X.509 certificate, neither DER nor PEM")


PRIVATE_KEY = gettext_noop("this is a private key, which goes to nobody; its certificate is what is asked for")


TOO_LONG = gettext_noop("the certificate is too long")


UNREADABLE = gettext_noop("the certificate cannot be read")


BAD_SERIAL = gettext_noop("its serial number is not a positive one of at most 20 octets")


UNKNOWN_CRITICAL = gettext_noop("it has a critical extension that is not known here")


BAD_KEY = gettext_noop("its key is of a type, size or weakness that is not taken")


NOT_ONE_CUSTOMER = gettext_noop("it does not name exactly one customer ID")


TOO_LONG_DOCUMENT = gettext_noop("it is longer than 20 MB")


TOO_MANY_MARKS = gettext_noop(
    "it has more than 400,000 tags and attributes, and more than one for 12 octets, so it has to be divided"
)


# Reasons for an unknown status.
NO_LIST = gettext_noop("no revocation list of its CA is here")


OLD_LIST = gettext_noop("the revocation list of its CA is too old")


OTHER_LIST = gettext_noop(
    "the revocation list of its CA is signed by another key, for other certificates, or of a kind that is not taken"
)


NO_ANSWER = gettext_noop("no OCSP answer that counts was given")


NOT_KNOWN = gettext_noop("its CA does not know it")
