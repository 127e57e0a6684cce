"""Accounts and addresses of one person, for acts that need two people."""

import pytest

from sinetti.domain.access.persons import Identity, PersonIdError, is_same_person, merge, person_digest

ANNA = Identity(
    frozenset({"a"}), frozenset({"anna@one.example", "anna@two.example"}), frozenset({"s1"}), frozenset({"p1"})
)
UNKNOWN = Identity()

CASES = {
    "the same account": (Identity(frozenset({"a"})), True),
    "the same address in other letters": (Identity(frozenset({"b"}), frozenset({" Anna@TWO.example "})), True),
    "the same mailbox behind a tag": (Identity(frozenset({"b"}), frozenset({"anna+spare@two.example"})), True),
    "the same mailbox in full width": (Identity(frozenset({"b"}), frozenset({"\uff41nna@two.example"})), True),
    "the same subject of a provider": (Identity(frozenset({"b"}), frozenset({"b@x.example"}), frozenset({"s1"})), True),
    "the same verified person": (
        Identity(frozenset({"b"}), frozenset({"b@x.example"}), persons=frozenset({"p1"})),
        True,
    ),
    "another account, address and subject": (
        Identity(frozenset({"b"}), frozenset({"b@one.example"}), frozenset({"s2"})),
        False,
    ),
    "only an address, and another one": (Identity(addresses=frozenset({"b@one.example"})), False),
    "an empty address is no address": (Identity(addresses=frozenset({"  "})), True),
    "nothing is known": (UNKNOWN, True),
}


@pytest.mark.parametrize(("other", "same"), CASES.values(), ids=CASES)
def test_is_same_person(other, same):
    assert is_same_person(ANNA, other) is same
    assert is_same_person(other, ANNA) is same


def test_two_empty_addresses_make_no_two_accounts_the_same():
    one, other = (Identity(frozenset({name}), frozenset({""})) for name in "ab")
    assert not is_same_person(one, other)


def test_merge_has_what_is_known_of_each():
    second = Identity(frozenset({"b"}), frozenset({"b@x.example"}), frozenset({"s2"}))
    both = merge([ANNA, second])
    assert is_same_person(both, ANNA)
    assert is_same_person(both, second)
    assert merge([]) == UNKNOWN


def test_the_digest_of_a_person():
    one = person_digest(b"k" * 32, "131052-308T")
    assert len(one) == 64
    assert "131052" not in one
    assert person_digest(b"k" * 32, " 131052-308t\n") == one
    assert person_digest(b"l" * 32, "131052-308T") != one
    assert person_digest(b"k" * 32, "131052-308U") != one
    for wrong in ("", "1234", "x" * 41, "131052_308T", "å" * 8):
        with pytest.raises(PersonIdError):
            person_digest(b"k" * 32, wrong)
