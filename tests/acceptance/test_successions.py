"""The drill of a stolen key with ten thousand holders, and two hundred kills of rollovers under load."""

from datetime import timedelta

import pytest

from simulate.theft import play
from tests.kills.cluster import cluster
from tests.kills.table import Kind, full
from tests.kills.test_server import AT_MOST, few_again, playing

_SEED = 1
pytestmark = pytest.mark.timeout(6 * 3600)


def test_ten_thousand_holders(tmp_path):
    figures = play(tmp_path, 10_000, 5, seed=1, step=timedelta(hours=2))
    assert figures.faults == [], figures


def test_two_hundred_kills_of_rollovers(tmp_path):
    cases = full(Kind.ROLLOVER, _SEED)
    with cluster() as postgres:
        for start in range(0, len(cases), AT_MOST):
            part = cases[start : start + AT_MOST]
            playing(tmp_path / f"rollover-{start}", _SEED + start, postgres, part, few_again(_SEED, "rollover"))
