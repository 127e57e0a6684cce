"""Fresh databases, desks, and endpoints in front of them."""

from collections.abc import Iterator

import pytest

from tests.api.counter import Counter, opened_counter
from tests.api.listening import Service, listening
from tests.support.registers import db, sqlite_db
from tests.support.service_context import Desk, desk, sqlite_desk

__all__ = ["db", "desk", "sqlite_db", "sqlite_desk"]


@pytest.fixture
def counter(sqlite_desk: Desk) -> Counter:
    """Return a SOAP endpoint in front of a desk on SQLite."""
    return opened_counter(sqlite_desk)


@pytest.fixture
def any_counter(desk: Desk) -> Counter:
    """Return a SOAP endpoint in front of a desk on each database in turn."""
    return opened_counter(desk)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Yield an authority that listens in a process of its own, once per run."""
    with listening(tmp_path_factory.mktemp("service")) as opened:
        yield opened
