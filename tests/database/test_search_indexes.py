"""Trigram indexes: created without superuser rights where that is allowed, else later."""

import psycopg
import pytest
from django.db import connections

from sinetti.database import sql
from sinetti.database.connection import complete_search_indexes, migrate, open_database
from sinetti.database.organisations.search import find_organisations
from sinetti.database.search_indexes import NO_TRIGRAMS, TRIGRAM_INDEXES, missing_indexes
from tests.support.postgres import create_database
from tests.support.registers import ALIAS, all_connections_closed


@pytest.fixture
def plain(postgres_url):
    """Yield the URL of a database and that of a user without superuser rights who may use its schema."""
    name = f"plain_{sql.random_id()}"
    url = create_database(postgres_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
        connection.execute(f"GRANT ALL ON SCHEMA public TO {name}")
        connection.execute(f"REVOKE CREATE ON DATABASE {name} FROM PUBLIC")
    with all_connections_closed():
        yield url, f"postgresql://{name}:x@{url.rpartition('@')[2]}"


def run(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


@pytest.mark.long
def test_a_user_who_may_create_in_the_database_needs_no_superuser(plain):
    url, user_url = plain
    run(url, f"GRANT CREATE ON DATABASE {url.rpartition('/')[2]} TO {url.rpartition('/')[2]}")
    db = open_database(user_url, ALIAS)
    migrate(db)
    assert missing_indexes(connections[ALIAS]) == ()
    assert complete_search_indexes(db) == ()


@pytest.mark.long
def test_without_the_extension_searches_work_and_the_indexes_come_later(plain):
    url, user_url = plain
    db = open_database(user_url, ALIAS)
    migrate(db)
    assert missing_indexes(connections[ALIAS]) == tuple(TRIGRAM_INDEXES)
    assert complete_search_indexes(db) == (NO_TRIGRAMS,)
    assert find_organisations(db, "korhonen") == ()
    run(url, "CREATE EXTENSION pg_trgm")
    assert complete_search_indexes(db) == ()
    assert missing_indexes(connections[ALIAS]) == ()


@pytest.mark.long
def test_an_index_of_a_killed_attempt_is_made_again(plain):
    url, _ = plain
    db = open_database(url, ALIAS)
    migrate(db)
    run(url, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_by_name_part'::regclass")
    assert missing_indexes(connections[ALIAS]) == ("people_by_name_part",)
    assert complete_search_indexes(db) == ()
    assert missing_indexes(connections[ALIAS]) == ()
