"""Common pages: start page, own settings, privacy and accessibility.

The content of the start page depends on the user.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from sinetti.domain.access.roles import Role
from sinetti.domain.operations.monitoring import Periods
from sinetti.domain.refusals import ERROR_CODES
from sinetti.domain.values import Language
from sinetti.eservice.site import accessibility
from sinetti.eservice.site.accessibility import (
    FINDINGS,
    LAST_RUN,
    AccessibilityData,
    Conformity,
    FindingsError,
    read_findings,
    read_run,
)
from sinetti.eservice.ui.guides import GUIDES, guide_of
from sinetti.i18n.translate import translate
from sinetti.notifications.templates.access_texts import NOT_RIGHT
from sinetti.notifications.templates.certificate_events import ORDER_IF_NEEDED
from sinetti.settings.portal import EserviceSettings, Logo, SupervisingAuthority
from tests.support.authority import CUSTOMER_ID
from tests.support.browser import Browser, people_door
from tests.support.firms import a_certificate, rows
from tests.support.scene import add_organisation
from tests.support.tools import script
from tests.support.users import account, mandate, signed_in
from tests.support.visits import NOT_WALKED, OWN_WALK, VISITS, patterns


def main_of(browser):
    return " ".join(browser.page.xpath("string(//main)").split())


def test_a_stranger_is_told_what_this_is_and_where_to_go(browser):
    browser.get("/")
    assert "/account/login" in browser.page.xpath("//main//a/@href")
    assert "prove" in main_of(browser)


def test_who_has_something_to_do_is_told_what(sqlite_scene, browser):
    maija = account(sqlite_scene, "maija")
    mandate(sqlite_scene, maija, CUSTOMER_ID, Role.VIEWER)
    signed_in(browser, maija)
    count = "string(//ul[@class='tasks']/li)"
    assert browser.get("/").page.xpath(count) == ""
    own = rows(sqlite_scene, "Organisation").get()
    a_certificate(sqlite_scene, own, sqlite_scene.ctx.now() + timedelta(days=3))
    assert browser.get("/").page.xpath(count).split()[0] == "1"
    a_certificate(sqlite_scene, own, sqlite_scene.ctx.now() + timedelta(days=4))
    assert browser.get("/").page.xpath(count).split()[0] == "2"


def test_who_lacks_the_second_factor_is_told_that_and_not_that_there_is_no_authorisation(sqlite_scene, browser):
    maija = account(sqlite_scene, "maija")
    mandate(sqlite_scene, maija, CUSTOMER_ID, Role.SIGNATORY)
    signed_in(browser, maija, second_factor=False)
    for page in ("/", "/settings/certificates"):
        assert browser.get(page).page.xpath("//main//a[contains(@href, '/account/security')]"), page


@pytest.mark.parametrize("language", Language)
def test_the_menu_has_the_names_that_pages_and_messages_have(sqlite_scene, browser, language):
    maija = account(sqlite_scene, "maija", language=language)
    mandate(sqlite_scene, maija, CUSTOMER_ID, Role.SIGNATORY)
    page = signed_in(browser, maija).get("/settings/certificates").page
    menu = page.xpath("string(//nav[@class='menu']/p)")
    names = [f"{menu} > {one.text_content()}" for one in page.xpath("//nav[@class='menu']//a")]
    assert page.xpath("string(//h1)") == names[0].removeprefix(f"{menu} > ")
    assert f"({names[0]})" in translate(ORDER_IF_NEEDED, language)
    assert f"({names[2]})" in translate(NOT_RIGHT, language, help="")


def test_a_clerk_is_led_to_the_clerks_pages(sqlite_scene, browser):
    signed_in(browser, account(sqlite_scene, "maija", staff=True))
    assert browser.get("/").page.xpath("//main//a[@class='button']/@href") == ["/staff"]


def test_own_settings_are_changed_and_the_page_changes_its_language(sqlite_scene, browser):
    maija = account(sqlite_scene, "maija")
    signed_in(browser, maija).get("/settings/profile").press("save", name="Maija M", reads="sv")
    assert (browser.page.get("lang"), len(browser.page.xpath("//main//*[@role='status']"))) == ("sv", 1)
    maija.refresh_from_db()
    assert (maija.name, maija.language) == ("Maija M", "sv")
    assert not browser.get("/settings/profile").page.xpath("//main//*[@role='status']")


def test_none_of_many_authorisations_is_left_out(sqlite_scene, browser):
    maija, ids = account(sqlite_scene, "maija"), [f"many-{number:03}" for number in range(51)]
    for one in ids:
        add_organisation(sqlite_scene, one, frozenset())
        mandate(sqlite_scene, maija, one, Role.VIEWER)
    mandate(sqlite_scene, maija, CUSTOMER_ID, Role.SIGNATORY)  # it waits for a second factor, and comes first
    first = signed_in(browser, maija, second_factor=False).get("/settings/profile").page
    (after,) = first.xpath("//a[@rel='next']/@href")
    pages = [first, browser.get(after).page]
    assert [len(page.xpath("//tbody/tr")) for page in pages] == [50, 1]
    text = " ".join(page.xpath("string(//tbody)") for page in pages)
    assert all(one in text for one in ids)


WRONG = {
    "no name": {"name": "", "reads": "fi"},
    "a language that we lack": {"name": "Maija", "reads": "de"},
    "a name of two lines": {"name": "Maija\nand a line of her own", "reads": "fi"},
    "a name that is read backwards": {"name": "Maija \u202eajiaM", "reads": "fi"},
}


@pytest.mark.parametrize("typed", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_and_kept(sqlite_scene, browser, typed):
    maija = account(sqlite_scene, "maija")
    signed_in(browser, maija).get("/settings/profile").press("save", **typed)
    assert browser.reply.status == 422
    assert browser.error
    assert browser.page.xpath("//input[@id='name']")[0].get("value", "") == typed["name"]
    maija.refresh_from_db()
    assert (maija.name, maija.language) == ("Maija", "en")


def with_settings(scene, **settings):
    """Return a browser before pages with these settings of the operator."""
    door = people_door(scene)
    given = {**door.given, "sinetti.eservice": replace(EserviceSettings(), **settings)}
    return Browser(replace(door, given=given))


def test_privacy_says_what_the_operator_decided(sqlite_scene):
    spoken = {one: f"Act 1, section 2 ({one})" for one in Language}
    periods = Periods(people=timedelta(days=1000))
    text = main_of(with_settings(sqlite_scene, legal_basis=spoken, periods=periods).get("/privacy"))
    assert "Act 1, section 2 (en)" in text
    assert "1,000 days" in text


LIVES = {
    "730 days": (timedelta(days=730), "730 days", "60 days"),
    "47 days": (timedelta(days=47), "47 days", "376 hours"),
    "a day": (timedelta(days=1), "1 day", "12 hours"),
}


@pytest.mark.parametrize(("life", "written", "window"), LIVES.values(), ids=LIVES)
def test_the_descriptions_have_the_lifetimes_of_the_authority(sqlite_scene, life, written, window):
    scene = replace(sqlite_scene, ctx=replace(sqlite_scene.ctx, validity=life))
    rows = Browser(people_door(scene)).get("/about").page.xpath("//main//tr[td]")
    cells = [" ".join(row.text_content().split()) for row in rows]
    for shown in (written, window, "14 days"):
        assert any(f" {shown}" in cell for cell in cells), shown


def test_the_interface_is_described_with_the_addresses_of_the_authority(sqlite_scene):
    places = {
        "soap_address": "https://soap.example/2017/10/CertificateServices",
        "status_address": "http://pki.example",
    }
    text = main_of(with_settings(sqlite_scene, **places).get("/interface"))
    for expected in (*places.values(), f"{places['soap_address']}?wsdl", "EC P256, EC P384, RSA 2048"):
        assert expected in text
    assert all(code in text for code in ERROR_CODES.values())
    assert "?wsdl" not in main_of(with_settings(sqlite_scene).get("/interface")), "an address that is not known"


@pytest.mark.parametrize("language", Language)
def test_a_page_links_to_its_guide_in_the_readers_language(sqlite_scene, browser, language):
    links = "//main//a[contains(@href, '/guide/')]/@href"
    shown = with_settings(sqlite_scene, documentation_url="https://docs.authority.example")
    assert shown.get(f"/fetch?lang={language}").page.xpath(links) == [
        f"https://docs.authority.example/{language}/guide/ordering.html"
    ]
    assert browser.get("/fetch").page.xpath(links) == []


def test_every_page_has_a_guide_that_is_translated():
    without = {"static/<str:name>", "session_time"}
    assert {guide_of(one) for one in set(patterns()) - without} <= set(script("docs").TRANSLATED)
    assert {guide_of(one) for one in without} == {""}
    assert not set(GUIDES) - {name for one in patterns() for name in (one, one.partition("_")[0])}, "no such page"


@pytest.mark.parametrize("language", Language)
def test_the_footer_is_the_operators_text(sqlite_scene, browser, language):
    footer = {one: f"Run by the Authority ({one})" for one in Language}
    with_footer = with_settings(sqlite_scene, footer=footer).get(f"/?lang={language}").page
    without = browser.get(f"/?lang={language}").page
    lines = [[one.text_content() for one in page.xpath("//footer//p")] for page in (with_footer, without)]
    assert lines[0] == [*lines[1], f"Run by the Authority ({language})"]
    assert len(lines[1]) == 1  # the help alone


def test_name_and_logo_of_the_operator(sqlite_scene, browser):
    logo, name = Logo(b"<svg/>", "image/svg+xml"), dict.fromkeys(Language, "The Authority")
    shown = with_settings(sqlite_scene, logo=logo, operator=name).get("/")
    assert shown.page.xpath("//footer//p[@class='operator']/text()") == ["The Authority"]
    (address,) = shown.page.xpath("//header//img[@alt='The Authority']/@src")
    reply = shown.get(address).reply
    assert (reply.status, reply.content_type, reply.body) == (200, "image/svg+xml", b"<svg/>")
    assert reply.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'; sandbox")
    assert browser.get(address).reply.status == 404, "another authority has another logo"


def test_the_statement_names_who_supervises_and_where_feedback_goes(sqlite_scene):
    supervisor = SupervisingAuthority(dict.fromkeys(Language, "The Supervisor"), "https://supervisor.example")
    browser = with_settings(sqlite_scene, supervising_authority=supervisor, accessibility_feedback="a@help.example")
    text = main_of(browser.get("/accessibility"))
    assert "The Supervisor" in text
    assert "within 14 days" in text
    links = browser.page.xpath("//main//a/@href")
    assert {"mailto:a@help.example", "https://supervisor.example"} <= set(links)


def test_every_page_links_to_the_documentation(sqlite_scene, browser):
    links = '//footer//a[text()="Documentation"]/@href'
    address = "https://docs.authority.example/"
    shown = with_settings(sqlite_scene, documentation_url=address)
    for page in ("/", "/privacy"):
        shown.get(page)
        assert shown.page.xpath(links) == [address]
        browser.get(page)
        assert browser.page.xpath(links) == []


RUN = (
    '{"date": "2026-11-26", "axe": "4", "languages": ["fi"], "widths": [320], "pages": ["start", "ask"], "findings": 0}'
)
AREA = """\
[[area]]
name = {{ fi = "m", sv = "m", en = "Area" }}
pages = [{pages}]
"""
PASSED = 'date = 2026-11-27\nmethod = [{{ fi = "m", sv = "m", en = "By keyboard" }}]\n' + AREA
GAP = '[[area.gap]]\ncriterion = "2.1.1"\ntext = { fi = "p", sv = "b", en = "No way out" }\n'
KNOWN = {
    "no page was evaluated": ("area = []", Conformity.NOT_EVALUATED),
    "one page of two": (PASSED.format(pages='"start"'), Conformity.PARTIAL),
    "both pages": (PASSED.format(pages='"start", "ask"'), Conformity.FULL),
    "both, and one is lacking": (PASSED.format(pages='"start", "ask"') + GAP, Conformity.PARTIAL),
}


@pytest.mark.parametrize(("written", "conformity"), KNOWN.values(), ids=KNOWN)
def test_what_may_be_said(browser, monkeypatch, written, conformity):
    found = AccessibilityData(read_findings(written), read_run(RUN))
    assert found.conformity is conformity
    monkeypatch.setattr("sinetti.eservice.site.accessibility.known", lambda: found)
    text = main_of(browser.get("/accessibility"))
    assert ("2.1.1" in text) == ("2.1.1" in written)


SPOILT = {
    "no TOML": "area = [",
    "no list": "",
    "no date": PASSED.format(pages="").replace("date", "day"),
    "a date in words": PASSED.format(pages="").replace("2026-11-27", '"today"'),
    "no Finnish": PASSED.format(pages="").replace('fi = "m", ', ""),
    "a gap without its criterion": PASSED.format(pages="") + GAP.replace("criterion", "number"),
}


@pytest.mark.parametrize("written", SPOILT.values(), ids=SPOILT)
def test_findings_that_say_something_else_are_refused(written):
    with pytest.raises(FindingsError):
        read_findings(written)


def test_the_last_run_is_of_the_pages_that_there_are():
    walked = {one.route for one in VISITS.values()} - set(NOT_WALKED)
    run = read_run(accessibility.place(LAST_RUN).read_text("utf-8"))
    assert set(run.pages) == walked, "the pages are others now: run `make accessibility`"
    assert (set(run.languages), set(run.widths), run.findings) == (set(Language), {320, 1280}, 0)
    by_hand = read_findings(accessibility.place(FINDINGS).read_text("utf-8"))
    assert by_hand is not None
    assert by_hand.pages == walked | set(OWN_WALK), "evaluate the new page, and add it to its area"
