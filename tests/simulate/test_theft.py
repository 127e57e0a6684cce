"""The drill of a stolen key with a few holders: all figures of docs/incident.md hold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from simulate.theft import Figures, play

GOOD = Figures(10, 3, 20.0, 100, 0, messages=10, replaced_in_7_hours=1.0, replaced_in_24_hours=1.0)
BAD = {
    "a forgery that stayed accepted": {"forged_refused_seconds": None},
    "a forgery that was refused late": {"forged_refused_seconds": 61.0},
    "a delivery that was refused": {"refused": 1},
    "a person without a message": {"messages": 9},
    "few replacements in seven hours": {"replaced_in_7_hours": 0.9},
    "a certificate that was not replaced": {"replaced_in_24_hours": 0.9},
    "a certificate that the store lacks": {"violations": 1},
}


def test_a_drill_with_a_kill(tmp_path):
    figures = play(tmp_path, 4, 1, seed=1, step=timedelta(hours=3))
    assert figures.faults == [], figures
    assert (figures.kills, figures.forged) == (1, 3)
    assert figures.judged >= 4 * 8


def test_good_figures_have_no_fault():
    assert GOOD.faults == []


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_each_promise_can_fail(changes):
    assert len(replace(GOOD, **changes).faults) == 1
