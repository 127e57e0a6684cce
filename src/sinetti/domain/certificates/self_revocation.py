"""Revocation of a certificate by a request that its own key signed."""

from datetime import datetime
from enum import StrEnum

from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.values import Serial


class SelfRevocationResult(StrEnum):
    """Result of a self-revocation request.

    All but the first two are rejections. Their values are the names on the wire.
    """

    REVOKE = "revoke"
    SAME = "same"
    OTHER = "other-certificate"
    REASON = "reason"
    ALREADY = "already"
    ENDED = "expired"


def decide_self_revocation(
    signer: Certificate, serial: Serial, reason: RevocationReason, now: datetime
) -> SelfRevocationResult:
    """Decide if the signing certificate is revoked, was revoked, or is rejected.

    A certificate may name itself only. After its revocation its signature authorises nothing new: the same request
    gets the same answer, any other is rejected. A replay of the request within its five minutes therefore changes
    nothing.
    """
    if serial != signer.serial:
        return SelfRevocationResult.OTHER
    if not may_use_reason(RevokerRole.HOLDER, reason):
        return SelfRevocationResult.REASON
    if signer.revoked:
        return SelfRevocationResult.SAME if signer.revocation_reason is reason else SelfRevocationResult.ALREADY
    # notAfter is the last valid second (RFC 5280, 4.1.2.5).
    return SelfRevocationResult.ENDED if now > signer.span.not_after else SelfRevocationResult.REVOKE
