"""Hand-written statements on a database's connection, without the ORM.

Statements are written once, with psycopg's `%(name)s`. Values are plain: str, int, bytes, instants (UTC) and None.

The module also makes random ids, from which not even an order can be inferred.
"""

import json
import re
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Any, cast

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import RawSQL
from django.db.transaction import atomic

from sinetti.database.connection import DATABASE_UNAVAILABLE, Database

Value = str | int | bytes | datetime | None
Values = Mapping[str, Value]
Row = tuple[Any, ...]

_turn = Lock()
_TURN_COMES_WITHIN = 5.0
"""Seconds after which a thread continues without its turn."""

_NAMED = re.compile(r"%\((\w+)\)s")
_TYPED = {
    "timestamptz": re.compile(r"%\((at|not_before|not_after|renewable_from|reserved_machine_time|recorded_at)\)s"),
    "text": re.compile(r"%\((lineage|key|order|predecessor|serial|authority)\)s"),
}


def takes_ctes_that_write(db: Database) -> bool:
    """Return True if one statement can be a whole transaction, as on PostgreSQL.

    SQLite takes statements one by one.
    """
    return connections[db.alias].vendor == "postgresql"


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """Run the block in a short writing transaction.

    Threads of one process take turns at an SQLite file. SQLite's own waiting sleeps longer each time, so that a thread
    may be overtaken for ever. A thread that waits for a lock is woken.
    """
    waited = not takes_ctes_that_write(db) and _turn.acquire(timeout=_TURN_COMES_WITHIN)
    try:
        with atomic(using=db.alias):
            yield
    finally:
        if waited:
            _turn.release()


@contextmanager
def snapshot(db: Database) -> Iterator[None]:
    """Run a block whose readings see one moment, unless a transaction has begun."""
    connection = connections[db.alias]
    is_first = takes_ctes_that_write(db) and not connection.in_atomic_block
    with atomic(using=db.alias):
        if is_first:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def read(db: Database, statement: str, values: Values) -> list[Row]:
    """Run a reading statement, once more on a new connection if the old one was cut.

    The repetition is safe, because no data has been written.
    """
    connection = cast("Any", connections[db.alias])
    was_open = connection.connection is not None
    try:
        found = _run(connection, statement, values)
    except DATABASE_UNAVAILABLE:
        if not was_open or connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        found = _run(connection, statement, values)
    connection.health_check_done = True  # the connection has just answered, so the ORM needs no health check
    return found


def write(db: Database, statement: str, values: Values) -> list[Row]:
    """Run a writing statement once; return the rows of RETURNING or the last SELECT."""
    db.require_writable()
    return _run(connections[db.alias], statement, values)


def plan_once(db: Database) -> None:
    """Have this thread's connection plan each prepared statement once.

    One plan serves requests and waves of all sizes. PostgreSQL would plan statements of issuing anew each time, which
    costs more than to run them. Only statements of this module are prepared.
    """
    _set_once(db, "plan_cache_mode", "force_generic_plan")


WAVE_TIMEOUT = 5
"""Seconds after which a statement of a wave is ended.

One that hangs would hold all its requests.
"""


def limit_statements(db: Database) -> None:
    """Have this thread's connection end statements after `WAVE_TIMEOUT`."""
    _set_once(db, "statement_timeout", f"{WAVE_TIMEOUT}s")


def _set_once(db: Database, name: str, value: str) -> None:
    connection = cast("Any", connections[db.alias])
    if connection.vendor != "postgresql":
        return
    connection.ensure_connection()
    # A new connection to the server has a new object, without marks.
    session = connection.connection
    if not hasattr(session, f"sinetti_{name}"):
        with connection.wrap_database_errors:
            session.execute(f"SET {name} = '{value}'")
        setattr(session, f"sinetti_{name}", value)


def array_literal(values: Sequence[Value]) -> str:
    """Return values as PostgreSQL writes an array.

    The driver's own arrays cost 0.1 ms of a renewal, since it looks for the type of each value.
    """
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: Value) -> str:
    match value:
        case None:
            return "NULL"
        case bytes():
            return f'"\\\\x{value.hex()}"'
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case _:
            return f'"{value}"'


def instant(value: datetime | str | None) -> datetime | None:
    """Convert an instant from the database; SQLite stores UTC as text without a zone."""
    if value is None:
        return None
    given = datetime.fromisoformat(value) if isinstance(value, str) else value
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given


def _run(connection: BaseDatabaseWrapper, statement: str, values: Values) -> list[Row]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            from psycopg import Cursor  # noqa: PLC0415 - a tenth of what a command loads, for nothing on SQLite

            # Django's own cursors write values into the text. This one sends them with a prepared statement.
            cursor = Cursor(connection.connection)
            cursor.execute(_for_postgresql(statement), values)
            # Not `description`, which creates an object for every column each time.
            return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []
        given = {
            name: connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
            for name, value in values.items()
        }
        rows: list[Row] = connection.connection.execute(_for_sqlite(statement), given).fetchall()
        return rows


@cache
def _for_postgresql(statement: str) -> bytes:
    """Add types to parameters that may be NULL or are used in two places.

    PostgreSQL would otherwise infer no type, or a different one in each place.
    """
    for kind, named in _TYPED.items():
        statement = named.sub(rf"%(\1)s::{kind}", statement)
    return statement.encode()


@cache
def _for_sqlite(statement: str) -> str:
    return _NAMED.sub(r":\1", statement).replace("string_agg(", "group_concat(")


_LISTS = {
    "postgresql": "SELECT jsonb_array_elements_text(%s::jsonb)",
    "sqlite": "SELECT value FROM json_each(%s)",
}
"""Statement parts that take a list of any length as one value.

SQLite takes 999 values in one statement.
"""


def json_values(db: Database, values: Collection[str]) -> RawSQL:
    """Return any number of values as one JSON value for a statement."""
    return RawSQL(_LISTS[connections[db.alias].vendor], [json.dumps(sorted(values))])  # noqa: S611 - one value


def random_id() -> str:
    """Return 128 random bits as 32 lower-case hex digits."""
    return secrets.token_hex(16)
