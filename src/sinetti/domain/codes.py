"""Our error codes: one for each reason, in one table so that an official list can take its place (docs/errors.md)."""

from collections.abc import Mapping
from types import MappingProxyType

from sinetti.domain.refusals import RejectionReason

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
"""The code that stands in ErrorCode for each reason: `PKI` and three digits (facts sheet, 2)."""

_REASONS = {code: reason for reason, code in ERROR_CODES.items()}


def reason_for_code(code: str) -> RejectionReason | None:
    """The reason behind a code; None for a code that is not ours."""
    return _REASONS.get(code)
