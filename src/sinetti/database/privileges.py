"""Privileges of the service's database role, if another owns the tables.

The service inserts audit rows and the log, and cannot change, delete or drop them. It changes the rows that it obeys in
a transaction with an entry about them alone (initial_schema.py, deploy/postgresql.md). SQLite has no roles.
"""

from django.db import connections

from sinetti.database.connection import Database
from sinetti.database.initial_schema import APPEND_ONLY

_INSERTED = tuple(f"sinetti_{name}" for name in ("auditevent", *APPEND_ONLY))
_KEPT = "sinetti_certificate"
_OTHERS = "django_migrations"

# A role that owns a table, or may act as its owner, can do anything with it.
_CAN_CHANGE = """
SELECT bool_or(pg_has_role(current_user, relowner, 'USAGE') OR has_table_privilege(oid, 'UPDATE')
            OR has_table_privilege(oid, 'DELETE') OR has_table_privilege(oid, 'TRUNCATE'))
  FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s)"""


def grant_to_service(owner: Database, service: Database) -> None:
    """Give the service's role what it needs on the tables of another role.

    `owner` is the connection of the tables' owner. Run it after each migration. Does nothing if both are one role.
    """
    connection = connections[owner.alias]
    if connection.vendor != "postgresql" or _role(service) == _role(owner):
        return
    role = connection.ops.quote_name(_role(service))
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {', '.join(_INSERTED)} FROM {role}",
        f"REVOKE DELETE, TRUNCATE ON {_KEPT} FROM {role}",
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {_OTHERS} FROM {role}",
    ]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def can_change_log(db: Database) -> bool:
    """Return True if this role can change audit rows or the log.

    On SQLite it returns False.
    """
    connection = connections[db.alias]
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(_CAN_CHANGE, [list(_INSERTED)])
        return bool(cursor.fetchone()[0])


def _role(db: Database) -> str:
    with connections[db.alias].cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])
