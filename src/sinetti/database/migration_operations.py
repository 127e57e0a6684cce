"""Operations for migrations that run while older code serves.

See docs/operators/migrations.md.
"""

from abc import ABC, abstractmethod
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from sinetti.database.initial_schema import drop_pattern_indexes, forbid_changes, require_entries
from sinetti.database.search_indexes import create_trigram_indexes


class AddIndexWhileServing(migrations.AddIndex):
    """Addition of an index to a table in use, on PostgreSQL without blocking writers.

    Its migration is not atomic.
    """

    atomic = False

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create the index."""
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # PostgreSQL does not use the invalid index of a killed attempt, so it is created again.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}")
        schema_editor.add_index(model, self.index, concurrently=True)  # type: ignore[call-arg] # PostgreSQL's editor


class _OfPostgresql(Operation, ABC):
    """Change of indexes that models do not know.

    It is made on PostgreSQL only, without blocking writers. Its migration is not atomic.
    """

    atomic = False
    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models' state unchanged."""

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002 - Django's signature
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        """Make the change."""
        if schema_editor.connection.vendor == "postgresql":
            self.change(schema_editor)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Do nothing, since no query needs the former state."""

    @abstractmethod
    def change(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Change the indexes one by one."""


class DropPatternIndexesWhileServing(_OfPostgresql):
    """Removal of the LIKE indexes that Django creates on PostgreSQL for text columns.

    No query uses them. Ids, serials and digests are random, so each of these indexes costs every changed row a page of
    its own. A migration that adds such a column is followed by this operation.
    """

    def change(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Drop the indexes."""
        drop_pattern_indexes(schema_editor, "CONCURRENTLY ")


class AddTrigramIndexesWhileServing(_OfPostgresql):
    """Addition of the indexes for searches inside names (search_indexes.py).

    Without the extension pg_trgm it adds nothing. `complete_search_indexes` adds them later.
    """

    def change(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Create the indexes that are missing."""
        create_trigram_indexes(schema_editor, "CONCURRENTLY ")


class RequireEntries(_OfPostgresql):
    """Triggers that refuse a change of an obeyed row without an entry of the log."""

    def change(self, schema_editor: BaseDatabaseSchemaEditor) -> None:
        """Create the triggers, or replace those of an earlier version."""
        require_entries(schema_editor)


class ForbidChanges(Operation):
    """Triggers that refuse UPDATE, DELETE and TRUNCATE.

    The table is made by the same migration.
    """

    reversible = True

    def __init__(self, model_name: str) -> None:
        """Take the model's name."""
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the models' state unchanged."""

    def database_forwards(
        self,
        app_label: str,  # noqa: ARG002 - Django's signature
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,  # noqa: ARG002
        to_state: ProjectState,  # noqa: ARG002
    ) -> None:
        """Create the triggers."""
        forbid_changes(schema_editor, self.model_name)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Do nothing, since the table is dropped next."""


def set_minimum_code_version(number: int) -> migrations.RunPython:
    """Restrict the database to code whose newest migration has at least this number."""

    def mark(known: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:  # noqa: ANN401 - Django's registry of models
        rows = known.get_model("sinetti", "SchemaFloor").objects.using(schema_editor.connection.alias)
        rows.update_or_create(pk="schema", defaults={"readable_from": number})

    return migrations.RunPython(mark, migrations.RunPython.noop)
