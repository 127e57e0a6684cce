"""Context of every page.

The tests cover headers, cookies, languages, foreign forms, errors and the log.
"""

import asyncio
import logging
import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError, connections
from django.http import HttpResponse
from lxml import html

from sinetti.domain.values import Language
from sinetti.eservice.ui import static_files
from sinetti.eservice.ui.page import build_csp, extend_csp
from sinetti.i18n.translate import translate
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Request
from sinetti.settings.portal import DEFAULTS
from tests.support import golden
from tests.support.browser import ADDRESS, Browser, people_door
from tests.support.pages import PARAGRAPHS, notices
from tests.support.scene import REQUEST
from tests.support.secure import offered
from tests.support.users import account, signed_in

LOOPBACK = "http://127.0.0.1:8123"


@pytest.fixture
def sent(sqlite_scene):
    """Return a secure message for a contact with a phone."""
    return offered(sqlite_scene)


PAGES = {"the first page": "/", "a secure message": "/m/{token}", "no such page": "/nothing", "an old link": "/m/aaaa"}


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_headers_of_a_page(browser, sent, path):
    headers = browser.get(path.format(token=sent.token)).reply.headers
    assert headers["cache-control"] == "no-store"
    assert {one.strip() for one in headers["vary"].split(",")} >= {"Accept-Language", "Cookie"}


ALWAYS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "report-uri /csp-reports; report-to csp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "reporting-endpoints": 'csp="/csp-reports"',
    "strict-transport-security": "max-age=31536000",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}


def a_form_without_a_cookie(browser, _desk):
    browser.post("/m/aaaa", {"do": "open"})


def another_host(browser, _desk):
    browser.headers = {"host": "evil.example"}
    browser.get("/")


def a_fault(browser, scene):
    browser.door = people_door(broken(scene))
    browser.get(f"/m/{'a' * 32}")


ANSWERS = {
    "a page": (lambda browser, _: browser.get("/"), 200),
    "no page": (lambda browser, _: browser.get("/nothing"), 404),
    "a file": (lambda browser, _: browser.get(f"/static/{static_files.named('pages.css')}"), 200),
    "no file": (lambda browser, _: browser.get("/static/pages.css"), 404),
    "a method that there is not": (lambda browser, _: browser.get("/", "PUT"), 403),
    "options": (lambda browser, _: browser.get("/", "OPTIONS"), 405),
    "a form that is not ours": (a_form_without_a_cookie, 403),
    "another host": (another_host, 400),
    "a fault of ours": (a_fault, 500),
}


@pytest.mark.parametrize(("asks", "status"), ANSWERS.values(), ids=ANSWERS)
def test_headers_of_every_answer(sqlite_scene, browser, asks, status):
    asks(browser, sqlite_scene)
    assert browser.reply.status == status
    assert {name: browser.reply.headers.get(name) for name in ALWAYS} == ALWAYS


def test_hosts_below_the_portal_use_https_if_the_setting_says_so(sqlite_scene):
    settings = replace(DEFAULTS, hsts_subdomains=True)
    headers = Browser(people_door(sqlite_scene, settings=settings)).get("/").reply.headers
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_a_page_may_do_what_it_needs():
    response = HttpResponse()
    extend_csp(response, ("https://sign-in.example",))
    assert {"script-src 'self'", "form-action 'self' https://sign-in.example"} <= set(build_csp(response).split("; "))


def test_cookies_behind_https(browser, sent):
    (cookie,) = browser.get(f"/m/{sent.token}").reply.cookies
    assert re.fullmatch(r"__Host-csrf=\w{32}; HttpOnly; Path=/; SameSite=Strict; Secure", cookie)


def test_on_this_machine_alone_there_is_no_https(sqlite_scene, sent):
    browser = Browser(people_door(sqlite_scene, address=LOOPBACK)).get(f"/m/{sent.token}?lang=fi")
    csrf, language = sorted(browser.reply.cookies)
    assert re.fullmatch(r"csrf=\w{32}; HttpOnly; Path=/; SameSite=Strict", csrf)
    assert language.startswith("language=fi; ")
    assert "strict-transport-security" not in browser.reply.headers
    assert "pin" in browser.press("open").buttons


@pytest.mark.parametrize("passed", ["/pages/m/{token}", "/m/{token}"], ids=["left there", "taken away"])
def test_pages_below_a_path(sqlite_scene, post, sent, passed):
    browser = Browser(people_door(sqlite_scene, post, f"{ADDRESS}/pages")).get(passed.format(token=sent.token))
    addresses = [f"/pages/static/{static_files.named(one)}" for one in static_files.STYLES]
    assert browser.page.xpath("//link[@rel='stylesheet']/@href") == addresses
    assert browser.page.xpath("//form/@action") == [f"/pages/m/{sent.token}"]
    assert "; report-uri /pages/csp-reports; " in browser.reply.headers["content-security-policy"]
    browser.press("open")
    assert ("pin" in browser.buttons, browser.path, len(post.sent)) == (True, f"/pages/m/{sent.token}", 1)


LANGUAGES = {
    "nothing said": ({}, "/", "en"),
    "the browser's": ({"accept-language": "sv-FI,sv;q=0.9,en;q=0.8"}, "/", "sv"),
    "the first that we have": ({"accept-language": "de,fi;q=0.7,sv;q=0.3"}, "/", "fi"),
    "by weight, not by place": ({"accept-language": "sv;q=0.3,fi;q=0.7"}, "/", "fi"),
    "none that we have": ({"accept-language": "de"}, "/", "en"),
    "nonsense": ({"accept-language": ";;q=x,,\x00"}, "/", "en"),
    "a link of the page": ({"accept-language": "sv", "cookie": "language=sv"}, "/?lang=fi", "fi"),
    "the cookie": ({"accept-language": "sv", "cookie": "language=fi"}, "/", "fi"),
    "another one in the link": ({"accept-language": "sv"}, "/?lang=de", "sv"),
}


@pytest.mark.parametrize(("headers", "address", "language"), LANGUAGES.values(), ids=LANGUAGES)
def test_the_readers_language(browser, headers, address, language):
    browser.headers = headers
    page = browser.get(address).page
    assert page.get("lang") == language
    assert page.findtext(".//h1") == translate("Certificate service", Language(language))
    (current,) = page.xpath("//nav//a[@aria-current]")
    assert current.get("lang") == language


def test_a_language_that_was_chosen_stays(browser):
    browser.get("/?lang=sv")
    (cookie,) = browser.reply.cookies
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(cookie.split("; "))
    assert browser.get("/").page.get("lang") == "sv"


FORGED = {
    "from another site": {"origin": "https://evil.example"},
    "from nowhere, and the browser says that it is another site": {"origin": "null", "sec-fetch-site": "cross-site"},
    "from a neighbour": {"origin": "null", "sec-fetch-site": "same-site"},
    "no origin, and a page of another site": {"origin": "", "referer": "https://evil.example/"},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_a_form_of_somebody_elses_is_refused(browser, post, sent, headers):
    browser.get(f"/m/{sent.token}")
    browser.headers = headers
    browser.press("open")
    assert (browser.reply.status, post.sent) == (403, [])
    golden.check("sentences/errors/a-form-of-another-site", {"en.txt": notices(browser, PARAGRAPHS)})


OURS = {
    "as browsers send it from a page without referrer": {"origin": "null", "sec-fetch-site": "same-origin"},
    "a browser that says no more": {"origin": "null"},
    "the page's own origin": {"origin": ADDRESS},
}


@pytest.mark.parametrize("headers", OURS.values(), ids=OURS)
def test_a_form_of_ours_is_taken(browser, post, sent, headers):
    browser.get(f"/m/{sent.token}")
    browser.headers = headers
    browser.press("open")
    assert len(post.sent) == 1


def test_a_browser_that_names_no_origin_at_all(sqlite_scene, post, sent):
    """Some browsers before 2020 did so. The secret of the cookie counts."""
    door = people_door(sqlite_scene, post)
    browser = Browser(door).get(f"/m/{sent.token}")

    def without_origin(request):
        return door(replace(request, headers={k: v for k, v in request.headers.items() if k != "origin"}))

    without_origin.address = ADDRESS
    browser.door = without_origin
    browser.press("open")
    assert len(post.sent) == 1


@pytest.mark.parametrize("spoils", ["cookie", "token"])
def test_a_form_without_its_secret_is_refused(browser, post, sent, spoils):
    browser.get(f"/m/{sent.token}")
    if spoils == "cookie":
        browser.cookies.clear()
    browser.press("open", **({"csrfmiddlewaretoken": "a" * 64} if spoils == "token" else {}))
    assert (browser.reply.status, post.sent) == (403, [])


def test_another_name_of_the_host_is_refused(browser):
    browser.headers = {"host": "evil.example"}
    assert (browser.get("/").reply.status, b"evil" in browser.reply.body) == (400, False)


def test_what_a_proxy_might_say_of_the_host_counts_for_nothing(browser, sent):
    browser.headers = {"x-forwarded-host": "evil.example", "x_forwarded_proto": "http"}
    assert b"evil" not in browser.get(f"/m/{sent.token}").reply.body


def test_the_style_sheet_has_a_name_of_its_content(browser):
    _tokens, link = browser.get("/").page.xpath("//link[@rel='stylesheet']/@href")
    assert link == f"/static/{static_files.named('pages.css')}"
    reply = browser.get(link).reply
    assert (reply.status, reply.content_type) == (200, "text/css; charset=utf-8")
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "vary" not in reply.headers
    for other in ("/static/pages.0000000000000000.css", "/static/../page.html", "/static/page.html"):
        assert browser.get(other).reply.status == 404


NOT_FOUND = ["/nothing", "/m/", "/m", "/m/a/b", "/admin", "/stop/a", "/favicon.ico", "/m/\x00", "/m/å"]


@pytest.mark.parametrize("language", Language)
def test_what_is_not_there(browser, language):
    browser.headers = {"accept-language": language}
    for path in NOT_FOUND:
        browser.path = "/"
        browser.get(path)
        assert (browser.reply.status, browser.page.get("lang")) == (404, language), path


ZEROS = {
    "in a path": ("GET", "/settings/orders/a\0", {}, 404),
    "in what an address asks": ("GET", "/settings/orders/new?replaces=a%00", {}, 400),
    "in the name of that": ("GET", "/settings/orders/new?a%00=b", {}, 400),
    "in a field": ("POST", "/fetch", {"do": "pem", "organisation": "1234567-1", "retrieval_id": "a\0"}, 400),
    "in one of several values": ("POST", "/settings/orders/replace", {"serial": "a\0"}, 400),
}


@pytest.mark.parametrize("asks", ZEROS.values(), ids=ZEROS)
def test_no_page_gets_a_zero_octet(sqlite_scene, browser, asks):
    """On PostgreSQL each of these was an internal error, with a traceback in the log."""
    method, address, fields, status = asks
    signed_in(browser, account(sqlite_scene, "maija"))
    (token,) = browser.get("/fetch").page.xpath("//input[@name='csrfmiddlewaretoken']/@value")
    asked = {"csrfmiddlewaretoken": token, **fields}
    browser.get(address) if method == "GET" else browser.post(address, asked)
    assert browser.reply.status == status


def test_no_link_leads_to_another_host_by_two_slashes(browser):
    request = Request("GET", "//evil.example/x", "", {"host": urlsplit(ADDRESS).netloc}, REQUEST, b"")
    page = html.document_fromstring(browser.door(request).body.decode())
    links = page.xpath("//a[@hreflang]/@href")
    assert links == [f"/%2Fevil.example/x?lang={one}" for one in Language]


def test_other_methods_are_refused(browser, sent):
    for path in ("/", f"/m/{sent.token}", f"/static/{static_files.named('pages.css')}"):
        assert browser.get(path, "PUT").reply.status in {403, 405}
    assert browser.get("/", "OPTIONS").reply.status == 405


def broken(scene):
    """Return a scene whose database cannot be queried."""

    class Away:
        alias = "nowhere"

    return scene.but(db=Away())


@pytest.mark.parametrize("language", Language)
def test_a_fault_of_ours_has_a_page_and_a_reference(sqlite_scene, sent, language, caplog):
    browser = Browser(people_door(broken(sqlite_scene)), headers={"accept-language": language})
    browser.get(f"/m/{sent.token}")
    assert (browser.reply.status, browser.page.get("lang")) == (500, language)
    golden.check(f"sentences/faults/{language}", {"page.txt": notices(browser, PARAGRAPHS)})
    assert "0" * 32 in browser.page.text_content()
    assert "failed" in caplog.text
    assert sent.token not in caplog.text


def test_a_fault_of_the_register_has_that_page_for_who_is_signed_in(sqlite_scene, browser, monkeypatch):
    signed_in(browser, account(sqlite_scene, "maija", language=Language.FI))

    def broken_down(*_words):
        raise OperationalError

    monkeypatch.setattr(connections["default"], "cursor", broken_down)
    browser.get("/")
    assert (browser.reply.status, browser.page.get("lang")) == (500, "en")


def test_no_token_stands_in_the_log(sqlite_scene, sent, caplog, monkeypatch):
    """The pages are an existing one, a missing one, a refused form, and a fault."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("django.db.backends").setLevel(logging.INFO)
    door = people_door(sqlite_scene)
    browser = Browser(door).get(f"/m/{sent.token}").press("open")
    browser.cookies.clear()
    browser.press("pin", pin="123456")
    browser.get(f"/m/{sent.token}/x").get(f"/m/{sent.token}", "PUT")
    browser.headers = {"host": "evil.example"}
    browser.get(f"/m/{sent.token}")
    Browser(people_door(broken(sqlite_scene))).get(f"/m/{sent.token}")
    assert caplog.records
    for record in caplog.records:
        assert sent.token not in f"{record.getMessage()} {record.__dict__}"


def test_the_edge_says_where_a_path_begins(sqlite_scene, sent, caplog):
    caplog.set_level(logging.INFO, logger="sinetti.access")
    edge = AsgiApp(people_door(sqlite_scene))
    answers = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        answers.append(message)

    for path in (f"/m/{sent.token}", f"/nothing/{sent.token}"):
        scope = {
            "type": "http",
            "http_version": "1.0",
            "method": "GET",
            "path": path,
            "query_string": b"lang=fi",
            "headers": [(b"host", b"people.sinetti.example")],
        }
        asyncio.run(edge(scope, receive, send))
    access = [record for record in caplog.records if record.name == "sinetti.access"]
    assert [record.facts["path"] for record in access] == ["/m", "/…"]
    assert sent.token not in caplog.text
    cookies = [value for name, value in answers[0]["headers"] if name == b"set-cookie"]
    assert len(cookies) == 2, "each in a header of its own"
