"""Count of the authority's figures: its turn, and each problem of the service that clerks see."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.database.operations.figures import load_figures
from sinetti.domain.notifications.messages import MessageKind
from sinetti.domain.operations.figures import COUNTED_EVERY, HealthKind
from sinetti.services.monitoring.figures import refresh_figures
from sinetti.services.status.crl import refresh_crls
from tests.support.firms import a_message, a_person
from tests.support.scene import REQUEST

DAY = timedelta(days=1)


def old_lists(scene):
    refresh_crls(scene.ctx, REQUEST)
    scene.clock.now += 4 * DAY


def old_answers(scene):
    now = scene.ctx.now()
    models.OcspResponse.objects.using(scene.db.alias).create(
        authority="ca", serial="01", sha1=b"", sha256=b"", this_update=now - 4 * DAY, next_update=now + 3 * DAY
    )


def late_messages(scene):
    a_message(scene, a_person(scene, "a@malli.example"), sent=None, due=scene.ctx.now() - DAY)


def failed_messages(scene):
    a_message(scene, a_person(scene, "a@malli.example"), sent=None, failed_at=scene.ctx.now())


PROBLEMS = {
    "none": (lambda _desk: None, {}),
    "old revocation lists": (old_lists, {HealthKind.LISTS: 96}),
    "old status responses": (old_answers, {HealthKind.ANSWERS: 96}),
    "late messages": (late_messages, {HealthKind.MESSAGES: 1}),
    "failed messages": (failed_messages, {HealthKind.FAILED: 1}),
}


@pytest.mark.parametrize(("happens", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_problems(sqlite_scene, happens, expected):
    happens(sqlite_scene)
    assert refresh_figures(sqlite_scene.ctx)
    assert load_figures(sqlite_scene.db).health == expected


def test_a_clock_in_doubt_is_a_problem(sqlite_scene):
    refresh_figures(replace(sqlite_scene.ctx, issuance_allowed=lambda: False))
    assert load_figures(sqlite_scene.db).health == {HealthKind.CLOCK: 1}


def test_messages_that_are_held_back_are_not_late(sqlite_scene):
    late_messages(sqlite_scene)
    refresh_figures(sqlite_scene.ctx, {MessageKind.REMINDER})
    assert load_figures(sqlite_scene.db).health == {}


def test_the_count_has_its_turn_every_ten_minutes(sqlite_scene):
    ctx, machine = sqlite_scene.ctx, sqlite_scene.ctx.machine_now()
    later = [0 * COUNTED_EVERY, COUNTED_EVERY / 2, COUNTED_EVERY]
    turns = [refresh_figures(replace(ctx, machine_now=lambda at=machine + one: at)) for one in later]
    assert turns == [True, False, True]
    assert load_figures(sqlite_scene.db).machine_at == machine + COUNTED_EVERY
