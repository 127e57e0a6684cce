"""First page of clerks: search, work by age, state of the service, figures."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database.operations.figures import load_figures, store_figures
from sinetti.domain.access.roles import Role
from sinetti.domain.operations.figures import FLEET, STALE_AFTER, HealthKind
from sinetti.services.monitoring.figures import refresh_figures
from tests.eservice.site.test_common import main_of
from tests.support import golden
from tests.support.clerks import looked
from tests.support.firms import a_certificate, a_person, an_organisation, rows
from tests.support.pages import notices
from tests.support.users import account, mandate, signed_in
from tests.support.visits import PURPOSE

DAY = timedelta(days=1)


@pytest.fixture
def anna(sqlite_scene, browser):
    """Return the browser of a clerk who has stated a purpose."""
    return signed_in(browser, account(sqlite_scene, "anna", staff=True), keeps={PURPOSE: "support"})


def an_application(scene, age, **changes):
    one = an_organisation(scene, f"Applicant {age.days}")
    terms = {"case_number": str(age.days), "channels": ["WS"], "purpose": "p", "language": "fi", "state": "open"}
    rows(scene, "AccessApplication").create(organisation=one, created=scene.ctx.now() - age, **terms, **changes)


def tasks(browser):
    return [" ".join(one.text_content().split()) for one in browser.page.xpath("//ul[@class='tasks']/li")]


def test_the_work_stands_by_urgency_and_age(sqlite_scene, anna):
    now = sqlite_scene.ctx.now()
    said = {"nothing": notices(anna.get("/staff"))}
    assert tasks(anna) == []
    an_application(sqlite_scene, 5 * DAY)
    an_application(sqlite_scene, DAY)
    own = {"officer": f"user.{rows(sqlite_scene, 'User').get().pk}", "reason": "superseded", "serials": [], "count": 0}
    rows(sqlite_scene, "BulkRevocation").create(created=now, expires=now + DAY, **own)
    rows(sqlite_scene, "BulkRevocation").create(created=now, expires=now + DAY, **{**own, "officer": "user.x"})
    fleet, contact = an_organisation(sqlite_scene, "Fleet"), a_person(sqlite_scene, "contact@malli.example")
    for number in range(FLEET):
        a_certificate(sqlite_scene, fleet, now + (3 + number) * DAY, contact if number else None)
    refresh_figures(sqlite_scene.ctx)
    assert [one.split()[0] for one in tasks(anna.get("/staff"))] == ["1", "1", "2", "1"]
    links = [one.partition("?")[0] for one in anna.page.xpath("//ul[@class='tasks']/li//a/@href")]
    assert links == ["/staff/tasks/fleets", "/staff/tasks/contactless", "/staff/applications", "/staff/revocations"]
    said["work"] = notices(anna, "//ul[@class='tasks']/li", "//ul[@class='tasks']/following-sibling::p")
    golden.check("sentences/clerks-start/work", {"en.txt": golden.sections(said)})


def test_the_page_has_no_personal_data_and_is_not_logged(sqlite_scene, browser):
    signed_in(browser, account(sqlite_scene, "anna", staff=True))
    a_certificate(sqlite_scene, an_organisation(sqlite_scene, "Fleet"), sqlite_scene.ctx.now() + DAY)
    refresh_figures(sqlite_scene.ctx)
    text = main_of(browser.get("/staff"))
    assert ("Fleet" in text, looked(sqlite_scene)) == (False, [])


def test_a_list_of_organisations_is_logged(sqlite_scene, anna):
    fleet = an_organisation(sqlite_scene, "Fleet")
    a_certificate(sqlite_scene, fleet, sqlite_scene.ctx.now() + DAY)
    refresh_figures(sqlite_scene.ctx)
    anna.get("/staff/tasks/contactless")
    (row,) = anna.page.xpath("//tbody/tr")
    assert " ".join(row.text_content().split()).startswith("Fleet Fleet 1")
    assert row.xpath(".//a/@href") == [f"/staff/organisations/{fleet.pk}"]
    assert looked(sqlite_scene) == [("search:certificates", {"purpose": "support"})]
    assert not anna.get("/staff/tasks/fleets").page.xpath("//tbody/tr")
    assert anna.get("/staff/tasks/other").reply.status == 404


HEALTH = {
    "all is well": {},
    "old lists": {HealthKind.LISTS: 96},
    "failed messages": {HealthKind.FAILED: 2},
    "a wrong clock": {HealthKind.CLOCK: 1},
}


def test_the_state_of_the_service_is_in_words(sqlite_scene, anna):
    state = "//main//*[starts-with(@class, 'notice ')]"
    said = {"not counted yet": notices(anna.get("/staff"), state)}
    refresh_figures(sqlite_scene.ctx)
    found = load_figures(sqlite_scene.db)
    for name, health in HEALTH.items():
        store_figures(sqlite_scene.db, replace(found, health=health))
        said[name] = notices(anna.get("/staff"), state)
    store_figures(sqlite_scene.db, replace(found, machine_at=found.machine_at - 2 * STALE_AFTER))
    said["the background work has stopped"] = notices(anna.get("/staff"), state)
    assert len(set(said.values())) == len(HEALTH) + 2
    golden.check("sentences/clerks-start/state-of-the-service", {"en.txt": golden.sections(said)})


def test_refusals_stand_by_their_number(sqlite_scene, anna):
    now = sqlite_scene.ctx.now()
    one = a_certificate(sqlite_scene, an_organisation(sqlite_scene, "Fleet"), now + DAY)
    for reason in ("key-reused", "too-early", "too-early", "of an older version"):
        rows(sqlite_scene, "RejectedRequest").create(
            lineage=one.lineage, reason=reason, operation="renew", at=now, request_id="0" * 32
        )
    refresh_figures(sqlite_scene.ctx)
    anna.get("/staff")
    table = anna.page.xpath("//table[.//th[contains(., 'Reason')]]/tbody/tr")
    assert [row.text_content().split()[-1] for row in table] == ["2", "1"]


def test_the_page_takes_few_statements(sqlite_scene, anna):
    refresh_figures(sqlite_scene.ctx)
    anna.get("/staff")
    with CaptureQueriesContext(connections[sqlite_scene.db.alias]) as caught:
        anna.get("/staff")
    assert len(caught) <= 6, [one["sql"][:80] for one in caught]


SEARCHES = {
    "a part of a name": ("orhone", ["Tmi Korhonen"]),
    "a part of an address": ("maija@pe", ["Tmi Korhonen"]),
    "what no organisation has": ("zzz", []),
}


@pytest.mark.parametrize(("text", "expected"), SEARCHES.values(), ids=SEARCHES)
def test_the_search_finds_organisations_and_people(sqlite_scene, anna, text, expected):
    korhonen = an_organisation(sqlite_scene, "Tmi Korhonen")
    mandate(sqlite_scene, account(sqlite_scene, "maija"), "Tmi Korhonen", Role.SIGNATORY)
    (form,) = (one for one in anna.get("/staff").page.forms if one.get("id") == "everything")
    anna.get(f"{form.action}?text={text}")
    found = anna.page.xpath("//section[h2='Organisations']//tbody//a")
    assert [one.text_content().strip() for one in found] == expected
    assert {one.get("href") for one in found} <= {f"/staff/organisations/{korhonen.pk}"}
    (place, facts), *others = looked(sqlite_scene)
    assert (place, sorted(facts), others) == ("search:certificates", ["purpose", "search"], [])


def test_a_search_with_many_organisations_leads_to_all_of_them(sqlite_scene, anna):
    for number in range(11):
        an_organisation(sqlite_scene, f"Client {number}")
    anna.get("/staff/certificates?text=client")
    assert len(anna.page.xpath("//section[h2='Organisations']//tbody/tr")) == 10
    assert "/staff/organisations?text=client" in anna.page.xpath("//section[h2='Organisations']//a/@href")
