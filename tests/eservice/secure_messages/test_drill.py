"""The page behind the answer link of a drill."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.database.models import Drill, DrillAnswer
from sinetti.domain.link_tokens import DRILL_LINK, link_token
from tests.support.authority import NOW
from tests.support.scene import TRANSFER_KEY


@pytest.fixture
def link(sqlite_scene):
    """Return the link in an e-mail of a drill."""
    using = sqlite_scene.db.alias
    drill = Drill.objects.using(using).create(officer="a17", reason="x", audience="holders", reach={}, created=NOW)
    row = models.OutboxMessage.objects.using(using).create(
        kind="drill", channel="email", step="x:email", created=NOW, due=NOW, sent=NOW, facts={"drill": drill.drill_id}
    )
    return f"/drill/{row.message_id}/{link_token(TRANSFER_KEY, DRILL_LINK, row.message_id)}"


def answers(scene):
    return DrillAnswer.objects.using(scene.db.alias).count()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_changes_nothing(sqlite_scene, browser, link, method):
    with CaptureQueriesContext(connections[sqlite_scene.db.alias]) as queries:
        browser.get(link, method)
    assert (browser.reply.status, answers(sqlite_scene)) == (200, 0)
    assert all(query["sql"].lstrip().startswith("SELECT") for query in queries)


def test_the_button_answers_once(sqlite_scene, browser, link):
    browser.get(link)
    assert browser.buttons == ["arrived"]
    browser.press("arrived")
    assert (answers(sqlite_scene), browser.buttons) == (1, [])
    browser.get(link)
    assert browser.buttons == []


def test_another_button_changes_nothing(sqlite_scene, browser, link):
    browser.get(link).press("arrived", do="else")
    assert (answers(sqlite_scene), browser.buttons) == (0, ["arrived"])


def test_another_link_does_not_work(sqlite_scene, browser, link):
    for other in (f"{link}a", f"/drill/{'0' * 32}/x"):
        browser.get(other)
        assert (browser.reply.status, browser.buttons) == (404, [])
    assert answers(sqlite_scene) == 0
