"""Audit rows are written once: UPDATE, DELETE and TRUNCATE are refused by the database itself, in its own words."""

from typing import Any

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
    """
    CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON registry_auditrow
    FOR EACH ROW EXECUTE FUNCTION sinetti_forbid()
    """,
    """
    CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON registry_auditrow
    FOR EACH STATEMENT EXECUTE FUNCTION sinetti_forbid()
    """,
    """
    CREATE TRIGGER certificate_no_delete BEFORE DELETE ON registry_certificate
    FOR EACH ROW EXECUTE FUNCTION sinetti_forbid()
    """,
)


def forbid(_apps: Any, schema_editor: Any) -> None:  # noqa: ANN401 - Django's registry of models, its editor
    """Make the triggers; a migration's step."""
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)  # None: a % in it is no placeholder
