"""Authority to revoke for each reason, and certificates revoked with a lost key."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.domain.certificates.revocation import RevocationReason, RevokerRole, cascade, may_use_reason
from sinetti.domain.values import Serial

HOLDERS = {
    RevocationReason.UNSPECIFIED,
    RevocationReason.KEY_COMPROMISE,
    RevocationReason.AFFILIATION_CHANGED,
    RevocationReason.SUPERSEDED,
    RevocationReason.CESSATION_OF_OPERATION,
}
OPERATORS = HOLDERS | {RevocationReason.PRIVILEGE_WITHDRAWN}
WHO = {
    RevokerRole.HOLDER: HOLDERS,
    RevokerRole.OPERATOR: OPERATORS,
    RevokerRole.SERVICE: {RevocationReason.SUPERSEDED},
}


@pytest.mark.parametrize("revoker", RevokerRole)
@pytest.mark.parametrize("reason", RevocationReason)
def test_who_may_give_which_reason(revoker, reason):
    assert may_use_reason(revoker, reason) is (reason in WHO[revoker])


A, B, C, D, E = (Serial(name * 38) for name in "abcde")
LINE = {A: (B,), B: (C,)}
FORKED = {A: (B, C), B: (D,), C: (E,)}
COMPROMISE = RevocationReason.KEY_COMPROMISE
CASES = {
    "any other reason": (A, RevocationReason.SUPERSEDED, LINE, (), (A,)),
    "never renewed": (C, COMPROMISE, LINE, (), (C,)),
    "renewed, and again": (A, COMPROMISE, LINE, (), (A, B, C)),
    "from the middle: never what it was renewed from": (B, COMPROMISE, LINE, (), (B, C)),
    "the last one is spared": (A, COMPROMISE, LINE, (C,), (A, B)),
    "a spared one keeps what was renewed from it": (A, COMPROMISE, LINE, (B,), (A,)),
    "made again: both branches": (A, COMPROMISE, FORKED, (), (A, B, C, D, E)),
    "one branch is spared": (A, COMPROMISE, FORKED, (B,), (A, C, E)),
    "a spared one that is not there": (A, COMPROMISE, LINE, (D,), (A, B, C)),
    "the named one cannot be spared": (A, COMPROMISE, LINE, (A,), (A, B, C)),
}


@pytest.mark.parametrize(("serial", "reason", "renewals", "spared", "taken"), CASES.values(), ids=CASES)
def test_taken_along(serial, reason, renewals, spared, taken):
    assert cascade(serial, reason, renewals, spared) == taken


SERIALS = [Serial(f"{number:038x}") for number in range(12)]


@given(
    parents=some.lists(some.integers(0, 10), min_size=11, max_size=11),
    spared=some.sets(some.sampled_from(SERIALS)),
)
def test_taken_are_those_reached_without_passing_a_spared_one(parents, spared):
    """A random forest: number n + 1 was renewed from a number no greater than n."""
    origin = {SERIALS[n + 1]: SERIALS[min(parent, n)] for n, parent in enumerate(parents)}
    renewals = {one: tuple(s for s in SERIALS if origin.get(s) == one) for one in SERIALS}
    named = SERIALS[0]

    def goes(serial):
        return serial == named or (serial not in spared and goes(origin[serial]))

    taken = cascade(named, COMPROMISE, renewals, spared)
    assert set(taken) == {serial for serial in SERIALS if goes(serial)}
    assert len(taken) == len(set(taken))
    assert taken[0] == named


def test_a_circle_ends():
    assert cascade(A, COMPROMISE, {A: (B,), B: (A,)}) == (A, B)
