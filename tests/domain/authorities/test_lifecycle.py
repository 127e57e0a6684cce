"""Names of generations, and the moves between states."""

import pytest

from sinetti.domain.authorities.lifecycle import CA_MOVES, CaState, generation_of, successor_name

NAMES = {
    "the first, numbered": ("Data Providers Issuing CA v1", 1, "Data Providers Issuing CA v2"),
    "the first, without a number": ("Our Issuing CA", 1, "Our Issuing CA v2"),
    "a carry": ("Services CA v9", 9, "Services CA v10"),
    "a name without blanks": ("ServicesCAv2", 2, "ServicesCAv3"),
    "a zero is no number": ("Issuing CA v0", 1, "Issuing CA v0 v2"),
    "a word that ends in v": ("Issuing CA v", 1, "Issuing CA v v2"),
}


@pytest.mark.parametrize(("name", "generation", "after"), NAMES.values(), ids=NAMES)
def test_generations(name, generation, after):
    assert (generation_of(name), successor_name(name)) == (generation, after)
    assert generation_of(after) == generation + 1


def test_every_state_has_its_moves_and_revoked_is_the_end():
    assert set(CA_MOVES) == set(CaState)
    assert CA_MOVES[CaState.REVOKED] == frozenset()
    # What issued once never becomes a standby again, and only a CA that publishes is retired.
    assert {state for state, after in CA_MOVES.items() if CaState.STANDBY in after} == {CaState.PENDING}
    assert {state for state, after in CA_MOVES.items() if CaState.RETIRED in after} == {CaState.PUBLISHING}
