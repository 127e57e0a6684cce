"""Limits for wrong passwords and codes, which do not lock the owner out."""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
from allauth.core.internal import ratelimit
from django.test import override_settings

from sinetti.database import models
from sinetti.database.access.accounts import NewAccount
from sinetti.database.models import CacheEntry
from sinetti.domain.values import Language
from sinetti.eservice.accounts import known_devices
from sinetti.infra.clock import utc_now
from sinetti.services.access.accounts import make_account
from sinetti.settings import django
from tests.support.browser import Browser, people_door
from tests.support.scene import REQUEST
from tests.support.signing_in import PASSWORD, code, follow, send, sent_kinds, sign_in, way

EMAIL = "nimi@people.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
WRONG, NEW = "a wrong password", "aivan toinen salalause"
TOO_MANY = "five"
MINUTE, DAY = 60, 86_400
COOKIE = "__Host-device"


LIMITS = {
    **django.ACCOUNT_RATE_LIMITS,
    "guess": "2/5m/key",
    "guess_day": "4/d/key",
    "guess_account": "10/d/key",
    "guess_known": "2/5m/key",
    "guess_known_day": "4/d/key",
}
"""Limits smaller than those of the service, and of the same kinds.

For one address and account they are 2 in five minutes and 4 a day. For an account the limit is 10 a day. A known
browser has the same limits as an address.
"""


@pytest.fixture(autouse=True)
def small_limits():
    with override_settings(ACCOUNT_RATE_LIMITS=LIMITS):
        yield


def test_the_limits_of_the_service():
    found = django.ACCOUNT_RATE_LIMITS
    assert {name: rate for name, rate in found.items() if name.startswith("guess")} == {
        "guess_address": "10/m/ip",
        "guess": "5/5m/key",
        "guess_day": "20/d/key",
        "guess_account": "100/d/key",
        "guess_known": "5/5m/key",
        "guess_known_day": "20/d/key",
    }


@pytest.fixture
def hands(monkeypatch):
    """Replace the clock of the limits; return its offset in seconds since the start."""
    began, passed, ticks = utc_now().timestamp(), [0.0], itertools.count()
    clock = SimpleNamespace(
        # No two guesses have the same instant, because allauth withdraws a guess by its time.
        time=lambda: began + passed[0] + next(ticks) / 1000,
        monotonic=ratelimit.time.monotonic,
        sleep=ratelimit.time.sleep,
    )
    monkeypatch.setattr(ratelimit, "time", clock)
    return passed


@pytest.fixture
def door(scene):
    return people_door(scene)


@pytest.fixture
def user(scene):
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD)
    return models.User.objects.get(pk=make_account(new, scene.ctx, "operator", REQUEST))


@pytest.fixture
def guarded(scene):
    new = NewAccount(EMAIL, "Nimi Nimetty", Language.EN, password=PASSWORD, totp=SECRET)
    return models.User.objects.get(pk=make_account(new, scene.ctx, "operator", REQUEST))


def at(door, address):
    """Return a fresh browser at a network address."""
    return Browser(CallerDoor(door, address))


class CallerDoor:
    """Endpoint as a network address sees it."""

    def __init__(self, door, address):
        self.door, self.address, self.at = door, door.address, address

    def __call__(self, request):
        return self.door(replace(request, caller=self.at))


def says(browser):
    return browser.page.text_content()


def guess(browser, email=EMAIL, password=WRONG):
    return TOO_MANY not in says(sign_in(browser, email, password))


def guesses(door, addresses, hands):
    """Guess three times per address and wait a minute after each.

    Return the count of guesses that were checked.
    """
    count = 0
    for address in addresses:
        browser = at(door, address)
        count += sum(guess(browser) for _ in range(3))
        hands[0] += MINUTE
    return count


def addresses(count):
    return [f"198.51.100.{number}" for number in range(1, count + 1)]


def test_an_owner_signs_in_from_a_known_browser_while_guesses_from_many_addresses_fail(door, user, hands):
    owner = at(door, "192.0.2.1")
    assert sign_in(owner, EMAIL).path == "/"
    browser = at(door, "192.0.2.1")
    browser.cookies = {COOKIE: owner.cookies[COOKIE]}
    assert guesses(door, addresses(6), hands) == 10
    assert sign_in(browser, EMAIL).path == "/"
    assert not guess(at(door, "203.0.113.9")), "a browser that is not known is refused"


def test_a_fresh_browser_at_another_address_signs_in_while_one_address_fails(door, user, hands):
    stranger = at(door, "198.51.100.1")
    for _ in range(3):
        guess(stranger)
    assert TOO_MANY in says(sign_in(stranger, EMAIL)), "the right password does not help there"
    assert sign_in(at(door, "192.0.2.1"), EMAIL).path == "/"


@pytest.mark.long
def test_one_address_has_few_guesses_a_day_and_many_have_no_more_than_the_account(door, user, hands):
    stranger, count = at(door, "198.51.100.1"), 0
    for _ in range(3):
        count += sum(guess(stranger) for _ in range(3))
        hands[0] += 5 * MINUTE
    assert count == 4
    assert guesses(door, addresses(6), hands) == 6
    hands[0] += DAY
    assert guess(at(door, "198.51.100.77"))


def test_addresses_of_one_network_are_one(door, user, hands):
    assert sum(guess(at(door, f"2001:db8:0:1::{number}")) for number in range(1, 4)) == 2
    assert guess(at(door, "2001:db8:0:2::1"))


@pytest.mark.parametrize("email", [EMAIL, "nobody@people.example"])
def test_it_is_the_same_whether_there_is_an_account_or_not(email, door, user, hands):
    stranger = at(door, "198.51.100.1")
    assert [guess(stranger, email) for _ in range(3)] == [True] * 2 + [False]
    assert COOKIE not in stranger.cookies


def test_a_stolen_cookie_has_limits_of_its_own(door, user, hands):
    owner = at(door, "192.0.2.1")
    sign_in(owner, EMAIL)
    count = 0
    for number in range(3):
        thief = at(door, f"198.51.100.{number}")
        thief.cookies = {COOKIE: owner.cookies[COOKIE]}
        count += sum(guess(thief) for _ in range(3))
        hands[0] += 5 * MINUTE
    assert count == 4
    assert sign_in(at(door, "203.0.113.9"), EMAIL).path == "/", "other browsers are as before"


def test_signing_in_gives_no_new_guesses(door, user, hands):
    owner = at(door, "192.0.2.1")
    sign_in(owner, EMAIL)
    known = dict(owner.cookies)
    browser = at(door, "192.0.2.1")
    browser.cookies = {COOKIE: known[COOKIE]}
    guess(browser)
    sign_in(browser, EMAIL)
    assert browser.path == "/"
    again = at(door, "192.0.2.1")
    again.cookies = {COOKIE: browser.cookies[COOKIE]}
    assert [guess(again) for _ in range(2)] == [True, False]


def test_a_cookie_counts_for_its_account_alone(door, user, scene, hands):
    other = NewAccount("toinen@people.example", "Toinen", Language.EN, password=PASSWORD)
    make_account(other, scene.ctx, "operator", REQUEST)
    stranger = at(door, "198.51.100.1")
    sign_in(stranger, "toinen@people.example")
    known = {COOKIE: stranger.cookies[COOKIE]}
    stranger.cookies = dict(known)
    assert [guess(stranger) for _ in range(3)] == [True] * 2 + [False]
    for _ in range(3):
        guess(at(door, "198.51.100.1"), "toinen@people.example")
    stranger.cookies = dict(known)
    assert sign_in(stranger, "toinen@people.example").path == "/"


def test_one_browser_is_known_to_several_accounts_and_not_to_any_number(door, scene, hands, monkeypatch):
    monkeypatch.setattr(known_devices, "MOST", 2)
    browser, emails = at(door, "192.0.2.1"), [f"n{number}@people.example" for number in range(3)]
    for email in emails:
        make_account(NewAccount(email, "Nimi", Language.EN, password=PASSWORD), scene.ctx, "operator", REQUEST)
        browser.cookies = {name: value for name, value in browser.cookies.items() if name == COOKIE}
        sign_in(browser, email)
    for email in emails:
        for _ in range(3):
            guess(at(door, "192.0.2.1"), email)
    found = []
    for email in emails:
        fresh = at(door, "192.0.2.1")
        fresh.cookies = {COOKIE: browser.cookies[COOKIE]}
        found.append(sign_in(fresh, email).path == "/")
    assert found == [False, True, True]


STRANGE = {"nothing": "", "a word": "known", "not encrypted by this service": "A" * 200}


@pytest.mark.parametrize("value", STRANGE.values(), ids=STRANGE)
def test_a_cookie_that_was_not_sealed_here_is_none(value, door, user, hands):
    stranger = at(door, "198.51.100.1")
    stranger.cookies = {COOKIE: value}
    assert [guess(stranger) for _ in range(3)] == [True] * 2 + [False]


def test_a_cookie_ends_half_a_year_after_the_last_sign_in(door, user, hands, monkeypatch):
    browser = at(door, "192.0.2.1")
    sign_in(browser, EMAIL)
    browser.cookies = {COOKIE: browser.cookies[COOKIE]}
    for _ in range(3):
        guess(at(door, "192.0.2.1"))
    monkeypatch.setattr(known_devices, "LIVES", -1)
    assert not guess(browser, password=PASSWORD)


def test_the_cookie_is_for_this_host_alone_and_says_nothing_of_its_owner(door, user, hands):
    browser = at(door, "192.0.2.1")
    browser.get("/account/login")
    form = {name: value or "" for name, value in browser.page.forms[-1].form_values()}
    browser.post("/account/login", {**form, "login": EMAIL, "password": PASSWORD})
    (cookie,) = (one for one in browser.reply.cookies if one.startswith(COOKIE))
    parts = {one.strip().lower() for one in cookie.split(";")[1:]}
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert EMAIL not in cookie
    assert str(user.pk) not in cookie


def test_a_new_password_ends_what_was_known_and_its_browser_is_known_at_once(door, user, hands):
    thief, owner = at(door, "192.0.2.1"), at(door, "192.0.2.1")
    sign_in(owner, EMAIL)
    stolen = {COOKIE: owner.cookies[COOKIE]}
    owner.get("/account/password/change")
    send(owner, oldpassword=PASSWORD, password1=NEW, password2=NEW)
    known = {COOKIE: owner.cookies[COOKIE]}
    assert known != stolen
    for _ in range(3):
        guess(at(door, "192.0.2.1"))
    thief.cookies = dict(stolen)
    assert not guess(thief)
    owner.cookies = dict(known)
    assert sign_in(owner, EMAIL, NEW).path == "/"


@pytest.mark.long
def test_a_link_by_mail_lets_the_owner_in_where_all_guesses_of_the_day_are_used_up(door, user, scene, hands):
    guesses(door, addresses(6), hands)
    fresh = at(door, "192.0.2.1")
    assert not guess(fresh, password=PASSWORD)
    fresh.get("/account/password/reset")
    send(fresh, email=EMAIL)
    follow(fresh.get(way(scene, EMAIL, "Set a new")))
    send(fresh, password1=NEW, password2=NEW)
    assert sign_in(fresh, EMAIL, NEW).path == "/"


def wrong_code():
    return "000000" if code(SECRET) != "000000" else "111111"


def test_without_the_second_factor_a_browser_is_not_known(door, guarded, hands):
    stranger = at(door, "198.51.100.1")
    sign_in(stranger, EMAIL)
    assert stranger.path == "/account/security/sign-in"
    assert COOKIE not in stranger.cookies


def test_wrong_codes_of_a_stranger_who_has_the_password_lock_out_no_known_browser(door, guarded, hands):
    owner = at(door, "192.0.2.1")
    sign_in(owner, EMAIL)
    assert send(owner, code=code(SECRET)).path == "/"
    owner.cookies = {COOKIE: owner.cookies[COOKIE]}
    CacheEntry.objects.all().delete()  # the used codes
    stranger = at(door, "192.0.2.1")
    sign_in(stranger, EMAIL)
    found = [TOO_MANY in says(send(stranger, code=wrong_code())) for _ in range(3)]
    assert found == [False] * 2 + [True]
    sign_in(owner, EMAIL)
    assert send(owner, code=code(SECRET)).path == "/"


@pytest.mark.long
def test_codes_of_an_account_have_the_limits_of_its_passwords(door, guarded, hands):
    count = 0
    for address in addresses(6):
        stranger = at(door, address)
        sign_in(stranger, EMAIL)
        count += sum(TOO_MANY not in says(send(stranger, code=wrong_code())) for _ in range(3))
        hands[0] += MINUTE
    assert count == 10


def test_the_owner_is_sent_the_link_that_a_stranger_has_asked_for_too_often(door, user, scene, hands):
    """The limit is five messages an hour.

    Each has a link that works, so the owner needs no sixth.
    """
    for address in addresses(6):
        browser = at(door, address)
        browser.get("/account/password/reset")
        send(browser, email=EMAIL)
    assert sent_kinds(scene, EMAIL) == {"reset"}
    owner = at(door, "192.0.2.1")
    follow(owner.get(way(scene, EMAIL, "Set a new")))
    send(owner, password1=NEW, password2=NEW)
    assert sign_in(owner, EMAIL, NEW).path == "/"
