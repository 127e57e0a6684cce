"""Fixtures: a running bench for every test that does not move its clock.

There is also a desk on a fresh database.
"""

import pytest

from tests.support.programs import running
from tests.support.registers import sqlite_db
from tests.support.service_context import sqlite_desk

__all__ = ["sqlite_db", "sqlite_desk"]


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    """Yield a bench over TLS whose clock stands still and is never moved by a test."""
    with running(tmp_path_factory.mktemp("shared") / "bench", "--now", "2027-01-11T08:00:00Z") as one:
        yield one
