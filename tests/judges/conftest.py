"""Fixtures of the judges: one bench for the peers and the results of their runs.

All tests share one run of the peers. docs/contributors/judges.md shows the results.
"""

from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.judges import matrix
from tests.judges.exchange import CASES, Case, Played, play_all, versions
from tests.judges.peers import PEERS
from tests.judges.walk import WALKED_TREE, tree_digest
from tests.support.chromium import started_chromium
from tests.support.programs import running

STANDING = pytest.StashKey[dict[str, list[str]]]()
PLAYED = pytest.StashKey[dict[Case, Played]]()
LEFT_OUT = pytest.StashKey[bool]()
TABLES = pytest.StashKey[str]()

SPREAD = ("test_walk", "test_roles")
"""Files whose tests run in any process of a run with `-n 2`; those of other files run in one."""

TOGETHER = {
    "test_issued": "peers",
    "test_messages": "peers",
    "test_peers": "peers",
    "test_container": "machine",
    "test_systemd_page": "machine",
}
"""Files that share the run of the peers, or the machine, and so a process."""


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


class Together(LoadScopeScheduling):
    """Distribution of the tests to processes. The mark `xdist_group` has no effect with pytest 9.2 and xdist 3.8."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of the group whose tests run in one process."""
        file = Path(nodeid.partition("::")[0]).stem
        return nodeid if file in SPREAD else TOGETHER.get(file, file)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out four of five pages and forms of the walk, drawn by the seed of the random order.

    All are walked if the e-service has changed since the last whole walk, and by `make acceptance` and
    `make accessibility`.
    """
    seed = config.getoption("randomly_seed", None)
    if config.getoption("--last-run") or config.getoption("keyword") or not isinstance(seed, int):
        return
    if WALKED_TREE.read_text(encoding="ascii").strip() != tree_digest():
        return
    walk = [one for one in items if one.path.name in {"test_walk.py", "test_drafts.py"} and hasattr(one, "callspec")]
    left = {one.nodeid for one in walk if (seed + crc32(one.name.encode())) % 5}
    items[:] = [one for one in items if one.nodeid not in left]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """Keep the tests of a file in one process."""
    return Together(config, log)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Note that tests were deselected (`-k`, `-m`); such a run is not whole."""
    for item in items[:1]:
        item.config.stash[LEFT_OUT] = True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the tables of docs/contributors/judges.md after a whole run.

    A run is whole if every judge and peer was there and no test failed. In a run with `-n 2` the process that has the
    results of the peers sends the tables to the one that knows whether a test failed.
    """
    tables = session.config.stash.get(TABLES, "") or _tables(session)
    if session.testsfailed or not tables:
        return
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tables"] = tables
        return
    page = matrix.PAGE.read_text(encoding="utf-8")
    matrix.PAGE.write_text(matrix.renewed(page, tables), encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep the tables that a process sent."""
    if tables := getattr(node, "workeroutput", {}).get("tables"):
        node.config.stash[TABLES] = tables


def _tables(session: pytest.Session) -> str:
    """Return the tables, or nothing if the run is not whole."""
    stash = session.config.stash
    peers, played = (stash.get(key, {}) for key in (STANDING, PLAYED))
    if stash.get(LEFT_OUT, False) or not matrix.is_whole({one.path for one in getattr(session, "items", ())}):
        return ""
    if len(peers) < len(PEERS) or not all(played.get(case) for case in CASES):
        return ""
    return matrix.written(played, peers, matrix.judges())
