"""Choice of the organisation for which a user acts: what it narrows, and that it gives no right."""

from datetime import timedelta

import pytest

from sinetti.domain.access.roles import Role
from sinetti.eservice.site.acting_for import SHOWN
from tests.eservice.site.test_common import main_of
from tests.support import golden
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.firms import a_certificate, an_organisation, rows
from tests.support.pages import notices
from tests.support.users import account, mandate, signed_in

DAY = timedelta(days=1)


@pytest.fixture
def maija(sqlite_scene, browser):
    """Return the browser of a manager of two organisations, each with a certificate that ends soon."""
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.MANAGER)
    korhonen = an_organisation(sqlite_scene, "Tmi Korhonen")
    mandate(sqlite_scene, user, "Tmi Korhonen", Role.MANAGER)
    for one in (rows(sqlite_scene, "Organisation").get(customer_id=CUSTOMER_ID), korhonen):
        a_certificate(sqlite_scene, one, sqlite_scene.ctx.now() + 3 * DAY)
    return signed_in(browser, user)


def id_of(scene, customer_id):
    return rows(scene, "Organisation").get(customer_id=customer_id).pk


def header_of(browser):
    return " ".join(browser.page.xpath("string(//header//*[contains(@class, 'acting')])").split())


def soon(browser):
    """Return the number that the first task begins with."""
    return browser.page.xpath("string(//ul[@class='tasks']/li)").split()[0]


def test_the_choice_narrows_the_start_page_and_is_kept(sqlite_scene, maija):
    assert soon(maija.get("/")) == "2"
    assert " 2 " in header_of(maija)
    maija.get("/settings/acting-for").press("represent", represented=id_of(sqlite_scene, "Tmi Korhonen"))
    assert soon(maija) == "1"
    assert "Tmi Korhonen (Tmi Korhonen)" in header_of(maija.get("/settings/certificates"))
    maija.get("/settings/acting-for").press("represent", represented="all")
    assert soon(maija) == "2"


def test_a_choice_whose_role_has_ended_is_ignored(sqlite_scene, maija):
    maija.get("/settings/acting-for").press("represent", represented=id_of(sqlite_scene, "Tmi Korhonen"))
    rows(sqlite_scene, "RoleAssignment").filter(organisation__name="Tmi Korhonen").update(
        withdrawn_at=sqlite_scene.ctx.now()
    )
    assert (soon(maija.get("/")), "Korhonen" in header_of(maija)) == ("1", False)


SIDES = {
    "the giver's page": ("/settings/authorisations", Role.SIGNATORY),
    "the firm's page": ("/settings/clients", Role.MANAGER),
}


@pytest.mark.parametrize(("page", "role"), SIDES.values(), ids=SIDES)
def test_pages_of_one_organisation_are_those_of_the_chosen_one(sqlite_scene, browser, page, role):
    user = account(sqlite_scene, "pekka")
    an_organisation(sqlite_scene, "Tmi Korhonen")
    for one in (CUSTOMER_ID, "Tmi Korhonen"):
        mandate(sqlite_scene, user, one, role)
    pekka = signed_in(browser, user)
    assert len(pekka.get(page).page.xpath("//tbody/tr")) == 2, "while the user acts for all"
    pekka.get("/settings/acting-for").press("represent", represented=id_of(sqlite_scene, "Tmi Korhonen"))
    assert "Tmi Korhonen" in main_of(pekka.get(page))
    (every,) = pekka.page.xpath(f"//main//a[starts-with(@href, '{page}?organisation=')]/@href")
    assert len(pekka.get(every).page.xpath("//tbody/tr")) == 2
    other = id_of(sqlite_scene, CUSTOMER_ID)
    assert "Tmi Korhonen" not in main_of(pekka.get(f"{page}?organisation={other}")), "an address takes precedence"


def test_a_represented_client_does_not_hide_the_firm(sqlite_scene, browser):
    user = account(sqlite_scene, "pekka")
    for one in ("firm", "client"):
        an_organisation(sqlite_scene, one)
    mandate(sqlite_scene, user, "firm", Role.MANAGER)
    mandate(sqlite_scene, "firm", "client", Role.MANAGER, sqlite_scene.ctx.now() + 30 * DAY)
    pekka = signed_in(browser, user)
    pekka.get("/settings/acting-for").press("represent", represented=id_of(sqlite_scene, "client"))
    assert pekka.get("/settings/clients").reply.status == 200
    (ending,) = pekka.get("/").page.xpath("//ul[@class='tasks']//a/@href")
    assert ending.startswith("/settings/clients?show=ending")


def test_tasks_about_authorisations_are_those_of_the_chosen_organisation(sqlite_scene, browser):
    user = account(sqlite_scene, "pekka")
    an_organisation(sqlite_scene, "Tmi Korhonen")
    for one in (CUSTOMER_ID, "Tmi Korhonen"):
        mandate(sqlite_scene, user, one, Role.SIGNATORY)
        mandate(
            sqlite_scene, account(sqlite_scene, f"viewer-{len(one)}"), one, Role.VIEWER, sqlite_scene.ctx.now() + DAY
        )
    pekka = signed_in(browser, user)
    assert soon(pekka.get("/")) == "2"
    pekka.get("/settings/acting-for").press("represent", represented=id_of(sqlite_scene, "Tmi Korhonen"))
    assert soon(pekka.get("/")) == "1"


@pytest.mark.parametrize("sent", ["0" * 32, "", "ALL"])
def test_an_organisation_of_others_is_not_chosen(sqlite_scene, maija, sent):
    page = maija.get("/settings/acting-for").press("represent", represented=sent)
    assert (page.reply.status, bool(page.error)) == (422, True)
    golden.check("sentences/acting-for/an-organisation-of-others", {"en.txt": notices(page)})
    assert " 2 " in header_of(maija.get("/"))


def test_a_new_name_is_shown_at_once(sqlite_scene, maija):
    maija.get("/settings/acting-for").press("represent", represented=id_of(sqlite_scene, "Tmi Korhonen"))
    rows(sqlite_scene, "Organisation").filter(name="Tmi Korhonen").update(name="Korhonen Oy")
    assert "Korhonen Oy" in header_of(maija.get("/settings/certificates"))


def test_the_only_organisation_is_named_without_a_switch(sqlite_scene, browser):
    user = account(sqlite_scene, "pekka")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.VIEWER)
    signed_in(browser, user).get("/")
    assert CUSTOMER_ID in header_of(browser)
    assert browser.page.xpath("//header//a[contains(@href, 'acting-for')]") == []


def test_few_of_many_are_shown_and_others_are_found(sqlite_scene, browser):
    user = account(sqlite_scene, "firm")
    for number in range(SHOWN + 2):
        an_organisation(sqlite_scene, f"Client {number:03d}")
        mandate(sqlite_scene, user, f"Client {number:03d}", Role.VIEWER)
    signed_in(browser, user).get("/settings/acting-for")
    assert len(browser.page.xpath("//input[@type='radio']")) == SHOWN + 1, "and all of them"
    assert f" {SHOWN} of {SHOWN + 2} " in main_of(browser)
    browser.get("/settings/acting-for?find=T+051")
    assert browser.page.xpath("//input[@type='radio']/@value") == ["all", id_of(sqlite_scene, "Client 051")]
    assert browser.get("/settings/acting-for?find=korhonen").page.xpath("//input[@type='radio']/@value") == []


def test_strangers_sign_in_first(sqlite_scene):
    reply = Browser(people_door(sqlite_scene)).get("/settings/acting-for").reply
    assert reply.headers["location"].startswith("/account/login")
