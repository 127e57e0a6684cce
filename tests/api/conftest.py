"""Fresh databases, scenes, and endpoints in front of them."""

from collections.abc import Iterator

import pytest

from tests.api.counter import Counter, opened_counter
from tests.api.listening import ListeningAuthority, listening
from tests.support.registers import db, sqlite_db
from tests.support.scene import Scene, scene, sqlite_scene

__all__ = ["db", "scene", "sqlite_db", "sqlite_scene"]


@pytest.fixture
def counter(sqlite_scene: Scene) -> Counter:
    """Return a SOAP endpoint in front of a scene on SQLite."""
    return opened_counter(sqlite_scene)


@pytest.fixture
def any_counter(scene: Scene) -> Counter:
    """Return a SOAP endpoint in front of a scene on each database in turn."""
    return opened_counter(scene)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListeningAuthority]:
    """Yield an authority that listens in a process of its own, once per run."""
    with listening(tmp_path_factory.mktemp("service")) as opened:
        yield opened
