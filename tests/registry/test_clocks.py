"""The database's clock, and the newest stored instant: stored in whatever order, little is read to know it."""

from datetime import timedelta

import pytest
from django.db import connections

from sinetti.clock import machine_instant
from sinetti.registry import audit, clocks, models
from sinetti.registry.audit import Deed
from tests.support.authority import NOW
from tests.support.registers import crowd

SECOND = timedelta(seconds=1)


def writes(register, *seconds):
    """Write audit rows of these seconds beside NOW."""
    for second in seconds:
        audit.write(register, Deed("operator", NOW + second * SECOND, "0" * 32), "looked", "nothing")


def mark(register):
    return models.ClockMark.objects.using(register.alias).get()


def test_the_database_s_clock(register):
    before = machine_instant()
    now = clocks.database_now(register)
    if connections[register.alias].vendor == "sqlite":
        assert now is None
    else:
        assert before <= now <= machine_instant(), "it runs on this machine"


def test_nothing_is_stored_yet(register):
    assert clocks.stored(register) == clocks.Stored(None, 0, 0, None)


def test_the_newest_is_not_the_last(register):
    writes(register, 1, 9, 5)
    assert clocks.stored(register).newest == NOW + 9 * SECOND


def test_what_lies_far_back_still_counts_and_is_not_read_again(register, monkeypatch):
    """Fewer rows than in earnest: 3 that are looked at again, and a mark that moves with every 4."""
    monkeypatch.setattr(clocks, "OVERLAP", 3)
    monkeypatch.setattr(clocks, "MOVED_AFTER", 4)
    writes(register, 99, 1, 2)
    clocks.stored(register)
    assert not models.ClockMark.objects.using(register.alias).exists()
    for _ in range(5):
        writes(register, 1, 2, 3, 4)
        found = clocks.stored(register)
        assert found.newest == NOW + 99 * SECOND
        assert mark(register).sequence == found.sequence
    late = mark(register).sequence
    models.ClockMark.objects.using(register.alias).update(newest=NOW)
    assert clocks.stored(register).newest == NOW + 4 * SECOND, "only the overlap is read"
    writes(register, 100)
    assert clocks.stored(register).newest == NOW + 100 * SECOND
    assert mark(register).sequence == late, "a look that finds few new rows writes nothing"


def test_many_look_at_once(register, monkeypatch):
    monkeypatch.setattr(clocks, "MOVED_AFTER", 1)
    writes(register, *range(10))
    found = crowd(register, 6, lambda _: clocks.stored(register))
    assert {one.newest for one in found} == {NOW + 9 * SECOND}
    writes(register, 10)
    crowd(register, 6, lambda _: clocks.stored(register))
    assert mark(register).newest == NOW + 10 * SECOND


def test_a_mark_is_not_moved_past_what_was_accepted_meanwhile(register, monkeypatch):
    monkeypatch.setattr(clocks, "MOVED_AFTER", 1)
    writes(register, 50)
    clocks.stored(register)
    writes(register, 60)
    stale = clocks.Stored(NOW + 60 * SECOND, 10**6, 0, None)
    clocks.accept(register, stale.newest, Deed("operator", NOW, "0" * 32))
    clocks._move(register, stale, there=True)
    found = clocks.stored(register)
    assert (found.newest, found.accepted_at) == (NOW, NOW)
    assert found.accepted_sequence == found.sequence


@pytest.mark.parametrize("times", [1, 2])
def test_accepting_sets_aside_what_was_stored_before(register, times):
    for _ in range(times):
        writes(register, 3600)
        assert clocks.stored(register).newest == NOW + 3600 * SECOND
        clocks.accept(register, NOW + 3600 * SECOND, Deed("operator", NOW, "0" * 32))
        assert clocks.stored(register).newest == NOW
    writes(register, 7)
    assert clocks.stored(register).newest == NOW + 7 * SECOND
