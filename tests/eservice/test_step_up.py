"""Orders, grants and revocations ask for the second factor again when the last proof is old.

PROVEN lists the buttons of all pages that do; a view with another set fails (docs/e-service/authorisations.md).
"""

from collections.abc import Mapping

import pytest

from sinetti.eservice.accounts.base_views import PROVES
from tests.eservice.test_acts import ACTS, ATTEMPTS, ORDERED, written
from tests.support.browser import ADDRESS
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.signing_in import PASSWORD, send
from tests.support.visits import CLERK, SIGNATORY, VISITS, Visit, patterns, populate

PROVEN: Mapping[str, frozenset[str]] = {
    "order_new": frozenset({"send"}),
    "order_replace": frozenset({"order"}),
    "order": frozenset({"send"}),
    "certificates_bulk": frozenset({"order"}),
    "authorisation_person": frozenset({"give"}),
    "authorisation_organisation": frozenset({"give"}),
    "authorisation": frozenset({"again", "change"}),
    "authorisation_request": frozenset({"approve"}),
    "authorisation_pending": frozenset({"confirm"}),
    "certificate_revoke": frozenset({"revoke"}),
    "staff_application": frozenset({"decide"}),
    "staff_organisation": frozenset({"save", "end"}),
    "staff_load": frozenset({"accept", "propose", "confirm", "revoke-merge", "revoke-end"}),
    "staff_invitations": frozenset({"invite"}),
    "staff_invitation": frozenset({"confirm"}),
    "staff_certificate": frozenset({"revoke"}),
    "staff_revocation_new": frozenset({"propose"}),
    "staff_revocation": frozenset({"confirm", "go-on"}),
}
"""Buttons of orders, grants and revocations, by page."""


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    with opened_register("sqlite", request, tmp_path_factory.mktemp("population"), alias="default") as db:
        yield populate(opened_scene(db), ADDRESS)


def test_the_views_are_those_of_the_table():
    found = {name: getattr(page.callback, PROVES, frozenset()) for name, page in patterns().items()}
    assert {name: acts for name, acts in found.items() if acts} == PROVEN
    for name, acts in PROVEN.items():
        assert acts <= set(ACTS[name])


def visit_of(name, does):
    """Return who presses a button, where, and the fields of the page before."""
    if (name, does) in ATTEMPTS:
        return ATTEMPTS[name, does]
    one = next(one for one in VISITS.values() if one.route == name and one.who in {SIGNATORY, CLERK})
    return one.who, one.address, {}


@pytest.mark.parametrize(("name", "does"), [(name, does) for name, acts in PROVEN.items() for does in sorted(acts)])
def test_an_old_session_does_nothing(built, name, does):
    who, address, fields = visit_of(name, does)
    browser = built.browser(Visit(name, address, who, recent=False))
    token = browser.get("/settings/profile").page.xpath("string(//input[@name='csrfmiddlewaretoken']/@value)")
    before = written()
    typed = {
        one: value.format(**built.objects) for one, value in fields.items() if "{" not in value or "serial" in value
    }
    browser.post(address.format(**built.objects), {"csrfmiddlewaretoken": token, **typed, "do": does})
    assert browser.reply.status in {302, 303}
    assert "/account/" in browser.reply.headers["location"]
    assert written() == before


def test_a_recent_proof_is_not_asked_for_again(built):
    browser = built.browser(Visit("order_new", "", SIGNATORY))
    browser.get(built.place(Visit("order_new", "/settings/orders/new?organisation={organisation}", SIGNATORY)))
    send(browser, **ORDERED, do="check")
    assert "/account/" not in browser.path


def test_what_was_typed_is_kept_while_the_user_proves_the_second_factor(built):
    """An order of a user with a password alone: it is asked for, and the order is sent afterwards."""
    user = built.people[SIGNATORY]
    user.set_password(PASSWORD)
    user.save()
    visit = Visit("order_new", "/settings/orders/new?organisation={organisation}", SIGNATORY, recent=False)
    browser = built.browser(visit)
    browser.get(built.place(visit))
    send(browser, **{**ORDERED, "description": "Kept over the proof"}, do="check")
    before = len(written()["Order"])
    send(browser, do="send")
    assert browser.path == "/account/reauthenticate"
    assert len(written()["Order"]) == before
    send(browser, password=PASSWORD)
    assert len(written()["Order"]) == before
    assert "send" in browser.buttons
    send(browser, do="check")
    assert "Kept over the proof" in browser.page.text_content()
    send(browser, do="send")
    assert len(written()["Order"]) == before + 1
