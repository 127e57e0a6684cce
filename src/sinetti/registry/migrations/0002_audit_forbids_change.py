"""Audit rows are written once: UPDATE, DELETE and TRUNCATE are refused by the database itself."""

from typing import Any

from django.db import migrations

SQLITE = (
    """
    CREATE TRIGGER audit_no_update BEFORE UPDATE ON registry_auditrow
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
    """,
    """
    CREATE TRIGGER audit_no_delete BEFORE DELETE ON registry_auditrow
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END
    """,
    """
    CREATE TRIGGER certificate_no_delete BEFORE DELETE ON registry_certificate
    BEGIN SELECT RAISE(ABORT, 'certificates are never deleted'); END
    """,
)
POSTGRESQL = (
    """
    CREATE FUNCTION sinetti_forbid() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME; END $$
    """,
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON registry_auditrow"
    " FOR EACH ROW EXECUTE FUNCTION sinetti_forbid()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON registry_auditrow"
    " FOR EACH STATEMENT EXECUTE FUNCTION sinetti_forbid()",
    "CREATE TRIGGER certificate_no_delete BEFORE DELETE ON registry_certificate"
    " FOR EACH ROW EXECUTE FUNCTION sinetti_forbid()",
)


def _forbid(_apps: Any, schema_editor: Any) -> None:
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)  # None: a % in it is no placeholder


class Migration(migrations.Migration):
    """The triggers, in each database's own words."""

    dependencies = (("registry", "0001_first"),)
    operations = (migrations.RunPython(_forbid, migrations.RunPython.noop),)
