"""The tables of an empty database, made as the models have them instead of by every migration since the first.

The same comes out, which `tests/database/test_fast_schema.py` compares on both databases, in a fifth of the time and
in one transaction: a kill leaves nothing.
"""

from django.apps import apps
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from sinetti.database.migration_operations import AddPrefixIndexWhileServing, DropPatternIndexesWhileServing


def make_first_tables(connection: BaseDatabaseWrapper) -> bool:
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
        while editor.deferred_sql:
            editor.execute(editor.deferred_sql.pop(0))
        _do_what_no_model_says(editor, loader)
        rows = [recorder.Migration(app=app, name=name) for app, name in sorted(loader.disk_migrations)]
        recorder.migration_qs.bulk_create(rows)
    return True


def _do_what_no_model_says(editor: BaseDatabaseSchemaEditor, loader: MigrationLoader) -> None:
    for (app, _name), migration in sorted(loader.disk_migrations.items()):
        for one in migration.operations if app == "registry" else ():
            if isinstance(one, migrations.RunPython):
                one.code(apps, editor)  # type: ignore[arg-type] # the present models in place of those of then
            elif isinstance(one, AddPrefixIndexWhileServing | DropPatternIndexesWhileServing):
                one.beside_models(editor)
