"""Letters of check pages: they tell their reader nothing about other organisations and firms."""

from datetime import timedelta

import pytest

from sinetti.database import models
from sinetti.domain.access.roles import Role
from tests.support.acting import OTHER_ID
from tests.support.authority import CUSTOMER_ID
from tests.support.pages import page_text
from tests.support.scene import add_organisation
from tests.support.users import account, mandate, signed_in

NEW = "/settings/orders/new"
KNOWN, UNKNOWN = "known@elsewhere.example", "unknown@elsewhere.example"
ORDER = {
    "channel": "WS",
    "description": "Payroll",
    "whose": "own",
    "contact_name": "Nimi Nimetty",
    "contact_phone": "040 123 4567",
    "contact_language": "en",
}


@pytest.fixture
def signatory(browser, sqlite_scene):
    user = account(sqlite_scene, "maija")
    mandate(sqlite_scene, user, CUSTOMER_ID, Role.SIGNATORY)
    return signed_in(browser, user)


def test_a_letter_does_not_tell_if_others_have_written_to_an_address(signatory, sqlite_scene):
    models.Person.objects.create(
        name="Elsewhere", email=KNOWN, phone="", language="en", first_written_at=sqlite_scene.clock.now
    )
    seen = []
    for address in (KNOWN, UNKNOWN):
        page = signatory.get(f"{NEW}?draft=none").press("check", **ORDER, contact_email=address)
        assert page.page.xpath("//blockquote"), "the letter is shown"
        seen.append(page_text(page).replace(address, "ADDRESS"))
    assert seen[0] == seen[1]


def test_a_client_does_not_read_who_works_for_a_firm(signatory, sqlite_scene):
    add_organisation(sqlite_scene, OTHER_ID)
    mandate(sqlite_scene, account(sqlite_scene, "accountant"), OTHER_ID, Role.SIGNATORY)
    row = mandate(sqlite_scene, OTHER_ID, CUSTOMER_ID, Role.MANAGER, sqlite_scene.ctx.now() + timedelta(days=90))
    page = signatory.get(f"/settings/authorisations/{row.pk}").press("check-withdraw")
    assert "a…@people.example" in page_text(page)
    assert "ccountant" not in page.reply.body.decode()
