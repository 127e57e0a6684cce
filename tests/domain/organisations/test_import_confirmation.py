"""Loads that need a second clerk, and decisions on them, at fixed instants."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.approvals.acts import ApprovalPolicy, TwoPersonAct
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange
from sinetti.domain.organisations.import_confirmation import (
    PROPOSAL_LIVES,
    LoadAct,
    LoadConfirmation,
    LoadReason,
    LoadRefused,
    LoadState,
    check_may_confirm,
    check_may_end,
    check_may_propose,
    count_acts,
    find_two_person_act,
)
from sinetti.domain.values import IdentifierType

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SENT = LoadConfirmation("anna")
PROPOSED = replace(SENT, proposed_by="anna", proposed_at=NOW, expires=NOW + PROPOSAL_LIVES)
REJECTED = replace(PROPOSED, ended_by="bo", ended_at=NOW)
WITHDRAWN = replace(PROPOSED, ended_by="anna", ended_at=NOW)
ACCEPTED = replace(PROPOSED, accepted_by="bo", accepted_at=NOW)


def change(kind=ChangeKind.CHANGE, name="A", language="fi"):
    before = ("", "") if kind is ChangeKind.ADD else ("A", "fi")
    return ImportChange(2, kind, "1", IdentifierType.ARTIFICIAL, "FI", before[0], name, before[1], language)


NAME, MERGE, END = (
    TwoPersonAct.ORGANISATION_NAME,
    TwoPersonAct.ORGANISATION_MERGE,
    TwoPersonAct.ORGANISATION_END,
)
ACTS = {
    "a new one": (change(ChangeKind.ADD), {LoadAct.ADD}, None),
    "another language": (change(language="sv"), {LoadAct.LANGUAGE}, None),
    "another name": (change(name="B"), {LoadAct.RENAME}, NAME),
    "both": (change(name="B", language="sv"), {LoadAct.RENAME, LoadAct.LANGUAGE}, NAME),
    "a merger": (change(ChangeKind.MERGE), {LoadAct.MERGE}, MERGE),
    "an end": (change(ChangeKind.END), {LoadAct.END}, END),
    "an end with a name": (change(ChangeKind.END, name="B"), {LoadAct.END, LoadAct.RENAME}, END),
}


@pytest.mark.parametrize(("one", "acts", "second"), ACTS.values(), ids=ACTS)
def test_what_a_row_does(one, acts, second):
    assert {act for act, count in count_acts([one]).items() if count} == acts
    assert find_two_person_act([one], ApprovalPolicy()) is second
    assert find_two_person_act([one], ApprovalPolicy(dict.fromkeys(TwoPersonAct, 1))) is None


def test_one_row_of_many_makes_the_whole_load_wait():
    added, policy = [change(ChangeKind.ADD)] * 3, ApprovalPolicy()
    assert find_two_person_act([], policy) is None
    assert find_two_person_act(added, policy) is None
    assert find_two_person_act([*added, change(ChangeKind.END)], policy) is END
    assert count_acts([*added, change(ChangeKind.END)])[LoadAct.ADD] == 3


def test_a_row_with_two_acts_waits_for_the_one_that_takes_two():
    both = [change(ChangeKind.END, name="B")]
    assert find_two_person_act(both, ApprovalPolicy({END: 1})) is NAME
    assert find_two_person_act(both, ApprovalPolicy({END: 1, NAME: 1})) is None


STATES = {
    "compared": (SENT, NOW, LoadState.COMPARED),
    "proposed": (PROPOSED, NOW, LoadState.PROPOSED),
    "the last second in time": (PROPOSED, NOW + PROPOSAL_LIVES, LoadState.PROPOSED),
    "one second late": (PROPOSED, NOW + PROPOSAL_LIVES + SECOND, LoadState.LAPSED),
    "without an end it is none": (replace(PROPOSED, expires=None), NOW, LoadState.LAPSED),
    "rejected": (REJECTED, NOW, LoadState.REJECTED),
    "withdrawn": (WITHDRAWN, NOW, LoadState.WITHDRAWN),
    "confirmed": (ACCEPTED, NOW + 2 * PROPOSAL_LIVES, LoadState.ACCEPTED),
}


@pytest.mark.parametrize(("load", "now", "state"), STATES.values(), ids=STATES)
def test_states(load, now, state):
    assert load.state(now) is state
    assert (load.reason_unless(state, now), load.reason_unless(LoadState.ACCEPTED, now) is None) == (
        None,
        state is LoadState.ACCEPTED,
    )


def confirms(load, clerk="bo", now=NOW, *, refused=None, proposer_stands=True):
    check_may_confirm(load, clerk, now, refused=refused, proposer_stands=proposer_stands)


ALLOWED = {
    "the sender proposes": lambda: check_may_propose(SENT, "anna", NOW),
    "another clerk confirms": lambda: confirms(PROPOSED),
    "in the last second": lambda: confirms(PROPOSED, now=NOW + PROPOSAL_LIVES),
    "ended while it waits": lambda: check_may_end(PROPOSED, NOW),
}


@pytest.mark.parametrize("act", ALLOWED.values(), ids=ALLOWED)
def test_allowed(act):
    act()


REFUSED = {
    "another clerk proposes": (lambda: check_may_propose(SENT, "bo", NOW), LoadReason.OTHER_CLERK),
    "proposed twice": (lambda: check_may_propose(PROPOSED, "anna", NOW), LoadReason.PROPOSED),
    "proposed once rejected": (lambda: check_may_propose(REJECTED, "anna", NOW), LoadReason.REJECTED),
    "confirmed before it is proposed": (lambda: confirms(SENT), LoadReason.NOT_PROPOSED),
    "confirmed by its proposer": (lambda: confirms(PROPOSED, "anna"), LoadReason.SAME_CLERK),
    "confirmed by its sender": (
        lambda: confirms(replace(PROPOSED, proposed_by="cecilia"), "anna"),
        LoadReason.SAME_CLERK,
    ),
    "by another account of theirs": (
        lambda: confirms(PROPOSED, refused=LoadReason.SAME_PERSON),
        LoadReason.SAME_PERSON,
    ),
    "of an account without a person": (lambda: confirms(PROPOSED, refused=LoadReason.NO_PERSON), LoadReason.NO_PERSON),
    "of a clerk who is none any more": (lambda: confirms(PROPOSED, proposer_stands=False), LoadReason.PROPOSER_GONE),
    "too late": (lambda: confirms(PROPOSED, now=NOW + PROPOSAL_LIVES + SECOND), LoadReason.LAPSED),
    "withdrawn": (lambda: confirms(WITHDRAWN), LoadReason.WITHDRAWN),
    "confirmed twice": (lambda: confirms(ACCEPTED, "cecilia"), LoadReason.ACCEPTED),
    "ended once confirmed": (lambda: check_may_end(ACCEPTED, NOW), LoadReason.ACCEPTED),
    "ended before it is proposed": (lambda: check_may_end(SENT, NOW), LoadReason.NOT_PROPOSED),
}


@pytest.mark.parametrize(("act", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused(act, reason):
    with pytest.raises(LoadRefused) as refused:
        act()
    assert refused.value.reason is reason
