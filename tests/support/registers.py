"""Fresh registers on both databases, migrated once per process: an SQLite file is copied, a PostgreSQL one emptied.

`register` is given once on SQLite and once on PostgreSQL; without PostgreSQL its half is skipped with the reason.
Connections of all threads are closed when the test ends. A room's conftest.py takes the fixture in by importing it.
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
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from sinetti.database.connection import Database, migrate, open_database
from sinetti.database.sql import random_id
from tests.support.postgres import create_database

ALIAS = "under-test"
"""Never "default": a statement that forgets which register it is about finds none."""

DATABASES = ("sqlite", "postgresql")
_Result = TypeVar("_Result")


@pytest.fixture(params=DATABASES)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty register with all its tables, on each database in turn."""
    with opened_register(request.param, request, tmp_path) as opened:
        yield opened


@pytest.fixture
def sqlite_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give one on SQLite only, for what does not depend on the database."""
    with opened_register("sqlite", request, tmp_path) as opened:
        yield opened


@contextmanager
def opened_register(
    database: str, request: pytest.FixtureRequest, folder: Path, alias: str = ALIAS
) -> Iterator[Database]:
    """Open a fresh register on this kind of database, and take it away again."""
    if database == "sqlite":
        fresh = copied_file(folder / "register.sqlite3")
    else:
        fresh = emptied_database(request.getfixturevalue("postgres_url"))
    with fresh as url, all_connections_closed():
        yield open_database(url, alias=alias)


@contextmanager
def all_connections_closed() -> Iterator[None]:
    """Close whatever connections any thread opens while the block runs."""
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
    """Give the URL of a copy of the SQLite template."""
    shutil.copyfile(template_file(), path)
    yield f"sqlite:///{path}"


@cache
def template_file() -> Path:
    """Make the SQLite template, once per process."""
    _kept.append(TemporaryDirectory(prefix="sinetti-registers-"))
    path = Path(_kept[-1].name) / "template.sqlite3"
    _migrated(f"sqlite:///{path}")
    return path


_kept: list["TemporaryDirectory[str]"] = []
"""Folders that are taken away when the process ends."""


@contextmanager
def emptied_database(url: str) -> Iterator[str]:
    """Give the URL of a migrated PostgreSQL database, and empty it afterwards: copying takes much longer."""
    own = migrated_database(url)
    try:
        yield own
    finally:
        _empty(own)


def copied_database(url: str, name: str) -> str:
    """Create a database beside the one of this URL that has our tables, and nothing in them; returns its URL."""
    return create_database(url, name, like=_template_database(url).rpartition("/")[2])


@cache
def _template_database(url: str) -> str:
    """Make what databases are copied from, once per process: nobody may be connected to it."""
    own = create_database(url, f"template_{random_id()}")
    _migrated(own)
    return own


@cache
def migrated_database(url: str) -> str:
    """Make a database beside the one of this URL, once per process; returns its URL."""
    own = create_database(url, f"registers_{random_id()}")
    _migrated(own)
    return own


def _empty(url: str) -> None:
    """Empty a database, over a new connection where a test has had the one that is kept cut."""
    try:
        _emptying_connection(url).execute(emptying_of(url))
    except psycopg.OperationalError:
        _emptying_connection(url).close()
        _emptying_connection.cache_clear()
        _emptying_connection(url).execute(emptying_of(url))


@cache
def _emptying_connection(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Give the connection that a database is emptied over, kept as long as the process: making one takes longer."""
    return psycopg.connect(url, autocommit=True)


_KEPT = ["django_migrations%", "django_content_type%", "auth_permission%"]
"""What migrations write."""


@cache
def emptying_of(url: str) -> str:
    """Write the statements that delete every row of ours, past the triggers that forbid it, and count from 1 again."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE ALL (%s)", [_KEPT]
        ).fetchall()
        sequences = connection.execute(
            "SELECT sequencename FROM pg_sequences WHERE sequencename NOT LIKE ALL (%s)", [_KEPT]
        ).fetchall()
    deletes = [f"DELETE FROM {name}" for (name,) in tables]  # noqa: S608 - names that the database itself gave
    statements = ["SET session_replication_role = replica", *deletes]
    return ";".join([*statements, *(f"ALTER SEQUENCE {name} RESTART" for (name,) in sequences)])


def _migrated(url: str) -> None:
    opened = open_database(url, alias=ALIAS)
    try:
        migrate(opened)
    finally:
        opened.close()


def crowd(db: Database, count: int, do: Callable[[int], _Result]) -> list[_Result]:
    """Do something in `count` threads at once, all let loose at the same moment; their results in order.

    What a thread raises is raised here. Each thread's connection is closed at its end.
    """
    start, results, failures = Barrier(count), {}, []

    def run(number: int) -> None:
        try:
            start.wait(30)
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
