"""Decisions on enrolment with transfer ids and on retrieval by retrieval id.

Checks run in the order that docs/integrators/errors.md describes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.domain.certificates.lifecycle import CertificateState
from sinetti.domain.certificates.models import Certificate, IssuanceApproval, Replay, TransferIds, replay_or_reject
from sinetti.domain.refusals import Rejection, RejectionReason
from sinetti.domain.requests import Leniency
from sinetti.domain.values import KeyId, ValidityPeriod, is_same_identifier

WRONG_PASSWORDS_ALLOWED = 10
"""Wrong passwords after which transfer ids are locked.

New ids for the same order end the lock.
"""


@dataclass(frozen=True)
class EnrolmentContext:
    """Input of the decision: is the key known, validity of certificates, leniency."""

    key_known: bool
    validity: timedelta
    leniency: Leniency


def authenticate_transfer_ids(
    ids: TransferIds | None, *, password_fits: bool, customer_id: str
) -> TransferIds | Rejection:
    """Return the ids if the password proves the caller, else a rejection.

    Unknown, ended and wrong ids get the same answer. Only a caller with the password learns more.
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
    """Approve the first certificate of an order, return a replay, or reject."""
    spent, language = ids.used_for, ids.lineage.language
    if spent is not None and spent.key == key and spent.is_active(now) and situation.leniency.replay_same_request:
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
    certificate: Certificate | None,
    customer_id: str,
    leniency: Leniency,
    machine_now: datetime,
) -> Certificate | Rejection:
    """Return the certificate for a retrieval id, or a rejection.

    Every mismatch gets the same answer. The id authenticates the caller.
    """
    if certificate is None or not is_same_identifier(certificate.lineage.customer.customer_id, customer_id):
        return Rejection(RejectionReason.RETRIEVAL_ID_UNKNOWN)
    # A certificate that was revoked before its signature is never signed.
    if certificate.state is CertificateState.SUPERSEDED or (certificate.revoked and certificate.recorded_at is None):
        return Rejection(RejectionReason.SUPERSEDED, language=certificate.lineage.language)
    if certificate.recorded_at is None or machine_now < certificate.recorded_at + leniency.retrieval_delay:
        return Rejection(RejectionReason.NOT_READY, language=certificate.lineage.language)
    return certificate
