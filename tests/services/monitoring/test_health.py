"""Health check: each dependency of answers is taken away in turn."""

from datetime import timedelta

import pytest

from sinetti.database.connection import open_database
from sinetti.journal.writer import JournalUnavailable
from sinetti.services.monitoring.health import STALE_AFTER, issuing_check, journal_check, lists_check, register_check
from sinetti.services.status.crl import LIFE
from tests.support.scene import REQUEST, SECOND

CHECKS = (register_check, journal_check, issuing_check, lambda ctx: lists_check(ctx, REQUEST))


class FullJournal:
    """Journal that cannot be written."""

    def check(self):
        sentence = "the disk is full"
        raise JournalUnavailable(sentence)


def test_all_is_well(scene):
    assert [check(scene.ctx) for check in CHECKS] == [None] * 4


def test_the_register_is_away(sqlite_scene):
    ctx = sqlite_scene.but(db=open_database("sqlite:////nowhere/register.sqlite3", alias="away")).ctx
    for check in (register_check, lambda ctx: lists_check(ctx, REQUEST)):
        assert "check the database" in check(ctx)
    assert issuing_check(ctx) is None


def test_the_journal_is_full(sqlite_scene):
    assert journal_check(sqlite_scene.but(journal=FullJournal()).ctx) == "the disk is full"


@pytest.mark.parametrize("later", [timedelta(0), LIFE], ids=["before the first list", "after the last one's end"])
def test_the_issuing_keys_are_away(later, sqlite_scene):
    if later:
        assert lists_check(sqlite_scene.ctx, REQUEST) is None
    sqlite_scene.clock.forward(later + SECOND)
    sqlite_scene.signer.away = True
    assert "make it available again" in issuing_check(sqlite_scene.ctx)
    assert "no revocation list can be signed" in lists_check(sqlite_scene.ctx, REQUEST)


def test_a_list_that_nobody_fetched_is_signed_anew_and_one_that_cannot_be_is_told_halfway(sqlite_scene):
    for _ in range(3):
        assert lists_check(sqlite_scene.ctx, REQUEST) is None
        sqlite_scene.clock.forward(10 * LIFE)
    assert lists_check(sqlite_scene.ctx, REQUEST) is None
    sqlite_scene.signer.away = True
    sqlite_scene.clock.forward(STALE_AFTER - SECOND)
    assert lists_check(sqlite_scene.ctx, REQUEST) is None
    sqlite_scene.clock.forward(SECOND)
    assert "is 3 days old" in lists_check(sqlite_scene.ctx, REQUEST)
