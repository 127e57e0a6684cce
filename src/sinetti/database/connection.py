"""Database connection: opens, migrates and checks SQLite or PostgreSQL databases.

The durability check requires that committed data survives a power cut before any request is answered.

The schema of an empty database comes from the models, in one transaction: a killed process leaves no table.
`tests/database/test_fast_schema.py` compares it with that of the migrations.
"""

import enum
import gc
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event
from traceback import walk_tb
from typing import Any, TypeVar
from urllib.parse import urlsplit

import dj_database_url
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.migrations.exceptions import MigrationSchemaMissing
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model, QuerySet

from sinetti.database.initial_schema import APPEND_ONLY, complete_schema, forbid_changes, require_entries
from sinetti.database.search_indexes import NO_TRIGRAMS, create_trigram_indexes, missing_indexes
from sinetti.domain.refusals import WriteRefused
from sinetti.infra.metrics import catalogue, recorder


def create_schema_fast(connection: BaseDatabaseWrapper) -> bool:
    """Create all tables of an empty database and record all migrations as applied.

    Returns False if there are tables. Raises DatabaseError if the tables cannot be created, or if another process
    creates them at this moment in an SQLite file.
    """
    if connection.introspection.table_names():
        return False
    loader, recorder = MigrationLoader(connection), MigrationRecorder(connection)
    with connection.schema_editor() as editor:
        if connection.introspection.table_names():  # another process was first, before this transaction began
            return False
        for model in apps.get_models():
            editor.create_model(model)
        editor.create_model(recorder.Migration)
        complete_schema(apps, editor)
        for table in APPEND_ONLY:
            forbid_changes(editor, table)
        if connection.vendor == "postgresql":
            require_entries(editor)
            create_trigram_indexes(editor)
        rows = [recorder.Migration(app=app, name=name) for app, name in sorted(loader.disk_migrations)]
        recorder.migration_qs.bulk_create(rows)
    return True


_Model = TypeVar("_Model", bound=Model)

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError)
"""Exceptions for a database that is away, or busy for too long."""

DATABASE_ERRORS = (DatabaseError,)
"""Exceptions for all database errors; `is_corruption` recognises damaged files."""

_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|WITH\b.*\b(INSERT INTO|DELETE FROM|SET))\b", re.DOTALL)
_OF_A_VIEW = (
    'INSERT INTO "sinetti_auditevent" ',
    'INSERT INTO "sinetti_calleraddress" ',
    'INSERT OR IGNORE INTO "sinetti_calleraddress" ',
)

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
"""Query parameters allowed in a PostgreSQL URL (libpq's names)."""

_POSTGRESQL_PORT = 5432


_CORRUPT_SQLITE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CORRUPT_POSTGRESQL = frozenset({"XX001", "XX002"})
"""SQLSTATE codes data_corrupted and index_corrupted (PostgreSQL, appendix A)."""


def is_corruption(error: DatabaseError | ValueError) -> bool:
    """Return True if the error code says that the database's own files are damaged.

    No other error has these codes. It is also True for a value in a row that its enumeration lacks.
    """
    if isinstance(error, ValueError):
        files = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)]
        return files[-1] == enum.__file__ and any(Path(__file__).parent in Path(file).parents for file in files)
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # The lowest octet is the primary code; more bits say where it was noticed.
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _CORRUPT_SQLITE
    return getattr(cause, "sqlstate", None) in _CORRUPT_POSTGRESQL


class DatabaseSetupError(Exception):
    """The database exists but its tables cannot be created or used.

    The message gives the reason.
    """


def _refuse_writes(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: ANN401, FBT001 - Django's
    if _WRITES.match(sql) and not sql.startswith(_OF_A_VIEW):
        raise WriteRefused
    return execute(sql, params, many, context)


@dataclass(frozen=True, slots=True)
class Database:
    """A handle on one database, passed to every function of this package."""

    alias: str

    def rows(self, model: type[_Model]) -> QuerySet[_Model]:
        """Return all rows of a table."""
        return model._default_manager.using(self.alias)  # noqa: SLF001 - public in Django

    def refresh(self) -> None:
        """Drop this thread's connection if it is unusable; the next statement reconnects."""
        connection = connections[self.alias]
        if connection.errors_occurred:
            recorder.count(catalogue.DATABASE_ERRORS)
        connection.close_if_unusable_or_obsolete()
        if connection.connection is None:
            connection.errors_occurred = False  # counted, and the next connection has none

    def missing_file(self) -> Path | None:
        """Return the path of an SQLite database file that does not exist, else None."""
        config = connections.databases[self.alias]
        file = Path(config["NAME"])
        return file if config["ENGINE"] == SQLITE and not file.is_file() else None

    @contextmanager
    def reading_only(self) -> Iterator[None]:
        """Refuse statements that write, except audit rows about what clerks view.

        A use case that begins to write raises WriteRefused, and its transaction is rolled back.
        """
        with connections[self.alias].execute_wrapper(_refuse_writes):
            yield

    def require_writable(self) -> None:
        """Raise WriteRefused in `reading_only`.

        It is for audit rows, and for statements without Django's cursors.
        """
        if _refuse_writes in connections[self.alias].execute_wrappers:
            raise WriteRefused

    def close(self) -> None:
        """Close this thread's connection."""
        connections[self.alias].close()


_KINDS = "the database must be an SQLite file (sqlite:////path) or PostgreSQL (postgresql://…)"


def parse_database_url(url: str) -> dict[str, Any]:
    """Return Django's settings for a database URL.

    Several hosts are separated by commas, each with its own port, as libpq has them (PostgreSQL 15, 34.1.1.2):
    dj-database-url knows one host alone. Raises ValueError for an invalid URL.
    """
    options: dict[str, Any] = {"conn_max_age": None, "conn_health_checks": True}
    whole = urlsplit(url).netloc
    hosts = whole.rpartition("@")[2]
    if "," not in hosts:
        return dict(dj_database_url.parse(url, **options))
    end = url.index("://") + len("://") + len(whole)
    named = [urlsplit(f"//{host}") for host in hosts.split(",")]
    return {
        **dj_database_url.parse(url[: end - len(hosts)] + url[end:], **options),
        "HOST": ",".join(row.hostname or "" for row in named),
        "PORT": ",".join(str(row.port or _POSTGRESQL_PORT) for row in named),
    }


def open_database(url: str, alias: str = "default") -> Database:
    """Open the database at a URL (sqlite:////path or postgresql://…).

    Raises ValueError for another kind of database, and for unknown options.
    """
    try:
        config = parse_database_url(url)
    except dj_database_url.UnknownSchemeError:
        raise ValueError(_KINDS) from None
    options = config.get("OPTIONS", {})
    known = POSTGRESQL_OPTIONS if config["ENGINE"] == "django.db.backends.postgresql" else frozenset()
    if not known.issuperset(options) or any(isinstance(value, list) for value in options.values()):
        raise ValueError(
            f"a database address can have these options after the question mark, each once: {', '.join(sorted(known))}"
        )
    if config["ENGINE"] == SQLITE:
        config["OPTIONS"] = dict(SQLITE_OPTIONS)
    elif config["ENGINE"] == "django.db.backends.postgresql":
        # For the hand-written statements (issuance/statements): each is parsed and planned once per connection.
        config["OPTIONS"] = {**options, "prepare_threshold": 1}
    else:
        raise ValueError(_KINDS)
    connections.databases[alias] = connections.configure_settings({"default": config, alias: config})[alias]
    with suppress(AttributeError):  # this thread's connection to the alias's earlier database
        del connections[alias]
    return Database(alias)


_SCHEMA_LOCK = 0x53494E45
"""Key of the advisory lock in PostgreSQL ("SINE")."""

_SETTING = "SELECT current_setting(%s, true)"
_PLAIN_SETTING = "SELECT reset_val FROM pg_settings WHERE name = %s"
_TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"
_LOCKED_AGAIN_AFTER = 0.2
_SQLITE_TRIES = 20
_SCHEMA_MARK = "0001_initial"


def setting(connection: BaseDatabaseWrapper, name: str) -> str | None:
    """Return a server setting of this session.

    Returns None if the server does not know the setting (another engine with PostgreSQL's protocol).
    """
    return _setting_value(connection, _SETTING, name)


def server_default(connection: BaseDatabaseWrapper, name: str) -> str | None:
    """Return a setting as new sessions of this role and database get it.

    Changes made by this session do not count.
    """
    return _setting_value(connection, _PLAIN_SETTING, name)


def _setting_value(connection: BaseDatabaseWrapper, question: str, name: str) -> str | None:
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
    # Only "off" is changed, also where role or database set it. Values that wait for more (remote_apply) stay.
    ("synchronous_commit", "off", "on"),
    # Lists have statements of a hundred terms over a thousand rows. Compiling them takes much longer than running
    # them (60,000 certificates: 286 ms with JIT, 58 ms without).
    ("jit", "on", "off"),
)


def _ask_for_settings(connection: BaseDatabaseWrapper, **_rest: object) -> None:
    """Turn on durable commits and turn off JIT compilation for a new session."""
    if connection.vendor != "postgresql":
        return
    for name, unwanted, wanted in _OF_OUR_SESSIONS:
        if setting(connection, name) == unwanted:
            with connection.cursor() as cursor:
                cursor.execute(f"SET {name} TO {wanted}")


connection_created.connect(_ask_for_settings, dispatch_uid="sinetti.database.connection")


def migrate(db: Database) -> None:
    """Migrate the database's tables, one process at a time.

    Tables of later versions are left as they are. Raises DatabaseSetupError if a later version has changed the tables
    so that this code cannot use them (docs/operators/migrations.md), or if the tables cannot be created. Raises the
    exceptions of DATABASE_UNAVAILABLE, and DatabaseError if `is_corruption` is true of it.
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
        raise DatabaseSetupError(
            f"the database's tables cannot be created ({why}): grant the database user the right to create them, or "
            "run sinetti authority migrate with their owner"
        ) from refused


def is_migrated(db: Database) -> bool:
    """Return whether no migration is left, without any change.

    Raises DatabaseSetupError for tables of a later version, and the exceptions of DATABASE_UNAVAILABLE.
    """
    return _looked_at(connections[db.alias])


def can_migrate(db: Database) -> bool:
    """Return whether the role of this connection may change the tables."""
    connection = connections[db.alias]
    return connection.vendor != "postgresql" or _owns_tables(connection)


def find_connection_limit(db: Database) -> int | None:
    """Return the server's limit of connections, or None if it has none."""
    connection = connections[db.alias]
    most = setting(connection, "max_connections") if connection.vendor == "postgresql" else None
    return int(most) if most is not None and most.isdigit() else None


def complete_search_indexes(db: Database) -> tuple[str, ...]:
    """Create the trigram indexes that are missing, one process at a time.

    They are missing if the database had no extension when its tables were made. Returns a sentence if it still has
    none.
    """
    connection = connections[db.alias]
    if connection.vendor != "postgresql" or not missing_indexes(connection):
        return ()
    if not _owns_tables(connection):
        return ("indexes for searches are missing: run sinetti authority migrate with the owner of the tables",)
    with _alone(connection), connection.schema_editor(atomic=False) as editor:
        return () if create_trigram_indexes(editor, "CONCURRENTLY ") else (NO_TRIGRAMS,)


def _owns_tables(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'sinetti_instance'::regclass")
        return bool(cursor.fetchone()[0])


def _looked_at(connection: BaseDatabaseWrapper) -> bool:
    """Return True if no migration is left.

    Repeats the query while another process creates the same SQLite file.
    """
    tries = _SQLITE_TRIES
    while True:
        try:
            return _is_current(connection)
        except OperationalError as refused:
            # A new connection sets the journal mode. SQLite answers SQLITE_BUSY at once and ignores the time-out.
            tries -= 1
            if not tries or not str(getattr(refused.__cause__, "sqlite_errorname", "")).startswith("SQLITE_BUSY"):
                raise
        Event().wait(_LOCKED_AGAIN_AFTER)


def _is_current(connection: BaseDatabaseWrapper) -> bool:
    """Return True if no migration is left.

    Raises DatabaseSetupError for tables that this code cannot use.
    """
    applied = MigrationRecorder(connection).applied_migrations().keys()
    # sinetti_schemafloor exists only if the initial migration was applied.
    if ("sinetti", _SCHEMA_MARK) in applied:
        ours = max(int(name[:4]) for app, name in _own_migrations() if app == "sinetti")
        with connection.cursor() as cursor:
            cursor.execute("SELECT MAX(readable_from) FROM sinetti_schemafloor")
            (needed,) = cursor.fetchone()
        if needed is not None and needed > ours:
            raise DatabaseSetupError(
                f"the database's tables need a later version of this program (number {needed}, this "
                f"one has {ours}): install the version that the other nodes run"
            )
    if applied >= _own_migrations():
        return True
    executor = MigrationExecutor(connection)  # it knows which migrations replace others
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


@cache
def _own_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this code by app and name, read once per process."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _make_current(connection: BaseDatabaseWrapper) -> None:
    for left in reversed(range(_SQLITE_TRIES)):
        try:
            if not create_schema_fast(connection):
                call_command("migrate", database=connection.alias, verbosity=0, interactive=False)
        except DatabaseError:
            # SQLite has no lock for this, so another process may create the same tables. The next try does the rest.
            if connection.vendor != "sqlite" or not left:
                raise
            Event().wait(_LOCKED_AGAIN_AFTER)
        else:
            return


@contextmanager
def _no_looking_for_garbage() -> Iterator[None]:
    """Disable the garbage collector while the tables are created.

    Django creates thousands of classes that live until the process ends. Collection would take a quarter of the time
    of creating the tables. The garbage that is not collected takes 50 MB (measured).
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
    """Let one process at a time create tables on PostgreSQL.

    Servers without advisory locks are used without waiting.
    """
    if connection.vendor != "postgresql" or (got := _locked(connection)) is None:
        yield
        return
    while not got:
        # Polling, because CREATE INDEX CONCURRENTLY would wait for a statement that waits for the lock.
        Event().wait(_LOCKED_AGAIN_AFTER)
        got = bool(_locked(connection))
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # a lost connection has released the lock
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_SCHEMA_LOCK])


def _locked(connection: BaseDatabaseWrapper) -> bool | None:
    """Return True if the lock was free and is taken now, else False.

    Returns None if the server has no advisory locks.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TRY_LOCK, [_SCHEMA_LOCK])
            return bool(cursor.fetchone()[0])
    except DATABASE_UNAVAILABLE:
        raise
    except DatabaseError:
        return None


_FULL = 2
"""Value of PRAGMA synchronous for FULL; 3 is EXTRA."""


def check_durability(db: Database) -> tuple[str, ...]:
    """Raise DatabaseSetupError unless commits are durable.

    Returns sentences about settings that could not be checked. Raises the exceptions of DATABASE_UNAVAILABLE.
    """
    connection = connections[db.alias]
    if connection.vendor == "sqlite":
        _check_sqlite(connection)
        return ()
    return _check_postgresql(connection)


def _check_sqlite(connection: BaseDatabaseWrapper) -> None:
    """Raise DatabaseSetupError unless WAL and synchronous=FULL are in effect.

    `open_database` requests both for each connection, but some file systems do not support WAL.
    """
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (mode,) = cursor.fetchone()
        cursor.execute("PRAGMA synchronous")
        (synchronous,) = cursor.fetchone()
    if mode != "wal" or synchronous < _FULL:
        raise DatabaseSetupError(
            f"SQLite does not save commits durably here (journal_mode {mode}, synchronous "
            f"{synchronous}): put the database on a local disk"
        )


def _check_postgresql(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    user = connection.settings_dict["USER"] or "USER"
    unknown = []
    for name, values, remedy in (
        ("fsync", [setting(connection, "fsync")], "set it to on in postgresql.conf"),
        # Our sessions request "on". The default of a new session counts too, because a pooler drops session settings.
        # An operator of a server that loses commits must be informed.
        (
            "synchronous_commit",
            [setting(connection, "synchronous_commit"), server_default(connection, "synchronous_commit")],
            f"set it to on in postgresql.conf, or by ALTER ROLE {user} SET synchronous_commit TO on",
        ),
    ):
        if "off" in values:
            raise DatabaseSetupError(
                f"PostgreSQL has {name} = off, so a power failure can lose confirmed data: {remedy}"
            )
        if None in values:
            unknown.append(f"the database does not report its {name}: make sure that commits survive a crash")
    # Reported but accepted: on a file system that writes whole pages, such as ZFS, off is right.
    if setting(connection, "full_page_writes") == "off":
        unknown.append(
            "PostgreSQL has full_page_writes = off: this is safe only on a file system that writes whole pages"
        )
    return tuple(unknown)
