import pytest

from sinetti.authority.signer.store import SignerStore
from tests.support.registers import sqlite_db
from tests.support.scene import sqlite_scene
from tests.support.signing import rules_of

__all__ = ["rules", "sqlite_db", "sqlite_scene", "store"]


@pytest.fixture
def store(tmp_path):
    found = SignerStore(tmp_path / "signer.sqlite")
    yield found
    found.close()


@pytest.fixture
def rules(store):
    return rules_of(store)
