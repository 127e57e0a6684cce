"""Refresh of OCSP responses by the keeper.

No response grows old unnoticed, and none is missing for long.
"""

from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.domain.certificates.revocation import RevocationReason
from sinetti.services.revocation.revoke import RevocationRequest, revoke
from sinetti.services.status import ocsp
from sinetti.services.status.ocsp import OcspRefresher
from tests.support.service_context import DAY, REQUEST, SECOND, Desk, KilledError, enrolled, killed_at

HALF = timedelta(hours=12)


def updates(desk: Desk) -> dict[str, object]:
    rows = models.OcspResponse.objects.using(desk.db.alias)
    return {row.serial: row.this_update for row in rows.all()}


def test_answers_are_signed_anew_once_half_their_life_is_gone(desk):
    held, begun, rounds = enrolled(desk), desk.clock(), OcspRefresher()
    desk.clock.forward(HALF)
    assert rounds.look(desk.ctx) == 0
    assert updates(desk) == {held.serial: begun}
    desk.clock.forward(SECOND)
    assert rounds.look(desk.ctx) == 1
    assert updates(desk) == {held.serial: desk.clock()}
    assert rounds.look(desk.ctx) == 0


def test_many_are_done_batch_by_batch(desk, monkeypatch):
    monkeypatch.setattr(ocsp, "BATCH", 2)
    monkeypatch.setattr(ocsp, "BATCHES_OF_A_LOOK", 2)
    held = [enrolled(desk) for _ in range(5)]
    desk.clock.forward(DAY)
    rounds = OcspRefresher()
    assert [rounds.look(desk.ctx) for _ in range(3)] == [4, 1, 0]
    assert updates(desk) == {one.serial: desk.clock() for one in held}


def test_missing_answers_are_made_on_a_way_through_the_register(desk, monkeypatch):
    monkeypatch.setattr(ocsp, "WALKED", 2)
    without = desk.but(responders={})
    held = [enrolled(without) for _ in range(3)]
    rounds = OcspRefresher()
    assert [rounds.look(desk.ctx) for _ in range(4)] == [2, 1, 0, 0]
    assert set(updates(desk)) == {one.serial for one in held}


def test_what_was_revoked_without_an_answer_gets_one(desk):
    held = enrolled(desk)
    with pytest.raises(KilledError):
        revoke(
            RevocationRequest(held.serial, RevocationReason.SUPERSEDED),
            desk.but(step=killed_at("revoked")).ctx,
            "operator",
            REQUEST,
        )
    assert OcspRefresher().look(desk.ctx) == 1
    assert models.OcspResponse.objects.using(desk.db.alias).get().revoked_at == desk.clock()


def test_what_has_ended_is_let_go(desk):
    held, rounds = enrolled(desk), OcspRefresher()
    desk.clock.now = desk.certificate(held.serial).span.not_after + SECOND
    assert rounds.look(desk.ctx) == 0
    assert updates(desk) == {}
    assert rounds.look(desk.ctx) == 0


def test_what_is_reserved_has_none(sqlite_desk):
    with pytest.raises(KilledError):
        enrolled(sqlite_desk.but(step=killed_at("10-signed")))
    assert OcspRefresher().look(sqlite_desk.ctx) == 0
    assert updates(sqlite_desk) == {}


def test_while_the_responders_are_away_nothing_is_lost(sqlite_desk):
    held = enrolled(sqlite_desk)
    other = enrolled(sqlite_desk.but(responders={}))
    begun = sqlite_desk.clock()
    sqlite_desk.responders.away = True
    sqlite_desk.clock.forward(DAY)
    assert OcspRefresher().look(sqlite_desk.ctx) == 0
    assert updates(sqlite_desk) == {held.serial: begun}
    sqlite_desk.responders.away = False
    assert OcspRefresher().look(sqlite_desk.ctx) == 2
    assert updates(sqlite_desk) == {held.serial: sqlite_desk.clock(), other.serial: sqlite_desk.clock()}


def test_a_clock_that_is_not_believed_dates_nothing(sqlite_desk):
    held, begun = enrolled(sqlite_desk), sqlite_desk.clock()
    sqlite_desk.clock.forward(DAY)
    assert OcspRefresher().look(sqlite_desk.but(issuance_allowed=lambda: False).ctx) == 0
    assert updates(sqlite_desk) == {held.serial: begun}
