"""Fixtures of the judges: one bench for the peers and the results of their runs.

All tests share one run of the peers. docs/contributors/judges.md shows the results.
"""

import pytest

from tests.judges import matrix
from tests.judges.exchange import CASES, Case, Played, play_all, versions
from tests.judges.peers import PEERS
from tests.support.chromium import started_chromium
from tests.support.programs import running

STANDING = pytest.StashKey[dict[str, list[str]]]()
PLAYED = pytest.StashKey[dict[Case, Played]]()
LEFT_OUT = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `make accessibility` and `make acceptance`."""
    parser.addoption("--last-run", action="store_true", help="write what the walk of all pages found (test_walk.py)")
    parser.addoption("--all-walks", action="store_true", help="walk each task in every combination (test_roles.py)")


@pytest.fixture(scope="module")
def chromium():
    """Yield Debian's Chromium."""
    with started_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def standing(pytestconfig):
    """Return the libraries of each peer that can run here."""
    pytestconfig.stash[STANDING] = versions()
    return pytestconfig.stash[STANDING]


@pytest.fixture(scope="session")
def peer_bench(tmp_path_factory):
    """Yield a bench over TLS, for the peers alone."""
    with running(tmp_path_factory.mktemp("peers") / "bench", "--now", "2027-01-11T08:00:00Z") as bench:
        yield bench


@pytest.fixture(scope="session")
def exchanges(peer_bench, standing, tmp_path_factory, pytestconfig):
    """Run every case of the peers that can run here; return the results."""
    cases = [case for case in CASES if case.peer in standing]
    pytestconfig.stash[PLAYED] = play_all(peer_bench, cases, tmp_path_factory.mktemp("exchanges"))
    return pytestconfig.stash[PLAYED]


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Note that tests were deselected (`-k`, `-m`); such a run is not whole."""
    for item in items[:1]:
        item.config.stash[LEFT_OUT] = True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the tables of docs/contributors/judges.md after a whole run.

    A run is whole if every judge and peer was there and no test failed.
    """
    stash = session.config.stash
    peers, played = (stash.get(key, {}) for key in (STANDING, PLAYED))
    if session.testsfailed or stash.get(LEFT_OUT, False) or not matrix.is_whole({one.path for one in session.items}):
        return
    if len(peers) < len(PEERS) or not all(played.get(case) for case in CASES):
        return
    page = matrix.PAGE.read_text(encoding="utf-8")
    part = matrix.written(played, peers, matrix.judges())
    matrix.PAGE.write_text(matrix.renewed(page, part), encoding="utf-8")
