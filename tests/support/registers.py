"""Empty databases on SQLite and PostgreSQL, migrated once per process.

An SQLite file is copied, a PostgreSQL database is emptied. The fixture `db` is given once on SQLite and once on
PostgreSQL. Without PostgreSQL the second half is skipped with the reason. Connections of all threads are closed when
the test ends. A package's conftest.py imports the fixture.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier, Thread
from typing import Any, TypeVar

import psycopg
import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from sinetti.database.connection import Database, migrate, open_database
from sinetti.database.sql import random_id
from tests.support.postgres import create_database

ALIAS = "under-test"
"""Alias of the database; never "default".

A statement without an explicit alias therefore finds no database.
"""

DATABASES = ("sqlite", "postgresql")
_Result = TypeVar("_Result")


@pytest.fixture(params=DATABASES)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield an empty database with all tables, on each database system in turn."""
    with opened_register(request.param, request, tmp_path) as opened:
        yield opened


@pytest.fixture
def sqlite_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield an empty SQLite database, for tests independent of the database system."""
    with opened_register("sqlite", request, tmp_path) as opened:
        yield opened


@contextmanager
def opened_register(
    database: str, request: pytest.FixtureRequest, folder: Path, alias: str = ALIAS
) -> Iterator[Database]:
    """Open an empty database of this kind, and remove it at the end."""
    if database == "sqlite":
        fresh = copied_file(folder / "register.sqlite3")
    else:
        fresh = emptied_database(request.getfixturevalue("postgres_url"))
    with fresh as url, all_connections_closed():
        yield open_database(url, alias=alias)


@contextmanager
def all_connections_closed() -> Iterator[None]:
    """Close at the end all connections that any thread opens while the block runs."""
    opened: list[BaseDatabaseWrapper] = []

    def note(connection: BaseDatabaseWrapper, **_rest: Any) -> None:
        opened.append(connection)

    connection_created.connect(note, weak=False)
    try:
        yield
    finally:
        connection_created.disconnect(note)
        for connection in opened:
            connection.inc_thread_sharing()  # its thread may be gone
            connection.close()


@contextmanager
def copied_file(path: Path) -> Iterator[str]:
    """Yield the URL of a copy of the SQLite template."""
    shutil.copyfile(template_file(), path)
    yield f"sqlite:///{path}"


@cache
def template_file() -> Path:
    """Create the SQLite template, once per process."""
    _kept.append(TemporaryDirectory(prefix="sinetti-registers-"))
    path = Path(_kept[-1].name) / "template.sqlite3"
    _migrated(f"sqlite:///{path}")
    return path


_kept: list["TemporaryDirectory[str]"] = []
"""Folders that are deleted when the process ends."""


@contextmanager
def emptied_database(url: str) -> Iterator[str]:
    """Yield the URL of a migrated PostgreSQL database, and empty it afterwards.

    Copying a template takes much longer.
    """
    own = migrated_database(url)
    try:
        yield own
    finally:
        _empty(own)


def copied_database(url: str, name: str) -> str:
    """Create an empty database with our tables, and return its URL.

    `url` is that of a database on the same server.
    """
    return create_database(url, name, like=_template_database(url).rpartition("/")[2])


@cache
def _template_database(url: str) -> str:
    """Create the template of copied databases, once per process.

    PostgreSQL copies a template only while no session is connected to it.
    """
    own = create_database(url, f"template_{random_id()}")
    _migrated(own)
    return own


@cache
def migrated_database(url: str) -> str:
    """Create a migrated database, once per process, and return its URL.

    `url` is that of a database on the same server.
    """
    own = create_database(url, f"registers_{random_id()}")
    _migrated(own)
    # Tests change rows without an entry, as earlier code or a thief did. Copied databases keep these triggers.
    with psycopg.connect(own, autocommit=True) as connection:
        connection.execute("DROP FUNCTION sinetti_require_entry() CASCADE")
    return own


def _empty(url: str) -> None:
    """Delete all rows of a database.

    Opens a new connection if a test has cut the one that is kept.
    """
    try:
        _emptying_connection(url).execute(emptying_of(url))
    except psycopg.OperationalError:
        _emptying_connection(url).close()
        _emptying_connection.cache_clear()
        _emptying_connection(url).execute(emptying_of(url))


@cache
def _emptying_connection(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return the connection over which a database is emptied.

    It is kept as long as the process, since connecting takes longer.
    """
    return psycopg.connect(url, autocommit=True)


_KEPT = ["django_migrations%", "django_content_type%", "auth_permission%"]
"""Tables and sequences that migrations fill."""


@cache
def emptying_of(url: str) -> str:
    """Return the statements that delete our rows and restart the sequences.

    They bypass the triggers that forbid deletion.
    """
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE ALL (%s)", [_KEPT]
        ).fetchall()
        sequences = connection.execute(
            "SELECT sequencename FROM pg_sequences WHERE sequencename NOT LIKE ALL (%s)", [_KEPT]
        ).fetchall()
    deletes = [f"DELETE FROM {name}" for (name,) in tables]  # noqa: S608 - names that the database itself gave
    statements = ["SET session_replication_role = replica", *deletes]
    # RESTART would make a new file for each.
    return ";".join([*statements, *(f"SELECT setval('{name}', 1, false)" for (name,) in sequences)])


def filled_tables(db: Database) -> list[str]:
    """Return the tables that have rows, but for those that migrations fill."""
    kept = tuple(name.rstrip("%") for name in _KEPT)
    with connections[db.alias].cursor() as cursor:
        names = [name for name in connections[db.alias].introspection.table_names(cursor) if not name.startswith(kept)]
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names))  # noqa: S608 - names that the database itself gave
        return [name for (name,) in cursor.fetchall()]


def statements_of_rows(db: Database) -> str:
    """Return the statements that insert all rows of a database into an empty one of its kind."""
    connection, lines = connections[db.alias], []
    is_postgresql = connection.vendor == "postgresql"
    quoting = "quote_nullable({}::text)" if is_postgresql else "quote({})"
    with connection.cursor() as cursor:
        for table in filled_tables(db):
            cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - as above
            columns = [f'"{column.name if is_postgresql else column[0]}"' for column in cursor.description]
            cursor.execute(f"SELECT {', '.join(map(quoting.format, columns))} FROM {table}")  # noqa: S608 - as above
            head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608 - as above
            lines += [f"{head}({', '.join(row)})" for row in cursor.fetchall()]
        if is_postgresql:
            cursor.execute("SELECT sequencename, last_value FROM pg_sequences WHERE last_value IS NOT NULL")
            lines += [f"SELECT setval('{name}', {value})" for name, value in cursor.fetchall()]
    return ";\n".join(lines)


def run_statements(db: Database, statements: str) -> None:
    """Run what `statements_of_rows` returned, as one transaction without triggers."""
    connection = connections[db.alias]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SET session_replication_role = replica;{statements};RESET session_replication_role")
        else:
            cursor.executescript(f"PRAGMA foreign_keys = OFF; BEGIN; {statements}; COMMIT; PRAGMA foreign_keys = ON")


def _migrated(url: str) -> None:
    opened = open_database(url, alias=ALIAS)
    try:
        migrate(opened)
    finally:
        opened.close()


def crowd(db: Database, count: int, do: Callable[[int], _Result]) -> list[_Result]:
    """Run a function in `count` threads at once and return its results in order.

    All threads start at the same moment. Raises the first exception of a thread. Each thread's connection is closed at
    its end.
    """
    start, results, failures = Barrier(count), {}, []

    def run(number: int) -> None:
        try:
            start.wait(60)
            results[number] = do(number)
        except BaseException as failure:  # noqa: BLE001 - raised below, in the test's own thread
            failures.append(failure)
        finally:
            db.close()

    threads = [Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if failures:
        raise failures[0]
    assert len(results) == count, "a thread did not come back"
    return [results[number] for number in range(count)]
