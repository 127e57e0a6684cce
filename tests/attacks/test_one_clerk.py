"""One clerk alone, at every button: no page does an act of the table of two people.

Every button and every call over HTTP that changes something is below: it takes two people, or one with the reason
(docs/operators/officers.md). Commands are in test_two_people.py.
"""

from collections.abc import Mapping
from pathlib import Path

import pytest

import sinetti.api
from sinetti.database import models
from sinetti.domain.approvals.acts import ON_PAGES, TwoPersonAct
from tests.eservice.test_acts import ACTS, LOOKS
from tests.support.browser import ADDRESS
from tests.support.registers import opened_register
from tests.support.scene import opened_scene
from tests.support.visits import CLERK, SIGNATORY, Visit, populate

BULK, END, MERGE, NAME, FIRST = (
    TwoPersonAct.BULK_REVOCATION,
    TwoPersonAct.ORGANISATION_END,
    TwoPersonAct.ORGANISATION_MERGE,
    TwoPersonAct.ORGANISATION_NAME,
    TwoPersonAct.SIGNATORY,
)
TWO: Mapping[tuple[str, str], frozenset[TwoPersonAct]] = {
    ("staff_organisation", "save"): frozenset({NAME}),
    ("staff_organisation", "end"): frozenset({END}),
    ("staff_load", "propose"): frozenset({END, MERGE, NAME}),
    ("staff_load", "confirm"): frozenset({END, MERGE, NAME}),
    ("staff_load", "accept"): frozenset({END, MERGE, NAME}),
    ("staff_load", "revoke-merge"): frozenset({BULK}),
    ("staff_load", "revoke-end"): frozenset({BULK}),
    ("staff_invitations", "invite"): frozenset({FIRST}),
    ("staff_invitation", "confirm"): frozenset({FIRST}),
    ("staff_certificate", "revoke"): frozenset({BULK}),
    ("staff_revocation_new", "propose"): frozenset({BULK}),
    ("staff_revocation", "confirm"): frozenset({BULK}),
    ("staff_revocation", "go-on"): frozenset({BULK}),
    ("staff_load", "go-on"): frozenset({END, MERGE, NAME}),
}
"""Buttons of acts that take two clerks."""

ONE: Mapping[tuple[str, str], str] = {
    ("staff_purpose", "go"): "only states a purpose",
    ("staff_application", "decide"): "a representative applied, and no clerk decides in a case of their own",
    ("staff_organisation_new", "add"): "an organisation alone gives no right",
    ("staff_load", "end"): "stops a proposal",
    ("staff_invitations", "end"): "takes a right away",
    ("staff_invitation", "reject"): "stops a proposal",
    ("staff_invitation", "withdraw"): "stops a proposal",
    ("staff_revocation", "withdraw"): "stops a proposal",
    ("staff_outbox", "again"): "sends a message again",
}
"""Buttons of clerks' pages that take one, with the reason."""

OWN: Mapping[str, str] = {
    **dict.fromkeys(("session_time", "profile", "acting_for"), "the reader's own account and session"),
    **dict.fromkeys(("authorisations_ended", "ask"), "the reader's own list, or a request that others answer"),
    **dict.fromkeys(("fetch", "m/<str:token>"), "the bearer of secrets retrieves what was ordered"),
    "stop/<str:message_id>/<str:token>": "the reader's own mail",
    "drill/<str:message_id>/<str:token>": "confirms that a message arrived, and shows no data",
    "signatory_veto": "stops a naming",
    **dict.fromkeys(
        ("order_new", "order_replace", "order", "certificates_bulk", "certificate_let_end", "certificate_revoke"),
        "certificates of an organisation for which the reader acts",
    ),
    **dict.fromkeys(("contacts", "certificate_contact"), "people of an organisation for which the reader acts"),
    **dict.fromkeys(
        (
            *("authorisation_person", "authorisation_organisation", "authorisation_request", "authorisation"),
            *("authorisation_pending", "clients", "clients_ask", "invitation"),
        ),
        "a representative gives rights of the own organisation, or a person accepts or gives up an own one",
    ),
    **dict.fromkeys(("application_new", "application"), "a clerk decides it"),
}
"""Pages of organisations and people, by page: none has an act of the table."""

API: Mapping[str, str] = {
    "issuing_waves.py": "takes requests of soap.py together",
    "ocsp.py": "answers a question",
    "request_metrics.py": "counts requests, and is no endpoint",
    "revocations.py": "stops one certificate, proven by its key",
    "soap.py": "the bearer of transfer IDs, or the holder of a certificate, gets one",
    "usage_reports.py": "a gateway only reports",
    "web_security.py": "a browser only reports",
}
"""Modules of endpoints that take a POST, with the reason why one caller is enough."""


def test_every_button_takes_two_or_has_a_reason():
    changing = {(page, does) for page, acts in ACTS.items() for does, act in acts.items() if act is not LOOKS}
    staff = {one for one in changing if one[0].startswith("staff")}
    assert staff == {*TWO, *ONE}, "say in TWO or ONE how many clerks this button takes"
    assert not set(TWO) & set(ONE)
    own = {page for page in ACTS if not page.startswith("staff")}
    assert own == set(OWN), "say in OWN why one person is enough"
    assert frozenset().union(*TWO.values()) == ON_PAGES


def test_every_endpoint_that_takes_a_post_has_a_reason():
    folder = Path(sinetti.api.__file__).parent
    assert {path.name for path in folder.glob("*.py") if '"POST"' in path.read_text()} == set(API)


@pytest.fixture(scope="module")
def built(request, tmp_path_factory):
    """Yield a population with proposals of the clerk and of others."""
    with opened_register("sqlite", request, tmp_path_factory.mktemp("population"), alias="default") as db:
        yield populate(opened_scene(db), ADDRESS)


PERSON = {"organisation": "7654321-4", "name": "Nimi", "email": "nimi@elsewhere.example", "spoken": "fi"}
SERIAL = {"serials": "{serial}", "reason": "superseded"}
ATTEMPTS: Mapping[tuple[str, str], tuple[str, Mapping[str, str]]] = {
    ("staff_organisation", "save"): ("/staff/organisations/{organisation}", {"name": "Toinen Oy", "spoken": "fi"}),
    ("staff_organisation", "end"): ("/staff/organisations/{organisation}", {}),
    ("staff_load", "propose"): ("/staff/organisations/load/{renaming}", {}),
    ("staff_load", "accept"): ("/staff/organisations/load/{renaming}", {}),
    ("staff_load", "confirm"): ("/staff/organisations/load/{own_proposal}", {}),
    ("staff_load", "go-on"): ("/staff/organisations/load/{own_proposal}", {}),
    ("staff_load", "revoke-merge"): ("/staff/organisations/load/{own_proposal}", {}),
    ("staff_load", "revoke-end"): ("/staff/organisations/load/{own_proposal}", {}),
    ("staff_invitations", "invite"): ("/staff/invitations", PERSON),
    ("staff_invitation", "confirm"): ("/staff/invitations/{pending_own}", {}),
    ("staff_certificate", "revoke"): ("/staff/certificates/{serial}", {"reason": "superseded"}),
    ("staff_revocation_new", "propose"): ("/staff/revocations/new", SERIAL),
    ("staff_revocation", "confirm"): ("/staff/revocations/{proposal}", {}),
    ("staff_revocation", "go-on"): ("/staff/revocations/{proposal}", {}),
}
"""Way of one clerk to each act: the page, and the fields that are typed."""


def insist(browser, address, does, typed):
    """Press a button and those of the pages behind it; without one, send what it would send."""
    assert browser.get(address).reply.status == 200
    digest = browser.page.xpath("string(//input[@name='digest']/@value)")
    for _ in range(3):
        found = next((one for one in (does, f"check-{does}") if one in browser.buttons), None)
        if found is None:
            token = browser.page.xpath("string(//input[@name='csrfmiddlewaretoken']/@value)")
            browser.post(address, {"csrfmiddlewaretoken": token, "do": does, "digest": digest, **typed})
            return
        browser.press(found, **typed)


def state():
    """Return what the acts change: organisations, roles, links and revocations."""
    tables = (models.Organisation, models.RoleAssignment, models.Invitation, models.SignatoryNaming)
    certificates = models.Certificate.objects.order_by("pk").values_list("serial", "state", "revoked_at")
    return [list(one.objects.order_by("pk").values_list()) for one in tables], list(certificates)


def test_the_attempts_are_those_of_the_table():
    assert set(ATTEMPTS) == set(TWO), "say in ATTEMPTS how one clerk would do it alone"


@pytest.mark.parametrize(("page", "does"), ATTEMPTS, ids=lambda one: one)
def test_one_clerk_alone_does_no_act_of_the_table(built, monkeypatch, page, does):
    """Each certificate is one too many, so that a single revocation needs two as well."""
    monkeypatch.setattr("sinetti.domain.certificates.bulk_revocation.AT_ONCE", 0)
    address, fields = ATTEMPTS[page, does]
    before = state()
    browser = built.browser(Visit(page, address, CLERK))
    typed = {name: value.format(**built.objects) for name, value in fields.items()}
    insist(browser, address.format(**built.objects), does, typed)
    assert browser.reply.status in {200, 404, 409, 422}, browser.reply.status
    assert state() == before
    # The acts of another account are not reached either: these pages do not exist for it.
    stranger = built.browser(Visit(page, address, SIGNATORY))
    assert stranger.get(address.format(**built.objects)).reply.status == 404
