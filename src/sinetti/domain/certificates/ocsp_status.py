"""What is said of a certificate's status (RFC 6960), how long it counts, and when it is said anew (docs/ocsp.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.certificates.revocation import RevocationReason

ANSWER_LIFE = timedelta(hours=24)
"""From thisUpdate to nextUpdate."""

SIGNED_ANEW_AFTER = timedelta(minutes=30)
"""An answer older than this is signed anew when it is asked for: relying parties may want one of the last hour."""

KEPT_UNTIL = ANSWER_LIFE / 2
"""An answer older than this is signed anew though nobody asks."""


class CertIdHash(StrEnum):
    """The hashes by which requests name an issuer (RFC 6960, 4.1.1)."""

    SHA1 = "sha1"
    SHA256 = "sha256"


class CertStatus(StrEnum):
    """What is said of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CertificateStatusInfo:
    """What is said, and of a revoked one since when (UTC) and why."""

    standing: CertStatus
    revoked_at: datetime | None = None
    reason: RevocationReason | None = None


GOOD, UNKNOWN = CertificateStatusInfo(CertStatus.GOOD), CertificateStatusInfo(CertStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class SingleResponse:
    """What a signed answer says, and its dates (UTC)."""

    status: CertificateStatusInfo
    this_update: datetime
    next_update: datetime


def cert_status(*, issued: bool, revoked_at: datetime | None, reason: RevocationReason | None) -> CertificateStatusInfo:
    """Tell what is said of a certificate of the register.

    Whatever is revoked is revoked, also what was never handed out: the list has it, and the two agree.
    """
    if revoked_at is not None:
        return CertificateStatusInfo(CertStatus.REVOKED, revoked_at, reason or RevocationReason.UNSPECIFIED)
    return GOOD if issued else UNKNOWN


def is_fresh(told: SingleResponse, status: CertificateStatusInfo, now: datetime) -> bool:
    """Whether a signed answer says what is so, and is young enough to be given."""
    young = told.this_update <= now < told.this_update + SIGNED_ANEW_AFTER
    return young and is_acceptable(told, status, now)


def is_acceptable(told: SingleResponse, status: CertificateStatusInfo, now: datetime) -> bool:
    """Whether a signed answer says what is so, and counts yet: it is given where no new one can be signed."""
    return told.status == status and now <= told.next_update
