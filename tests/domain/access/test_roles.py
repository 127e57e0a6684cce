"""Who may do what: the smaller of two, nothing passed on, a signatory by a second factor alone, to the last second."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinetti.domain.access import roles
from sinetti.domain.access.roles import (
    GIVEN_TO_AGENTS,
    RIGHTS,
    Grant,
    Held,
    Right,
    Role,
    enough,
    greater,
    held,
    may,
    smaller,
)

NOW = datetime(2027, 3, 3, 11, 3, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
S, M, V = Role.SIGNATORY, Role.MANAGER, Role.VIEWER

HELD = {
    "nothing": ((), (), {}),
    "directly": ((Grant("a", M),), (), {"a": Held(M)}),
    "the greatest of two": ((Grant("a", V), Grant("a", M)), (), {"a": Held(M)}),
    "the greatest of two, in the other order": ((Grant("a", M), Grant("a", V)), (), {"a": Held(M)}),
    "through a firm": ((Grant("f", M),), (Grant("a", M, "f"),), {"f": Held(M), "a": Held(M, "f")}),
    "the smaller: the person's": ((Grant("f", V),), (Grant("a", M, "f"),), {"f": Held(V), "a": Held(V, "f")}),
    "the smaller: the firm's": ((Grant("f", S),), (Grant("a", V, "f"),), {"f": Held(S), "a": Held(V, "f")}),
    "a firm is no signatory": ((Grant("f", S),), (Grant("a", S, "f"),), {"f": Held(S)}),
    "through a firm that one does not act for": ((Grant("f", M),), (Grant("a", M, "g"),), {"f": Held(M)}),
    "not passed on": (
        (Grant("f", M),),
        (Grant("g", M, "f"), Grant("a", M, "g")),
        {"f": Held(M), "g": Held(M, "f")},
    ),
    "more directly than through a firm": ((Grant("f", M), Grant("a", M)), (Grant("a", V, "f"),), None),
    "as much directly": ((Grant("f", M), Grant("a", M)), (Grant("a", M, "f"),), None),
    "more through a firm": (
        (Grant("f", M), Grant("a", V)),
        (Grant("a", M, "f"),),
        {"f": Held(M), "a": Held(M, "f")},
    ),
    "the last second": ((Grant("a", M, until=NOW),), (), {"a": Held(M)}),
    "one second after the end": ((Grant("a", M, until=NOW - SECOND),), (), {}),
    "the firm's last second": (
        (Grant("f", M),),
        (Grant("a", M, "f", NOW),),
        {"f": Held(M), "a": Held(M, "f")},
    ),
    "one second after the firm's end": ((Grant("f", M),), (Grant("a", M, "f", NOW - SECOND),), {"f": Held(M)}),
    "one second after the end in the firm": ((Grant("f", M, until=NOW - SECOND),), (Grant("a", M, "f"),), {}),
}


@pytest.mark.parametrize(("direct", "handed", "found"), HELD.values(), ids=HELD)
def test_what_somebody_holds(direct, handed, found):
    expected = {"f": Held(M), "a": Held(M)} if found is None else found
    assert held(direct, handed, NOW, second_factor=True) == expected


WITHOUT = {
    "a signatory is nothing": ((Grant("a", S),), (), {}),
    "nor is a signatory of a firm": ((Grant("f", S),), (Grant("a", M, "f"),), {}),
    "what they are beside it counts": ((Grant("a", S), Grant("a", V)), (), {"a": Held(V)}),
    "a manager needs none": ((Grant("a", M),), (), {"a": Held(M)}),
}


@pytest.mark.parametrize(("direct", "handed", "found"), WITHOUT.values(), ids=WITHOUT)
def test_without_a_second_factor(direct, handed, found):
    assert held(direct, handed, NOW, second_factor=False) == found


ORGANISATIONS = st.sampled_from("abcf")
UNTIL = st.one_of(st.none(), st.sampled_from([NOW - SECOND, NOW, NOW + DAY]))
DIRECT = st.builds(Grant, ORGANISATIONS, st.sampled_from(Role), st.none(), UNTIL)
HANDED = st.builds(Grant, ORGANISATIONS, st.sampled_from(Role), ORGANISATIONS, UNTIL)


def lasts(grant):
    return grant.until is None or grant.until >= NOW


@given(st.lists(DIRECT, max_size=6), st.lists(HANDED, max_size=6), st.booleans())
def test_never_more_than_each_of_the_two(direct, handed, second_factor):
    found = held(direct, handed, NOW, second_factor=second_factor)
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
    with_one = held(direct, handed, NOW, second_factor=True)
    for organisation, one in held(direct, handed, NOW, second_factor=False).items():
        assert RIGHTS[one.role] <= RIGHTS[with_one[organisation].role]


@pytest.mark.parametrize("one", Role)
@pytest.mark.parametrize("other", Role)
def test_of_two_roles_one_has_the_rights_of_the_other(one, other):
    assert RIGHTS[smaller(one, other)] <= RIGHTS[greater(one, other)]
    assert {smaller(one, other), greater(one, other)} == {one, other}


@pytest.mark.parametrize("right", Right)
def test_the_smallest_role_with_a_right(right):
    assert may(enough(right), right)
    assert [one for one in roles.no_greater(enough(right)) if may(one, right)] == [enough(right)]
    assert not may(None, right)


def test_roles_of_no_more_rights():
    assert [roles.no_greater(one) for one in (S, M, V)] == [(S, M, V), (M, V), (V,)]


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
    assert roles.for_an_agent(role, until, NOW) is fits


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
    assert roles.stays_as_long(gone, others) is stays


def test_a_day_ends_on_a_finnish_clock():
    assert roles.last_second(date(2027, 1, 31)) == datetime(2027, 1, 31, 21, 59, 59, tzinfo=UTC)
    assert roles.last_second(date(2027, 7, 31)) == datetime(2027, 7, 31, 20, 59, 59, tzinfo=UTC)
