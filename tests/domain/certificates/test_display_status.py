"""Display status of certificates and orders (docs/e-service/certificates.md).

The cases are at exact seconds.
"""

from datetime import timedelta

import pytest

from sinetti.domain.certificates.display_status import (
    SEVERITIES,
    DisplayStatus,
    OrderFacts,
    StateSeverity,
    Urgency,
    days_left,
    next_actor,
    order_state,
    percent_elapsed,
    severity_of,
    state_of,
    urgency_of,
)
from sinetti.domain.values import ValidityPeriod
from tests.house.tree import DOCS, rows
from tests.support.authority import NOW
from tests.support.listing import CASES, DAY, SECOND


@pytest.mark.parametrize(("facts", "state", "rank", "hand"), CASES.values(), ids=CASES)
def test_what_is_said_of_a_certificate(facts, state, rank, hand):
    assert (state_of(facts, NOW), urgency_of(facts, NOW), next_actor(facts, NOW)) == (state, rank, hand)


ORDERS = {
    "ids on their way": (OrderFacts(NOW, NOW), DisplayStatus.IDS_SENT),
    "ids that were shown": (OrderFacts(NOW, NOW, opened=True), DisplayStatus.IDS_OPENED),
    "a second too late": (OrderFacts(NOW, NOW - SECOND, opened=True), DisplayStatus.IDS_LAPSED),
    "ids that were ended": (OrderFacts(NOW, None), DisplayStatus.IDS_LAPSED),
}


@pytest.mark.parametrize(("facts", "state"), ORDERS.values(), ids=ORDERS)
def test_what_is_said_of_an_order(facts, state):
    assert (order_state(facts, NOW), severity_of(facts, NOW)) == (state, SEVERITIES[state])


LEFT = {
    "before it begins": (731 * DAY, 731, 0),
    "all of it": (730 * DAY, 730, 0),
    "half": (365 * DAY, 365, 50),
    "its last second": (timedelta(0), 0, 99),
    "nothing": (-SECOND, 0, 100),
}


@pytest.mark.parametrize(("left", "days", "percent"), LEFT.values(), ids=LEFT)
def test_what_is_left_and_what_has_elapsed(left, days, percent):
    ends = NOW + left
    assert (days_left(ends, NOW), percent_elapsed(ValidityPeriod(ends - 730 * DAY, ends), NOW)) == (days, percent)


@pytest.mark.parametrize(("facts", "state", "rank", "_hand"), CASES.values(), ids=CASES)
def test_what_is_over_is_plain_and_the_rest_as_its_state(facts, state, rank, _hand):
    assert severity_of(facts, NOW) is (StateSeverity.PLAIN if rank is Urgency.OVER else SEVERITIES[state])


def test_each_state_has_a_severity_and_what_ends_unattended_is_worst():
    assert list(SEVERITIES) == list(DisplayStatus)
    worst = {state for state, one in SEVERITIES.items() if one is StateSeverity.ERROR}
    assert worst == {DisplayStatus.REVOKED, DisplayStatus.EXPIRED, DisplayStatus.ENDS_SOON}


def test_the_page_has_every_state_and_its_severity():
    listed = [(cells[0].strip("`"), cells[2]) for cells in rows(DOCS / "e-service" / "certificates.md", "state")]
    assert listed == [(state.value, severity.value) for state, severity in SEVERITIES.items()]
