"""Imports of organisations that a second clerk confirms.

See docs/e-service/clerks.md.

Times are instants of the authority's clock; clerks are ids of accounts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.certificates.bulk_revocation import PROPOSAL_LIVES
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange

__all__ = ["PROPOSAL_LIVES"]


class LoadAct(StrEnum):
    """Effect of a row of an import on an organisation. One row may have several."""

    ADD = "add"
    RENAME = "rename"
    LANGUAGE = "language"
    MERGE = "merge"
    END = "end"


SECOND_CLERK: Mapping[LoadAct, TwoPersonAct] = {
    LoadAct.END: TwoPersonAct.ORGANISATION_END,
    LoadAct.MERGE: TwoPersonAct.ORGANISATION_MERGE,
    LoadAct.RENAME: TwoPersonAct.ORGANISATION_NAME,
}
"""Acts of the table of two people, the gravest first.

Certificates contain the name, and an end is final.
"""


class LoadState(StrEnum):
    """State of an import.

    `compared` waits for its sender, `proposed` for a second clerk.
    """

    COMPARED = "compared"
    PROPOSED = "proposed"
    LAPSED = "lapsed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"


class LoadReason(StrEnum):
    """Reason for which a clerk may not propose or decide. A closed list."""

    SECOND_CLERK = "second-clerk"
    OTHER_CLERK = "other-clerk"
    SAME_CLERK = "same-clerk"
    SAME_PERSON = "same-person"
    NO_PERSON = "no-person"
    PROPOSER_GONE = "proposer-gone"
    NOT_PROPOSED = "not-proposed"
    PROPOSED = "proposed"
    LAPSED = "lapsed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"


class LoadRefused(Exception):
    """Act on an import that a clerk may not do, for `reason`. Nothing was done."""

    def __init__(self, reason: LoadReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class LoadConfirmation:
    """Accounts that sent, proposed and decided on an import, and the times.

    An empty id means that no account did so, or that it is unknown.
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
        """Return why the import is not in the state `wanted` now, or None if it is."""
        state = self.state(now)
        return None if state is wanted else _REASONS[state]


_REASONS = {
    LoadState.COMPARED: LoadReason.NOT_PROPOSED,
    LoadState.PROPOSED: LoadReason.PROPOSED,
    LoadState.LAPSED: LoadReason.LAPSED,
    LoadState.REJECTED: LoadReason.REJECTED,
    LoadState.WITHDRAWN: LoadReason.WITHDRAWN,
    LoadState.ACCEPTED: LoadReason.ACCEPTED,
}
"""Reasons to reject an act, by the state that excludes it."""


def acts_of(change: ImportChange) -> frozenset[LoadAct]:
    """Return each act of one row. A merger or an end may carry a new name, too."""
    if change.kind is ChangeKind.ADD:
        return frozenset({LoadAct.ADD})
    load_acts = {LoadAct.RENAME} if change.name != change.name_before else set()
    if change.language != change.language_before:
        load_acts.add(LoadAct.LANGUAGE)
    if change.kind in {ChangeKind.MERGE, ChangeKind.END}:
        load_acts.add(LoadAct(change.kind.value))
    return frozenset(load_acts)


def count_acts(changes: Iterable[ImportChange]) -> dict[LoadAct, int]:
    """Count each act over all rows; acts that no row has count 0."""
    totals = dict.fromkeys(LoadAct, 0)
    for change in changes:
        for act in acts_of(change):
            totals[act] += 1
    return totals


def find_two_person_act(changes: Iterable[ImportChange], policy: ApprovalPolicy) -> TwoPersonAct | None:
    """Return the gravest act of these rows that takes a second clerk, or None.

    The import then waits as a whole.
    """
    load_acts = frozenset().union(*(acts_of(change) for change in changes))
    acts = (act for load_act, act in SECOND_CLERK.items() if load_act in load_acts)
    return next((act for act in acts if policy.people_for(act) > 1), None)


def check_may_propose(load: LoadConfirmation, clerk: str, now: datetime) -> None:
    """Check that the sender of an import proposes it, once.

    Raises LoadRefused if it was proposed before, or if the clerk did not send it.
    """
    _check_state(load, LoadState.COMPARED, now)
    if load.sent_by != clerk:
        raise LoadRefused(LoadReason.OTHER_CLERK)


def check_may_confirm(
    load: LoadConfirmation, clerk: str, now: datetime, *, refused: LoadReason | None, proposer_stands: bool
) -> None:
    """Check that a person other than the proposer confirms.

    `refused` says that the clerk's account and the proposer's belong to one person, or that one of them has no
    verified person where this is needed. `proposer_stands`: the proposer is still a clerk. The proposal of an
    account that was withdrawn for cause is not carried out. Raises LoadRefused if a condition fails.
    """
    _check_state(load, LoadState.PROPOSED, now)
    if clerk in {load.proposed_by, load.sent_by}:
        raise LoadRefused(LoadReason.SAME_CLERK)
    if refused is not None:
        raise LoadRefused(refused)
    if not proposer_stands:
        raise LoadRefused(LoadReason.PROPOSER_GONE)


def check_may_end(load: LoadConfirmation, now: datetime) -> None:
    """Check that a clerk may end a proposal; any clerk may.

    Its proposer withdraws it, another clerk rejects it. Raises LoadRefused if the import is not proposed.
    """
    _check_state(load, LoadState.PROPOSED, now)


def _check_state(load: LoadConfirmation, wanted: LoadState, now: datetime) -> None:
    if (reason := load.reason_unless(wanted, now)) is not None:
        raise LoadRefused(reason)
