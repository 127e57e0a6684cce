"""May this certificate be renewed, with this key, now? In the order of checks of the facts (docs/errors.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, IssuanceApproval, Replay, replay_or_reject
from sinetti.domain.identifiers import is_same_identifier
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import Leniency
from sinetti.domain.values import KeyId, ValidityPeriod

RENEWALS_UNFETCHED_ALLOWED = 3
"""How often a renewal that nobody fetched may be made again with another key."""


@dataclass(frozen=True, slots=True)
class RenewalContext:
    """Everything else that the decision looks at.

    `same_key` is the earlier renewal by this signer with this key, `successor` its live renewal with another key,
    `repeat_count` how many unfetched renewals were given up before.
    """

    same_key: Certificate | None
    successor: Certificate | None
    repeat_count: int
    key_known: bool
    validity: timedelta
    leniency: Leniency


def authenticate_signer(signer: Certificate | None, customer_id: str) -> Certificate | Rejection:
    """Return the certificate that signed, once it is one of ours, of this customer and not revoked."""
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
    """Approve a renewal, answer the same request again, or give the one reason that the holder should act on first."""
    earlier, language = situation.same_key, held.lineage.language
    answered = earlier if earlier is not None and earlier.live(now) else None
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
    # Where the same request is not answered again, its renewal is one like any other.
    successor = situation.successor or answered
    if successor is not None and not _may_be_made_again(successor, situation):
        return Rejection(RejectionReason.ALREADY_RENEWED, language=language)
    if situation.key_known:
        return Rejection(RejectionReason.KEY_REUSED, language=language)
    # Starts now, not at the old end: both must work while the holder moves its systems over.
    span = ValidityPeriod(now, now + situation.validity)
    return IssuanceApproval(held.lineage, key, span, predecessor=held.serial, supersedes=successor)


def _may_be_made_again(successor: Certificate, situation: RenewalContext) -> bool:
    """Whether the client may have lost this renewal together with the answer: nobody has fetched it yet."""
    return (
        situation.leniency.allow_repeated_renewal
        and successor.state is not CertificateState.FETCHED
        and situation.repeat_count < RENEWALS_UNFETCHED_ALLOWED
    )
