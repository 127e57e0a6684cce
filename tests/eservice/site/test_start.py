"""Start page of signed-in users: totals, the chart, and what it says without tasks."""

from datetime import timedelta

import pytest

from sinetti.domain.access.roles import Role
from sinetti.domain.values import Language
from sinetti.i18n.translate import format_month
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.firms import a_certificate, an_organisation, rows
from tests.support.pages import notices
from tests.support.users import account, mandate, signed_in

DAY = timedelta(days=1)


@pytest.fixture
def own(sqlite_scene):
    """Return the organisation of the user."""
    return rows(sqlite_scene, "Organisation").get(customer_id=CUSTOMER_ID)


@pytest.fixture
def maija(sqlite_scene, browser, own):
    """Return the browser of a manager."""
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.MANAGER)
    return signed_in(browser, user)


def tiles(browser):
    found = browser.page.xpath("//ul[@class='totals']/li")
    return {" ".join(one.xpath("string(.//span)").split()): one.xpath("string(.//b)") for one in found}


def test_the_only_certificate_is_shown_at_once(sqlite_scene, maija, own):
    one = a_certificate(sqlite_scene, own, sqlite_scene.ctx.now() + 3 * DAY)
    section = f"//section[.//a[@href='/settings/certificates/{one.serial}']]"
    golden.check("sentences/start/the-only-certificate", {"en.txt": notices(maija.get("/"), f"{section}/*")})
    assert maija.page.xpath(section)
    a_certificate(sqlite_scene, own, sqlite_scene.ctx.now() + 3 * DAY)
    assert maija.get("/").page.xpath(section) == []


def test_totals_and_each_bar_lead_to_their_list(sqlite_scene, maija, own):
    now = sqlite_scene.ctx.now()
    for days in (3, 100, 101):
        a_certificate(sqlite_scene, own, now + days * DAY)
    assert tiles(maija.get("/")) == {"In force": "3", "Need action": "1", "Ended within a year": "0"}
    month = f"{now + 100 * DAY:%Y-%m}"
    bars = maija.page.xpath(f"//figure//a[@href='/settings/certificates?ends={month}']")
    assert [one.xpath("*[@class='count']/text()") for one in bars] == [["2"]]
    assert [one.xpath("span/span[@class='aloud']/text()")[-1] for one in bars] == [
        format_month(now + 100 * DAY, Language.EN)
    ]
    assert maija.page.xpath("//figure//li//span[b]/@aria-hidden") == ["true"] * 3, "not read aloud: 3 2026"
    assert len(maija.page.xpath("//figure//li")) == 24


def test_it_does_not_say_that_all_is_well_while_something_ended(sqlite_scene, maija, own):
    said = {"all is well": notices(maija.get("/"))}
    assert maija.page.xpath("//div[contains(@class, 'good')]")
    now = sqlite_scene.ctx.now()
    a_certificate(sqlite_scene, own, now + 400 * DAY, revoked_at=now - DAY, revocation_reason="cessationOfOperation")
    said["something ended"] = notices(maija.get("/"))
    assert not maija.page.xpath("//main//div[contains(@class, 'good')]")
    golden.check("sentences/start/no-tasks", {"en.txt": golden.sections(said)})


def test_a_viewer_finds_how_to_request_an_authorisation(sqlite_scene, browser):
    user = account(sqlite_scene, "pekka")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.VIEWER)
    signed_in(browser, user).get("/")
    links = [one.partition("?")[0] for one in browser.page.xpath("//main//a/@href")]
    assert ("/settings/authorisations/ask" in links, "/settings/orders/new" in links) == (True, False)


def test_a_firm_sees_totals_over_its_clients(sqlite_scene, browser):
    user = account(sqlite_scene, "firm")
    an_organisation(sqlite_scene, "Firm")
    mandate(sqlite_scene, user, "Firm", Role.MANAGER)
    for number in range(3):
        client = an_organisation(sqlite_scene, f"Client {number}")
        mandate(sqlite_scene, "Firm", client.customer_id, Role.MANAGER, sqlite_scene.ctx.now() + 300 * DAY)
        a_certificate(sqlite_scene, client, sqlite_scene.ctx.now() + 300 * DAY)
    found = tiles(signed_in(browser, user).get("/"))
    assert (found["In force"], found["Clients"]) == ("3", "3")
    assert "/settings/clients" in browser.page.xpath("//ul[@class='totals']//a/@href")
