"""Bulk revocation: the need for two officers, and the right to approve."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.domain.certificates.bulk_revocation import (
    AT_ONCE,
    PROPOSAL_LIVES,
    BulkErrorReason,
    BulkRevocationError,
    BulkRevocationProposal,
    actor_of,
    check_officer,
    may_approve,
    may_withdraw,
    needs_second_approver,
    officer_of_account,
    officer_of_machine,
)
from sinetti.domain.certificates.revocation import RevocationReason
from tests.domain.facts import NOW
from tests.domain.facts import ONE_SECOND as SECOND

SERIALS = ("0a", "0b")
WAITING = BulkRevocationProposal(
    "1" * 32, "a17", RevocationReason.SUPERSEDED, None, SERIALS, NOW - PROPOSAL_LIVES, NOW, "", None, None
)
BY_CLERK = officer_of_account("1a" * 16)
CLERKS = replace(WAITING, officer=BY_CLERK)
CUT_SHORT = replace(WAITING, approver="b2", approved_at=NOW - timedelta(hours=1))

CASES = {
    "another officer, the last second": (WAITING, "b2", SERIALS, (), NOW, None),
    "in another order": (WAITING, "b2", SERIALS[::-1], (), NOW, None),
    "one second too late": (WAITING, "b2", SERIALS, (), NOW + SECOND, BulkErrorReason.EXPIRED),
    "the same officer": (WAITING, "a17", SERIALS, (), NOW, BulkErrorReason.SAME_OFFICER),
    "the same officer in capitals": (WAITING, "A17", SERIALS, (), NOW, BulkErrorReason.SAME_OFFICER),
    "one more would go": (WAITING, "b2", (*SERIALS, "0c"), (), NOW, BulkErrorReason.CHANGED),
    "one fewer would go": (WAITING, "b2", SERIALS[:1], (), NOW, BulkErrorReason.CHANGED),
    "one is revoked already": (WAITING, "b2", SERIALS, ("0a",), NOW, BulkErrorReason.CHANGED),
    "done already": (replace(CUT_SHORT, done_at=NOW), "b2", SERIALS, SERIALS, NOW, BulkErrorReason.DONE),
    "withdrawn": (replace(WAITING, done_at=NOW), "b2", SERIALS, (), NOW, BulkErrorReason.WITHDRAWN),
    "cut short, gone on with": (CUT_SHORT, "b2", SERIALS[:1], ("0b",), NOW + SECOND, None),
    "cut short, gone on with by a third": (CUT_SHORT, "c3", (), SERIALS, NOW, None),
    "cut short, and the one who proposed it": (CUT_SHORT, "a17", (), SERIALS, NOW, BulkErrorReason.SAME_OFFICER),
    "a clerk's account, of what a command proposed": (WAITING, BY_CLERK, SERIALS, (), NOW, BulkErrorReason.OTHER_DOOR),
    "a command, of what a clerk proposed": (CLERKS, "b2", SERIALS, (), NOW, BulkErrorReason.OTHER_DOOR),
    "another clerk's account": (CLERKS, officer_of_account("9f" * 16), SERIALS, (), NOW, None),
    "the same clerk's account": (CLERKS, BY_CLERK, SERIALS, (), NOW, BulkErrorReason.SAME_OFFICER),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_may_approve(case):
    *asked, why = case
    assert may_approve(*asked) is why


TAKEN_BACK = {
    "whoever proposed it, the last second": (WAITING, "A17", NOW, None),
    "another officer": (WAITING, "b2", NOW, BulkErrorReason.OTHER_OFFICER),
    "one second too late": (WAITING, "a17", NOW + SECOND, BulkErrorReason.EXPIRED),
    "approved": (CUT_SHORT, "a17", NOW, BulkErrorReason.APPROVED),
    "done": (replace(CUT_SHORT, done_at=NOW), "a17", NOW, BulkErrorReason.APPROVED),
    "withdrawn": (replace(WAITING, done_at=NOW), "a17", NOW, BulkErrorReason.WITHDRAWN),
}


@pytest.mark.parametrize("case", TAKEN_BACK.values(), ids=TAKEN_BACK)
def test_who_may_withdraw(case):
    *asked, why = case
    assert may_withdraw(*asked) is why


COUNTS = {
    "ten at once": (AT_ONCE, 0, False),
    "eleven": (AT_ONCE + 1, 0, True),
    "one after ten": (1, AT_ONCE, True),
    "five after five": (5, 5, False),
}


@pytest.mark.parametrize(("count", "lately", "two"), COUNTS.values(), ids=COUNTS)
def test_how_many_take_two(count, lately, two):
    assert needs_second_approver(count, lately) is two


@pytest.mark.parametrize("officer", ["a", "A-1.b_2", "x" * 40])
def test_an_officer_s_id(officer):
    assert actor_of(check_officer(officer)) == f"officer:{officer}"


@pytest.mark.parametrize("officer", ["", "x" * 41, "Anna A", "a@b.example", "ä", "a\n"])
def test_what_is_no_officer_s_id(officer):
    with pytest.raises(BulkRevocationError, match="no person's name") as refused:
        check_officer(officer)
    assert refused.value.reason is BulkErrorReason.OFFICER


def test_a_clerks_account_is_an_officer_that_no_command_passes_for():
    assert check_officer(BY_CLERK) == BY_CLERK
    assert actor_of(BY_CLERK) == f"user:{'1a' * 16}"
    assert check_officer(officer_of_machine("DOMAIN\\anna korhonen")) == "os.DOMAIN-anna-korhonen"
    assert actor_of(officer_of_machine("root")) == "os-user:root"
    assert len(check_officer(officer_of_machine("x" * 100))) == 40
