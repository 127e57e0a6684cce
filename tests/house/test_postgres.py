"""PostgreSQL of a test run: it exists while it is needed, and then no more.

Without it, the run reports the reason in a sentence.
"""

from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support import postgres


def test_it_answers_on_loopback_and_only_with_the_password(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    parts = urlsplit(postgres_url)
    assert parts.hostname == "127.0.0.1"
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://{parts.username}:wrong@127.0.0.1:{parts.port}/sinetti")


def test_a_database_beside_it(postgres_url):
    with psycopg.connect(postgres.create_database(postgres_url, "beside")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("beside",)


def test_it_lies_in_memory_only_where_there_is_room(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "MEMORY", tmp_path)
    monkeypatch.setattr(postgres, "ROOM", 0)
    assert postgres.place() == tmp_path
    monkeypatch.setattr(postgres, "ROOM", 2**62)
    assert postgres.place() is None
    monkeypatch.setattr(postgres, "MEMORY", tmp_path / "none")
    monkeypatch.setattr(postgres, "ROOM", 0)
    assert postgres.place() is None


def test_it_is_gone_after_a_failure(postgres_url):
    """A cluster of its own, since the session's is in use."""
    places = []

    def fail_inside() -> None:
        with postgres.cluster(postgres.find_binaries(), postgres.find_owner()) as url:
            with psycopg.connect(url) as connection:
                places.append(Path(connection.execute("SHOW data_directory").fetchone()[0]))
            assert places[0].parent.is_dir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert not places[0].parent.exists()


def test_absence_is_skipped_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres.shutil, "which", lambda _: None)
    monkeypatch.setattr(postgres, "Path", lambda _: tmp_path)
    with pytest.raises(postgres.PostgresMissingError, match="scripts/packages"):
        postgres.find_binaries()
    monkeypatch.delenv("SINETTI_REQUIRE_EVERYTHING", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not there"):
        postgres.skip_or_fail("not there")
    monkeypatch.setenv("SINETTI_REQUIRE_EVERYTHING", "1")
    with pytest.raises(pytest.fail.Exception, match="not there"):
        postgres.skip_or_fail("not there")
