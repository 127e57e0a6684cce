"""Who is at the page: a session of allauth's becomes an actor."""

from sinetti.domain.mandates import Role
from tests.support.users import account, signed_in


def test_a_stranger_is_shown_where_to_sign_in(browser):
    assert "/account/login/" in browser.get("/").reply.body.decode()


def test_whoever_is_signed_in_is_not(browser, sqlite_desk):
    signed_in(browser, account(sqlite_desk, "maija"), outside=[("1234567-1", Role.VIEWER)])
    assert "/account/login/" not in browser.get("/").reply.body.decode()
