"""Benches that run: one that every test may use as long as it does not move its clock, and new ones."""

import pytest

from tests.support.programs import running


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    """Give a bench over TLS whose clock stands still; nobody moves it."""
    with running(tmp_path_factory.mktemp("shared") / "bench", "--now", "2027-01-11T08:00:00Z") as one:
        yield one
