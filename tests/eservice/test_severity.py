"""Severity of every state on the start page, in the list, on the page, in the CSV and in mail."""

import csv
import io

import pytest
from django.db import transaction

from sinetti.database.certificates import list_query
from sinetti.database.notifications import digests
from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.display_status import (
    SEVERITIES,
    DisplayStatus,
    StateSeverity,
    Urgency,
    severity_of,
    state_of,
    urgency_of,
)
from sinetti.domain.certificates.listing import ListKey
from sinetti.eservice.certificates.labels import SEVERITIES as WORDS
from sinetti.eservice.ui.components import Severity
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.listing import CASES, put
from tests.support.scene import add_organisation, an_order, ordered
from tests.support.users import account, mandate, signed_in

LIST, FIRM = "/settings/certificates", "7654321-0"
IN_DIGESTS = frozenset(
    {DisplayStatus.EXPIRED, DisplayStatus.REVOKED, DisplayStatus.ENDS_SOON, DisplayStatus.RENEWAL_OPEN}
)
"""States that a digest lists by themselves."""


@pytest.fixture
def seen(browser, sqlite_scene):
    """Return a firm's reader, and the facts of every case and of an order, by key."""
    add_organisation(sqlite_scene, FIRM)
    user = account(sqlite_scene, "tili")
    mandate(sqlite_scene, user, FIRM, Role.MANAGER)
    mandate(sqlite_scene, FIRM, CUSTOMER_ID, Role.MANAGER)
    with transaction.atomic():
        serials = [
            put(sqlite_scene, facts, number, f"case {number}") for number, (facts, *_) in enumerate(CASES.values())
        ]
    keys = [
        *(ListKey(one, order=False) for one in serials),
        ListKey(ordered(sqlite_scene, an_order()).order_id, order=True),
    ]
    found = {one.key: one.facts for one in list_query.load_rows(sqlite_scene.db, keys, NOW)}
    assert len(found) == len(CASES) + 1
    return signed_in(browser, user), found


def tone(element):
    (found,) = set(element.get("class").split()) & set(StateSeverity)
    return found


@pytest.mark.long
def test_each_view_has_the_severity_of_the_rule(seen, sqlite_scene):
    browser, facts = seen
    expected = {key: severity_of(one, NOW).value for key, one in facts.items()}
    page = browser.get(f"{LIST}?state=all").page
    rows = {row.xpath("th/a/@href")[0].rpartition("/")[2]: row for row in page.xpath("//main//tbody/tr")}
    assert {key: tone(rows[key].xpath(".//span[contains(@class, 'badge')]")[0]) for key in facts} == expected
    reply = browser.get(f"{LIST}.csv?state=all").reply
    head, *lines = csv.reader(io.StringIO(b"".join(reply.parts.octets).decode("utf-8-sig")), delimiter=";")
    reply.parts.close()
    column = head.index("Severity")
    words = {"".join(line[6:8]).strip("'"): line[column] for line in lines}
    assert {key: words[key] for key in facts} == {key: WORDS[Severity(one)] for key, one in expected.items()}
    for key in [one for one, about in facts.items() if len(one) == len(next(iter(facts)))]:
        (badge,) = browser.get(f"{LIST}/{key}").page.xpath("//div[@class='title']/span[contains(@class, 'badge')]")
        assert tone(badge) == expected[key], key


def test_the_start_page_has_the_severity_of_each_counted_state(seen):
    browser, _facts = seen
    tasks = browser.get("/").page.xpath("//main//ul[contains(@class, 'tasks')]/li[.//a[contains(@href, 'state=')]]")
    shown = {one.xpath(".//a/@href")[0].rpartition("state=")[2].partition("&")[0]: tone(one) for one in tasks}
    shown = {state.removesuffix("-unreplaced"): one for state, one in shown.items()}
    assert shown == {state: SEVERITIES[DisplayStatus(state)].value for state in shown}
    assert {DisplayStatus.EXPIRED, DisplayStatus.REVOKED, DisplayStatus.ENDS_SOON, DisplayStatus.OLD_IN_USE} <= set(
        shown
    )


@pytest.mark.long
def test_a_digest_has_the_severity_of_the_rule(seen, sqlite_scene):
    _browser, facts = seen
    agent = list_query.models.Organisation.objects.get(customer_id=FIRM).pk
    rows = {one.serial: one.severity for one in digests.digest_rows(sqlite_scene.db, agent, NOW)}
    alone = {
        key: severity_of(one, NOW)
        for key, one in facts.items()
        if key in rows and state_of(one, NOW) in IN_DIGESTS and urgency_of(one, NOW) is Urgency.OPEN
    }
    assert len(alone) > len(IN_DIGESTS)
    assert {key: rows[key] for key in alone} == alone
