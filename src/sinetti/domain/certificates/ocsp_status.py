"""Certificate status for OCSP (RFC 6960) and the lifetime of responses.

The rules are described in docs/relying/ocsp.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.certificates.revocation import RevocationReason

ANSWER_LIFE = timedelta(hours=24)
"""Time from thisUpdate to nextUpdate."""

SIGNED_ANEW_AFTER = timedelta(minutes=30)
"""Age after which a requested response is signed again.

Relying parties may want a response from the last hour.
"""

KEPT_UNTIL = ANSWER_LIFE / 2
"""Age after which a response is signed again without a request."""


class CertIdHash(StrEnum):
    """Hash algorithms by which requests name an issuer (RFC 6960, 4.1.1)."""

    SHA1 = "sha1"
    SHA256 = "sha256"


class CertStatus(StrEnum):
    """Certificate status of a response."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class CertificateStatusInfo:
    """Certificate status, with instant (UTC) and reason of a revocation."""

    cert_status: CertStatus
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None


GOOD, UNKNOWN = CertificateStatusInfo(CertStatus.GOOD), CertificateStatusInfo(CertStatus.UNKNOWN)


@dataclass(frozen=True)
class SingleResponse:
    """Status in a signed response, and its dates (UTC).

    `certificate_hash`, the SHA-256 of the one certificate that the status is about, is in answers of a bridge alone.
    """

    status: CertificateStatusInfo
    this_update: datetime
    next_update: datetime
    certificate_hash: bytes | None = None


def cert_status(*, issued: bool, revoked_at: datetime | None, reason: RevocationReason | None) -> CertificateStatusInfo:
    """Return the status of a certificate in the database.

    A revoked certificate is reported as revoked even if it was never delivered. The CRL contains it, and CRL and OCSP
    agree.
    """
    if revoked_at is not None:
        return CertificateStatusInfo(CertStatus.REVOKED, revoked_at, reason or RevocationReason.UNSPECIFIED)
    return GOOD if issued else UNKNOWN


def is_fresh(response: SingleResponse, status: CertificateStatusInfo, now: datetime) -> bool:
    """Return True if a response has this status and is recent enough to be served."""
    young = response.this_update <= now < response.this_update + SIGNED_ANEW_AFTER
    return young and is_acceptable(response, status, now)


def is_acceptable(response: SingleResponse, status: CertificateStatusInfo, now: datetime) -> bool:
    """Return True if a response has this status and has not passed its nextUpdate.

    Such a response is served if no new one can be signed.
    """
    return response.status == status and now <= response.next_update
