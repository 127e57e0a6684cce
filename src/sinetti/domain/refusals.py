"""Reasons for rejections and their error codes.

Each interface translates them once; docs/integrators/errors.md gives each meaning. Each reason has one error code of
our own, in one table that an official list can replace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sinetti.domain.values import Language


class WriteRefused(BaseException):
    """Raised if a block that may only read begins to write.

    It is no Exception, so that no handler of failures takes it for one.
    """


class RejectionReason(StrEnum):
    """Reason why a request over the technical interface is rejected.

    The list is closed: `docs/integrators/errors.md` has one row for each.
    """

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


@dataclass(frozen=True)
class Rejection:
    """Rejection with the one thing to act on first.

    - `opens`: when the same request may be made (TOO_EARLY).
    - `ended`: the last second of the certificate or ids concerned.
    - `element`: an element of our schema (MALFORMED), never text of the request.
    - `reference`: identifier of an internal fault in the log.
    - `language`: the contact's, set once the caller is authenticated.
    """

    reason: RejectionReason
    opens: datetime | None = None
    ended: datetime | None = None
    element: str | None = None
    reference: str | None = None
    language: Language | None = None


ERROR_CODES: Mapping[RejectionReason, str] = MappingProxyType(
    {
        RejectionReason.MALFORMED: "PKI001",
        RejectionReason.WRONG_ENVIRONMENT: "PKI002",
        RejectionReason.CUSTOMER_MISMATCH: "PKI003",
        RejectionReason.TRANSFER_IDS_WRONG: "PKI004",
        RejectionReason.TRANSFER_IDS_EXPIRED: "PKI005",
        RejectionReason.TRANSFER_IDS_USED: "PKI006",
        RejectionReason.TRANSFER_IDS_LOCKED: "PKI007",
        RejectionReason.CSR_UNREADABLE: "PKI010",
        RejectionReason.KEY_NOT_ACCEPTED: "PKI011",
        RejectionReason.KEY_REUSED: "PKI012",
        RejectionReason.RETRIEVAL_ID_UNKNOWN: "PKI020",
        RejectionReason.NOT_READY: "PKI021",
        RejectionReason.SUPERSEDED: "PKI022",
        RejectionReason.SIGNATURE_INVALID: "PKI030",
        RejectionReason.SIGNER_UNKNOWN: "PKI031",
        RejectionReason.SIGNER_EXPIRED: "PKI032",
        RejectionReason.SIGNER_REVOKED: "PKI033",
        RejectionReason.TOO_EARLY: "PKI034",
        RejectionReason.ALREADY_RENEWED: "PKI035",
        RejectionReason.NOT_ENTITLED: "PKI036",
        RejectionReason.UNAVAILABLE: "PKI090",
        RejectionReason.TOO_MANY_REQUESTS: "PKI092",
        RejectionReason.INTERNAL: "PKI099",
    }
)
"""ErrorCode of each reason: `PKI` and three digits (facts sheet, 2)."""

_REASONS = {code: reason for reason, code in ERROR_CODES.items()}


def reason_for_code(code: str) -> RejectionReason | None:
    """Return the reason for a code, or None for a code of another service."""
    return _REASONS.get(code)
