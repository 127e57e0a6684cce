"""Authentication of pages: from a session of allauth to an actor."""

from sinetti.domain.access.roles import Role
from tests.support.browser import Browser, people_door
from tests.support.users import account, signed_in


def test_a_stranger_is_shown_where_to_sign_in(browser):
    assert "/account/login" in browser.get("/").reply.body.decode()


def test_whoever_is_signed_in_is_not(browser, sqlite_scene):
    signed_in(browser, account(sqlite_scene, "maija"), outside=[("1234567-1", Role.VIEWER)])
    assert "/account/login" not in browser.get("/").reply.body.decode()


def test_a_form_sent_after_the_session_ended_leads_to_sign_in_and_back(sqlite_scene):
    browser = Browser(people_door(sqlite_scene, address="https://people.sinetti.example/certificates"))
    browser.get("/certificates/account/login")
    (token,) = browser.page.xpath("//input[@name='csrfmiddlewaretoken']/@value")
    browser.post("/certificates/settings/orders/new", {"csrfmiddlewaretoken": token})
    back = "/certificates/account/login?next=%2Fcertificates%2Fsettings%2Forders%2Fnew"
    assert browser.reply.headers["location"] == back
