"""Texts of rejections, in variants for each reason.

Variants range from the fullest text to one without values. The English text is the message id; `locale/` contains the
Finnish and the Swedish one. docs/glossary.md describes tone and words: what happened, what it means, the next step,
without blame. A complete text has at most 255 characters.

Placeholders: `opens` and `ended` are instants with "(Finnish time)" in English. `ended_short` is the same end without
it, for a second instant in one text. `element` is a name of our schema, `reference` identifies a fault in the log.
"""

from collections.abc import Mapping

from sinetti.domain.refusals import RejectionReason

LONGEST = 255
"""Limit of ErrorMessage in characters (facts sheet, 2)."""

REFUSALS: Mapping[RejectionReason, tuple[str, ...]] = {
    RejectionReason.MALFORMED: (
        "The request does not follow the schema: {element} is missing, misplaced or not of the right form. "
        "Compare the request with the WSDL of this service, correct it and send it again. Nothing was used up.",
        "The request does not follow the schema, or its SOAPAction names another operation. "
        "Compare the request with the WSDL of this service, correct it and send it again. Nothing was used up.",
    ),
    RejectionReason.WRONG_ENVIRONMENT: (
        "The request is for another environment than the one this address serves. Correct the value of Environment, "
        "or send the request to the address of the environment you mean. Nothing was used up.",
    ),
    RejectionReason.CUSTOMER_MISMATCH: (
        "CustomerId is not the organisation that these transfer IDs or this signing certificate belong to. "
        "Check the ID of the organisation, correct it and send the request again. Nothing was used up.",
    ),
    RejectionReason.TRANSFER_IDS_WRONG: (
        "The transfer ID and the one-time password do not fit. Check both for typing errors. If 14 days have passed "
        "since they were sent, ask the organisation's representative for new transfer IDs.",
    ),
    RejectionReason.TRANSFER_IDS_EXPIRED: (
        "The transfer IDs expired on {ended}. Ask the organisation's representative to have new ones sent for the "
        "same order in the e-service (Settings > Technical interface and certificates).",
        "The transfer IDs have expired: they work for 14 days. Ask the organisation's representative to have new "
        "ones sent for the same order in the e-service (Settings > Technical interface and certificates).",
    ),
    RejectionReason.TRANSFER_IDS_USED: (
        "These transfer IDs were already used with another key. If you used them, retrieve the certificate with the "
        "retrieval ID you were given. If not, ask the organisation's representative to revoke it at once.",
    ),
    RejectionReason.TRANSFER_IDS_LOCKED: (
        "The transfer IDs are locked after ten wrong passwords. Ask the organisation's representative to have new "
        "ones sent for the same order in the e-service (Settings > Technical interface and certificates).",
    ),
    RejectionReason.CSR_UNREADABLE: (
        "The certificate signing request cannot be read. CertificateRequest must be PKCS#10 in DER as base64, with "
        "nothing after it, signed with its own key. Make it anew and send the request again. Nothing was used up.",
    ),
    RejectionReason.KEY_NOT_ACCEPTED: (
        "This key is not accepted: its type, size or exponent is not allowed, or it is known to be weak. Make a new "
        "key, for example RSA 2048 with exponent 65537, and send the request again with it. Nothing was used up.",
    ),
    RejectionReason.KEY_REUSED: (
        "This key is already in an earlier certificate or request. Make a new key pair and a certificate signing "
        "request with it, and send the request again. Nothing was used up.",
    ),
    RejectionReason.RETRIEVAL_ID_UNKNOWN: (
        "This organisation has no certificate with this retrieval ID here. Check CustomerId, RetrievalId and the "
        "address of the service, and send the request again.",
    ),
    RejectionReason.NOT_READY: (
        "The certificate is being issued; that can take 5 minutes. Ask again with the same retrieval ID in 15 seconds.",
    ),
    RejectionReason.SUPERSEDED: (
        "This certificate is no longer handed out: the renewal was made again with another key before it was "
        "retrieved. Retrieve the newer certificate with the newer retrieval ID.",
    ),
    RejectionReason.SIGNATURE_INVALID: (
        "The signature does not match the request. Sign the request element last and as a document of its own, "
        "change nothing afterwards (no indenting, no line breaks) and send the request again. Nothing was used up.",
    ),
    RejectionReason.SIGNER_UNKNOWN: (
        "The certificate that signed was not issued by this service for this environment. Sign with the certificate "
        "you have from here; if you have none, order one in the e-service. Nothing was used up.",
    ),
    RejectionReason.SIGNER_EXPIRED: (
        "This certificate expired on {ended_short} and can no longer be renewed. Order a new one in the e-service "
        "(Settings > Technical interface and certificates). It is retrieved like the first one.",
        "This certificate has expired and can no longer be renewed. Order a new one in the e-service "
        "(Settings > Technical interface and certificates). It is retrieved like the first one.",
    ),
    RejectionReason.SIGNER_REVOKED: (
        "This certificate has been revoked and can no longer be renewed. Order a new one in the e-service "
        "(Settings > Technical interface and certificates). It is retrieved like the first one.",
    ),
    RejectionReason.TOO_EARLY: (
        "Too early: this certificate can be renewed from {opens}. Send the same request again then; nothing was used "
        "up. The present certificate works until {ended_short}.",
        "Too early: this certificate can be renewed from {opens}. Send the same request again then; nothing was used "
        "up.",
        "Too early: a certificate can be renewed in its last 60 days, or in the last third of a shorter life. Send the "
        "same request again then; nothing was used up.",
    ),
    RejectionReason.ALREADY_RENEWED: (
        "This certificate was already renewed with another key. Retrieve the renewed one with its retrieval ID, or "
        "order a new one. If you did not renew it, ask the organisation's representative to revoke both at once.",
    ),
    RejectionReason.NOT_ENTITLED: (
        "The organisation or its certificate type is no longer approved. The representative can mend that in the "
        "e-service (Settings > Technical interface and certificates). Then send the same request again.",
    ),
    RejectionReason.UNAVAILABLE: (
        "The service is out of order for a moment. Send the same request again in a few minutes, with the same key: "
        "it is never carried out twice.",
    ),
    RejectionReason.TOO_MANY_REQUESTS: (
        "Too many requests in a short time. Wait for a minute and send the same request again, with the same key. "
        "Nothing was used up.",
    ),
    RejectionReason.INTERNAL: (
        "Something went wrong in the service. Send the same request again, with the same key. If it happens again, "
        "tell the service desk this reference: {reference}.",
        "Something went wrong in the service. Send the same request again, with the same key. If it happens again, "
        "tell the service desk the time of your request.",
    ),
}
