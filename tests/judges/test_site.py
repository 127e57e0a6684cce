"""Documentation site as `make docs` builds it: links, languages, search, axe and narrow windows."""

import json
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from lxml import html

from tests.house.tree import DOCS, ROOT
from tests.judges.walk import AXE, COLOURS, RULES
from tests.support.chromium import PATIENCE, started_chromium
from tests.support.postgres import skip_or_fail
from tests.support.tools import script

SITE = ROOT / "build" / "docs"
TOOL = script("docs")
WIDTHS = (1280, 360)
SAMPLE = (
    *("index", "search", "commands", "holders/index", "holders/client", "holders/agent", "integrators/integrators"),
    *("integrators/errors", "relying/gateway", "operators/deploy", "e-service/authorisations", "contributors/judges"),
)
"""Pages that differ most in their tables, code and length; all have the same templates."""
COLOURED = {"index", "search", "commands", "integrators/errors", "integrators/integrators"}
"""Pages whose contrast is measured, which takes most of the time: text, search, output, tables and code."""
WITHOUT_COLOURS = {**RULES, "rules": {"color-contrast": {"enabled": False}}}
"""Rules for the other pages and languages, which have the same colours."""
FOUND_BY = {"fi": "virkailijat", "sv": "handläggare", "en": "clerks"}
"""Words of e-service/index, in a form that is not that of the page where the language has several."""
OUTSIDE = {
    "https://c2sp.org/signed-note",
    "https://c2sp.org/tlog-checkpoint",
    "https://c2sp.org/tlog-cosignature",
    "https://c2sp.org/tlog-proof",
    "https://c2sp.org/tlog-tiles",
    "https://c2sp.org/tlog-witness",
    "https://www.iana.org/assignments/enterprise-numbers/",
    "https://www.rfc-editor.org/rfc/rfc6962.html",
}
"""Addresses outside the site that a link may have; loading from elsewhere is never allowed."""
LOADING = {"img": "src", "script": "src", "link": "href", "source": "src", "iframe": "src", "object": "data"}
_VIOLATIONS = """options => axe.run(document, options)
  .then(found => found.violations.map(one => [one.id, one.nodes[0].html]))"""


@cache
def trees() -> dict[Path, html.HtmlElement]:
    """Return every page of the built site, parsed."""
    if not (SITE / "index.html").is_file():
        skip_or_fail("the site is not built: make docs")
    return {path: html.parse(str(path)).getroot() for path in sorted(SITE.rglob("*.html"))}


@cache
def anchors(page: Path) -> frozenset[str]:
    return frozenset(trees()[page].xpath("//@id"))


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_arguments):
        """Write nothing."""


@pytest.fixture(scope="module")
def address():
    """Yield the address of the site over HTTP."""
    assert trees()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(SITE)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def page(address):
    """Yield a page of Chromium that opens addresses of the site alone."""
    with started_chromium() as browser:
        context = browser.new_context(base_url=address, reduced_motion="reduce", color_scheme="light")
        context.set_default_timeout(PATIENCE)
        context.add_init_script(AXE.axe_script)
        context.route(lambda url: not url.startswith(address), lambda route: route.abort())
        yield context.new_page()
        context.close()


def test_every_document_is_a_page_in_every_language():
    names = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    for language in TOOL.LANGUAGES:
        assert names <= {path.relative_to(SITE / language) for path in trees() if path.is_relative_to(SITE / language)}


def test_every_link_leads_somewhere():
    dead, outside = [], set()
    for place, tree in trees().items():
        for target in tree.xpath("//@href | //@src"):
            address, fragment = urldefrag(target)
            if urlsplit(target).scheme or target.startswith("//"):
                outside.add(target)
                continue
            found = (place.parent / unquote(urlsplit(address).path)).resolve() if address else place
            there = found.is_file() and found.is_relative_to(SITE)
            if not there or (fragment and found.suffix == ".html" and unquote(fragment) not in anchors(found)):
                dead.append((place, target))
    assert dead == []
    assert outside == OUTSIDE


def test_nothing_is_loaded_from_elsewhere():
    loaded = {tree.get(LOADING[tree.tag], "") for one in trees().values() for tree in one.iter(*LOADING)}
    assert not [one for one in loaded if urlsplit(one).scheme or one.startswith("//")]
    for path in SITE.rglob("*.css"):
        assert "url(http" not in path.read_text(encoding="utf-8").replace('url("', "url(")
        assert "@import" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", TOOL.LANGUAGES)
def test_a_page_has_its_language_and_a_link_to_the_others(language):
    for place, tree in trees().items():
        if place.is_relative_to(SITE / language):
            assert tree.get("lang") == language
            name = place.relative_to(SITE / language).as_posix()
            others = {
                (place.parent / one).resolve().relative_to(SITE).as_posix()
                for one in tree.xpath("//nav[contains(@class, 'languages')]//a/@href")
            }
            assert others == {f"{one}/{name}" for one in TOOL.LANGUAGES if one != language}


def test_the_catalogues_have_the_texts_of_the_pages():
    code, texts = TOOL.page_texts()
    assert code == 0
    for language in TOOL.TRANSLATIONS:
        for name, ids in texts.items():
            kept = [one.id for one in TOOL.read(TOOL.po_file(language, name)) if one.id]
            assert kept == ids, f"{language}, {name}: run `make texts`"


@pytest.mark.parametrize("language", TOOL.TRANSLATIONS)
def test_a_page_without_a_translation_says_so(language):
    places = {
        place.relative_to(SITE / language).with_suffix("").as_posix(): tree.xpath("//p[@class='untranslated']")
        for place, tree in trees().items()
        if place.is_relative_to(SITE / language)
    }
    assert {name for name, found in places.items() if not found} == {*TOOL.TRANSLATED, "search"}
    whole = SITE / language / "operators" / "keys.html"
    assert trees()[whole].xpath("//article/div[@lang='en']//h1")


@pytest.mark.parametrize("language", TOOL.LANGUAGES)
def test_pages_in_chromium(page, language):
    wrong = []
    for name in SAMPLE:
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(f"/{language}/{name}.html")
        rules = RULES if language == "en" and name in COLOURED else WITHOUT_COLOURS
        wrong += [(name, one) for one in page.evaluate(_VIOLATIONS, rules)]
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append((name, width, "wider than the window"))
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.mark.parametrize("name", ["search", "holders/client"])
def test_a_page_in_a_narrow_window_and_in_the_dark(page, name):
    page.set_viewport_size({"width": WIDTHS[1], "height": 900})
    page.goto(f"/en/{name}.html")
    assert page.evaluate(_VIOLATIONS, RULES) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(_VIOLATIONS, COLOURS) == []
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("language", TOOL.LANGUAGES)
def test_search_finds_a_page(page, language):
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto(f"/{language}/index.html")
    page.fill("input[name=q]", FOUND_BY[language])
    page.press("input[name=q]", "Enter")
    link = page.wait_for_selector("#search-results ul.search li a[href^='e-service/index.html']")
    with page.expect_navigation():
        link.click()
    assert urlsplit(page.url).path == f"/{language}/e-service/index.html"


def test_the_language_switch_leads_to_the_same_page(page):
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    page.goto("/en/holders/client.html")
    with page.expect_navigation():
        page.click("nav.languages a[lang=sv]")
    assert urlsplit(page.url).path == "/sv/holders/client.html"
    assert page.get_attribute("html", "lang") == "sv"


def test_the_first_page_leads_to_the_language_of_the_browser(page):
    page.goto("/index.html")
    page.wait_for_url("**/en/index.html")
