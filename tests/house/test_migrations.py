"""Migrations that run while older code serves (docs/operators/migrations.md).

None contains a change that older code cannot work with.
"""

import importlib
from pathlib import Path

import pytest
from django.db import migrations, models
from django.db.models.fields import NOT_PROVIDED

from sinetti.database import migration_operations
from tests.house.tree import DOCS, PACKAGE, rows

FOLDER = PACKAGE / "database" / "migrations"
FIRST_LOOKED_AT = 2
CONTRACTING: dict[int, str] = {}
"""Migrations that remove what older code needed; none yet.

Each has the reason why none of that code runs any more.
"""

WHILE_SERVING = (
    migration_operations.AddIndexWhileServing,
    migration_operations.AddTrigramIndexesWhileServing,
    migration_operations.DropPatternIndexesWhileServing,
)
FILES = [path for path in sorted(FOLDER.glob("[0-9]*.py")) if int(path.name[:4]) >= FIRST_LOOKED_AT]


def faults(migration) -> list[str]:
    """Return the operations that older code cannot work with or that block writers."""
    made = {one.name.lower() for one in migration.operations if isinstance(one, migrations.CreateModel)}
    found = []
    for one in migration.operations:
        table = getattr(one, "model_name", "").lower()
        if isinstance(one, migrations.CreateModel) or table in made:
            continue
        if isinstance(one, migrations.AddField):
            found += [] if bearable(one.field) else [f"{table}.{one.name}: older code gives it no value"]
        elif isinstance(one, migration_operations.RequireEntries):
            continue  # older code writes these entries, too
        elif isinstance(one, WHILE_SERVING):
            found += (
                ["an index is made or dropped while rows are written: set atomic = False"] if migration.atomic else []
            )
        elif isinstance(one, migrations.SeparateDatabaseAndState) and not one.database_operations:
            continue
        elif not marks(one):
            found.append(f"{type(one).__name__}: not while older code serves")
    return found


def marks(operation) -> bool:
    """Return whether an operation is `readable_from`."""
    return isinstance(operation, migrations.RunPython) and operation.code.__module__ == migration_operations.__name__


def bearable(field) -> bool:
    """Return whether older code can write rows without this column.

    Adding the column must also not rewrite the table.
    """
    return (field.null or field.db_default is not NOT_PROVIDED) and not field.unique and not field.db_index


def test_each_can_run_while_older_code_serves():
    """Each migration from 0002 on."""
    for path in FILES:
        module = importlib.import_module(f"sinetti.database.migrations.{path.stem}")
        migration = module.Migration(path.stem, "sinetti")
        if CONTRACTING.get(int(path.name[:4])):
            assert any(marks(one) for one in migration.operations), f"{path.stem}: set_minimum_code_version is missing"
        else:
            assert faults(migration) == [], path.stem


def test_numbers_are_not_used_twice():
    numbers = [path.name[:4] for path in sorted(FOLDER.glob("[0-9]*.py"))]
    assert numbers
    assert len(numbers) == len(set(numbers))


def test_each_has_a_row_on_the_page():
    numbers = [path.name[:4] for path in sorted(FOLDER.glob("[0-9]*.py"))]
    assert [row[0] for row in rows(DOCS / "operators" / "migrations.md", "number")] == numbers


def migration(*operations, atomic=True):
    return type("Migration", (migrations.Migration,), {"operations": list(operations), "atomic": atomic})(
        "x", "sinetti"
    )


TEXT, MAYBE = models.CharField(max_length=3), models.CharField(max_length=3, null=True)
INDEX = models.Index(fields=["at"], name="by_at")
NEW = migrations.CreateModel("New", [("at", models.DateTimeField(primary_key=True))])
CASES = {
    "a new table": ([NEW], 0),
    "an index on a new table": ([NEW, migrations.AddIndex("new", INDEX)], 0),
    "a column that may be empty": ([migrations.AddField("order", "x", MAYBE)], 0),
    "a column that the database fills": (
        [migrations.AddField("order", "x", models.IntegerField(db_default=0))],
        0,
    ),
    "a column that nobody fills": ([migrations.AddField("order", "x", TEXT)], 1),
    "a default that only our code has": ([migrations.AddField("order", "x", models.IntegerField(default=0))], 1),
    "a column that is unique": (
        [migrations.AddField("order", "x", models.CharField(max_length=3, null=True, unique=True))],
        1,
    ),
    "another name": ([migrations.RenameField("order", "state", "status")], 1),
    "another name for a table": ([migrations.RenameModel("Order", "Request")], 1),
    "a column goes": ([migrations.RemoveField("order", "state")], 1),
    "a table goes": ([migrations.DeleteModel("Order")], 1),
    "another type": ([migrations.AlterField("order", "state", TEXT)], 1),
    "other choices, which the database does not have": (
        [migrations.SeparateDatabaseAndState(state_operations=[migrations.AlterField("order", "state", TEXT)])],
        0,
    ),
    "another type behind other choices": (
        [migrations.SeparateDatabaseAndState([migrations.AlterField("order", "state", TEXT)], [])],
        1,
    ),
    "a new constraint": (
        [migrations.AddConstraint("order", models.UniqueConstraint(fields=["state"], name="one_state"))],
        1,
    ),
    "an index that holds up who writes": ([migrations.AddIndex("order", INDEX)], 1),
    "statements that nobody can look at": ([migrations.RunSQL("DROP TABLE sinetti_order")], 1),
    "code that nobody can look at": ([migrations.RunPython(lambda *_: None)], 1),
    "only later code may serve from here on": ([migration_operations.set_minimum_code_version(9)], 0),
    "an index while serving, in a transaction": ([migration_operations.AddIndexWhileServing("order", INDEX)], 1),
    "trigram indexes, in a transaction": ([migration_operations.AddTrigramIndexesWhileServing()], 1),
    "indexes that nobody uses go, in a transaction": ([migration_operations.DropPatternIndexesWhileServing()], 1),
}


@pytest.mark.parametrize(("operations", "count"), CASES.values(), ids=CASES)
def test_what_is_found(operations, count):
    assert len(faults(migration(*operations))) == count


def test_an_index_while_serving():
    for one in (
        migration_operations.AddIndexWhileServing("order", INDEX),
        migration_operations.AddTrigramIndexesWhileServing(),
        migration_operations.DropPatternIndexesWhileServing(),
    ):
        assert faults(migration(one, atomic=False)) == []


def test_the_page_says_from_which_on():
    assert f"{FIRST_LOOKED_AT:04}" in Path(DOCS / "operators" / "migrations.md").read_text(encoding="utf-8")
