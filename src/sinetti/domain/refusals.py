"""The one vocabulary of "no". Each door translates it once; docs/errors.md gives each meaning."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sinetti.domain.values import Language


class RejectionReason(StrEnum):
    """Why a request over the technical interface is not done. Closed: `docs/errors.md` has one row for each."""

    MALFORMED = "malformed"
    WRONG_ENVIRONMENT = "wrong-environment"
    CUSTOMER_MISMATCH = "customer-mismatch"
    TRANSFER_IDS_WRONG = "transfer-ids-wrong"
    TRANSFER_IDS_EXPIRED = "transfer-ids-expired"
    TRANSFER_IDS_USED = "transfer-ids-used"
    TRANSFER_IDS_LOCKED = "transfer-ids-locked"
    CSR_UNREADABLE = "csr-unreadable"
    KEY_NOT_ACCEPTED = "key-not-accepted"
    KEY_REUSED = "key-reused"
    RETRIEVAL_ID_UNKNOWN = "retrieval-id-unknown"
    NOT_READY = "not-ready"
    SUPERSEDED = "superseded"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNER_UNKNOWN = "signer-unknown"
    SIGNER_EXPIRED = "signer-expired"
    SIGNER_REVOKED = "signer-revoked"
    TOO_EARLY = "too-early"
    ALREADY_RENEWED = "already-renewed"
    NOT_ENTITLED = "not-entitled"
    UNAVAILABLE = "unavailable"
    TOO_MANY_REQUESTS = "too-many-requests"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A "no" with the one thing to act on first.

    `opens` is when the same request may be made (TOO_EARLY); `ended` the last second of the certificate or ids it is
    about; `element` names an element of our schema (MALFORMED), never text of the request; `reference` is what the
    log calls an internal fault; `language` is the contact's, set once the caller is proven.
    """

    reason: RejectionReason
    opens: datetime | None = None
    ended: datetime | None = None
    element: str | None = None
    reference: str | None = None
    language: Language | None = None
