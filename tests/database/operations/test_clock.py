"""Clock of the database, and the newest stored instant.

Instants are stored in any order. Finding the newest reads few rows.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections

from sinetti.database import models
from sinetti.database.common import audit_log
from sinetti.database.common.audit_log import AuditContext
from sinetti.database.operations import clock
from sinetti.infra.clock import utc_now_precise
from tests.support.authority import NOW
from tests.support.registers import crowd

SECOND = timedelta(seconds=1)


def writes(db, *seconds):
    """Write audit rows with these offsets from NOW, in seconds."""
    for second in seconds:
        audit_log.write(db, AuditContext("operator", NOW + second * SECOND, "0" * 32), "looked", "nothing")


def mark(db):
    return models.ClockCheckpoint.objects.using(db.alias).get()


def test_the_database_s_clock(db):
    before = utc_now_precise()
    now = clock.database_now(db)
    if connections[db.alias].vendor == "sqlite":
        assert now is None
    else:
        assert before <= now <= utc_now_precise(), "it runs on this machine"


def test_nothing_is_stored_yet(db):
    assert clock.stored(db) == clock.StoredClock(None, 0, 0, None)


def test_the_newest_is_not_the_last(db):
    writes(db, 1, 9, 5)
    assert clock.stored(db).newest == NOW + 9 * SECOND


def test_what_lies_far_back_still_counts_and_is_not_read_again(db, monkeypatch):
    """The test has fewer rows than production.

    It reads 3 rows again, and the mark moves with every 4.
    """
    monkeypatch.setattr(clock, "OVERLAP", 3)
    monkeypatch.setattr(clock, "MOVED_AFTER", 4)
    writes(db, 99, 1, 2)
    clock.stored(db)
    assert not models.ClockCheckpoint.objects.using(db.alias).exists()
    for _ in range(5):
        writes(db, 1, 2, 3, 4)
        found = clock.stored(db)
        assert found.newest == NOW + 99 * SECOND
        assert mark(db).sequence == found.sequence
    late = mark(db).sequence
    models.ClockCheckpoint.objects.using(db.alias).update(newest=NOW)
    assert clock.stored(db).newest == NOW + 4 * SECOND, "only the overlap is read"
    writes(db, 100)
    assert clock.stored(db).newest == NOW + 100 * SECOND
    assert mark(db).sequence == late, "a look that finds few new rows writes nothing"


def test_many_look_at_once(db, monkeypatch):
    monkeypatch.setattr(clock, "MOVED_AFTER", 1)
    writes(db, *range(10))
    found = crowd(db, 6, lambda _: clock.stored(db))
    assert {one.newest for one in found} == {NOW + 9 * SECOND}
    writes(db, 10)
    crowd(db, 6, lambda _: clock.stored(db))
    assert mark(db).newest == NOW + 10 * SECOND


def test_a_mark_is_not_moved_past_what_was_accepted_meanwhile(db, monkeypatch):
    monkeypatch.setattr(clock, "MOVED_AFTER", 1)
    writes(db, 50)
    clock.stored(db)
    writes(db, 60)
    stale = clock.StoredClock(NOW + 60 * SECOND, 10**6, 0, None)
    clock.accept(db, stale.newest, AuditContext("operator", NOW, "0" * 32))
    clock._move(db, stale, there=True)
    found = clock.stored(db)
    assert (found.newest, found.accepted_at) == (NOW, NOW)
    assert found.accepted_sequence == found.sequence


@pytest.mark.parametrize("times", [1, 2])
def test_accepting_sets_aside_what_was_stored_before(db, times):
    for _ in range(times):
        writes(db, 3600)
        assert clock.stored(db).newest == NOW + 3600 * SECOND
        clock.accept(db, NOW + 3600 * SECOND, AuditContext("operator", NOW, "0" * 32))
        assert clock.stored(db).newest == NOW
    writes(db, 7)
    assert clock.stored(db).newest == NOW + 7 * SECOND


def test_a_doubt_about_the_clock_stays_until_the_clock_is_confirmed_or_accepted(db):
    known = replace(clock.stored(db), newest=NOW)
    clock.doubt(db, known)
    clock.doubt(db, replace(known, newest=NOW + SECOND))
    assert clock.stored(db).unconfirmed_since == NOW
    clock.confirm(db, NOW + 5 * SECOND, known)
    assert (clock.stored(db).unconfirmed_since, clock.stored(db).newest) == (None, NOW + 5 * SECOND)
    clock.confirm(db, NOW, known)
    assert clock.stored(db).newest == NOW + 5 * SECOND
