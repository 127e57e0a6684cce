"""The list of certificates, its file, and the page of one (docs/certificates-page.md)."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from sinetti.domain.mandates import Role
from sinetti.registry import models
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.listing import CASES, DAY, ending, put
from tests.support.office import add_organisation, an_order, enrolled, in_the_window, ordered, renewed
from tests.support.users import account, mandate, signed_in

LIST = "/settings/certificates"


@pytest.fixture
def maija(browser, sqlite_desk):
    """A signatory's browser."""
    user = account(sqlite_desk, "maija")
    mandate(sqlite_desk, user, CUSTOMER_ID, Role.SIGNATORY)
    return signed_in(browser, user)


def body(browser):
    return browser.reply.body.decode()


def cells(browser):
    return [
        [" ".join(cell.text_content().split()) for cell in row.xpath("th|td")]
        for row in browser.page.xpath("//main//table[1]/tbody/tr")
    ]


def statements(browser, address):
    with CaptureQueriesContext(connections["default"]) as asked:
        browser.get(address)
    assert browser.reply.status == 200
    return len(asked)


def test_the_list_says_what_there_is_and_who_can_act(maija, sqlite_desk):
    held = enrolled(sqlite_desk)
    ordered(sqlite_desk, an_order())
    (waiting, certificate) = cells(maija.get(LIST))
    assert certificate[0] == "payroll"
    assert certificate[4:6] == ["Valid Renewal opens 2 May 2027 at 15:00", "Not known"] or "Valid" in certificate[4]
    assert "730 days left" in certificate[3]
    assert waiting[4].startswith("Ordered: the transfer IDs were sent")
    assert waiting[6] == "Your contact person Nimi Nimetty"
    assert f'href="{LIST}/{held.serial}"' in body(maija)
    assert "sinetti renew NAME --store DIR" in body(maija)
    assert maija.page.xpath("//nav[@class='menu']//a/@href") == [LIST]
