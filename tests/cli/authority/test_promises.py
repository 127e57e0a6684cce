"""PostgreSQL servers that lose committed data.

No authority is founded on them, and nothing is served from them.
"""

import secrets

import pytest

from tests.cli.authority.conftest import ADDRESSES
from tests.cli.authority.test_serve import ANY
from tests.support.postgres import careless, create_database


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit"])
def test_a_server_that_does_not_wait_for_its_disk(operator, postgres_url, monkeypatch, tmp_path, name):
    if not operator.database:
        pytest.skip("a promise of PostgreSQL's")
    operator.found()
    with careless(postgres_url, **{name: "off"}):
        said = operator.refused(2, "serve", *ANY)
        assert f"{name} = off" in said
        assert "set it to on in postgresql.conf" in said
        monkeypatch.setenv("DATABASE_URL", create_database(postgres_url, f"careless_{secrets.token_hex(6)}"))
        other = tmp_path / "other"
        assert f"{name} = off" in operator.refused(2, "init", "--environment", "TEST", *ADDRESSES, root=other)
        assert not other.exists()
