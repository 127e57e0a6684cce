"""Schema of an empty database, created from the models in one transaction, so that a kill leaves nothing.

`tests/database/test_fast_schema.py` compares it with the schema that the migrations create.
"""

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from sinetti.database.initial_schema import complete_schema


def create_schema_fast(connection: BaseDatabaseWrapper) -> bool:
    """Make all tables of a database that has none and note every migration as done; False where there are tables.

    Raises DatabaseError where they cannot be made, or another process makes them at this moment in an SQLite file.
    """
    if connection.introspection.table_names():
        return False
    loader, recorder = MigrationLoader(connection), MigrationRecorder(connection)
    with connection.schema_editor() as editor:
        if connection.introspection.table_names():  # somebody was faster, before this transaction began
            return False
        for model in apps.get_models():
            editor.create_model(model)
        editor.create_model(recorder.Migration)
        complete_schema(apps, editor)
        rows = [recorder.Migration(app=app, name=name) for app, name in sorted(loader.disk_migrations)]
        recorder.migration_qs.bulk_create(rows)
    return True
