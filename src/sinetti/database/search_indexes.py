"""Trigram indexes for searches inside text columns, on PostgreSQL.

They need the extension pg_trgm, so models cannot express them. A user without superuser rights who may create
objects in the database may create the extension, since it is trusted (PostgreSQL 13). Without it searches give the
same results and read all rows (docs/operators/postgresql.md).
"""

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

TRIGRAM_INDEXES = {
    "organisations_by_id_part": ("sinetti_organisation", "normalised_id"),
    "organisations_by_name_part": ("sinetti_organisation", "lower(name)"),
    "lineages_by_description_part": ("sinetti_lineage", "lower(description)"),
    "people_by_email_part": ("sinetti_person", "lower(email)"),
    "people_by_name_part": ("sinetti_person", "lower(name)"),
}
"""Table and column of each index.

Serial numbers have none. Each would be in forty places of it.
"""

NO_TRIGRAMS = (
    "PostgreSQL has no extension pg_trgm here, so that searches inside names read all rows: install it, let a "
    "superuser run CREATE EXTENSION pg_trgm in this database, and restart the service"
)

_VALID = """SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid
    WHERE indisvalid AND relnamespace = current_schema()::regnamespace AND relname = ANY(%s)"""
_USABLE = "SELECT 1 FROM pg_opclass WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid)"


def missing_indexes(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return the names of the indexes that are missing or invalid."""
    with connection.cursor() as cursor:
        cursor.execute(_VALID, [list(TRIGRAM_INDEXES)])
        valid = {name for (name,) in cursor.fetchall()}
    return tuple(name for name in TRIGRAM_INDEXES if name not in valid)


def create_trigram_indexes(schema_editor: BaseDatabaseSchemaEditor, how: str = "") -> bool:
    """Create the extension and the missing indexes.

    Returns False if the database has no extension. `how` is empty, or "CONCURRENTLY " outside a transaction.
    """
    connection = schema_editor.connection
    if not _has_extension(connection):
        return False
    for name in missing_indexes(connection):
        table, column = TRIGRAM_INDEXES[name]
        # PostgreSQL does not use the invalid index of a killed attempt, so it is created again.
        schema_editor.execute(f"DROP INDEX {how}IF EXISTS {name}")
        schema_editor.execute(f"CREATE INDEX {how}{name} ON {table} USING gin (({column}) gin_trgm_ops)")
    return True


def _has_extension(connection: BaseDatabaseWrapper) -> bool:
    """Create the extension if it is missing; return False if that is not possible."""
    with connection.cursor() as cursor:
        try:
            with transaction.atomic(using=connection.alias):
                cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        except DatabaseError:  # not installed, or not allowed: it may be there already, in another schema
            pass
        cursor.execute(_USABLE)
        return cursor.fetchone() is not None
