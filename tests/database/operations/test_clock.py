"""The database's clock, and the newest stored instant: stored in whatever order, little is read to know it."""

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


def writes(register, *seconds):
    """Write audit rows of these seconds beside NOW."""
    for second in seconds:
        audit_log.write(register, AuditContext("operator", NOW + second * SECOND, "0" * 32), "looked", "nothing")


def mark(register):
    return models.ClockCheckpoint.objects.using(register.alias).get()


def test_the_database_s_clock(register):
    before = utc_now_precise()
    now = clock.database_now(register)
    if connections[register.alias].vendor == "sqlite":
        assert now is None
    else:
        assert before <= now <= utc_now_precise(), "it runs on this machine"


def test_nothing_is_stored_yet(register):
    assert clock.stored(register) == clock.StoredClock(None, 0, 0, None)


def test_the_newest_is_not_the_last(register):
    writes(register, 1, 9, 5)
    assert clock.stored(register).newest == NOW + 9 * SECOND


def test_what_lies_far_back_still_counts_and_is_not_read_again(register, monkeypatch):
    """Fewer rows than in earnest: 3 that are looked at again, and a mark that moves with every 4."""
    monkeypatch.setattr(clock, "OVERLAP", 3)
    monkeypatch.setattr(clock, "MOVED_AFTER", 4)
    writes(register, 99, 1, 2)
    clock.stored(register)
    assert not models.ClockCheckpoint.objects.using(register.alias).exists()
    for _ in range(5):
        writes(register, 1, 2, 3, 4)
        found = clock.stored(register)
        assert found.newest == NOW + 99 * SECOND
        assert mark(register).sequence == found.sequence
    late = mark(register).sequence
    models.ClockCheckpoint.objects.using(register.alias).update(newest=NOW)
    assert clock.stored(register).newest == NOW + 4 * SECOND, "only the overlap is read"
    writes(register, 100)
    assert clock.stored(register).newest == NOW + 100 * SECOND
    assert mark(register).sequence == late, "a look that finds few new rows writes nothing"


def test_many_look_at_once(register, monkeypatch):
    monkeypatch.setattr(clock, "MOVED_AFTER", 1)
    writes(register, *range(10))
    found = crowd(register, 6, lambda _: clock.stored(register))
    assert {one.newest for one in found} == {NOW + 9 * SECOND}
    writes(register, 10)
    crowd(register, 6, lambda _: clock.stored(register))
    assert mark(register).newest == NOW + 10 * SECOND


def test_a_mark_is_not_moved_past_what_was_accepted_meanwhile(register, monkeypatch):
    monkeypatch.setattr(clock, "MOVED_AFTER", 1)
    writes(register, 50)
    clock.stored(register)
    writes(register, 60)
    stale = clock.StoredClock(NOW + 60 * SECOND, 10**6, 0, None)
    clock.accept(register, stale.newest, AuditContext("operator", NOW, "0" * 32))
    clock._move(register, stale, there=True)
    found = clock.stored(register)
    assert (found.newest, found.accepted_at) == (NOW, NOW)
    assert found.accepted_sequence == found.sequence


@pytest.mark.parametrize("times", [1, 2])
def test_accepting_sets_aside_what_was_stored_before(register, times):
    for _ in range(times):
        writes(register, 3600)
        assert clock.stored(register).newest == NOW + 3600 * SECOND
        clock.accept(register, NOW + 3600 * SECOND, AuditContext("operator", NOW, "0" * 32))
        assert clock.stored(register).newest == NOW
    writes(register, 7)
    assert clock.stored(register).newest == NOW + 7 * SECOND
