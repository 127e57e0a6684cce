"""What a database must promise before anything is answered from it: that what was committed outlives a power cut."""

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from sinetti.database.connection import Database, DatabaseSetupError, server_default, setting

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
