"""A bench for the peers, and what became of each of them: played once for all tests."""

import pytest

from tests.judges.exchange import CASES, play_all, versions
from tests.support.programs import running


@pytest.fixture(scope="session")
def standing():
    """Say what each peer that can run here stands on."""
    return versions()


@pytest.fixture(scope="session")
def peer_bench(tmp_path_factory):
    """Give a bench over TLS, for the peers alone."""
    with running(tmp_path_factory.mktemp("peers") / "bench", "--now", "2027-01-11T08:00:00Z") as bench:
        yield bench


@pytest.fixture(scope="session")
def exchanges(peer_bench, standing, tmp_path_factory):
    """Play every case of the peers that can run here."""
    cases = [case for case in CASES if case.peer in standing]
    return play_all(peer_bench, cases, tmp_path_factory.mktemp("exchanges"))
