"""Operations for migrations that run while older code serves (docs/schema.md)."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from sinetti.database.initial_schema import drop_pattern_indexes


class AddIndexWhileServing(migrations.AddIndex):
    """An index on a table that is in use: on PostgreSQL without lineage up writers.

    Its migration is not atomic.
    """

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


class DropPatternIndexesWhileServing(Operation):
    """Drop the indexes that Django makes on PostgreSQL beside those of text columns, for LIKE: nothing here asks so.

    Ids, serials and digests are random, so that each of these indexes costs every row a page of its own to be changed.
    Migrations that make such a column have this after them. Its migration is not atomic.
    """

    atomic = False
    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing that a model says changes."""

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002 - Django's signature
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        """Drop them one by one, without blocking writers."""
        if schema_editor.connection.vendor == "postgresql":
            drop_pattern_indexes(schema_editor, "CONCURRENTLY ")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Nothing misses them."""


def set_minimum_code_version(number: int) -> migrations.RunPython:
    """Say that only code whose newest migration has this number, or a later one, may serve from here on."""

    def mark(known: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ANN401 - Django's registry of models
        rows = known.get_model("sinetti", "SchemaFloor").objects.using(schema_editor.connection.alias)
        rows.update_or_create(pk="schema", defaults={"readable_from": number})

    return migrations.RunPython(mark, migrations.RunPython.noop)
