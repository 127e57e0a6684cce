"""Faults that the watchdog reports."""

from datetime import timedelta

import pytest

from sinetti.domain.operations.monitoring import (
    CrlMismatch,
    counts_agree,
    crl_mismatch,
    is_near_expiry,
    is_past_half_life,
)
from tests.domain.facts import NOW, ONE_DAY, ONE_SECOND

WEEK, HOURS = 7 * ONE_DAY, timedelta(hours=12)
HALVES = {
    "a list at half its life": (NOW - WEEK / 2, WEEK, True),
    "a list one second before": (NOW - WEEK / 2 + ONE_SECOND, WEEK, False),
    "a list that has ended": (NOW - WEEK - ONE_SECOND, WEEK, True),
    "an answer at half its day": (NOW - HOURS, ONE_DAY, True),
    "an answer of this second": (NOW, ONE_DAY, False),
}


@pytest.mark.parametrize(("made", "life", "gone"), HALVES.values(), ids=HALVES)
def test_half_a_life(made, life, gone):
    assert is_past_half_life(made, made + life, NOW) is gone


ENDS = {
    "thirty days to go": (730 * ONE_DAY, 30 * ONE_DAY, True),
    "a second more to go": (730 * ONE_DAY, 30 * ONE_DAY + ONE_SECOND, False),
    "ended": (730 * ONE_DAY, -ONE_SECOND, True),
    "a responder that is just being replaced": (90 * ONE_DAY, 30 * ONE_DAY, False),
    "a responder that should have been": (90 * ONE_DAY, 22.5 * ONE_DAY, True),
    "new, for ten days": (10 * ONE_DAY, 10 * ONE_DAY, False),
}


@pytest.mark.parametrize(("life", "left", "near"), ENDS.values(), ids=ENDS)
def test_near_the_end(life, left, near):
    assert is_near_expiry(NOW + left - life, NOW + left, NOW) is near


COMPARED = {
    "the same": ({"0a"}, {"0a"}, {"0a"}, set(), set()),
    "one is missing": ({"0a"}, {"0a", "0b"}, {"0a", "0b"}, {"0b"}, set()),
    "one that has ended is missing": ({"0a"}, {"0a"}, {"0a", "0b"}, set(), set()),
    "one that has ended is there": ({"0a", "0b"}, {"0a"}, {"0a", "0b"}, set(), set()),
    "one that is not revoked": ({"0a", "0c"}, {"0a"}, {"0a"}, set(), {"0c"}),
}


@pytest.mark.parametrize(("listed", "in_force", "ever", "lacking", "surplus"), COMPARED.values(), ids=COMPARED)
def test_list_and_register(listed, in_force, ever, lacking, surplus):
    assert crl_mismatch(listed, in_force, ever) == CrlMismatch(lacking, surplus)


def test_a_list_by_its_length():
    assert [counts_agree(length, 2, 3) for length in (1, 2, 3, 4)] == [False, True, True, False]
