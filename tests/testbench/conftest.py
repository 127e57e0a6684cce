"""A bench that runs, for every test as long as it does not move its clock; and an office on a fresh register."""

import pytest

from tests.support.programs import running
from tests.support.registers import sqlite_db
from tests.support.service_context import sqlite_desk

__all__ = ["sqlite_db", "sqlite_desk"]


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    """Give a bench over TLS whose clock stands still; nobody moves it."""
    with running(tmp_path_factory.mktemp("shared") / "bench", "--now", "2027-01-11T08:00:00Z") as one:
        yield one
