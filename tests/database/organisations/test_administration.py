"""Changes to many organisations at once."""

from threading import Thread

import pytest
from django.db import OperationalError, transaction

from sinetti.database import models
from sinetti.database.common import mappers
from sinetti.database.organisations import administration
from sinetti.domain.organisations.csv_import import ChangeKind, ImportChange
from sinetti.domain.values import IdentifierType
from tests.support.registers import opened_register
from tests.support.scene import add_organisation, an_order, opened_scene, ordered

FIRST, SECOND = "7654321-4", "2345678-0"


@pytest.fixture
def scene(request, tmp_path):
    """Return a scene on PostgreSQL alone.

    On SQLite, a transaction that has begun is the only one.
    """
    with opened_register("postgresql", request, tmp_path) as db:
        yield opened_scene(db)


def renamed(one):
    return ImportChange(
        line=1,
        kind=ChangeKind.CHANGE,
        customer_id=one.customer_id,
        id_kind=IdentifierType(one.kind),
        country=one.country,
        name="New Oy",
        language=one.language,
        name_before=one.name,
        language_before=one.language,
    )


def is_held(scene, row):
    """Return whether another connection has to wait for this row."""
    found = []

    def asked():
        rows = type(row).objects.using(scene.db.alias).filter(pk=row.pk)
        try:
            with transaction.atomic(using=scene.db.alias):
                list(rows.select_for_update(no_key=True, nowait=True))
        except OperationalError:
            found.append(row)
        finally:
            scene.db.close()

    thread = Thread(target=asked)
    thread.start()
    thread.join(60)
    return bool(found)


def test_all_rows_are_held_before_the_first_is_changed(scene, monkeypatch):
    for one in (FIRST, SECOND):
        add_organisation(scene, one)
        ordered(scene, an_order(one))
    lines = list(models.Lineage.objects.using(scene.db.alias).order_by("pk"))
    rows = models.Organisation.objects.using(scene.db.alias).filter(customer_id__in=(FIRST, SECOND))
    # A file names the one with the greater id first: an act of a representative locks them the other way round.
    last_first = list(rows.order_by("-pk"))
    held, moves = [], mappers.move_versions

    def moved(lineages):
        held.append(all(is_held(scene, one) for one in [*last_first, *lines]))
        moves(lineages)

    monkeypatch.setattr(mappers, "move_versions", moved)
    with transaction.atomic(using=scene.db.alias):
        assert administration.apply(scene.db, [renamed(one) for one in last_first], scene.audit_entry()) == 0
    assert held == [True, True]
    assert {one.name for one in rows.all()} == {"New Oy"}
