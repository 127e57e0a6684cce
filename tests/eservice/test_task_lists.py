"""Each task of the start page leads to a list with as many rows as it counts."""

import re
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.db import transaction

from sinetti.domain.access.roles import Role
from sinetti.domain.certificates.display_status import DisplayStatus, Urgency
from sinetti.eservice.authorisations.access_tasks import PAGES
from sinetti.eservice.site.home import _STATES as STATES
from tests.support.authority import CUSTOMER_ID, NOW
from tests.support.firms import an_organisation, rows
from tests.support.listing import CASES, put
from tests.support.scene import an_order, ordered
from tests.support.users import account, mandate, signed_in

DAY = timedelta(days=1)
FIRM = "7654321-0"
ENDS = {"on": NOW + 400 * DAY, "ending": NOW + 30 * DAY, "ended": NOW - 30 * DAY}


@dataclass
class TaskOwner:
    """A user on every side, and all that the start page counts."""

    scene: object
    user: object = field(init=False)

    def __post_init__(self):
        self.user = account(self.scene, "maija", staff=True)
        an_organisation(self.scene, FIRM)
        mandate(self.scene, self.user, CUSTOMER_ID, Role.SIGNATORY, ENDS["ending"])
        mandate(self.scene, self.user, FIRM, Role.MANAGER)
        for state, until in ENDS.items():
            an_organisation(self.scene, f"own {state}")
            mandate(self.scene, self.user, f"own {state}", Role.VIEWER, until)
            an_organisation(self.scene, f"client {state}")
            mandate(self.scene, FIRM, f"client {state}", Role.MANAGER, until)
            an_organisation(self.scene, f"firm {state}")
            mandate(self.scene, f"firm {state}", CUSTOMER_ID, Role.MANAGER, until)
            mandate(self.scene, account(self.scene, state), CUSTOMER_ID, Role.VIEWER, until)
        rows(self.scene, "RoleAssignment").update(valid_from=NOW - 500 * DAY)

    def certificates(self):
        """Add a certificate in each case of the rule, and orders in each of their states."""
        with transaction.atomic():
            for number, (facts, *_) in enumerate(CASES.values()):
                put(self.scene, facts, number, f"case {number}")
        orders = [ordered(self.scene, an_order()) for _number in range(3)]
        ids = rows(self.scene, "TransferIds")
        ids.filter(order_id=orders[0].order_id).update(expires=NOW - DAY)

    def cases(self):
        """Add an application, and two requests for an authorisation."""
        terms = {"case_number": "1", "channels": ["WS"], "purpose": "p", "language": "fi", "created": NOW}
        organisation = rows(self.scene, "Organisation").get(customer_id=CUSTOMER_ID)
        for state in ("open", "refused"):
            rows(self.scene, "AccessApplication").create(
                organisation=organisation, state=state, **{**terms, "case_number": state}
            )
        for name in ("first", "second"):
            rows(self.scene, "RoleRequest").create(
                customer_id=CUSTOMER_ID, normalised_id=organisation.normalised_id, role="viewer", created=NOW,
                user=account(self.scene, name),
            )  # fmt: skip


def counted(browser, selector):
    """Return the addresses of a list of links with the number that each states."""
    found = {}
    for one in browser.get("/").page.xpath(selector):
        (count,) = re.findall(r"\b\d+(?= )|^\d+", " ".join(one.text_content().split()))[:1]
        found[one.get("href")] = int(count)
    return found


def listed(browser, address):
    """Return the number of rows of the list that a task leads to."""
    place, _, part = address.partition("#")
    page = browser.get(place).page
    if place.startswith("/settings/authorisations"):
        if not part:
            return len(page.xpath("//button[@value='approve']"))
        ids = ["ended"] if part == "ended" else ["people", "organisations"]
        return sum(len(page.xpath(f"//section[@id='{one}']//tbody/tr")) for one in ids)
    if place.startswith("/settings/profile"):
        return len(page.xpath(f"//section[@id='{part}']//tbody/tr"))
    return len(page.xpath("//main//tbody/tr"))


@pytest.fixture
def maija(sqlite_scene, browser):
    """Return the browser of the user who has all tasks."""
    owner = TaskOwner(sqlite_scene)
    owner.certificates()
    owner.cases()
    return signed_in(browser, owner.user, keeps={"looking_purpose": "support"})


def test_each_task_counts_the_rows_of_its_list(maija):
    tasks = counted(maija, "//ul[@class='tasks']/li//a")
    shown = {address: listed(maija, address) for address in tasks}
    assert shown == tasks
    states = {one.value for _facts, one, urgency, _ in CASES.values() if urgency is Urgency.OPEN} - {
        DisplayStatus.VALID
    }
    assert {one.partition("state=")[2].removesuffix("-unreplaced") for one in tasks if "state=" in one} >= states
    assert states <= {one.value for one in STATES}
    assert len([one for one in tasks if "show=" in one]) == 2 * len(PAGES)
    assert {"/settings/authorisations", "/staff/applications"} <= set(tasks)


def test_the_totals_in_force_and_of_action_count_the_rows_of_their_lists(maija):
    tiles = counted(maija, "//ul[@class='totals']/li/a[contains(@href, 'state=') and not(contains(@href, '=all'))]")
    assert len(tiles) == 3
    assert {address: listed(maija, address) for address in tiles} == tiles


def test_an_ended_state_by_itself_has_the_replaced_ones_too(maija):
    for state in ("expired", "revoked"):
        every, unattended = (listed(maija, f"/settings/certificates?state={state}{one}") for one in ("", "-unreplaced"))
        assert every > unattended > 0
