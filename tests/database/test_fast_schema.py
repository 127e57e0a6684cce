"""Fast schema: an empty database gets its tables at once.

They equal the result of every migration since the first. The step is done whole or not at all.
"""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.recorder import MigrationRecorder

from sinetti.database import sql
from sinetti.database.connection import create_schema_fast, migrate, open_database
from tests.support.postgres import create_database
from tests.support.registers import ALIAS, all_connections_closed

OF_SQLITE = ("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence'",)
OF_POSTGRESQL = (
    """SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default, is_identity,
          collation_name
       FROM information_schema.columns WHERE table_schema = 'public'""",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace""",
    "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT sequencename, data_type, start_value FROM pg_sequences WHERE schemaname = 'public'",
)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    """Return a function that opens an empty database of a kind, at each call."""

    def opened():
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path}/{sql.random_id()}.sqlite3"
        else:
            url = create_database(request.getfixturevalue("postgres_url"), f"empty_{sql.random_id()}")
        db = open_database(url, ALIAS)
        return db, connections[ALIAS]

    with all_connections_closed():
        yield opened


def shape(connection):
    """Yield all that a database states about its tables, except column order.

    Groups and their permissions are tables of Django to which the service does not write. Django's models say
    `integer` for a number there, and Django's migrations `bigint`.
    """
    with connection.cursor() as cursor:
        for question in OF_SQLITE if connection.vendor == "sqlite" else OF_POSTGRESQL:
            cursor.execute(question)
            rows = [row for row in cursor.fetchall() if "auth_group_permissions" not in str(row[0])]
            yield from ((question, *map(without_order, row)) for row in rows)


def without_order(value):
    """Return a value without the order of parts in a CREATE TABLE statement.

    SQLite keeps the statement that made a table, with its parts in any order.
    """
    if not str(value).startswith("CREATE TABLE"):
        return value
    head, _, rest = value.partition("(")
    depth, parts = 0, [""]
    for sign in rest.strip()[:-1]:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return head.strip(), *sorted(part.strip() for part in parts)


def notes(connection):
    return sorted(MigrationRecorder(connection).migration_qs.values_list("app", "name"))


@pytest.mark.long
def test_the_same_tables_come_out(empty):
    _register, by_migrations = empty()
    call_command("migrate", database=ALIAS, verbosity=0, interactive=False)
    expected, done = set(shape(by_migrations)), notes(by_migrations)
    _register, at_once = empty()
    assert create_schema_fast(at_once)
    assert set(shape(at_once)) == expected
    assert notes(at_once) == done


def test_where_there_are_tables_nothing_is_made(empty):
    db, connection = empty()
    migrate(db)
    before = set(shape(connection))
    assert not create_schema_fast(connection)
    assert set(shape(connection)) == before


def test_one_that_ends_on_the_way_leaves_nothing(empty, monkeypatch):
    db, connection = empty()

    def breaks(*_rest):
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr("sinetti.database.connection.complete_schema", breaks)
        with pytest.raises(DatabaseError):
            create_schema_fast(connection)
    assert not connection.introspection.table_names()
    migrate(db)
    assert connection.introspection.table_names()
