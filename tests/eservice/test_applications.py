"""Applications of organisations.

Input stays in the form, one application waits at a time, and a decision is shown as it was made.
"""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.database.models import AccessApplication
from sinetti.domain.access.roles import Role
from tests.eservice.test_staff import APPEAL, MALLI, at_work, door, statements, text_of
from tests.support import golden
from tests.support.pages import notices
from tests.support.scene import add_organisation
from tests.support.users import account, mandate, signed_in

__all__ = ["door"]


def maija(scene, browser, role=Role.SIGNATORY):
    """Return the id of an organisation, and the browser of its representative."""
    organisation_id = add_organisation(scene, MALLI, frozenset())
    user = account(scene, "maija")
    mandate(scene, user, MALLI, role)
    return organisation_id, signed_in(browser, user)


def test_from_the_form_to_the_decision(sqlite_scene, browser, door):
    organisation_id, _ = maija(sqlite_scene, browser)
    assert "/settings/applications" in browser.get("/settings/applications").reply.body.decode()
    browser.get(f"/settings/applications/new?organisation={organisation_id}&lang=fi")
    browser.press("apply", software="Palkka 5")
    assert browser.page.xpath("//input[@name='software']/@value") == ["Palkka 5"]
    assert len(browser.page.xpath("//*[@class='wrong']")) == 2
    browser.press("apply", channels="WS", purpose="Palkkatiedot")
    made = AccessApplication.objects.get()
    assert (made.language, made.software, made.state) == ("fi", "Palkka 5", "open")
    browser.get(f"/settings/applications/new?organisation={organisation_id}&lang=en")
    browser.press("apply", channels="WS", purpose="More of it")
    assert AccessApplication.objects.count() == 1
    golden.check("sentences/applications/one-waits", {"en.txt": notices(browser)})
    assert browser.get(f"/settings/applications/{made.pk}/decision").reply.status == 404
    anna = at_work(sqlite_scene, door).get(f"/staff/applications/{made.pk}")
    anna.press("check-decide", verdict="refused", reason="Rajapintaa ei tarvita tähän.").press("decide")
    browser.get(f"/settings/applications/{made.pk}")
    assert "Rajapintaa ei tarvita tähän." in text_of(browser)
    assert spoken(browser, "fi") == ["Rajapintaa ei tarvita tähän."]
    browser.get(f"/settings/applications/{made.pk}/decision")
    assert "Hakemus hylätään." in text_of(browser)
    assert next(iter(APPEAL.values())) in text_of(browser)
    assert browser.page.xpath("//h1/@lang") == ["fi"]
    assert "Hakemus hylätään." in spoken(browser, "fi")
    anna.get(f"/staff/applications/{made.pk}?lang=en")
    assert "Hakemus hylätään." in spoken(anna, "fi")


def spoken(browser, language):
    """Return the paragraphs that are marked as written in a language other than the page's."""
    assert browser.page.xpath("string(/html/@lang)") != language
    return [one.text_content() for one in browser.page.xpath(f"//main//p[@lang='{language}']")]


def test_it_is_withdrawn_once(sqlite_scene, browser):
    organisation_id, _ = maija(sqlite_scene, browser)
    browser.get(f"/settings/applications/new?organisation={organisation_id}")
    browser.press("apply", channels="SFTP", purpose="Payroll")
    browser.press("check-withdraw").press("withdraw")
    assert AccessApplication.objects.get().state == "withdrawn"
    assert browser.buttons == []
    token = browser.cookies["__Host-csrf"]
    assert browser.post(browser.path, {"do": "withdraw", "csrfmiddlewaretoken": token}).reply.status == 200
    said = notices(browser).replace(AccessApplication.objects.get().case_number, "CASE")
    golden.check("sentences/applications/withdrawn-before", {"en.txt": said})


def test_who_may_not_is_told_which_right_is_missing(sqlite_scene, browser):
    organisation_id, _ = maija(sqlite_scene, browser, Role.VIEWER)
    for address in ("/settings/applications", f"/settings/applications/new?organisation={organisation_id}"):
        assert browser.get(address).reply.status == 403
    assert browser.get("/settings/applications/x").reply.status == 403


def test_a_page_takes_eight_statements_at_most(sqlite_scene, browser):
    organisation_id, _ = maija(sqlite_scene, browser)
    browser.get(f"/settings/applications/new?organisation={organisation_id}")
    browser.press("apply", channels="WS", purpose="Payroll")
    for address in (
        "/settings/applications",
        f"/settings/applications/new?organisation={organisation_id}",
        f"/settings/applications/{AccessApplication.objects.get().pk}",
    ):
        with CaptureQueriesContext(connections["default"]) as caught:
            assert browser.get(address).reply.status == 200
        assert len(statements(caught)) <= 8, statements(caught)


@pytest.mark.long
def test_who_represents_many_organisations_applies_for_each_of_them(sqlite_scene, browser):
    """The manager of many housing companies is such a user.

    No organisation, and no application, is left out.
    """
    ids = [f"many-{number:03}" for number in range(60)]
    by_id = {one: add_organisation(sqlite_scene, one, frozenset()) for one in ids}
    signed_in(browser, account(sqlite_scene, "manager"), outside=[(one, Role.SIGNATORY) for one in ids])
    ways = browser.get("/settings/applications").page.xpath("//tbody//a/@href")
    assert set(ways) < {f"/settings/applications/new?organisation={one}" for one in by_id.values()}
    (way,) = browser.get("/settings/applications?q=many-059").page.xpath("//tbody//a/@href")
    assert way.endswith(by_id["many-059"])
    for one in ids[:52]:
        browser.get(f"/settings/applications/new?organisation={by_id[one]}")
        browser.press("apply", channels="WS", purpose="Payroll")
    with CaptureQueriesContext(connections["default"]) as caught:
        page = browser.get("/settings/applications").page
    assert len(statements(caught)) <= 8, statements(caught)
    assert len(page.xpath("//tbody/tr")) == 50
    assert len(page.xpath("//main//a[contains(@href, '/new?organisation=')]")) == 8, "few are buttons"
    (after,) = page.xpath("//a[@rel='next']/@href")
    assert len(browser.get(after).page.xpath("//tbody/tr")) == 2
