"""Running hand-written statements on a register's own connection, past the ORM and its round trips.

Statements are written once, with psycopg's `%(name)s`. Values are plain: str, int, bytes, instants (UTC) and None.

Random ids, which tell nothing, not even an order.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any, cast

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import atomic

from sinetti.database.connection import DATABASE_UNAVAILABLE, Database

Value = str | int | bytes | datetime | None
Values = Mapping[str, Value]
Row = tuple[Any, ...]

_turn = Lock()
_TURN_COMES_WITHIN = 5.0
"""Seconds after which a thread tries without its turn."""

_NAMED = re.compile(r"%\((\w+)\)s")
_TYPED = {
    "timestamptz": re.compile(r"%\((at|not_before|not_after|renewable_from|reserved_machine_time|recorded_at)\)s"),
    "text": re.compile(r"%\((lineage|key|order|predecessor|serial)\)s"),
}


def takes_ctes_that_write(db: Database) -> bool:
    """Whether one statement can be a whole transaction here: PostgreSQL's can, SQLite takes them one by one."""
    return connections[db.alias].vendor == "postgresql"


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """A short transaction that writes.

    Threads of one process take turns at an SQLite file.

    Who finds it taken sleeps, longer each time, and may be overtaken for ever; who waits for a lock is woken.
    """
    waited = not takes_ctes_that_write(db) and _turn.acquire(timeout=_TURN_COMES_WITHIN)
    try:
        with atomic(using=db.alias):
            yield
    finally:
        if waited:
            _turn.release()


def read(db: Database, statement: str, values: Values) -> list[Row]:
    """Read, on a fresh connection where the old one was cut: nothing was written yet, so it may be tried again once."""
    connection = cast("Any", connections[db.alias])
    was_open = connection.connection is not None
    try:
        found = _run(connection, statement, values)
    except DATABASE_UNAVAILABLE:
        if not was_open or connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        found = _run(connection, statement, values)
    connection.health_check_done = True  # it has just answered: the ORM need not ask before its next statement
    return found


def write(db: Database, statement: str, values: Values) -> list[Row]:
    """Run a statement that writes, once; what it gives back are the rows of its RETURNING or last SELECT."""
    return _run(connections[db.alias], statement, values)


def instant(value: datetime | str | None) -> datetime | None:
    """An instant as a database gives it: SQLite keeps UTC as text, without a zone."""
    if value is None:
        return None
    given = datetime.fromisoformat(value) if isinstance(value, str) else value
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given


def _run(connection: BaseDatabaseWrapper, statement: str, values: Values) -> list[Row]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            from psycopg import Cursor  # noqa: PLC0415 - a tenth of what a command loads, for nothing on SQLite

            # Django's own cursors put values into the text; this one sends them beside a prepared statement.
            cursor = Cursor(connection.connection)
            cursor.execute(_for_postgresql(statement), values)
            # Not `description`: that makes an object of every column, each time.
            return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []
        given = {name: _for_sqlite_value(connection, value) for name, value in values.items()}
        rows: list[Row] = connection.connection.execute(_for_sqlite(statement), given).fetchall()
        return rows


@cache
def _for_postgresql(statement: str) -> bytes:
    """What may be NULL, or stands in two places, is given its type: by itself it would have none, or one in each."""
    for kind, named in _TYPED.items():
        statement = named.sub(rf"%(\1)s::{kind}", statement)
    return statement.encode()


@cache
def _for_sqlite(statement: str) -> str:
    return _NAMED.sub(r":\1", statement).replace("string_agg(", "group_concat(")


def _for_sqlite_value(connection: BaseDatabaseWrapper, value: Value) -> Value:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def random_id() -> str:
    """128 random bits as 32 lower-case hex digits."""
    return secrets.token_hex(16)
