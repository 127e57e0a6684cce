"""Decision on renewal, with its checks in the order of docs/integrators/errors.md."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, IssuanceApproval, Replay, replay_or_reject
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import Leniency
from sinetti.domain.values import KeyId, ValidityPeriod, is_same_identifier

RENEWALS_UNFETCHED_ALLOWED = 3
"""Times that a renewal without retrieval may be repeated with another key."""


@dataclass(frozen=True)
class RenewalContext:
    """Further input of the decision on a renewal.

    - `same_key`: the earlier renewal by this signer with this key.
    - `successor`: its live renewal with another key.
    - `repeat_count`: number of renewals that were given up before they were retrieved.
    """

    same_key: Certificate | None
    successor: Certificate | None
    repeat_count: int
    key_known: bool
    validity: timedelta
    leniency: Leniency


def authenticate_signer(signer: Certificate | None, customer_id: str) -> Certificate | Rejection:
    """Return the signing certificate, or a rejection.

    The certificate must be known, belong to this customer and not be revoked.
    """
    if signer is None:
        return Rejection(RejectionReason.SIGNER_UNKNOWN)
    language = signer.lineage.language
    if not is_same_identifier(signer.lineage.customer.customer_id, customer_id):
        return Rejection(RejectionReason.CUSTOMER_MISMATCH, language=language)
    if signer.revoked:
        return Rejection(RejectionReason.SIGNER_REVOKED, language=language)
    return signer


def decide_renewal(
    held: Certificate, key: KeyId, situation: RenewalContext, now: datetime
) -> IssuanceApproval | Replay | Rejection:
    """Approve a renewal, return a replay, or reject the request.

    A rejection has the one reason that the holder must act on first.
    """
    earlier, language = situation.same_key, held.lineage.language
    answered = earlier if earlier is not None and earlier.is_active(now) else None
    if answered is not None and situation.leniency.replay_same_request:
        return replay_or_reject(answered)
    # notAfter is the last valid second (RFC 5280, 4.1.2.5), so equality is in time; both are whole seconds.
    if now > held.span.not_after:
        return Rejection(RejectionReason.SIGNER_EXPIRED, ended=held.span.not_after, language=language)
    if not held.lineage.customer.is_approved_for(held.lineage.channel):
        return Rejection(RejectionReason.NOT_ENTITLED, language=language)
    if now < held.renewable_from:
        return Rejection(
            RejectionReason.TOO_EARLY, opens=held.renewable_from, ended=held.span.not_after, language=language
        )
    # Without replay of the same request, its renewal counts like any other.
    successor = situation.successor or answered
    if successor is not None and not _may_be_made_again(successor, situation):
        return Rejection(RejectionReason.ALREADY_RENEWED, language=language)
    if situation.key_known:
        return Rejection(RejectionReason.KEY_REUSED, language=language)
    # Starts now, not at the old end: both must work while the holder migrates its systems.
    span = ValidityPeriod(now, now + situation.validity)
    return IssuanceApproval(held.lineage, key, span, predecessor=held.serial, supersedes=successor)


def _may_be_made_again(successor: Certificate, situation: RenewalContext) -> bool:
    """Return True if the client may have lost this renewal with its response.

    The renewal has never been retrieved, and the limit of repetitions is not reached.
    """
    return (
        situation.leniency.allow_repeated_renewal
        and successor.state is not CertificateState.RETRIEVED
        and situation.repeat_count < RENEWALS_UNFETCHED_ALLOWED
    )
