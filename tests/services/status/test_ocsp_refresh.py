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
from tests.support.killed import KilledError, killed_at
from tests.support.scene import DAY, REQUEST, SECOND, Scene, enrolled

HALF = timedelta(hours=12)


def updates(scene: Scene) -> dict[str, object]:
    rows = models.OcspResponse.objects.using(scene.db.alias)
    return {row.serial: row.this_update for row in rows.all()}


def test_answers_are_signed_anew_once_half_their_life_is_gone(scene):
    held, begun, rounds = enrolled(scene), scene.clock(), OcspRefresher()
    scene.clock.forward(HALF)
    assert rounds.look(scene.ctx) == 0
    assert updates(scene) == {held.serial: begun}
    scene.clock.forward(SECOND)
    assert rounds.look(scene.ctx) == 1
    assert updates(scene) == {held.serial: scene.clock()}
    assert rounds.look(scene.ctx) == 0


def test_many_are_done_batch_by_batch(scene, monkeypatch):
    monkeypatch.setattr(ocsp, "BATCH", 2)
    monkeypatch.setattr(ocsp, "BATCHES_OF_A_LOOK", 2)
    held = [enrolled(scene) for _ in range(5)]
    scene.clock.forward(DAY)
    rounds = OcspRefresher()
    assert [rounds.look(scene.ctx) for _ in range(3)] == [4, 1, 0]
    assert updates(scene) == {one.serial: scene.clock() for one in held}


def test_missing_answers_are_made_on_a_way_through_the_register(scene, monkeypatch):
    monkeypatch.setattr(ocsp, "WALKED", 2)
    without = scene.but(responders={})
    held = [enrolled(without) for _ in range(3)]
    rounds = OcspRefresher()
    assert [rounds.look(scene.ctx) for _ in range(4)] == [2, 1, 0, 0]
    assert set(updates(scene)) == {one.serial for one in held}


def test_what_was_revoked_without_an_answer_gets_one(scene):
    held = enrolled(scene)
    with pytest.raises(KilledError):
        revoke(
            RevocationRequest(held.serial, RevocationReason.SUPERSEDED),
            scene.but(step=killed_at("revoked")).ctx,
            "operator",
            REQUEST,
        )
    assert OcspRefresher().look(scene.ctx) == 1
    assert models.OcspResponse.objects.using(scene.db.alias).get().revoked_at == scene.clock()


def test_what_has_ended_is_let_go(scene):
    held, rounds = enrolled(scene), OcspRefresher()
    scene.clock.now = scene.certificate(held.serial).span.not_after + SECOND
    assert rounds.look(scene.ctx) == 0
    assert updates(scene) == {}
    assert rounds.look(scene.ctx) == 0


def test_what_is_reserved_has_none(sqlite_scene):
    with pytest.raises(KilledError):
        enrolled(sqlite_scene.but(step=killed_at("10-signed")))
    assert OcspRefresher().look(sqlite_scene.ctx) == 0
    assert updates(sqlite_scene) == {}


def test_while_the_responders_are_away_nothing_is_lost(sqlite_scene):
    held = enrolled(sqlite_scene)
    other = enrolled(sqlite_scene.but(responders={}))
    begun = sqlite_scene.clock()
    sqlite_scene.responders.away = True
    sqlite_scene.clock.forward(DAY)
    assert OcspRefresher().look(sqlite_scene.ctx) == 0
    assert updates(sqlite_scene) == {held.serial: begun}
    sqlite_scene.responders.away = False
    assert OcspRefresher().look(sqlite_scene.ctx) == 2
    assert updates(sqlite_scene) == {held.serial: sqlite_scene.clock(), other.serial: sqlite_scene.clock()}


def test_a_clock_that_is_not_believed_dates_nothing(sqlite_scene):
    held, begun = enrolled(sqlite_scene), sqlite_scene.clock()
    sqlite_scene.clock.forward(DAY)
    assert OcspRefresher().look(sqlite_scene.but(issuance_allowed=lambda: False).ctx) == 0
    assert updates(sqlite_scene) == {held.serial: begun}
