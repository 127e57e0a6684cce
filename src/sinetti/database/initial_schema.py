"""Parts of the schema that Django models cannot express: triggers and indexes.

Triggers refuse UPDATE, DELETE and TRUNCATE of audit rows, and DELETE of certificates. On PostgreSQL they refuse a
change of rows that the service obeys without an entry of the log. Indexes for prefix searches need another collation.
"""

from typing import Any

from django.apps import apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from sinetti.database.obeyed_tables import TABLES

SQLITE = (
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON sinetti_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON sinetti_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END
    """,
    """
    CREATE TRIGGER certificate_no_delete BEFORE DELETE ON sinetti_certificate
    BEGIN SELECT RAISE(ABORT, 'certificates are never deleted'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION sinetti_forbid() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME; END $$
    """,
    """
    CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON sinetti_auditevent
    FOR EACH ROW EXECUTE FUNCTION sinetti_forbid()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON sinetti_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION sinetti_forbid()
    """,
    """
    CREATE TRIGGER certificate_no_delete BEFORE DELETE ON sinetti_certificate
    FOR EACH ROW EXECUTE FUNCTION sinetti_forbid()
    """,
)


PREFIX_INDEXES = {
    "people_by_email_prefix": ("Person", '(lower(email) COLLATE "C"), person_id'),
    "organisations_by_id_prefix": ("Organisation", 'normalised_id COLLATE "C", organisation_id'),
    "organisations_by_name_prefix": ("Organisation", '(lower(name) COLLATE "C"), organisation_id'),
    "lineages_by_description": ("Lineage", '(lower(description) COLLATE "C"), lineage_id'),
}
"""Indexes for prefix searches (database/certificates/search.py).

The values are model and columns. On PostgreSQL only an index of the collation "C" serves such a search. SQLite
compares octets anyway.
"""
_PATTERN_INDEXES = """SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
    AND tablename LIKE %s AND indexdef LIKE '%%\\_pattern\\_ops)' ORDER BY indexname"""


def complete_schema(_apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ANN401 - Django's app registry
    """Add what the models cannot express, as a step of migration 0001_initial.

    The tables were just created.
    """
    while schema_editor.deferred_sql:  # indexes that Django creates last, among them those to be dropped
        schema_editor.execute(schema_editor.deferred_sql.pop(0))
    create_append_only_triggers(schema_editor)
    if schema_editor.connection.vendor == "postgresql":
        _replace_prefix_indexes(schema_editor)
        drop_pattern_indexes(schema_editor)


def create_append_only_triggers(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the triggers of the database's vendor."""
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)  # None: a % in it is no placeholder


APPEND_ONLY = ("logentry", "lognode", "logcheckpoint", "logcosignature")
"""Tables of later migrations whose rows are never changed or deleted."""


def forbid_changes(schema_editor: BaseDatabaseSchemaEditor, model: str) -> None:
    """Create the triggers that refuse UPDATE, DELETE and TRUNCATE of a model's table."""
    table, name = f"sinetti_{model}", f"{model}_no"
    if schema_editor.connection.vendor == "sqlite":
        for act in ("update", "delete"):
            refuse = f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed or deleted'); END"
            schema_editor.execute(f"CREATE TRIGGER {name}_{act} BEFORE {act.upper()} ON {table} {refuse}", params=None)
        return
    for act, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        refuse = f"FOR EACH {each} EXECUTE FUNCTION sinetti_forbid()"
        trigger = f"{name}_{'change' if each == 'ROW' else 'truncate'}"
        schema_editor.execute(f"CREATE TRIGGER {trigger} BEFORE {act} ON {table} {refuse}", params=None)


def drop_pattern_indexes(schema_editor: BaseDatabaseSchemaEditor, how: str = "") -> None:
    """Drop the indexes for LIKE that Django creates on PostgreSQL for text columns.

    Ids, serials and digests are random, so each of these indexes costs every written row a page of its own. `how` is
    empty, or "CONCURRENTLY " outside a transaction.
    """
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_PATTERN_INDEXES, ["sinetti\\_%"])
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(name)}")


def _replace_prefix_indexes(schema_editor: BaseDatabaseSchemaEditor) -> None:
    for index, (model, columns) in PREFIX_INDEXES.items():
        name = schema_editor.quote_name(index)
        table = schema_editor.quote_name(apps.get_model("sinetti", model)._meta.db_table)  # noqa: SLF001 - Django's name
        schema_editor.execute(f"DROP INDEX IF EXISTS {name}")
        schema_editor.execute(f"CREATE INDEX {name} ON {table} ({columns})")


# An entry of this transaction, or of a savepoint in it, is visible while its transaction is in progress. Its
# 32 bits of the transaction's number are completed by those of the present one.
_REQUIRE = """
CREATE OR REPLACE FUNCTION sinetti_require_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  about text := TG_ARGV[0] || (to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END) ->> TG_ARGV[1]);
  present bigint := pg_current_xact_id()::text::bigint;
BEGIN
  PERFORM FROM (
    SELECT ((xmin::text::bigint - (present & 4294967295) + 2147483648) & 4294967295) - 2147483648 AS distance
      FROM sinetti_auditevent WHERE object = about OFFSET 0) AS entries
    WHERE CASE WHEN abs(distance) < 1000000
      THEN pg_xact_status((present + distance)::text::xid8) = 'in progress' ELSE false END;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'a change of % needs an entry of the log in the same transaction', about
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NULL;
END $$"""
_TRIGGER = """
DROP TRIGGER IF EXISTS {table}_{act} ON {table};
CREATE CONSTRAINT TRIGGER {table}_{act} AFTER {act} ON {table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION sinetti_require_entry('{prefix}', '{key}')"""
_STATUS = ("sha256", "revoked_at", "revocation_reason", "authority_id", "crl_shard")


def require_entries(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Refuse a change of obeyed rows without an entry of the same transaction.

    Certificates that the service issues have theirs by the same statement, so only later changes are looked at.
    """
    schema_editor.execute(_REQUIRE, params=None)
    for table in TABLES:
        rights = "{0}.is_staff" if "is_staff" in table.only else "true"
        columns = (*table.columns, *(["ended_at"] if "ended_at" in table.only else []))
        conditions = {"INSERT": rights.format("NEW"), "DELETE": rights.format("OLD"), "UPDATE": _differs(*columns)}
        for act, condition in conditions.items():
            words = {"table": table.name, "prefix": table.prefix, "key": table.key}
            schema_editor.execute(_TRIGGER.format(act=act, condition=condition, **words), params=None)
    condition = f"OLD.sha256 IS NOT NULL AND {_differs(*_STATUS)}"
    words = {"table": "sinetti_certificate", "prefix": "certificate:", "key": "serial"}
    schema_editor.execute(_TRIGGER.format(act="UPDATE", condition=condition, **words), params=None)


def _differs(*columns: str) -> str:
    before, after = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"({before}) IS DISTINCT FROM ({after})"
