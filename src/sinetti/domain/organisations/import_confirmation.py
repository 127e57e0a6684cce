"""Loads of organisations that a second clerk confirms (docs/clerks.md).

Times are instants of the authority's clock; clerks are ids of accounts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sinetti.domain.certificates.bulk_revocation import COUNTED_FOR, PROPOSAL_LIVES, needs_second_approver
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange

__all__ = ["COUNTED_FOR", "PROPOSAL_LIVES", "needs_second_approver"]


class LoadAct(StrEnum):
    """The effect of a row of a load on an organisation. One row may have several."""

    ADD = "add"
    RENAME = "rename"
    LANGUAGE = "language"
    MERGE = "merge"
    END = "end"


SECOND_CLERK = frozenset({LoadAct.RENAME, LoadAct.MERGE, LoadAct.END})
"""Acts that one clerk does not do alone to many: a certificate carries the name, and an end is for good."""


class LoadState(StrEnum):
    """The state of a load.

    `compared` waits for its sender, `proposed` for a second clerk.
    """

    COMPARED = "compared"
    PROPOSED = "proposed"
    LAPSED = "lapsed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"


class LoadReason(StrEnum):
    """The reasons for which a clerk may not propose or decide. A closed list."""

    SECOND_CLERK = "second-clerk"
    OTHER_CLERK = "other-clerk"
    SAME_CLERK = "same-clerk"
    SAME_PERSON = "same-person"
    PROPOSER_GONE = "proposer-gone"
    NOT_PROPOSED = "not-proposed"
    PROPOSED = "proposed"
    LAPSED = "lapsed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"


class LoadRefused(Exception):
    """A clerk may not do this to a load, for `reason`. Nothing was done."""

    def __init__(self, reason: LoadReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LoadConfirmation:
    """The accounts that sent, proposed and decided on a load, and the times.

    An empty id means that no account did, or that it is unknown.
    """

    sent_by: str = ""
    proposed_by: str = ""
    proposed_at: datetime | None = None
    expires: datetime | None = None
    accepted_by: str = ""
    accepted_at: datetime | None = None
    ended_by: str = ""
    ended_at: datetime | None = None

    def state(self, now: datetime) -> LoadState:
        """Return the state at `now`. The last second of a proposal is in time."""
        if self.accepted_at is not None:
            return LoadState.ACCEPTED
        if self.ended_at is not None:
            return LoadState.WITHDRAWN if self.ended_by == self.proposed_by else LoadState.REJECTED
        if self.proposed_at is None:
            return LoadState.COMPARED
        return LoadState.LAPSED if self.expires is None or now > self.expires else LoadState.PROPOSED

    def reason_unless(self, wanted: LoadState, now: datetime) -> LoadReason | None:
        """Return why this is not in the state that is wanted now; None if it is."""
        found = self.state(now)
        return None if found is wanted else _REASONS[found]


_REASONS = {
    LoadState.COMPARED: LoadReason.NOT_PROPOSED,
    LoadState.PROPOSED: LoadReason.PROPOSED,
    LoadState.LAPSED: LoadReason.LAPSED,
    LoadState.REJECTED: LoadReason.REJECTED,
    LoadState.WITHDRAWN: LoadReason.WITHDRAWN,
    LoadState.ACCEPTED: LoadReason.ACCEPTED,
}
"""What is said of a load in a state where the act is not possible."""


def acts_of(change: ImportChange) -> frozenset[LoadAct]:
    """Return each act of one row. A merger or an end may carry a new name, too."""
    if change.kind is ChangeKind.ADD:
        return frozenset({LoadAct.ADD})
    found = {LoadAct.RENAME} if change.name != change.name_before else set()
    if change.language != change.language_before:
        found.add(LoadAct.LANGUAGE)
    if change.kind in {ChangeKind.MERGE, ChangeKind.END}:
        found.add(LoadAct(change.kind.value))
    return frozenset(found)


def count_acts(changes: Iterable[ImportChange]) -> dict[LoadAct, int]:
    """Count each act over all rows; acts that no row has count 0."""
    totals = dict.fromkeys(LoadAct, 0)
    for change in changes:
        for act in acts_of(change):
            totals[act] += 1
    return totals


def needs_second_clerk(changes: Iterable[ImportChange]) -> bool:
    """Return whether any row ends, merges or renames: then the load waits as a whole."""
    return any(acts_of(one) & SECOND_CLERK for one in changes)


def check_may_propose(load: LoadConfirmation, clerk: str, now: datetime) -> None:
    """Let the sender of a load propose it, once. Raises LoadRefused."""
    _check_state(load, LoadState.COMPARED, now)
    if load.sent_by != clerk:
        raise LoadRefused(LoadReason.OTHER_CLERK)


def check_may_confirm(
    load: LoadConfirmation, clerk: str, now: datetime, *, same_person: bool, proposer_stands: bool
) -> None:
    """Let another person than the proposer confirm. Raises LoadRefused.

    `same_person`: the clerk's account and the proposer's are of one person. `proposer_stands`: the proposer is still
    a clerk; the proposal of an account that was withdrawn for cause is not carried out.
    """
    _check_state(load, LoadState.PROPOSED, now)
    if clerk in {load.proposed_by, load.sent_by}:
        raise LoadRefused(LoadReason.SAME_CLERK)
    if same_person:
        raise LoadRefused(LoadReason.SAME_PERSON)
    if not proposer_stands:
        raise LoadRefused(LoadReason.PROPOSER_GONE)


def check_may_end(load: LoadConfirmation, now: datetime) -> None:
    """Let any clerk end a proposal. Raises LoadRefused.

    Its proposer withdraws it, another clerk rejects it.
    """
    _check_state(load, LoadState.PROPOSED, now)


def _check_state(load: LoadConfirmation, wanted: LoadState, now: datetime) -> None:
    if (reason := load.reason_unless(wanted, now)) is not None:
        raise LoadRefused(reason)
