"""Bulk revocation: the limit above which it needs two officers, and approval.

The rules are described in docs/operators/monitoring.md.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.domain.values import Serial

AT_ONCE = 10
"""Certificates that one officer may revoke alone within `COUNTED_FOR`.

The limit applies to the sum over all commands.
"""

COUNTED_FOR = timedelta(hours=24)

PROPOSAL_LIVES = timedelta(hours=24)
"""Lifetime of a proposal without approval; then the officer must make a new one."""

_ACCOUNT = "user."
"""Prefix of the ids of officers that are accounts of the e-service."""
_MACHINE = "os."
"""Prefix of the ids of users of the machine, who run commands."""
_OFFICER = re.compile(r"[A-Za-z0-9._-]{1,40}")


class BulkErrorReason(StrEnum):
    """Reason why a bulk revocation is not started or not approved. A closed list."""

    OFFICER = "officer"
    NOTHING_NAMED = "nothing-named"
    UNKNOWN = "unknown"
    REASON = "reason"
    NO_PROPOSAL = "no-proposal"
    SAME_OFFICER = "same-officer"
    SAME_PERSON = "same-person"
    NO_PERSON = "no-person"
    PROPOSER_GONE = "proposer-gone"
    EXPIRED = "expired"
    DONE = "done"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    APPROVED = "approved"
    OTHER_OFFICER = "other-officer"
    OTHER_DOOR = "other-door"


class BulkRevocationError(ValueError):
    """Bulk revocation that cannot be done; the sentence says what to do.

    No certificate was revoked.
    """

    def __init__(self, reason: BulkErrorReason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class BulkRevocationProposal:
    """Bulk revocation as it is stored.

    It was approved at `approved_at` and completed at `done_at`. `approver` is empty if its officer needed no second
    one. A proposal that is completed without approval was withdrawn.
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
        """True if the proposing officer withdrew the proposal."""
        return self.done_at is not None and self.approved_at is None


def check_officer(text: str) -> str:
    """Return an officer's id, which is opaque, since audit rows keep it permanently.

    Raises BulkRevocationError if its form is wrong.
    """
    if not _OFFICER.fullmatch(text):
        raise BulkRevocationError(
            BulkErrorReason.OFFICER,
            "an officer's id has 1 to 40 letters, digits, dots, hyphens and underscores; it is no person's name",
        )
    return text


def officer_of_machine(user: str) -> str:
    """Return the officer's id of a user of the machine, by the name of the login."""
    return f"{_MACHINE}{re.sub(r'[^A-Za-z0-9._-]', '-', user)[: 40 - len(_MACHINE)]}"


def officer_of_account(user_id: str) -> str:
    """Return the officer's id of a clerk's account."""
    return f"{_ACCOUNT}{user_id}"


def account_of(officer: str) -> str:
    """Return the account id of an officer.

    It is empty if the officer's id was given to a command.
    """
    return officer[len(_ACCOUNT) :] if is_account(officer) else ""


def is_account(officer: str) -> bool:
    """Return True if an officer is an account of the e-service.

    Such an officer signed in. Any other id was given to a command.
    """
    return officer.casefold().startswith(_ACCOUNT)


def actor_of(officer: str) -> str:
    """Return an officer as an actor for audit rows.

    An account has the same form there as in all other audit rows.
    """
    if officer.startswith(_MACHINE):
        return f"os-user:{officer.removeprefix(_MACHINE)}"
    return f"user:{officer.removeprefix(_ACCOUNT)}" if is_account(officer) else f"officer:{officer}"


def needs_second_approver(count: int, lately: int) -> bool:
    """Return True if a revocation of `count` certificates needs a second officer.

    `lately` is the number of certificates that this officer revoked alone within `COUNTED_FOR`.
    """
    return count + lately > AT_ONCE


def may_approve(
    proposal: BulkRevocationProposal,
    officer: str,
    going: Collection[Serial],
    revoked: Collection[Serial],
    now: datetime,
) -> BulkErrorReason | None:
    """Return why this officer may not approve this proposal now, or None.

    `going` are the certificates that the proposal's reason covers now, `revoked` are those of them that are revoked
    already. The approving officer has seen one list, and exactly that list is revoked. The last second before the
    expiry is in time.
    """
    if proposal.done_at is not None:
        return BulkErrorReason.WITHDRAWN if proposal.withdrawn else BulkErrorReason.DONE
    if proposal.officer.casefold() == officer.casefold():
        return BulkErrorReason.SAME_OFFICER
    if is_account(proposal.officer) is not is_account(officer):
        # A command does not authenticate its officer: one person could be both.
        return BulkErrorReason.OTHER_DOOR
    if proposal.approved_at is not None:
        # Approved and interrupted: the remaining certificates are revoked in any case.
        return None
    if now > proposal.expires:
        return BulkErrorReason.EXPIRED
    return BulkErrorReason.CHANGED if revoked or set(going) != set(proposal.serials) else None


def may_withdraw(proposal: BulkRevocationProposal, officer: str, now: datetime) -> BulkErrorReason | None:
    """Return why this officer may not withdraw this proposal now, or None.

    Only the proposing officer may withdraw it, while it waits for approval.
    """
    if proposal.withdrawn:
        return BulkErrorReason.WITHDRAWN
    if proposal.approved_at is not None:
        return BulkErrorReason.APPROVED
    if proposal.officer.casefold() != officer.casefold():
        return BulkErrorReason.OTHER_OFFICER
    return BulkErrorReason.EXPIRED if now > proposal.expires else None
