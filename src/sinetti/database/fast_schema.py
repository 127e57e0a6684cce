"""Fast creation of the schema of an empty database, in one transaction.

The tables come from the models. A killed process leaves no table. `tests/database/test_fast_schema.py` compares the
schema with that of the migrations.
"""

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from sinetti.database.initial_schema import APPEND_ONLY, complete_schema, forbid_changes, require_entries
from sinetti.database.search_indexes import create_trigram_indexes


def create_schema_fast(connection: BaseDatabaseWrapper) -> bool:
    """Create all tables of an empty database and record all migrations as applied.

    Returns False if there are tables. Raises DatabaseError if the tables cannot be created, or if another process
    creates them at this moment in an SQLite file.
    """
    if connection.introspection.table_names():
        return False
    loader, recorder = MigrationLoader(connection), MigrationRecorder(connection)
    with connection.schema_editor() as editor:
        if connection.introspection.table_names():  # another process was first, before this transaction began
            return False
        for model in apps.get_models():
            editor.create_model(model)
        editor.create_model(recorder.Migration)
        complete_schema(apps, editor)
        for table in APPEND_ONLY:
            forbid_changes(editor, table)
        if connection.vendor == "postgresql":
            require_entries(editor)
            create_trigram_indexes(editor)
        rows = [recorder.Migration(app=app, name=name) for app, name in sorted(loader.disk_migrations)]
        recorder.migration_qs.bulk_create(rows)
    return True
