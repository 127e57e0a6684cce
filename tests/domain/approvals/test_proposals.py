"""Canonical octets of proposals, and which signatures count."""

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.approvals.acts import OFFICER_KEYS, ApprovalPolicy, OfficerRole, TwoPersonAct
from sinetti.domain.approvals.officers import Officer
from sinetti.domain.approvals.proposals import (
    LIFE,
    ApprovalError,
    ApprovalReason,
    ApprovalTerms,
    Proposal,
    challenge_of,
    count_missing,
    decide_signature,
    life_of,
    needs_command,
    parse_proposal,
    people_needed,
    roles_of,
)
from sinetti.domain.values import Environment
from tests.domain.facts import NOW, ONE_SECOND
from tests.support import golden

PROPOSAL = Proposal(
    proposal_id="1" * 32,
    instance_id="2" * 32,
    environment=Environment.TEST,
    act=TwoPersonAct.ORGANISATION_END,
    proposer="anna",
    proposer_key="SHA256:anna",
    people=2,
    created=NOW,
    expires=NOW + LIFE,
    nonce="3" * 64,
    parameters={"customer_id": "0123456-7"},
    context={"organisation": "Mäkelä Oy", "in_force": 3},
)


def officer(name, role=OfficerRole.APPROVER, key=None):
    return Officer("4" * 32, name, role, "ssh-ed25519 AAAA", key or f"SHA256:{name}", "", NOW)


def test_the_octets_are_read_back():
    assert parse_proposal(PROPOSAL.octets) == PROPOSAL
    assert PROPOSAL.octets.isascii()
    assert b" " not in PROPOSAL.octets.replace(b"M\\u00e4kel\\u00e4 Oy", b"")
    assert len(PROPOSAL.sha256) == 64


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_parameters_are_read_back(parameters):
    found = parse_proposal(replace(PROPOSAL, parameters=parameters).octets)
    assert found.parameters == parameters


def other_form(text):
    value = json.loads(PROPOSAL.octets)
    return {
        "white space": json.dumps(value, sort_keys=True).encode(),
        "another order": json.dumps(dict(reversed(value.items())), separators=(",", ":")).encode(),
        "a key twice": PROPOSAL.octets.replace(b'{"act"', b'{"act":"staff","act"', 1),
        "a key more": json.dumps({**value, "zzz": 1}, sort_keys=True, separators=(",", ":")).encode(),
        "UTF-8": json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
        "octets after the end": PROPOSAL.octets + b"\n",
    }[text]


FORMS = ("white space", "another order", "a key twice", "a key more", "UTF-8", "octets after the end")


NO_PROPOSALS = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"1",
    "an act that is unknown": PROPOSAL.octets.replace(b"organisation-end", b"end"),
    "a missing key": PROPOSAL.octets.replace(b'"nonce"', b'"none"'),
    "a wrong time": PROPOSAL.octets.replace(b"2026-", b"2026x"),
    "people in words": PROPOSAL.octets.replace(b'"people":2', b'"people":"two"'),
    "deep nesting": b"[" * 100_000,
}


def test_what_is_no_proposal():
    octets = NO_PROPOSALS | {form: other_form(form) for form in FORMS}
    attempts = {case: partial(parse_proposal, given) for case, given in octets.items()}
    golden.check("sentences/approvals/no-proposals", {"en.txt": golden.refusals(attempts, ValueError)})


def test_a_proposal_with_a_longer_life_is_refused():
    assert parse_proposal(replace(PROPOSAL, expires=NOW + LIFE).octets)
    late = {PROPOSAL.act: LIFE, TwoPersonAct.RESUME: timedelta(hours=1), TwoPersonAct.CA: timedelta(days=3000)}
    for act, life in late.items():
        with pytest.raises(ApprovalError) as refused:
            parse_proposal(replace(PROPOSAL, act=act, expires=NOW + life + ONE_SECOND).octets)
        assert refused.value.reason is ApprovalReason.TOO_LONG


def test_the_kind_of_a_proposal_is_its_act_with_its_change():
    assert PROPOSAL.kind == "organisation-end"
    assert replace(PROPOSAL, act=TwoPersonAct.CA, parameters={"change": "revoke"}).kind == "ca revoke"


TERMS = ApprovalTerms(PROPOSAL.instance_id, Environment.TEST, ApprovalPolicy(), NOW)
SIGNATURES = {
    "the proposer": (officer("anna"), (), NOW, None),
    "an approver": (officer("ben"), ("anna",), NOW, None),
    "an operator who proposed it": (officer("anna", OfficerRole.OPERATOR), (), NOW, None),
    "an operator who did not": (officer("ben", OfficerRole.OPERATOR), (), NOW, ApprovalReason.ROLE),
    "an auditor": (officer("ben", OfficerRole.AUDITOR), (), NOW, ApprovalReason.ROLE),
    "a custodian": (officer("ben", OfficerRole.KEY_CUSTODIAN), (), NOW, ApprovalReason.ROLE),
    "twice": (officer("ben"), ("ben",), NOW, ApprovalReason.SIGNED),
    "the proposer with another key": (officer("anna", key="SHA256:x"), (), NOW, ApprovalReason.OTHER_KEY),
    "the last second": (officer("ben"), (), NOW + LIFE, None),
    "before its beginning": (officer("ben"), (), NOW - timedelta(minutes=6), ApprovalReason.EXPIRED),
    "by a clock that is a little behind": (officer("ben"), (), NOW - timedelta(minutes=5), None),
    "one second late": (officer("ben"), (), NOW + LIFE + ONE_SECOND, ApprovalReason.EXPIRED),
}


@pytest.mark.parametrize(("by", "signed", "now", "reason"), SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature(by, signed, now, reason):
    assert decide_signature(PROPOSAL, by, signed, replace(TERMS, now=now)) is reason


def test_a_signature_for_another_authority():
    for terms in (replace(TERMS, instance_id="x"), replace(TERMS, environment=Environment.PRODUCTION)):
        assert decide_signature(PROPOSAL, officer("anna"), (), terms) is ApprovalReason.OTHER_AUTHORITY


MISSING = {
    "none signed": (2, (), 2),
    "the proposer signed": (2, ("anna",), 1),
    "another signed": (2, ("ben",), 1),
    "two others signed": (2, ("ben", "carl"), 1),
    "both signed": (2, ("ben", "anna"), 0),
    "three, and two signed": (3, ("ben", "anna"), 1),
    "one in TEST": (1, ("anna",), 0),
    "one in TEST, who is not the proposer": (1, ("ben",), 1),
}


@pytest.mark.parametrize(("people", "signed", "missing"), MISSING.values(), ids=MISSING)
def test_missing_signatures(people, signed, missing):
    proposal = replace(PROPOSAL, people=people)
    assert count_missing(proposal, signed, ApprovalPolicy({proposal.act: people})) == missing


def test_a_number_that_was_raised_counts():
    assert count_missing(PROPOSAL, ("anna", "ben"), ApprovalPolicy({PROPOSAL.act: 3})) == 1
    assert count_missing(replace(PROPOSAL, people=1), ("anna",), ApprovalPolicy()) == 1


def test_a_number_is_lowered_by_as_many_as_it_takes():
    policy = ApprovalPolicy({TwoPersonAct.STAFF: 3, TwoPersonAct.CA: 4})
    rows = {"settings": [{"name": "staff"}, {"name": OFFICER_KEYS}]}
    assert people_needed(TwoPersonAct.SETTINGS, rows, policy) == 3
    assert people_needed(TwoPersonAct.SETTINGS, {"settings": [{"name": OFFICER_KEYS}]}, policy) == 2
    assert people_needed(TwoPersonAct.CA, {}, policy) == 4


def test_a_clock_is_accepted_within_an_hour():
    assert life_of(TwoPersonAct.RESUME) < life_of(TwoPersonAct.CA) == LIFE


def test_acts_that_their_command_carries_out():
    acts = {act for act in TwoPersonAct if needs_command(act)}
    assert acts == {TwoPersonAct.CA, TwoPersonAct.CEREMONY, TwoPersonAct.SECRETS}


def test_the_challenge_of_a_passkey_binds_nonce_and_digest():
    found = {challenge_of(nonce, digest) for nonce in (b"1" * 32, b"2" * 32) for digest in (b"3" * 32, b"4" * 32)}
    assert {len(one) for one in found} == {32}
    assert len(found) == 4


def test_an_error_has_its_reason():
    assert ApprovalError(ApprovalReason.ROLE, "x").reason is ApprovalReason.ROLE


def test_removed_officers_have_no_role():
    gone = replace(officer("carl"), removed_at=NOW - timedelta(days=1))
    assert roles_of([officer("ben", OfficerRole.OPERATOR), gone]) == [OfficerRole.OPERATOR]
