"""Opening a register: an SQLite file or a PostgreSQL database, migrated and named by a handle.

What a database must promise before anything is answered from it: that what was committed outlives a power cut.
"""

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import dj_database_url
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.executor import MigrationExecutor

from sinetti.database.fast_schema import create_schema_fast

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)
"""What is raised when the database is away or busy for too long."""

DATABASE_ERRORS = (DatabaseError,)
"""Whatever the database says against a statement; where its own files are damaged, `is_corruption` tells."""

SQLITE = "django.db.backends.sqlite3"
SQLITE_OPTIONS: dict[str, Any] = {
    # IMMEDIATE: every decision below is a conditional UPDATE, and a DEFERRED transaction that upgrades is "locked".
    "transaction_mode": "IMMEDIATE",
    "timeout": 30,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
}


POSTGRESQL_OPTIONS = frozenset(
    {
        "application_name",
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "host",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "options",
        "passfile",
        "port",
        "service",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
"""What may stand behind the question mark of a PostgreSQL URL (libpq's names)."""


_CORRUPT_SQLITE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CORRUPT_POSTGRESQL = frozenset({"XX001", "XX002"})
"""data_corrupted and index_corrupted (PostgreSQL, appendix A)."""


def is_corruption(error: DatabaseError) -> bool:
    """Whether the database says that its own files are damaged, by its codes: no other error of a program has these."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # The lowest octet is the primary code; more bits say where it was noticed.
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _CORRUPT_SQLITE
    return getattr(cause, "sqlstate", None) in _CORRUPT_POSTGRESQL


class DatabaseSetupError(Exception):
    """The database is there but does not let us make its tables; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Database:
    """A handle on one register. Every store function takes one."""

    alias: str

    def refresh(self) -> None:
        """Drop this thread's connection if the database has gone away; the next statement opens a new one."""
        connections[self.alias].close_if_unusable_or_obsolete()

    def missing_file(self) -> Path | None:
        """Give the file of a register that is an SQLite file and is not there."""
        config = connections.databases[self.alias]
        file = Path(config["NAME"])
        return file if config["ENGINE"] == SQLITE and not file.is_file() else None

    def close(self) -> None:
        """Close this thread's connection."""
        connections[self.alias].close()


def open_database(url: str, alias: str = "default") -> Database:
    """Open the register at a database URL (sqlite:////path or postgresql://…).

    Raises ValueError for another kind, and for options that the database does not know.
    """
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True))
    options = config.get("OPTIONS", {})
    known = POSTGRESQL_OPTIONS if config["ENGINE"] == "django.db.backends.postgresql" else frozenset()
    if not known.issuperset(options) or any(isinstance(value, list) for value in options.values()):
        sentence = f"behind the question mark of a database's address may stand, once each: {', '.join(sorted(known))}"
        raise ValueError(sentence)
    if config["ENGINE"] == SQLITE:
        config["OPTIONS"] = dict(SQLITE_OPTIONS)
    elif config["ENGINE"] == "django.db.backends.postgresql":
        # For the hand-written statements (database/issuance): each is parsed and planned once per connection.
        config["OPTIONS"] = {**options, "prepare_threshold": 1}
    else:
        sentence = "a register is an SQLite file (sqlite:////path) or a PostgreSQL database (postgresql://…)"
        raise ValueError(sentence)
    connections.databases[alias] = connections.configure_settings({"default": config, alias: config})[alias]
    with suppress(AttributeError):  # this thread's connection to what the alias named before, if there was one
        del connections[alias]
    return Database(alias)


_SCHEMA_LOCK = 0x53494E45
"""Names our advisory lock in PostgreSQL ("SINE")."""

_SETTING = "SELECT current_setting(%s, true)"
_PLAIN_SETTING = "SELECT reset_val FROM pg_settings WHERE name = %s"
_TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"
_LOCKED_AGAIN_AFTER = 0.2
_SQLITE_TRIES = 20
_SCHEMA_MARK = "0001_initial"


def setting(connection: BaseDatabaseWrapper, name: str) -> str | None:
    """A setting of the server for our session; None where it does not know it (another engine with the protocol)."""
    return _told(connection, _SETTING, name)


def server_default(connection: BaseDatabaseWrapper, name: str) -> str | None:
    """A setting as a session of this role and database begins with it, whatever ours has asked for since."""
    return _told(connection, _PLAIN_SETTING, name)


def _told(connection: BaseDatabaseWrapper, question: str, name: str) -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(question, [name])
            (value,) = cursor.fetchone() or (None,)
    except DATABASE_UNAVAILABLE:
        raise
    except DatabaseError:
        return None
    return str(value) if value is not None else None


_OF_OUR_SESSIONS = (
    # Whatever role and database have; what waits for more stays.
    ("synchronous_commit", "off", "on"),
    # Lists have statements of a hundred terms over a thousand rows: compiling these takes longer by far than running
    # them (60,000 certificates: 286 ms, without it 58).
    ("jit", "on", "off"),
)


def _ask_for_settings(connection: BaseDatabaseWrapper, **_rest: object) -> None:
    """Turn commits that last on for a new session, and the compiling of statements off."""
    if connection.vendor != "postgresql":
        return
    for name, unwanted, wanted in _OF_OUR_SESSIONS:
        if setting(connection, name) == unwanted:
            with connection.cursor() as cursor:
                cursor.execute(f"SET {name} TO {wanted}")


connection_created.connect(_ask_for_settings, dispatch_uid="sinetti.database.connection")


def migrate(db: Database) -> None:
    """Bring the register's tables up to date, one process at a time; those of later code are left as they are.

    Raises DatabaseSetupError where later code has changed them so that this code cannot serve them (docs/schema.md),
    or where they cannot be made, what REGISTER_UNAVAILABLE lists, and DatabaseError where `is_corruption` is true of
    it.
    """
    connection = connections[db.alias]
    try:
        if not _looked_at(connection):
            with _alone(connection), _no_looking_for_garbage():
                _make_current(connection)
    except DATABASE_UNAVAILABLE:
        raise
    except (DatabaseError, MigrationSchemaMissing) as refused:
        if is_corruption(refused):
            raise
        why = str(refused).strip().partition("\n")[0]
        sentence = f"the database does not let its tables be made ({why}): give its user the right to create them"
        raise DatabaseSetupError(sentence) from refused


def _looked_at(connection: BaseDatabaseWrapper) -> bool:
    """Whether nothing is left to be made; asked again where another process has just begun to make an SQLite file."""
    tries = _SQLITE_TRIES
    while True:
        try:
            return _is_current(connection)
        except OperationalError as refused:
            # A new connection asks for the journal's mode, which SQLite refuses at once, whatever the time-out.
            tries -= 1
            if not tries or not str(getattr(refused.__cause__, "sqlite_errorname", "")).startswith("SQLITE_BUSY"):
                raise
        Event().wait(_LOCKED_AGAIN_AFTER)


def _is_current(connection: BaseDatabaseWrapper) -> bool:
    """Whether nothing is left to be made.

    Raises DatabaseSetupError for tables that this code cannot serve.
    """
    executor = MigrationExecutor(connection)
    # A table that came late is looked at only where it was made.
    if ("sinetti", _SCHEMA_MARK) in executor.loader.applied_migrations:
        ours = max(int(name[:4]) for app, name in executor.loader.disk_migrations if app == "sinetti")
        with connection.cursor() as cursor:
            cursor.execute("SELECT MAX(readable_from) FROM sinetti_schemafloor")
            (needed,) = cursor.fetchone()
        if needed is not None and needed > ours:
            sentence = (
                f"the register's tables are for later versions of this program (they need number {needed}, this one "
                f"has {ours}): install the version that the other nodes run"
            )
            raise DatabaseSetupError(sentence)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _make_current(connection: BaseDatabaseWrapper) -> None:
    for left in reversed(range(_SQLITE_TRIES)):
        try:
            if not create_schema_fast(connection):
                call_command("migrate", database=connection.alias, verbosity=0, interactive=False)
        except DatabaseError:
            # SQLite has no lock for this: another process may be making the same tables. What is left is looked up.
            if connection.vendor != "sqlite" or not left:
                raise
            Event().wait(_LOCKED_AGAIN_AFTER)
        else:
            return


@contextmanager
def _no_looking_for_garbage() -> Iterator[None]:
    """Put the garbage collector off: Django makes thousands of classes that are needed to the end.

    Looking takes a quarter of the time in which the tables are made; what is not collected is 50 MB (measured).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let one process at a time make tables on PostgreSQL.

    Where there are no such locks, nobody waits.
    """
    if connection.vendor != "postgresql" or (got := _locked(connection)) is None:
        yield
        return
    while not got:
        # Asked again, never waited for inside a statement: CREATE INDEX CONCURRENTLY would wait for that statement.
        Event().wait(_LOCKED_AGAIN_AFTER)
        got = bool(_locked(connection))
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # a connection that was cut has let go of it
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_SCHEMA_LOCK])


def _locked(connection: BaseDatabaseWrapper) -> bool | None:
    """Take the lock if it is free; None where the server has no advisory locks."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TRY_LOCK, [_SCHEMA_LOCK])
            return bool(cursor.fetchone()[0])
    except DATABASE_UNAVAILABLE:
        raise
    except DatabaseError:
        return None


_FULL = 2
"""SQLite's number for synchronous=FULL; 3 is EXTRA."""


def check_durability(db: Database) -> tuple[str, ...]:
    """Raise RegisterRefusesError where commits are not durable; returns what could not be checked, in sentences.

    Raises what REGISTER_UNAVAILABLE lists.
    """
    connection = connections[db.alias]
    if connection.vendor == "sqlite":
        _check_sqlite(connection)
        return ()
    return _check_postgresql(connection)


def _check_sqlite(connection: BaseDatabaseWrapper) -> None:
    """What `opening` asks for at each connection has to have been granted: some file systems let no WAL be."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
        cursor.execute("PRAGMA synchronous")
        (synchronous,) = cursor.fetchone()
    if mode != "wal" or synchronous < _FULL:
        sentence = (
            f"SQLite does not keep what is committed here (journal_mode {mode}, synchronous {synchronous}): put the "
            "register on a local disk"
        )
        raise DatabaseSetupError(sentence)


def _check_postgresql(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    user = connection.settings_dict["USER"] or "USER"
    unknown = []
    for name, values, mended in (
        ("fsync", [setting(connection, "fsync")], "set it to on in postgresql.conf"),
        # Our sessions ask for on, and what a plain one would have counts all the same: a pooler drops what was asked
        # for, and whoever runs a server that loses commits is to know it.
        (
            "synchronous_commit",
            [setting(connection, "synchronous_commit"), server_default(connection, "synchronous_commit")],
            f"set it to on in postgresql.conf, or by ALTER ROLE {user} SET synchronous_commit TO on",
        ),
    ):
        if "off" in values:
            sentence = f"PostgreSQL has {name} = off, so a power cut loses what was answered: {mended}"
            raise DatabaseSetupError(sentence)
        if None in values:
            unknown.append(f"the database does not tell its {name}: see to it that what is committed outlives a crash")
    # Refused by nobody: on a file system that writes whole pages, such as ZFS, off is right.
    if setting(connection, "full_page_writes") == "off":
        unknown.append(
            "PostgreSQL has full_page_writes = off: that is safe only where the file system writes whole pages"
        )
    return tuple(unknown)
