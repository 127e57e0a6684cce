"""Texts of verdicts: reason and next step, in English message ids."""

from sinetti.i18n.translate import gettext_noop

GOOD = gettext_noop("Certificate {serial} of {name} ({customer_id}) is valid until {until} and has not been revoked.")


GOOD_UNCHECKED = gettext_noop(
    "Certificate {serial} of {name} ({customer_id}) is valid until {until}. Its revocation status was not checked."
)


GOOD_DOCUMENT = gettext_noop(
    "The document is unchanged. It is signed by {name} ({customer_id}) with certificate {serial}, valid until {until}."
)


GOOD_DOCUMENT_UNCHECKED = gettext_noop(
    "The document is unchanged. It is signed by {name} ({customer_id}) with certificate {serial}, valid "
    "until {until}. The revocation status of the certificate was not checked."
)


MALFORMED = gettext_noop(
    "The certificate is not accepted: {why}. Send the organisation's own certificate as it was retrieved, "
    "in DER or PEM."
)


MALFORMED_DOCUMENT = gettext_noop(
    "The document cannot be read: {why}. Send one XML document in UTF-8, without DOCTYPE, and sign it again."
)


UNTRUSTED = gettext_noop(
    "The certificate was not issued by a CA that is trusted here. Use the organisation's certificate for "
    "this service. If its CA is not widely known, send the chain with it."
)


OTHER_ENVIRONMENT = gettext_noop(
    "The certificate is not for the environment {environment}. Use the organisation's certificate for "
    "this environment, or order one."
)


WRONG_PURPOSE = gettext_noop(
    "The certificate is not an organisation's certificate for a technical interface. It was issued for "
    "another purpose. Use the organisation's own certificate as it was retrieved."
)


EXPIRED = gettext_noop(
    "The certificate expired on {until} and can no longer be used. Put its successor into use, or order a "
    "new one in the e-service (Settings > Technical interface and certificates)."
)


CA_EXPIRED = gettext_noop(
    "The certificate of the issuing CA expired on {until}, so this certificate can no longer be used. "
    "Order a new one in the e-service (Settings > Technical interface and certificates)."
)


NOT_YET_VALID = gettext_noop(
    "The certificate is valid only from {at}, but the clock here says {now}. Until then, use the previous certificate."
)


CA_NOT_YET_VALID = gettext_noop(
    "The certificate of the issuing CA is valid only from {at}, but the clock here says {now}. Try again "
    "then, or contact the service's support."
)


WRONG_CHANNEL = gettext_noop(
    "The certificate is for the channel {channel}, but {wanted} is needed here. Use the organisation's "
    "certificate for {wanted}, or order one in the e-service (Settings > Technical interface and "
    "certificates)."
)


UNKNOWN_CHANNEL = gettext_noop(
    "The channel of the certificate is not known here, but {wanted} is needed. Contact the service's "
    "support. Its trust file must name the CA."
)


REVOKED = gettext_noop(
    "The certificate has been revoked and can no longer be used. Order a new one in the e-service "
    "(Settings > Technical interface and certificates) and put it into use."
)


CA_REVOKED = gettext_noop(
    "A CA above the certificate has been revoked, so the certificates that it issued can no longer be "
    "used. Ask the service's support which CA issues certificates now."
)


STATUS_UNKNOWN = gettext_noop(
    "The revocation status of the certificate is not known now: {why}. The certificate may be valid. Try "
    "again later. If the problem continues, contact the service's support."
)


SIGNATURE_MISSING = gettext_noop(
    "The document has no signature. Sign the whole document, put the signature last in its root element "
    "and send the document again."
)


SIGNATURE_INVALID = gettext_noop(
    "The signature is not accepted: {why}. Sign the document last, change nothing afterwards (no "
    "indentation, no line breaks) and send it again."
)


OTHER_CERTIFICATE = gettext_noop(
    "The document is signed with a different certificate from the one that opened the connection. Use the "
    "same certificate for both and send the document again."
)


COVERS_SOMETHING_ELSE = gettext_noop(
    "The signature does not cover the whole document: {why}. Sign all of it, put the one signature last "
    "in its root element and send the document again."
)


FOR_THE_CERTIFICATE_SERVICE = gettext_noop(
    "This is a message to the certificate service, not a delivery. Send it to the certificate service's "
    "address, or send the document that you meant."
)


# Reasons for a malformed certificate.
NO_CERTIFICATE = gettext_noop("this is not an X.509 certificate in DER or PEM")


PRIVATE_KEY = gettext_noop("this is a private key, which must not be sent to anyone")


TOO_LONG = gettext_noop("the certificate is too long")


UNREADABLE = gettext_noop("the certificate cannot be read")


BAD_SERIAL = gettext_noop("its serial number is not a positive number of at most 20 bytes")


UNKNOWN_CRITICAL = gettext_noop("it has an unknown critical extension")


BAD_KEY = gettext_noop("its key is weak, or of a type or size that is not accepted")


NOT_ONE_CUSTOMER = gettext_noop("it does not contain exactly one customer ID")


TOO_LONG_DOCUMENT = gettext_noop("it is longer than 20 MB")


TOO_MANY_MARKS = gettext_noop(
    "it has more than 400,000 tags and attributes, over one for every 12 bytes, so it must be divided"
)


# Reasons for an unknown status.
NO_LIST = gettext_noop("the revocation list of its CA is missing")


OLD_LIST = gettext_noop("the revocation list of its CA is too old")


OTHER_LIST = gettext_noop("the revocation list of its CA is not accepted because of its key, scope or kind")


DAMAGED_LIST = gettext_noop("a list of trusted CAs is damaged")


NO_ANSWER = gettext_noop("there is no acceptable OCSP answer")


NOT_KNOWN = gettext_noop("its CA does not know it")
