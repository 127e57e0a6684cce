"""Rules for every page in every language: form, size, count of statements.

Every page is visited.
"""

import re
from collections import Counter
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.domain.values import Language
from sinetti.eservice.ui import static_files
from sinetti.server.http import Request
from tests.eservice.conftest import opened_register
from tests.support.browser import ADDRESS, people_door
from tests.support.scene import REQUEST, opened_scene
from tests.support.typed_forms import FORMS
from tests.support.visits import CLERK, NOT_WALKED, VISITS, patterns, populate

LARGEST = 150_000
STATEMENTS = 8
"""Count of statements of a page.

A page of a clerk has one more: a view is recorded while the clerk's rights are read again.
"""
REHEARSALS, REHEARSED = frozenset({"staff_invitation"}), 48
"""Pages that show the letters of their act by running it without effect, and their count of statements."""


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """Yield a population that the tests view and do not change."""
    with opened_register("sqlite", request, tmp_path_factory.mktemp("population"), alias="default") as db:
        yield populate(opened_scene(db), ADDRESS)


def test_every_page_is_visited():
    pages = set(patterns())
    visited = {one.route for one in VISITS.values()} | set(NOT_WALKED)
    assert not pages - visited, "add visits to tests/support/visits.py"
    assert not visited - pages, "these are no pages any more"


@pytest.mark.parametrize("name", VISITS)
def test_a_page(built, name):
    visit, texts = VISITS[name], []
    for language in Language:
        with CaptureQueriesContext(connections["default"]) as queries:
            browser = built.visited(visit, language.value)
        looked = [one["sql"] for one in queries if one["sql"].startswith("SELECT")]
        assert (browser.reply.status, browser.page.get("lang")) == (visit.status, language.value)
        if visit.sends is None:
            most = REHEARSED if visit.route in REHEARSALS else STATEMENTS + (visit.who == CLERK)
            assert len(looked) <= most, "\n".join(looked)
        sound(browser)
        if long := long_forms(browser.page):
            assert visit.route in FORMS, "add the form to tests/support/typed_forms.py"
            languages = set(browser.page.xpath("//nav[@class='languages']//button/@form"))
            assert languages == {long[0].get("id")}, "a change of language loses what is typed"
        texts.append(browser.page.xpath("string(//main)"))
    assert len(set(texts)) == len(Language), "not translated"


@pytest.mark.parametrize("language", Language)
def test_the_page_of_sign_in_and_security_has_one_name_wherever_something_leads_to_it(built, language):
    page = built.visited(VISITS["my second factor"], language.value)
    title, name = page.page.findtext(".//title"), page.heading
    assert title == f"{name} – Sinetti"
    ways = {}
    for visit in (
        "my second factor",
        "my e-mail address",
        "my settings",
        "start without the second factor",
        "certificates without the second factor",
    ):
        found = built.visited(VISITS[visit], language.value).page.xpath(
            "//a[@href='/account/security' or starts-with(@href, '/account/security?next=')]"
        )
        ways[visit] = [" ".join(one.text_content().split()) for one in found]
    assert {one for names in ways.values() for one in names} == {name}
    more = (
        "my e-mail address",
        "my settings",
        "start without the second factor",
        "certificates without the second factor",
    )
    assert all(len(ways[one]) > 1 for one in more), "beside the menu's"


def long_forms(page):
    """Return the forms with more than one field, of which at least one may be kept."""
    seen = "(.//input[not(@type='hidden')] | .//select | .//textarea)"
    return [
        one
        for one in page.xpath("//form[@method='post']")
        if len(set(one.xpath(f"{seen}/@name"))) > 1 and one.xpath(f"{seen}[not(@type='password' or @type='file')]")
    ]


def redirected(population, path, query=""):
    """Return the status and the location of the answer to a stranger's GET."""
    door = people_door(population.scene, address=population.address)
    reply = door(Request("GET", path, query, {"host": urlsplit(population.address).netloc}, REQUEST, b""))
    return reply.status, reply.headers.get("location")


def test_an_address_with_a_closing_slash_leads_to_the_page(built):
    for visit in VISITS.values():
        address = urlsplit(built.place(visit))
        if address.path != "/":
            assert redirected(built, f"{address.path}/", address.query) == (308, address.geturl()), visit.route


SLASHED = {
    "a page for clerks": ("/staff/organisations/", "/staff/organisations"),
    "no page for clerks": ("/staff/nothing/", "/staff/nothing"),
    "another host": ("//evil.example/", "/%2Fevil.example"),
    "another host, with backslashes": ("/\\evil.example/", "/%5Cevil.example"),
    "a line break": ("/a\r\nSet-Cookie: x/", "/a%0D%0ASet-Cookie:%20x"),
    "a question with a slash": ("/settings/certificates/?q=a/", "/settings/certificates?q=a/"),
}


@pytest.mark.parametrize(("asked", "leads"), SLASHED.values(), ids=SLASHED)
def test_slashes_reveal_nothing_and_lead_to_no_other_host(built, asked, leads):
    assert redirected(built, *asked.split("?")) == (308, leads)


def test_a_form_sent_to_an_address_with_a_slash_keeps_what_was_typed(built):
    browser = built.visited(VISITS["my settings"], "en")
    (form,) = (one for one in browser.page.forms if one.xpath(".//button[@value='save']"))
    browser.post("/settings/profile/", {**dict(form.form_values()), "do": "save", "name": "x" * 300})
    assert (browser.path, browser.reply.status) == ("/settings/profile", 422)
    assert browser.page.xpath("//input[@name='name']/@value") == ["x" * 300]


def sound(browser):
    """Check the rules for pages that a single page shows."""
    page, body = browser.page, browser.reply.body.decode()
    assert len(browser.reply.body) <= LARGEST
    assert not page.xpath("//style | //@style | //script[not(@src)] | //@*[starts-with(name(), 'on')]"), "inline"
    outside = [one for one in page.xpath("//link/@href | //script/@src | //img/@src") if not one.startswith("/static/")]
    assert not outside
    assert "None" not in page.xpath("string(//main)"), "a value that is not there"
    assert not re.search(r"\{[a-z_]+\}", page.xpath("string(//main)")), "a placeholder that nothing filled"
    headings = [int(one.tag[1]) for one in page.xpath("//h1 | //h2 | //h3 | //h4")]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(headings)), headings
    twice = [one for one, count in Counter(page.xpath("//@id")).items() if count > 1]
    assert not twice, twice
    ids = set(page.xpath("//@id"))
    named = {one for each in page.xpath("//@aria-describedby | //@aria-labelledby") for one in each.split()}
    assert named | set(page.xpath("//label/@for")) <= ids
    for one in page.xpath("//input[not(@type='hidden')] | //select | //textarea"):
        assert one.xpath(f"//label[@for='{one.get('id')}']") or one.get("aria-labelledby"), one.get("name")
    for one in page.xpath("//a[@href] | //button"):
        assert one.text_content().strip() or one.get("aria-label")
    says_where_links_lead(page)
    assert all(static_files.named(one) in body for one in (*static_files.STYLES, "page.js"))
    for link in page.xpath("//*[@role='alert']//a/@href"):
        assert link.removeprefix("#") in ids, "an error leads to its field"


VAGUE = re.compile(
    r"(click )?here|(read |learn |see )?more|link|this( page| link)?|details|"
    r"(lue )?lisää|täällä|täältä|tästä|tämä|linkki|klikkaa( tästä)?|"
    r"(läs )?mer|här|klicka( här)?|länk|denna( sida)?|\W*",
    re.IGNORECASE,
)
BARE = re.compile(r"\s*(https?://|www\.)\S+\s*", re.IGNORECASE)


def says_where_links_lead(page):
    """Check that a link's text says where it leads (WCAG 2.4.4).

    In a row of a table and beside a name, the row and the name say the rest.
    """
    leads = {}
    for link in page.xpath("//a[@href]"):
        text = " ".join((link.get("aria-label") or link.text_content()).split())
        assert not VAGUE.fullmatch(text), text
        assert not BARE.fullmatch(text), text
        if not link.xpath("ancestor::td | ancestor::th | ancestor::dd"):
            leads.setdefault(text, set()).add(link.get("href").partition("?")[0])
    assert not {text: places for text, places in leads.items() if len(places) > 1}, "one text, several places"
