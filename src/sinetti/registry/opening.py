"""Opening a register: an SQLite file or a PostgreSQL database, migrated and named by a handle."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dj_database_url
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.migrations.exceptions import MigrationSchemaMissing

REGISTER_UNAVAILABLE = (OperationalError, InterfaceError)
"""What is raised when the database is away or busy for too long."""

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


class RegisterRefusesError(Exception):
    """The database is there but does not let us make its tables; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Register:
    """A handle on one register. Every store function takes one."""

    alias: str

    def refresh(self) -> None:
        """Drop this thread's connection if the database has gone away; the next statement opens a new one."""
        connections[self.alias].close_if_unusable_or_obsolete()

    def close(self) -> None:
        """Close this thread's connection."""
        connections[self.alias].close()


def open_register(url: str, alias: str = "default") -> Register:
    """Open the register at a database URL (sqlite:////path or postgresql://…).

    Raises ValueError for another kind, and for options that the database does not know.
    """
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True))
    options = config.get("OPTIONS", {})
    known = POSTGRESQL_OPTIONS if config["ENGINE"] == "django.db.backends.postgresql" else frozenset()
    if not known.issuperset(options) or any(isinstance(value, list) for value in options.values()):
        sentence = f"behind the question mark of a database's address may stand, once each: {', '.join(sorted(known))}"
        raise ValueError(sentence)
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = dict(SQLITE_OPTIONS)
    elif config["ENGINE"] == "django.db.backends.postgresql":
        # For the hand-written statements (registry/hot): each is parsed and planned once per connection.
        config["OPTIONS"] = {**options, "prepare_threshold": 1}
    else:
        sentence = "a register is an SQLite file (sqlite:////path) or a PostgreSQL database (postgresql://…)"
        raise ValueError(sentence)
    connections.databases[alias] = connections.configure_settings({"default": config, alias: config})[alias]
    with suppress(AttributeError):  # this thread's connection to what the alias named before, if there was one
        del connections[alias]
    return Register(alias)


def migrate(register: Register) -> None:
    """Bring the register's tables up to date. Raises RegisterRefusesError, and what REGISTER_UNAVAILABLE lists."""
    try:
        call_command("migrate", database=register.alias, verbosity=0, interactive=False)
    except REGISTER_UNAVAILABLE:
        raise
    except (DatabaseError, MigrationSchemaMissing) as refused:
        why = str(refused).strip().partition("\n")[0]
        sentence = f"the database does not let its tables be made ({why}): give its user the right to create them"
        raise RegisterRefusesError(sentence) from refused
