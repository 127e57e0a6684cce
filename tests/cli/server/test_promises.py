"""A PostgreSQL that loses what was committed is no place to found an authority, and nothing is served from it."""

import secrets

import pytest

from tests.cli.server.conftest import ADDRESSES
from tests.cli.server.test_serve import ANY
from tests.support.postgres import careless, create_database


def test_a_server_without_fsync(operator, postgres_url, monkeypatch, tmp_path):
    if not operator.database:
        pytest.skip("a promise of PostgreSQL's")
    operator.found()
    with careless(postgres_url, fsync="off"):
        said = operator.refused(2, "serve", *ANY)
        assert "fsync = off" in said
        assert "set it to on in postgresql.conf" in said
        monkeypatch.setenv("DATABASE_URL", create_database(postgres_url, f"careless_{secrets.token_hex(6)}"))
        other = tmp_path / "other"
        assert "fsync = off" in operator.refused(2, "init", "--environment", "TEST", *ADDRESSES, root=other)
        assert not other.exists()
