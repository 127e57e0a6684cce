"""Alerts to operators: each finding once a week, at each address."""

from datetime import UTC, datetime, timedelta

from sinetti.database import models
from sinetti.notifications.planning.events import LOOKED_EVERY, plan_findings, time_to_look
from tests.support.mailrooms import a_mailroom

MONDAY = datetime(2027, 3, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def rows(scene):
    found = models.OutboxMessage.objects.using(scene.db.alias).filter(kind="operator").order_by("created", "address")
    return [(row.address, row.facts["finding"], row.facts["text"], row.step) for row in found]


def test_one_node_looks_in_an_hour(scene):
    ctx = a_mailroom(scene)
    looked = [time_to_look(ctx, at) for at in (MONDAY, MONDAY, MONDAY + LOOKED_EVERY - timedelta(seconds=1))]
    assert looked == [True, False, False]
    assert time_to_look(ctx, MONDAY + LOOKED_EVERY)


def test_once_a_week_for_each_finding_and_operator(scene):
    ctx = a_mailroom(scene, operators=("one@pki.example", "two@pki.example", "ONE@pki.example"))
    findings = {"list-old": "a list is old", "answer-old": None}
    assert plan_findings(ctx, findings, MONDAY) == 2
    assert plan_findings(ctx, findings, MONDAY) == 0
    last = MONDAY + WEEK - timedelta(seconds=1)
    assert plan_findings(ctx, {"list-old": "a list is older"}, last) == 0, "a changed sentence queues none"
    assert rows(scene) == [
        ("one@pki.example", "list-old", "a list is old", "2027-W09:email"),
        ("two@pki.example", "list-old", "a list is old", "2027-W09:email"),
    ]
    assert plan_findings(ctx, {**findings, "answer-old": "answers are old"}, last) == 2, "another finding"
    assert plan_findings(ctx, findings, MONDAY + WEEK) == 2, "the next week"


def test_the_last_days_of_a_year_are_of_the_week_that_they_lie_in(sqlite_scene):
    ctx = a_mailroom(sqlite_scene)
    for day in (datetime(2027, 12, 31, tzinfo=UTC), datetime(2028, 1, 2, tzinfo=UTC)):
        plan_findings(ctx, {"list-old": "a list is old"}, day)
    assert [row[3] for row in rows(sqlite_scene)] == ["2027-W52:email"]


def test_nothing_found_and_nobody_to_tell(sqlite_scene):
    assert plan_findings(a_mailroom(sqlite_scene), {"list-old": None}, MONDAY) == 0
    assert plan_findings(a_mailroom(sqlite_scene, operators=()), {"list-old": "a list is old"}, MONDAY) == 0
