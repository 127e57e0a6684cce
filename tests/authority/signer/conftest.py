import pytest

from sinetti.authority.signer.store import SignerStore
from tests.support.signing import rules_of


@pytest.fixture
def store(tmp_path):
    found = SignerStore(tmp_path / "signer.sqlite")
    yield found
    found.close()


@pytest.fixture
def rules(store):
    return rules_of(store)
