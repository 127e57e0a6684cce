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
        (
            "The request does not follow the WSDL of this service at {element}. Compare the request with the "
            "WSDL, correct it and send it again. No transfer IDs were used."
        ),
        (
            "The request does not follow the WSDL of this service. Compare the request with the WSDL, correct "
            "it and send it again. No transfer IDs were used."
        ),
    ),
    RejectionReason.WRONG_ENVIRONMENT: (
        (
            "The request is for another environment than this address serves. Correct the value of "
            "Environment, or send the request to the address of that environment. No transfer IDs were used."
        ),
    ),
    RejectionReason.CUSTOMER_MISMATCH: (
        (
            "CustomerId is not the ID of the organisation that ordered the certificate. Check the "
            "organisation's ID, correct it and send the request again. No transfer IDs were used."
        ),
    ),
    RejectionReason.TRANSFER_IDS_WRONG: (
        (
            "The transfer ID and the one-time password do not match. Check both for typing errors. If they "
            "were sent more than 14 days ago, ask the organisation's representative for new transfer IDs."
        ),
    ),
    RejectionReason.TRANSFER_IDS_EXPIRED: (
        (
            "The transfer IDs expired on {ended}. Ask the organisation's representative to send new ones for "
            "the same order from the e-service (Settings > Technical interface and certificates)."
        ),
        (
            "The transfer IDs have expired. They are valid for 14 days. Ask the organisation's representative "
            "to send new ones for the same order from the e-service (Settings > Technical interface and "
            "certificates)."
        ),
    ),
    RejectionReason.TRANSFER_IDS_USED: (
        (
            "These transfer IDs have already been used with another key. If you used them, retrieve the "
            "certificate with the retrieval ID that you received. If not, ask the organisation's "
            "representative to revoke it immediately."
        ),
    ),
    RejectionReason.TRANSFER_IDS_LOCKED: (
        (
            "The transfer IDs were locked after ten wrong passwords. Ask the organisation's representative to "
            "send new ones for the same order from the e-service (Settings > Technical interface and "
            "certificates)."
        ),
    ),
    RejectionReason.CSR_UNREADABLE: (
        (
            "The certificate signing request cannot be read. CertificateRequest must be PKCS#10 in DER as "
            "base64, signed with its own key, with nothing after it. Create it again and send the request "
            "again. No transfer IDs were used."
        ),
    ),
    RejectionReason.KEY_NOT_ACCEPTED: (
        (
            "This key does not meet the requirements for type, size, exponent and strength. Create a new key, "
            "for example RSA 2048 with exponent 65537, and send the request again with it. No transfer IDs "
            "were used."
        ),
    ),
    RejectionReason.KEY_REUSED: (
        (
            "This key has been used before. Create a new key pair, make a certificate signing request with "
            "it, and send the request again. No transfer IDs were used."
        ),
    ),
    RejectionReason.RETRIEVAL_ID_UNKNOWN: (
        (
            "This service has no certificate with this retrieval ID for this organisation. Check CustomerId, "
            "RetrievalId and the address of the service, and send the request again."
        ),
    ),
    RejectionReason.NOT_READY: (
        (
            "The certificate is being issued, which can take 5 minutes. Ask again with the same retrieval ID "
            "in 15 seconds."
        ),
    ),
    RejectionReason.SUPERSEDED: (
        (
            "This certificate can no longer be retrieved, because the renewal was repeated with another key. "
            "Retrieve the newer certificate with its own retrieval ID."
        ),
    ),
    RejectionReason.SIGNATURE_INVALID: (
        (
            "The signature does not match the request. Sign the request element last, as a document of its "
            "own. Change nothing afterwards (no indentation, no line breaks) and send the request again."
        ),
    ),
    RejectionReason.SIGNER_UNKNOWN: (
        (
            "This service did not issue the signing certificate for this environment. Sign with a certificate "
            "from this service. If you have none, order one in the e-service."
        ),
    ),
    RejectionReason.SIGNER_EXPIRED: (
        (
            "This certificate expired on {ended_short} and can no longer be renewed. Order a new one in the "
            "e-service (Settings > Technical interface and certificates). Retrieve it in the same way as the "
            "first one."
        ),
        (
            "This certificate has expired and can no longer be renewed. Order a new one in the e-service "
            "(Settings > Technical interface and certificates). Retrieve it in the same way as the first one."
        ),
    ),
    RejectionReason.SIGNER_REVOKED: (
        (
            "This certificate has been revoked and can no longer be renewed. Order a new one in the e-service "
            "(Settings > Technical interface and certificates). Retrieve it in the same way as the first one."
        ),
    ),
    RejectionReason.TOO_EARLY: (
        (
            "Too early: this certificate can be renewed from {opens}. Send the same request again then. The "
            "current certificate is valid until {ended_short}."
        ),
        "Too early: this certificate can be renewed from {opens}. Send the same request again then.",
        (
            "Too early: renewal opens 60 days before the end, or later if the validity is short. Send the "
            "same request again then."
        ),
    ),
    RejectionReason.ALREADY_RENEWED: (
        (
            "This certificate has already been renewed with another key. Retrieve the renewed one with its "
            "retrieval ID, or order a new one. If you did not renew it, ask the organisation's representative "
            "to revoke both immediately."
        ),
    ),
    RejectionReason.NOT_ENTITLED: (
        (
            "The organisation is no longer approved for this certificate type. Its representative can correct "
            "this in the e-service (Settings > Technical interface and certificates). Then send the same "
            "request again."
        ),
    ),
    RejectionReason.UNAVAILABLE: (
        (
            "The service is temporarily unavailable. Send the same request again in a few minutes, with the "
            "same key. The service never carries it out twice."
        ),
    ),
    RejectionReason.TOO_MANY_REQUESTS: (
        (
            "The service received too many requests in a short time. Wait a minute and send the same request "
            "again, with the same key. No transfer IDs were used."
        ),
    ),
    RejectionReason.INTERNAL: (
        (
            "An error occurred in the service. Send the same request again, with the same key. If the error "
            "occurs again, give the service desk this reference: {reference}."
        ),
        (
            "An error occurred in the service. Send the same request again, with the same key. If the error "
            "occurs again, give the service desk the time of your request."
        ),
    ),
}
