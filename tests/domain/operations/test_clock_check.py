"""Plausibility of a clock, case by case."""

from datetime import timedelta

import pytest

from sinetti.domain.operations.clock_check import ClockProblem, ClockReadings, clock_problem, difference
from tests.domain.facts import NOW

SECOND = timedelta(seconds=1)


def readings(database=None, newest=None, jumped=0, took=0):
    """Return readings at NOW; arguments are offsets from NOW in seconds.

    With None, there is no such clock, or nothing is stored.
    """
    return ClockReadings(
        NOW,
        NOW + took * SECOND,
        NOW + database * SECOND if database is not None else None,
        NOW + newest * SECOND if newest is not None else None,
        jumped * SECOND,
    )


CASES = {
    "nothing to compare with": (readings(), None),
    "all agree": (readings(0, 0), None),
    "29 s ahead of the database": (readings(-29), None),
    "30 s ahead of the database": (readings(-30), ClockProblem.DIFFERS),
    "29 s behind the database": (readings(29), None),
    "30 s behind the database": (readings(30), ClockProblem.DIFFERS),
    "a database that took a minute to answer": (readings(45, took=60), None),
    "a minute's answer, and ahead all the same": (readings(-30, took=60), ClockProblem.DIFFERS),
    "a minute's answer, and behind all the same": (readings(90, took=60), ClockProblem.DIFFERS),
    "alone, at the newest instant": (readings(newest=0), None),
    "alone, a second behind the newest instant": (readings(newest=1), ClockProblem.BEHIND),
    "another node is ahead by what is allowed": (readings(0, 30), None),
    "stored by a clock that nobody may have": (readings(0, 31), ClockProblem.BEHIND),
    "behind by what is allowed, another ahead by it": (readings(29, 59), None),
    "alone, jumped by 29 s": (readings(jumped=29), None),
    "alone, jumped by 30 s": (readings(jumped=30), ClockProblem.JUMPED),
    "alone, jumped back, nothing stored": (readings(jumped=-30), ClockProblem.JUMPED),
    "jumped, but the database says that it is right": (readings(0, jumped=3600), None),
    "jumped back behind what was stored: that is said": (readings(newest=1, jumped=-30), ClockProblem.BEHIND),
}


@pytest.mark.parametrize(("read", "doubted"), CASES.values(), ids=CASES)
def test_doubt(read, doubted):
    assert clock_problem(read) is doubted


DIFFERENCES = {
    "no other clock": (readings(), None),
    "ahead": (readings(-7), 7),
    "behind": (readings(7), -7),
    "somewhere in between": (readings(7, took=10), 0),
    "behind what is left after the answer": (readings(17, took=10), -7),
}


@pytest.mark.parametrize(("read", "seconds"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_difference(read, seconds):
    assert difference(read) == (seconds * SECOND if seconds is not None else None)
