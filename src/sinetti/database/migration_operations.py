"""Operations for migrations that run while older code serves (docs/schema.md)."""

from typing import Any

from django.apps import apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class AddIndexWhileServing(migrations.AddIndex):
    """An index on a table that is in use: on PostgreSQL without holding up who writes. Its migration is not atomic."""

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make the index."""
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # What a killed attempt left behind is no index that anybody uses: it is made anew.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg] # PostgreSQL's editor


class AddPrefixIndexWhileServing(AddIndexWhileServing):
    """The same for texts that are looked for by how they begin, in the order of their octets.

    On PostgreSQL only an index of the collation "C" serves for that, whatever collation the database has; SQLite
    compares octets anyhow. `columns` are the index's columns for PostgreSQL, in SQL.
    """

    def __init__(self, model_name: str, index: models.Index, columns: str) -> None:
        """Take the index as the model has it, and what it stands on."""
        super().__init__(model_name, index)
        self.columns = columns

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Make the index."""
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        self._make(schema_editor, to_state.apps.get_model(app_label, self.model_name), "CONCURRENTLY ")

    def beside_models(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Make it in place of the one that the model says, on a table that nobody uses yet."""
        if schema_editor.connection.vendor == "postgresql":
            self._make(schema_editor, apps.get_model("registry", self.model_name), "")

    def _make(self, schema_editor: BaseDatabaseSchemaEditor, model: type[models.Model], how: str) -> None:
        name = schema_editor.quote_name(self.index.name)
        table = schema_editor.quote_name(model._meta.db_table)  # noqa: SLF001 - Django's own name for it
        schema_editor.execute(f"DROP INDEX {how}IF EXISTS {name}")
        schema_editor.execute(f"CREATE INDEX {how}{name} ON {table} ({self.columns})")


class DropPatternIndexesWhileServing(Operation):
    """Drop the indexes that Django makes on PostgreSQL beside those of text columns, for LIKE: nothing here asks so.

    Ids, serials and digests are random, so that each of these indexes costs every row a page of its own to be changed.
    Migrations that make such a column have this after them. Its migration is not atomic.
    """

    atomic = False
    reversible = True

    _NAMED = """SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()
        AND tablename LIKE %s AND indexdef LIKE '%%\\_pattern\\_ops)' ORDER BY indexname"""

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing that a model says changes."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002 - Django's signature
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        """Drop them, one after the other, without holding up who writes."""
        self._drop(schema_editor, app_label, "CONCURRENTLY ")

    def beside_models(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Drop them on tables that nobody uses yet."""
        self._drop(schema_editor, "registry", "")

    def _drop(self, schema_editor: BaseDatabaseSchemaEditor, app_label: str, how: str) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(self._NAMED, [f"{app_label}\\_%"])
            names = [name for (name,) in cursor.fetchall()]
        for name in names:
            schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(name)}")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Nothing misses them."""


def readable_from(number: int) -> migrations.RunPython:
    """Say that only code whose newest migration has this number, or a later one, may serve from here on."""

    def mark(known: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ANN401 - Django's registry of models
        rows = known.get_model("registry", "SchemaMark").objects.using(schema_editor.connection.alias)
        rows.update_or_create(pk="schema", defaults={"readable_from": number})

    return migrations.RunPython(mark, migrations.RunPython.noop)
