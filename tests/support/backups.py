"""Backup and restore of a database, by SQLite or by pg_dump and pg_restore."""

import sqlite3
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg
from django.db import connections

from sinetti.database.connection import Database, open_database
from sinetti.database.sql import random_id
from tests.support.postgres import find_binaries


def backed_up(db: Database, folder: Path) -> Path:
    """Take a backup of the database as it is now."""
    path = folder / f"backup-{random_id()}"
    settings = connections[db.alias].settings_dict
    if "sqlite3" in settings["ENGINE"]:
        with sqlite3.connect(settings["NAME"]) as source, sqlite3.connect(path) as target:
            source.backup(target)
        source.close()
        target.close()
    else:
        run("pg_dump", "--format=custom", f"--file={path}", url_of(db))
    return path


def restored(db: Database, backup: Path) -> None:
    """Point the handle at a database restored from the backup.

    The original database stays as it is.
    """
    db.close()
    settings = connections[db.alias].settings_dict
    if "sqlite3" in settings["ENGINE"]:
        url = f"sqlite:///{backup}"
    else:
        old = url_of(db)
        name = f"restored_{random_id()}"
        with psycopg.connect(old, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        url = f"{old.rpartition('/')[0]}/{name}"
        run("pg_restore", f"--dbname={url}", "--no-owner", backup)
    open_database(url, db.alias)


def url_of(db: Database) -> str:
    """Return the URL of a PostgreSQL database."""
    one = connections[db.alias].settings_dict
    return f"postgresql://{one['USER']}:{quote(one['PASSWORD'])}@{one['HOST']}:{one['PORT']}/{one['NAME']}"


def run(name: str, *arguments: object) -> None:
    """Run one of PostgreSQL's programs."""
    command = [str(find_binaries() / name), *(str(one) for one in arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
