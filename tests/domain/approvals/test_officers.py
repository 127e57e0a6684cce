"""Officers' names, roles and numbers, and the table of acts that take two people."""

import pytest

from sinetti.domain.approvals.acts import (
    LONGEST_WAIT,
    MOST,
    TABLE,
    ApprovalPolicy,
    KeyRequirement,
    OfficerRole,
    TwoPersonAct,
    check_people,
    check_wait,
    policy_of,
)
from sinetti.domain.approvals.officers import (
    OfficerError,
    can_act,
    check_name,
    check_removal,
    is_founded,
    may_approve,
    may_propose,
)
from sinetti.domain.values import Environment

PRODUCTION, TEST = Environment.PRODUCTION, Environment.TEST
APPROVER, OPERATOR, AUDITOR = OfficerRole.APPROVER, OfficerRole.OPERATOR, OfficerRole.AUDITOR
CUSTODIAN, CLERK = OfficerRole.KEY_CUSTODIAN, OfficerRole.REGISTRATION

FOUNDED = {
    "none": ([], TEST, False),
    "two approvers in TEST": ([APPROVER] * 2, TEST, True),
    "two approvers in PRODUCTION": ([APPROVER] * 2, PRODUCTION, False),
    "three approvers in PRODUCTION": ([APPROVER] * 3, PRODUCTION, True),
    "operators without an approver": ([OPERATOR] * 3, PRODUCTION, False),
    "one approver and two operators": ([APPROVER, OPERATOR, OPERATOR], PRODUCTION, False),
    "two approvers and an operator": ([APPROVER, APPROVER, OPERATOR], PRODUCTION, True),
    "an approver and an operator": ([APPROVER, OPERATOR], TEST, True),
    "an auditor does not count": ([APPROVER, AUDITOR], TEST, False),
    "a custodian does not propose officers": ([APPROVER, CUSTODIAN], TEST, False),
}


@pytest.mark.parametrize(("roles", "environment", "founded"), FOUNDED.values(), ids=FOUNDED)
def test_an_authority_that_can_act(roles, environment, founded):
    assert is_founded(roles, environment) is founded
    if founded:
        check_removal(roles, environment, ApprovalPolicy())
    else:
        with pytest.raises(OfficerError, match="successor first"):
            check_removal(roles, environment, ApprovalPolicy())


def test_enough_officers_for_every_number_are_left():
    policy = ApprovalPolicy({TwoPersonAct.CA: 4})
    check_removal([APPROVER] * 4, PRODUCTION, policy)
    check_removal([APPROVER, APPROVER, OPERATOR, CUSTODIAN], PRODUCTION, policy)
    with pytest.raises(OfficerError, match="for ca: add"):
        check_removal([APPROVER, APPROVER, OPERATOR, OPERATOR], PRODUCTION, policy)


ENOUGH = {
    "two approvers": ([APPROVER] * 2, 2, True),
    "three people": ([APPROVER] * 2, 3, False),
    "an operator proposes": ([APPROVER, APPROVER, OPERATOR], 3, True),
    "one operator proposes": ([APPROVER, OPERATOR, OPERATOR], 3, False),
    "none who may": ([AUDITOR, CLERK], 1, False),
}


@pytest.mark.parametrize(("roles", "people", "enough"), ENOUGH.values(), ids=ENOUGH)
def test_officers_for_an_act(roles, people, enough):
    assert can_act(TwoPersonAct.OFFICERS, roles, people) is enough


@pytest.mark.parametrize("name", ["anna", "a", "Anna.B-1_2", "x" * 40])
def test_a_name(name):
    assert check_name(name) == name.casefold()


@pytest.mark.parametrize("name", ["", "x" * 41, "Anna A", "ä", "-a", "user.1", "OS.root", "a\n"])
def test_what_is_no_name(name):
    with pytest.raises(OfficerError, match="an officer's name"):
        check_name(name)


def test_no_role_does_everything_alone_and_auditors_do_nothing():
    for act in TwoPersonAct:
        assert TABLE[act].people >= 2
        assert not may_propose(AUDITOR, act)
        assert not may_approve(AUDITOR, act)
        assert may_approve(APPROVER, act)
        assert not may_approve(OPERATOR, act)
        assert not may_approve(CLERK, act)
        assert may_approve(CUSTODIAN, act) is TABLE[act].needs_medium


PEOPLE = {
    "two in PRODUCTION": (2, PRODUCTION, True),
    "one in PRODUCTION": (1, PRODUCTION, False),
    "one in TEST": (1, TEST, True),
    "none in TEST": (0, TEST, False),
    "the most": (MOST, PRODUCTION, True),
    "more than the most": (MOST + 1, PRODUCTION, False),
    "a text": ("2", PRODUCTION, False),
    "true": (True, TEST, False),
}


@pytest.mark.parametrize(("people", "environment", "right"), PEOPLE.values(), ids=PEOPLE)
def test_a_number_of_people(people, environment, right):
    if right:
        assert check_people(TwoPersonAct.STAFF, people, environment) == people
    else:
        with pytest.raises(ValueError, match="people in"):
            check_people(TwoPersonAct.STAFF, people, environment)


@pytest.mark.parametrize("act", TwoPersonAct)
def test_acts_of_clerks_pages_take_two_at_most(act):
    """There one other clerk confirms."""
    on_pages = act in {"bulk-revocation", "organisation-end", "organisation-merge", "organisation-name", "signatory"}
    if on_pages:
        with pytest.raises(ValueError, match="pages confirm it"):
            check_people(act, 3, PRODUCTION)
    else:
        assert check_people(act, 3, PRODUCTION) == 3


WAITS = {
    "the least in PRODUCTION": (24, PRODUCTION, True),
    "an hour less": (23, PRODUCTION, False),
    "none in TEST": (0, TEST, True),
    "less than none": (-1, TEST, False),
    "the most": (LONGEST_WAIT, TEST, True),
    "an hour more": (LONGEST_WAIT + 1, PRODUCTION, False),
    "a text": ("24", PRODUCTION, False),
    "true": (True, TEST, False),
}


@pytest.mark.parametrize(("hours", "environment", "right"), WAITS.values(), ids=WAITS)
def test_hours_before_a_first_signatory_may_act(hours, environment, right):
    if right:
        assert check_wait(hours, environment) == hours
    else:
        with pytest.raises(ValueError, match=f"hours .* 720 in {environment}"):
            check_wait(hours, environment)


def test_the_stricter_value_of_each_setting_counts():
    staff, officers = TwoPersonAct.STAFF, TwoPersonAct.OFFICERS
    one = ApprovalPolicy({staff: 3, officers: 1}, KeyRequirement.FIDO2, 24)
    other = ApprovalPolicy({officers: 4}, KeyRequirement.FIDO2_VERIFIED, 72)
    for found in (one.strictest(other), other.strictest(one)):
        assert (found.people_for(staff), found.people_for(officers)) == (3, 4)
        assert (found.keys, found.signatory_wait) == (KeyRequirement.FIDO2_VERIFIED, 72)
        assert found.people_for(TwoPersonAct.CA) == 2
        assert policy_of(found.values, ApprovalPolicy()).values == found.values
    assert policy_of({}, one).values == one.values
