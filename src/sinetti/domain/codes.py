"""Our error codes: one for each reason, in one table so that an official list can take its place (docs/errors.md)."""

from collections.abc import Mapping
from types import MappingProxyType

from sinetti.domain.refusals import Reason

CODES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.MALFORMED: "PKI001",
        Reason.WRONG_ENVIRONMENT: "PKI002",
        Reason.CUSTOMER_MISMATCH: "PKI003",
        Reason.TRANSFER_IDS_WRONG: "PKI004",
        Reason.TRANSFER_IDS_EXPIRED: "PKI005",
        Reason.TRANSFER_IDS_USED: "PKI006",
        Reason.TRANSFER_IDS_LOCKED: "PKI007",
        Reason.CSR_UNREADABLE: "PKI010",
        Reason.KEY_NOT_ACCEPTED: "PKI011",
        Reason.KEY_REUSED: "PKI012",
        Reason.RETRIEVAL_ID_UNKNOWN: "PKI020",
        Reason.NOT_READY: "PKI021",
        Reason.SUPERSEDED: "PKI022",
        Reason.SIGNATURE_INVALID: "PKI030",
        Reason.SIGNER_UNKNOWN: "PKI031",
        Reason.SIGNER_EXPIRED: "PKI032",
        Reason.SIGNER_REVOKED: "PKI033",
        Reason.TOO_EARLY: "PKI034",
        Reason.ALREADY_RENEWED: "PKI035",
        Reason.NOT_ENTITLED: "PKI036",
        Reason.UNAVAILABLE: "PKI090",
        Reason.TOO_MANY_REQUESTS: "PKI092",
        Reason.INTERNAL: "PKI099",
    }
)
"""The code that stands in ErrorCode for each reason: `PKI` and three digits (facts sheet, 2)."""

_REASONS = {code: reason for reason, code in CODES.items()}


def reason_of(code: str) -> Reason | None:
    """The reason behind a code; None for a code that is not ours."""
    return _REASONS.get(code)
