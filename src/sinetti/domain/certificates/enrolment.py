"""May these transfer ids be spent, with this key, now? In the order of checks of the facts (docs/errors.md).

Whether a certificate may be handed out now to whoever gives its retrieval id.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, IssuanceApproval, Replay, TransferIds, replay_or_reject
from sinetti.domain.identifiers import is_same_identifier
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import Leniency
from sinetti.domain.values import KeyId, ValidityPeriod

WRONG_PASSWORDS_ALLOWED = 10
"""The tenth wrong password ends the ids; new ids for the same order end the lock."""


@dataclass(frozen=True, slots=True)
class EnrolmentContext:
    """What else the decision looks at: is the key known already, how long certificates live, what is kind."""

    key_known: bool
    validity: timedelta
    leniency: Leniency


def authenticate_transfer_ids(
    ids: TransferIds | None, *, password_fits: bool, customer_id: str
) -> TransferIds | Rejection:
    """Return the ids once the password proves the caller, or the refusal.

    Unknown, ended and wrong are one answer: only who holds the password learns more than that.
    """
    if ids is None or ids.ended or not password_fits:
        return Rejection(RejectionReason.TRANSFER_IDS_WRONG)
    language = ids.lineage.language
    if ids.wrong_passwords >= WRONG_PASSWORDS_ALLOWED:
        return Rejection(RejectionReason.TRANSFER_IDS_LOCKED, language=language)
    if not is_same_identifier(ids.lineage.customer.customer_id, customer_id):
        return Rejection(RejectionReason.CUSTOMER_MISMATCH, language=language)
    return ids


def decide_enrolment(
    ids: TransferIds, key: KeyId, situation: EnrolmentContext, now: datetime
) -> IssuanceApproval | Replay | Rejection:
    """Approve the first certificate of an order, answer the same request again, or refuse for the first reason."""
    spent, language = ids.used_for, ids.lineage.language
    if spent is not None and spent.key == key and spent.live(now) and situation.leniency.replay_same_request:
        return replay_or_reject(spent)
    if now > ids.expires:
        return Rejection(RejectionReason.TRANSFER_IDS_EXPIRED, ended=ids.expires, language=language)
    if spent is not None:
        return Rejection(RejectionReason.TRANSFER_IDS_USED, language=language)
    if not ids.lineage.customer.is_approved_for(ids.lineage.channel):
        return Rejection(RejectionReason.NOT_ENTITLED, language=language)
    if situation.key_known:
        return Rejection(RejectionReason.KEY_REUSED, language=language)
    return IssuanceApproval(
        ids.lineage, key, ValidityPeriod(now, now + situation.validity), replaces=ids.replaces, order_id=ids.order_id
    )


def decide_retrieval(
    found: Certificate | None,
    customer_id: str,
    leniency: Leniency,
    machine_now: datetime,
) -> Certificate | Rejection:
    """Return the certificate to hand out, or refuse; one answer for every mismatch.

    The id proves who asks.
    """
    if found is None or not is_same_identifier(found.lineage.customer.customer_id, customer_id):
        return Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
    # What was revoked before it was signed never will be.
    if found.state is CertificateState.VOID or (found.revoked and found.recorded_at is None):
        return Rejection(RejectionReason.SUPERSEDED, language=found.lineage.language)
    if found.recorded_at is None or machine_now < found.recorded_at + leniency.retrieval_delay:
        return Rejection(RejectionReason.NOT_READY, language=found.lineage.language)
    return found
