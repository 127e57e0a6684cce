"""Backups of a database: SQLite's online copy, or pg_dump and pg_restore.

A restore never overwrites existing data.
"""

import errno
import os
import secrets
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sinetti.database.connection import parse_database_url

_VARIABLES = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "host": "PGHOST",
    "options": "PGOPTIONS",
    "passfile": "PGPASSFILE",
    "port": "PGPORT",
    "service": "PGSERVICE",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""libpq's variables for the query parameters of a URL; keep-alives have none."""


class BackupError(Exception):
    """A backup cannot be taken or restored; the message says why and what to do."""


class RegisterNotWhole(BackupError):
    """The database itself is damaged, so it cannot be backed up."""


def back_up(url: str, target: Path) -> None:
    """Copy a database, which may be in use, into a new file.

    Only the owner can read the file. Raises BackupError. Raises RegisterNotWhole if the database is damaged.
    """
    config = _config(url)
    if _is_sqlite(config) and not Path(config["NAME"]).is_file():
        raise BackupError(f"there is no database at {config['NAME']}")
    with _made_whole(target) as partial:
        if _is_sqlite(config):
            try:
                _copy(config["NAME"], str(partial))
            except BackupError as damaged:
                raise RegisterNotWhole(str(damaged)) from damaged
        else:
            _run("pg_dump", config, "--format=custom", f"--file={partial}")


def restore(url: str, source: Path) -> None:
    """Restore a backup into a new file or an empty database.

    Raises BackupError.
    """
    if not source.is_file():
        raise BackupError(f"{source} is not a file")
    config = _config(url)
    if not _is_sqlite(config):
        # In one transaction, so that existing objects make it fail without any change. The server may lack the roles
        # that had rights; `migrate` gives them again.
        means = ("--no-owner", "--no-privileges", "--single-transaction")
        _run("pg_restore", config, *means, f"--dbname={config['NAME']}", str(source))
        return
    target = Path(config["NAME"])
    if left := [path for path in (target, *(Path(f"{target}{end}") for end in ("-wal", "-shm"))) if path.exists()]:
        raise BackupError(f"{left[0]} already exists: move it away first, because it is never overwritten")
    with _made_whole(target) as partial:
        _copy(str(source), str(partial))


def _config(url: str) -> dict[str, Any]:
    return parse_database_url(url)


def _is_sqlite(config: dict[str, Any]) -> bool:
    return str(config["ENGINE"]).endswith("sqlite3")


@contextmanager
def _made_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary file beside the target, which gets its name at the end.

    The file is renamed once it is complete and on disk. Only its owner can read it. No file is overwritten. A failure
    leaves no file, so the same command can be run again.
    """
    partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield partial
        _sync(partial)
        _name(partial, target)
        _sync(target.parent)
    except OSError as failed:
        raise BackupError(f"{target} cannot be created ({failed.strerror}): a backup must be a new file") from failed
    finally:
        partial.unlink(missing_ok=True)


def _name(partial: Path, target: Path) -> None:
    """Rename the file, unless the target exists meanwhile."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links, as on a USB stick. Another process could create the target between the
        # check and the renaming.
        if os.path.lexists(target):
            raise
        partial.rename(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(source: str, target: str) -> None:
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            (whole,) = new.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as failed:
        raise BackupError(f"{source} is not a complete SQLite file: {failed}") from failed
    if whole != "ok":
        raise BackupError(f"{source} is damaged ({whole}), so a copy of it would be damaged too")


def _run(name: str, config: dict[str, Any], *arguments: str) -> None:
    """Run one of PostgreSQL's programs.

    The password is passed in its environment, which ps does not show.
    """
    program = shutil.which(name)
    if program is None:
        raise BackupError(f"{name} is not installed: install PostgreSQL's client programs")
    given = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    known = {variable: str(config[key]) for variable, key in given.items() if config.get(key)}
    # Query parameters take precedence, as in `open_database`; they may name another server.
    known |= {_VARIABLES[key]: str(value) for key, value in config.get("OPTIONS", {}).items() if key in _VARIABLES}
    done = subprocess.run([program, *arguments], env=known, capture_output=True, text=True, check=False)  # noqa: S603 - PostgreSQL's own program
    if done.returncode:
        raise BackupError(f"{name} failed: {' '.join(done.stderr.split())[:500]}")
