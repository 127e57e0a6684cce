"""May these transfer ids be spent, with this key, now? In the order of checks of the facts (docs/errors.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sinetti.domain.certificates.approval import Again, Approval, again
from sinetti.domain.certificates.models import TransferIds
from sinetti.domain.identifiers import same_customer
from sinetti.domain.leniency import Kindness
from sinetti.domain.refusals import Reason, Refusal
from sinetti.domain.values import KeyId, Span

WRONG_PASSWORDS_ALLOWED = 10
"""The tenth wrong password ends the ids; new ids for the same order end the lock."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What else the decision looks at: is the key known already, how long certificates live, what is kind."""

    key_known: bool
    validity: timedelta
    kindness: Kindness


def prove_transfer_ids(ids: TransferIds | None, *, password_fits: bool, customer_id: str) -> TransferIds | Refusal:
    """Return the ids once the password proves the caller, or the refusal.

    Unknown, ended and wrong are one answer: only who holds the password learns more than that.
    """
    if ids is None or ids.ended or not password_fits:
        return Refusal(Reason.TRANSFER_IDS_WRONG)
    language = ids.holding.language
    if ids.wrong_passwords >= WRONG_PASSWORDS_ALLOWED:
        return Refusal(Reason.TRANSFER_IDS_LOCKED, language=language)
    if not same_customer(ids.holding.customer.customer_id, customer_id):
        return Refusal(Reason.CUSTOMER_MISMATCH, language=language)
    return ids


def decide_enrolment(ids: TransferIds, key: KeyId, situation: Situation, now: datetime) -> Approval | Again | Refusal:
    """Approve the first certificate of an order, answer the same request again, or refuse for the first reason."""
    spent, language = ids.spent_on, ids.holding.language
    if spent is not None and spent.key == key and spent.live(now) and situation.kindness.answers_again:
        return again(spent)
    if now > ids.expires:
        return Refusal(Reason.TRANSFER_IDS_EXPIRED, ended=ids.expires, language=language)
    if spent is not None:
        return Refusal(Reason.TRANSFER_IDS_USED, language=language)
    if not ids.holding.customer.may_use(ids.holding.channel):
        return Refusal(Reason.NOT_ENTITLED, language=language)
    if situation.key_known:
        return Refusal(Reason.KEY_REUSED, language=language)
    return Approval(ids.holding, key, Span(now, now + situation.validity), replaces=ids.replaces, order_id=ids.order_id)
