"""Confirmations of invitations that a clerk asked for, and their lapse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.access.pending_invitations import (
    InvitationConfirmation,
    InvitationProposal,
    PendingFault,
    PendingInvitationRefused,
    check_confirmation,
    state_of,
)
from sinetti.domain.access.persons import Identity

NOW = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
ASKER, INVITED, CONFIRMER = (Identity(frozenset({one}), frozenset({f"{one}@x.example"})) for one in "aic")
FINE = InvitationConfirmation(
    InvitationProposal.WAITING, ASKER, INVITED, CONFIRMER, by_clerk=True, has_signatory=False, asker_is_clerk=True
)

CASES = {
    "a second clerk, where there is no signatory": (FINE, None),
    "a signatory": (replace(FINE, by_clerk=False, has_signatory=True), None),
    "a clerk, where there is a signatory": (replace(FINE, has_signatory=True), PendingFault.SIGNATORY_THERE),
    "the clerk who asked": (replace(FINE, confirmer=ASKER), PendingFault.SAME_PERSON),
    "the invited person": (replace(FINE, confirmer=INVITED), PendingFault.INVITED),
    "what a dismissed clerk asked": (replace(FINE, asker_is_clerk=False), PendingFault.ASKER_GONE),
    "a clerk, where one of the two has no verified person": (replace(FINE, lacks_person=True), PendingFault.NO_PERSON),
    "a signatory, where a clerk has no verified person": (replace(FINE, by_clerk=False, lacks_person=True), None),
    "nothing is known of who asked": (replace(FINE, asker=Identity()), PendingFault.SAME_PERSON),
    **{
        f"one that is {one}": (replace(FINE, state=one), PendingFault.OVER)
        for one in InvitationProposal
        if one != "waiting"
    },
}


@pytest.mark.parametrize(("asked", "fault"), CASES.values(), ids=CASES)
def test_check_confirmation(asked, fault):
    assert check_confirmation(asked) is fault


@pytest.mark.parametrize("stored", InvitationProposal)
def test_one_that_waits_lapses_after_its_last_second(stored):
    assert state_of(stored, NOW, NOW) is stored
    late = state_of(stored, NOW, NOW + timedelta(seconds=1))
    assert late is (InvitationProposal.LAPSED if stored is InvitationProposal.WAITING else stored)


def test_a_refusal_says_why():
    assert PendingInvitationRefused(PendingFault.OVER).fault is PendingFault.OVER
