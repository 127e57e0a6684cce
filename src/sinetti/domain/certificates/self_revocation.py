"""Revocation of a certificate by a request that its own key signed."""

from datetime import datetime
from enum import StrEnum

from sinetti.domain.certificates.models import Certificate
from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, may_use_reason
from sinetti.domain.values import Serial


class SelfRevocationResult(StrEnum):
    """What becomes of the call.

    All but the first two are refusals, by the names that they have on the wire.
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
    """Whether the certificate that signed is revoked, was so before, or may not ask this.

    It names itself and no other. Once revoked its signature opens nothing more: the same call again is answered alike,
    another is refused. So a call that is sent again within its five minutes changes nothing.
    """
    if serial != signer.serial:
        return SelfRevocationResult.OTHER
    if not may_use_reason(RevokerRole.HOLDER, reason):
        return SelfRevocationResult.REASON
    if signer.revoked:
        return SelfRevocationResult.SAME if signer.revocation_reason is reason else SelfRevocationResult.ALREADY
    # notAfter is the last valid second (RFC 5280, 4.1.2.5).
    return SelfRevocationResult.ENDED if now > signer.span.not_after else SelfRevocationResult.REVOKE
