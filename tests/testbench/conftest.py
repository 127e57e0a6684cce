"""Fixtures: a running bench for every test that does not move its clock.

There is also a scene on a fresh database.
"""

import pytest

from tests.support.programs import running
from tests.support.registers import sqlite_db
from tests.support.scene import sqlite_scene

__all__ = ["sqlite_db", "sqlite_scene"]


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    """Yield a bench over TLS whose clock stands still and is never moved by a test."""
    with running(tmp_path_factory.mktemp("shared") / "bench", "--now", "2027-01-11T08:00:00Z") as one:
        yield one
