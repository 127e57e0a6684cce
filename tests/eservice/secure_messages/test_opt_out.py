"""The page behind the link *Not your task any more?*, before and after its button."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database import models
from sinetti.domain.access.roles import Role
from sinetti.domain.link_tokens import STOP_LINK, link_token
from sinetti.domain.notifications.messages import MessageChannel, MessageKind
from sinetti.domain.values import Language
from tests.support import golden
from tests.support.authority import NOW
from tests.support.pages import PARAGRAPHS, notices
from tests.support.scene import TRANSFER_KEY, enrolled


@pytest.fixture
def link(sqlite_scene):
    """Return the link in an e-mail to the contact of a certificate."""
    enrolled(sqlite_scene)
    using = sqlite_scene.db.alias
    lineage = models.Lineage.objects.using(using).get()
    row = models.OutboxMessage.objects.using(using).create(
        kind=MessageKind.REMINDER, channel=MessageChannel.EMAIL, step="60:email", created=NOW, due=NOW, sent=NOW,
        lineage=lineage, recipient=lineage.contact,
    )  # fmt: skip
    return f"/stop/{row.message_id}/{link_token(TRANSFER_KEY, STOP_LINK, row.message_id)}"


def with_signatory(scene):
    using = scene.db.alias
    person = models.Person.objects.using(using).create(name="S", email="s@customer.example", language="fi")
    organisation = models.Organisation.objects.using(using).get()
    models.RoleAssignment.objects.using(using).create(
        organisation=organisation, person=person, role=Role.SIGNATORY, valid_from=NOW
    )


def asked(scene):
    return models.OutboxMessage.objects.using(scene.db.alias).filter(kind=MessageKind.CONTACT_GONE).count()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_following_the_link_changes_nothing(sqlite_scene, browser, link, method):
    with CaptureQueriesContext(connections[sqlite_scene.db.alias]) as queries:
        browser.get(link, method)
    assert browser.reply.status == 200
    assert queries
    assert all(query["sql"].lstrip().startswith("SELECT") for query in queries)


def test_the_button_has_the_signatories_told_first(sqlite_scene, browser, link):
    with_signatory(sqlite_scene)
    browser.get(link)
    said = {"before": notices(browser, PARAGRAPHS)}
    assert browser.buttons == ["stop"]
    said["after"] = notices(browser.press("stop"), PARAGRAPHS)
    assert (asked(sqlite_scene), browser.buttons) == (1, [])
    golden.check("sentences/stopping/representatives-are-asked", {"en.txt": golden.sections(said)})
    assert models.Person.objects.using(sqlite_scene.db.alias).filter(stopped_at__isnull=False).count() == 0


def test_where_nobody_can_be_told_mail_goes_on(sqlite_scene, browser, link):
    said = {"before": notices(browser.get(link), PARAGRAPHS), "after": notices(browser.press("stop"), PARAGRAPHS)}
    golden.check("sentences/stopping/no-representative", {"en.txt": golden.sections(said)})


def test_mail_that_has_stopped(sqlite_scene, browser, link):
    models.Person.objects.using(sqlite_scene.db.alias).update(stopped_at=NOW)
    golden.check("sentences/stopping/stopped", {"en.txt": notices(browser.get(link), PARAGRAPHS)})
    assert browser.buttons == []


def test_who_is_named_for_nothing_any_more(sqlite_scene, browser, link):
    models.Lineage.objects.using(sqlite_scene.db.alias).update(contact=None)
    golden.check("sentences/stopping/no-tasks", {"en.txt": notices(browser.get(link), PARAGRAPHS)})
    assert browser.buttons == []


def test_a_form_that_asks_for_nothing_shows_the_page(sqlite_scene, browser, link):
    with_signatory(sqlite_scene)
    browser.get(link).press("stop", do="else")
    assert (asked(sqlite_scene), browser.buttons) == (0, ["stop"])


@pytest.mark.parametrize("language", Language)
def test_a_link_that_we_did_not_write(sqlite_scene, browser, link, language):
    browser.headers = {"accept-language": language}
    token = link.rpartition("/")[2]
    for other in (f"{link}a", f"/stop/{'0' * 32}/{token}", f"/stop/x/{token}", link.replace(token, "a" * 32)):
        browser.get(other)
        assert (browser.reply.status, browser.page.get("lang")) == (404, language)
