"""Revoking many at once: from which number on it takes two officers, and who may say yes (docs/watch.md)."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial

AT_ONCE = 10
"""So many certificates may go by one officer's word within `COUNTED_FOR`, however many commands that takes."""

COUNTED_FOR = timedelta(hours=24)

PROPOSAL_LIVES = timedelta(hours=24)
"""A proposal that nobody approved by then has to be made anew."""

_ACCOUNT = "user."
"""What the ids of officers begin with who are accounts of the e-service."""
_OFFICER = re.compile(r"[A-Za-z0-9._-]{1,40}")


class BulkErrorReason(StrEnum):
    """Why a bulk revocation is not begun or not approved. A closed list."""

    OFFICER = "officer"
    NOTHING_NAMED = "nothing-named"
    UNKNOWN = "unknown"
    REASON = "reason"
    NO_PROPOSAL = "no-proposal"
    SAME_OFFICER = "same-officer"
    SAME_PERSON = "same-person"
    PROPOSER_GONE = "proposer-gone"
    EXPIRED = "expired"
    DONE = "done"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    OTHER_OFFICER = "other-officer"
    OTHER_DOOR = "other-door"


class BulkRevocationError(ValueError):
    """What was asked cannot be done; the sentence says what to do.

    Nothing was revoked.
    """

    def __init__(self, reason: BulkErrorReason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BulkRevocationProposal:
    """One run of a bulk revocation as it is stored.

    It was approved at `approved_at`, and done at `done_at`.

    `approver` is empty where it was small enough for its own officer. What is done and was never approved is withdrawn.
    """

    proposal_id: str
    officer: str
    reason: RevocationReason
    invalidity_date: datetime | None
    serials: tuple[Serial, ...] = field(repr=False)
    created: datetime
    expires: datetime
    approver: str = ""
    approved_at: datetime | None = None
    done_at: datetime | None = None

    @property
    def withdrawn(self) -> bool:
        """Whether whoever proposed it took it back."""
        return self.done_at is not None and self.approved_at is None


def check_officer(text: str) -> str:
    """Give an officer's id: opaque, since audit rows keep it for good.

    Raises BulkRevocationError.
    """
    if not _OFFICER.fullmatch(text):
        sentence = "an officer's id has 1 to 40 letters, digits, dots, hyphens and underscores; it is no person's name"
        raise BulkRevocationError(BulkErrorReason.OFFICER, sentence)
    return text


def check_cli_officer(text: str) -> str:
    """As `check_officer`, of somebody who gives their id themselves: none of an account's.

    Raises BulkRevocationError.
    """
    if is_account(text):
        sentence = f"an officer's id does not begin with {_ACCOUNT}: so do those of clerks' accounts"
        raise BulkRevocationError(BulkErrorReason.OFFICER, sentence)
    return check_officer(text)


def officer_of_account(user_id: str) -> str:
    """The officer's id of a clerk's account."""
    return f"{_ACCOUNT}{user_id}"


def account_of(officer: str) -> str:
    """Return the account id of an officer.

    It is empty if a command was given the officer's id.
    """
    return officer[len(_ACCOUNT) :] if is_account(officer) else ""


def is_account(officer: str) -> bool:
    """Whether an officer is an account of the e-service, which signed in; else it is an id that a command was given."""
    return officer.casefold().startswith(_ACCOUNT)


def actor_of(officer: str) -> str:
    """How an officer stands in audit rows: an account as it stands in all others."""
    return f"user:{officer.removeprefix(_ACCOUNT)}" if is_account(officer) else f"officer:{officer}"


def needs_second_approver(count: int, lately: int) -> bool:
    """Whether so many take a second officer, where `lately` went by this officer's word alone."""
    return count + lately > AT_ONCE


def may_approve(
    proposal: BulkRevocationProposal,
    officer: str,
    going: Collection[Serial],
    revoked: Collection[Serial],
    now: datetime,
) -> BulkErrorReason | None:
    """Tell why this officer may not approve this proposal now; None if it may be.

    `going` is what would go by the proposal's reason now, `revoked` what of it is revoked already: who approves has
    seen one list, and exactly that list goes. The last second before it expires is in time.
    """
    if proposal.done_at is not None:
        return BulkErrorReason.WITHDRAWN if proposal.withdrawn else BulkErrorReason.DONE
    if proposal.officer.casefold() == officer.casefold():
        return BulkErrorReason.SAME_OFFICER
    if is_account(proposal.officer) is not is_account(officer):
        # A command takes its word for who the officer is: one person could be both.
        return BulkErrorReason.OTHER_DOOR
    if proposal.approved_at is not None:
        # Approved and cut short: what is left goes, whatever has happened since.
        return None
    if now > proposal.expires:
        return BulkErrorReason.EXPIRED
    return BulkErrorReason.CHANGED if revoked or set(going) != set(proposal.serials) else None


def may_withdraw(proposal: BulkRevocationProposal, officer: str, now: datetime) -> BulkErrorReason | None:
    """Tell why this officer may not take this proposal back now; None if it may be: whoever made it, while it waits."""
    if proposal.withdrawn:
        return BulkErrorReason.WITHDRAWN
    if proposal.approved_at is not None:
        return BulkErrorReason.APPROVED
    if proposal.officer.casefold() != officer.casefold():
        return BulkErrorReason.OTHER_OFFICER
    return BulkErrorReason.EXPIRED if now > proposal.expires else None
