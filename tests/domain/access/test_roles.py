"""Permissions of roles.

Through a firm, a user has the smaller of two roles, and a firm cannot pass a role on. The role of a signatory counts
only with a second factor. Grants hold to the last second.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.access import roles
from sinetti.domain.access.roles import (
    GIVEN_TO_AGENTS,
    RIGHTS,
    EffectiveRole,
    Permission,
    Role,
    RoleGrant,
    effective_roles,
    greater,
    has_permission,
    minimum_role_for,
    smaller,
)

NOW = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
S, M, V = Role.SIGNATORY, Role.MANAGER, Role.VIEWER

HELD = {
    "nothing": ((), (), {}),
    "directly": ((RoleGrant("a", M),), (), {"a": EffectiveRole(M)}),
    "the greatest of two": ((RoleGrant("a", V), RoleGrant("a", M)), (), {"a": EffectiveRole(M)}),
    "the greatest of two, in the other order": ((RoleGrant("a", M), RoleGrant("a", V)), (), {"a": EffectiveRole(M)}),
    "through a firm": (
        (RoleGrant("f", M),),
        (RoleGrant("a", M, "f"),),
        {"f": EffectiveRole(M), "a": EffectiveRole(M, "f")},
    ),
    "the smaller: the person's": (
        (RoleGrant("f", V),),
        (RoleGrant("a", M, "f"),),
        {"f": EffectiveRole(V), "a": EffectiveRole(V, "f")},
    ),
    "the smaller: the firm's": (
        (RoleGrant("f", S),),
        (RoleGrant("a", V, "f"),),
        {"f": EffectiveRole(S), "a": EffectiveRole(V, "f")},
    ),
    "a firm is no signatory": ((RoleGrant("f", S),), (RoleGrant("a", S, "f"),), {"f": EffectiveRole(S)}),
    "through a firm that one does not act for": (
        (RoleGrant("f", M),),
        (RoleGrant("a", M, "g"),),
        {"f": EffectiveRole(M)},
    ),
    "not passed on": (
        (RoleGrant("f", M),),
        (RoleGrant("g", M, "f"), RoleGrant("a", M, "g")),
        {"f": EffectiveRole(M), "g": EffectiveRole(M, "f")},
    ),
    "more directly than through a firm": ((RoleGrant("f", M), RoleGrant("a", M)), (RoleGrant("a", V, "f"),), None),
    "as much directly": ((RoleGrant("f", M), RoleGrant("a", M)), (RoleGrant("a", M, "f"),), None),
    "more through a firm": (
        (RoleGrant("f", M), RoleGrant("a", V)),
        (RoleGrant("a", M, "f"),),
        {"f": EffectiveRole(M), "a": EffectiveRole(M, "f")},
    ),
    "the last second": ((RoleGrant("a", M, until=NOW),), (), {"a": EffectiveRole(M)}),
    "one second after the end": ((RoleGrant("a", M, until=NOW - SECOND),), (), {}),
    "the firm's last second": (
        (RoleGrant("f", M),),
        (RoleGrant("a", M, "f", NOW),),
        {"f": EffectiveRole(M), "a": EffectiveRole(M, "f")},
    ),
    "one second after the firm's end": (
        (RoleGrant("f", M),),
        (RoleGrant("a", M, "f", NOW - SECOND),),
        {"f": EffectiveRole(M)},
    ),
    "one second after the end in the firm": ((RoleGrant("f", M, until=NOW - SECOND),), (RoleGrant("a", M, "f"),), {}),
}


@pytest.mark.parametrize(("direct", "handed", "found"), HELD.values(), ids=HELD)
def test_what_somebody_holds(direct, handed, found):
    expected = {"f": EffectiveRole(M), "a": EffectiveRole(M)} if found is None else found
    assert effective_roles(direct, handed, NOW, second_factor=True) == expected


WITHOUT = {
    "a signatory is nothing": ((RoleGrant("a", S),), (), {}),
    "nor is a signatory of a firm": ((RoleGrant("f", S),), (RoleGrant("a", M, "f"),), {}),
    "what they are beside it counts": ((RoleGrant("a", S), RoleGrant("a", V)), (), {"a": EffectiveRole(V)}),
    "a manager needs none": ((RoleGrant("a", M),), (), {"a": EffectiveRole(M)}),
}


@pytest.mark.parametrize(("direct", "handed", "found"), WITHOUT.values(), ids=WITHOUT)
def test_without_a_second_factor(direct, handed, found):
    assert effective_roles(direct, handed, NOW, second_factor=False) == found


ORGANISATIONS = st.sampled_from("abcf")
UNTIL = st.one_of(st.none(), st.sampled_from([NOW - SECOND, NOW, NOW + DAY]))
DIRECT = st.builds(RoleGrant, ORGANISATIONS, st.sampled_from(Role), st.none(), UNTIL)
HANDED = st.builds(RoleGrant, ORGANISATIONS, st.sampled_from(Role), ORGANISATIONS, UNTIL)


def lasts(grant):
    return grant.until is None or grant.until >= NOW


@given(st.lists(DIRECT, max_size=6), st.lists(HANDED, max_size=6), st.booleans())
def test_never_more_than_each_of_the_two(direct, handed, second_factor):
    found = effective_roles(direct, handed, NOW, second_factor=second_factor)
    for organisation, one in found.items():
        own = [grant.role for grant in direct if lasts(grant) and grant.organisation_id == (one.via or organisation)]
        assert any(greater(role, one.role) == role for role in own)
        assert second_factor or one.role is not S
        if one.via is not None:
            assert one.role in GIVEN_TO_AGENTS
            given_ = [two.role for two in handed if (two.organisation_id, two.via) == (organisation, one.via)]
            assert any(greater(role, one.role) == role for role in given_)


@given(st.lists(DIRECT, max_size=6), st.lists(HANDED, max_size=6))
def test_a_second_factor_takes_nothing_away(direct, handed):
    with_one = effective_roles(direct, handed, NOW, second_factor=True)
    for organisation, one in effective_roles(direct, handed, NOW, second_factor=False).items():
        assert RIGHTS[one.role] <= RIGHTS[with_one[organisation].role]


@pytest.mark.parametrize("one", Role)
@pytest.mark.parametrize("other", Role)
def test_of_two_roles_one_has_the_rights_of_the_other(one, other):
    assert RIGHTS[smaller(one, other)] <= RIGHTS[greater(one, other)]
    assert {smaller(one, other), greater(one, other)} == {one, other}


@pytest.mark.parametrize("right", Permission)
def test_the_smallest_role_with_a_right(right):
    assert has_permission(minimum_role_for(right), right)
    assert [one for one in roles.roles_up_to(minimum_role_for(right)) if has_permission(one, right)] == [
        minimum_role_for(right)
    ]
    assert not has_permission(None, right)


def test_roles_of_no_more_rights():
    assert [roles.roles_up_to(one) for one in (S, M, V)] == [(S, M, V), (M, V), (V,)]


AGENTS = {
    "a year": (M, NOW + 365 * DAY, True),
    "the longest": (V, NOW + roles.AGENTS_AT_MOST, True),
    "a second too long": (M, NOW + roles.AGENTS_AT_MOST + SECOND, False),
    "over already": (M, NOW, False),
    "without an end": (M, None, False),
    "as signatory": (S, NOW + DAY, False),
}


@pytest.mark.parametrize(("role", "until", "fits"), AGENTS.values(), ids=AGENTS)
def test_what_another_organisation_may_be_given(role, until, fits):
    assert roles.check_firm_grant(role, until, NOW) is fits


STAYS = {
    "nobody else": (None, [], False),
    "another without an end": (None, [None], True),
    "another who ends": (None, [NOW], False),
    "one who ends, and one who ends with them": (NOW, [NOW], True),
    "one who ends, and one who ends before": (NOW, [NOW - SECOND], False),
    "one of two stays": (NOW, [NOW - SECOND, None], True),
}


@pytest.mark.parametrize(("gone", "others", "stays"), STAYS.values(), ids=STAYS)
def test_the_last_signatory(gone, others, stays):
    assert roles.outlasts(gone, others) is stays


def test_a_day_ends_on_a_finnish_clock():
    assert roles.last_second(date(2027, 1, 31)) == datetime(2027, 1, 31, 21, 59, 59, tzinfo=UTC)
    assert roles.last_second(date(2027, 7, 31)) == datetime(2027, 7, 31, 20, 59, 59, tzinfo=UTC)
