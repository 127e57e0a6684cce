"""Malformed requests: 400 with a page in the visitor's language."""

from urllib.parse import urlsplit

import pytest
from django.conf import settings

from sinetti.server.http import Request
from tests.support.browser import ADDRESS, Browser, people_door
from tests.support.scene import REQUEST
from tests.support.visits import VISITS, populate

TOKEN = "c" * 32
MANY = "&".join(f"p{number}=1" for number in range(1500))
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
OWN = f"csrfmiddlewaretoken={TOKEN}"


def parts(count: int, more: str = "") -> str:
    each = (f'--x\r\nContent-Disposition: form-data; name="f{one}"{more}\r\n\r\n1\r\n' for one in range(count))
    return "".join(each) + "--x--\r\n"


TOO_MUCH = {
    "1,500 parameters": ("GET", MANY, "", ""),
    "one parameter 1,500 times": ("GET", "&".join(["page=1"] * 1500), "", ""),
    "separators alone": ("GET", "&" * 5000, "", ""),
    "1,500 parameters beside a form": ("POST", MANY, FORM, OWN),
}
"""Requests that are answered before an address is looked up."""

SENT = {
    **TOO_MUCH,
    "broken percent signs": ("GET", "text=%&q=%zz&page=%G1&%=%", "", ""),
    "no UTF-8": ("GET", "text=%ff&q=%ed%a0%80&page=%ff&organisation=%ff&lang=%ff", "", ""),
    "a zero octet": ("GET", "q=%00", "", ""),
    "pages without end": ("GET", "page=99999999999999999999&before=9223372036854775808&after=-1", "", ""),
    "digits that are none": ("GET", "page=%C2%B2&before=%C2%B2&after=%D9%A3", "", ""),
    "cursors of no list": ("GET", "cursor=!!!&before=x&after=%2527&from=0001-01-01&to=9999-12-31", "", ""),
    "a form with 1,500 fields": ("POST", "", FORM, f"{OWN}&{MANY}"),
    "a form that is no UTF-8": ("POST", "", FORM, f"{OWN}&name=%ff&do=%ed%a0%80"),
    "a form with a zero octet": ("POST", "", FORM, f"{OWN}&name=%00"),
    "parts without a boundary": ("POST", "", "multipart/form-data", OWN),
    "1,500 parts": ("POST", "", PARTS, parts(1500)),
    "five files": ("POST", "", PARTS, parts(5, '; filename="a"')),
    "parts that were cut": ("POST", "", PARTS, '--x\r\nContent-Disposition: form-data; name="file"; filename="'),
    "parts in base64 that is none": ("POST", "", PARTS, parts(1, "\r\nContent-Transfer-Encoding: base64")),
    "JSON": ("POST", "", "application/json", "{"),
    "no type": ("POST", "", "", OWN),
}  # fmt: skip


def answered(browser, address, sent, headers=None):
    method, query, kind, body = sent
    place = urlsplit(address)
    browser.cookies[settings.CSRF_COOKIE_NAME] = TOKEN
    told = {
        "host": urlsplit(ADDRESS).netloc,
        "cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()),
        "content-type": kind,
        "origin": "null",
        **(headers or {}),
    }
    whole = "&".join(one for one in (place.query, query) if one)
    return browser.door(Request(method, place.path, whole, told, REQUEST, body.encode()))


def test_no_page_fails_at_what_is_sent(sqlite_scene):
    built = populate(sqlite_scene, ADDRESS)
    once = {(one.route, one.who): one for one in VISITS.values()}.values()
    wrong = []
    for visit in once:
        browser, address = built.browser(visit), built.place(visit)
        for name, sent in SENT.items():
            status = answered(browser, address, sent).status
            if status >= 500 or (name in TOO_MUCH and status != 400):
                wrong.append(f"{visit.route}, {name}: {status}")
    assert not wrong, "\n".join(wrong)


LANGUAGES = {
    "en": "We could not process the request",
    "fi": "Pyyntöä ei voitu käsitellä",
    "sv": "Begäran kunde inte behandlas",
}


@pytest.mark.parametrize(("language", "heading"), LANGUAGES.items())
def test_too_many_parameters_are_told_in_the_visitors_language(browser, language, heading):
    reply = answered(browser, "/", TOO_MUCH["1,500 parameters"], {"accept-language": language})
    assert reply.status == 400
    assert f'lang="{language}"' in reply.body.decode()
    assert heading in reply.body.decode()
    assert "content-security-policy" in {one.lower() for one in reply.headers}


HEADERS = {
    "3,000 cookies": {"cookie": "; ".join(f"c{one}=1" for one in range(3000))},
    "cookies that are none": {"cookie": 'x="\\777\xff; =; ;;; __Host-session=\0; language=\xff'},
    "2,000 headers": {f"x-{one}": "1" for one in range(2000)},
    "languages that are none": {"accept-language": "\xff;q=,,,;q=9,*;q=x," + "a" * 5000},
    "a page before that is none": {"referer": "http://[\xff"},
    "an origin that is none": {"origin": "http://["},
    "another name": {"host": "\xff"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_header_makes_a_page_fail(browser, method, headers):
    for address in ("/", "/account/login", "/settings/certificates", "/staff", "/nowhere"):
        assert answered(browser, address, (method, "", FORM, OWN), headers).status < 500, address


def test_a_stranger_tells_no_clerks_page_from_none_by_too_many_parameters(sqlite_scene):
    browser = Browser(people_door(sqlite_scene))
    replies = [answered(browser, one, TOO_MUCH["1,500 parameters"]) for one in ("/staff/audit", "/staff/no-such-page")]
    shown = [(one.status, one.body.decode().replace("/staff/audit", "/staff/no-such-page")) for one in replies]
    assert shown[0] == shown[1]
