"""Scratch database of a restore drill: it must be empty, and is emptied again."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connections
from psycopg.sql import SQL, Identifier

from sinetti.database import models
from sinetti.database.connection import Database, open_database
from sinetti.database.operations.backups import BackupError

_ALIAS = "scratch"
_RELATIONS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"""
_FUNCTIONS = """
SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"""

_KINDS = (("TABLE", _RELATIONS), ("FUNCTION", _FUNCTIONS))


def open_scratch(url: str) -> Database:
    """Open the database at a URL, which must be empty.

    Raises BackupError if it has a table or a function, and ValueError for an address that cannot be used.
    """
    db = open_database(url, _ALIAS)
    connection = connections[db.alias]
    if connection.vendor == "sqlite":
        for path in _files(connection.settings_dict["NAME"]):
            if os.path.lexists(path):
                raise BackupError(f"{path} exists: name a new file, because a drill removes the file at its end")
        return db
    with connection.cursor() as cursor:
        pairs = [(kind, row[1]) for kind, question in _KINDS for row in _first(cursor, question)]
    if pairs:
        raise BackupError(
            f"the scratch database has the {pairs[0][0].lower()} {pairs[0][1]}: name an empty one, because a drill "
            "removes all of it; if an earlier drill was interrupted, drop the scratch database and create it again"
        )
    db.close()
    return db


def clear_scratch(db: Database) -> None:
    """Remove everything from a database that `open_scratch` found empty."""
    connection = connections[db.alias]
    if connection.vendor == "sqlite":
        db.close()
        for path in _files(connection.settings_dict["NAME"]):
            path.unlink(missing_ok=True)
        return
    with connection.cursor() as cursor:
        for kind, question in _KINDS:
            cursor.execute(question)
            for schema, name in cursor.fetchall():
                statement = SQL("DROP {} IF EXISTS {}.{} CASCADE")
                cursor.execute(statement.format(SQL(kind), Identifier(schema), Identifier(name)))
    db.close()


def _files(name: object) -> list[Path]:
    """Return the files that an SQLite database may have."""
    return [Path(f"{name}{end}") for end in ("", "-wal", "-shm")]


def _first(cursor: Any, question: str) -> list[tuple[str, str]]:  # noqa: ANN401 - a cursor of Django
    cursor.execute(question)
    found = cursor.fetchone()
    return [] if found is None else [found]


def summarise_scratch(db: Database) -> tuple[datetime | None, int]:
    """Return the instant of the newest act, and the number of certificates."""
    newest = db.rows(models.AuditEvent).order_by("-sequence").values_list("at", flat=True).first()
    return newest, db.rows(models.Certificate).count()
