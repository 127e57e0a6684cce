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
from tests.support.service_context import REQUEST

DAY = timedelta(days=1)


def old_lists(desk):
    refresh_crls(desk.ctx, REQUEST)
    desk.clock.now += 4 * DAY


def old_answers(desk):
    now = desk.ctx.now()
    models.OcspResponse.objects.using(desk.db.alias).create(
        authority="ca", serial="01", sha1=b"", sha256=b"", this_update=now - 4 * DAY, next_update=now + 3 * DAY
    )


def late_messages(desk):
    a_message(desk, a_person(desk, "a@malli.example"), sent=None, due=desk.ctx.now() - DAY)


def failed_messages(desk):
    a_message(desk, a_person(desk, "a@malli.example"), sent=None, failed_at=desk.ctx.now())


PROBLEMS = {
    "none": (lambda _desk: None, {}),
    "old revocation lists": (old_lists, {HealthKind.LISTS: 96}),
    "old status responses": (old_answers, {HealthKind.ANSWERS: 96}),
    "late messages": (late_messages, {HealthKind.MESSAGES: 1}),
    "failed messages": (failed_messages, {HealthKind.FAILED: 1}),
}


@pytest.mark.parametrize(("happens", "expected"), PROBLEMS.values(), ids=PROBLEMS)
def test_problems(sqlite_desk, happens, expected):
    happens(sqlite_desk)
    assert refresh_figures(sqlite_desk.ctx)
    assert load_figures(sqlite_desk.db).health == expected


def test_a_clock_in_doubt_is_a_problem(sqlite_desk):
    refresh_figures(replace(sqlite_desk.ctx, issuance_allowed=lambda: False))
    assert load_figures(sqlite_desk.db).health == {HealthKind.CLOCK: 1}


def test_messages_that_are_held_back_are_not_late(sqlite_desk):
    late_messages(sqlite_desk)
    refresh_figures(sqlite_desk.ctx, {MessageKind.REMINDER})
    assert load_figures(sqlite_desk.db).health == {}


def test_the_count_has_its_turn_every_ten_minutes(sqlite_desk):
    ctx, machine = sqlite_desk.ctx, sqlite_desk.ctx.machine_now()
    later = [0 * COUNTED_EVERY, COUNTED_EVERY / 2, COUNTED_EVERY]
    turns = [refresh_figures(replace(ctx, machine_now=lambda at=machine + one: at)) for one in later]
    assert turns == [True, False, True]
    assert load_figures(sqlite_desk.db).machine_at == machine + COUNTED_EVERY
