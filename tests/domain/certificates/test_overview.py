"""Months of charts, and totals of the start page from groups of certificates."""

from datetime import UTC, date, datetime

import pytest

from sinetti.domain.certificates.display_status import DisplayStatus as State
from sinetti.domain.certificates.display_status import Urgency
from sinetti.domain.certificates.overview import (
    MONTHS,
    NO_CERTIFICATES,
    StatusGroup,
    add_up,
    bounds,
    coming_months,
    past_months,
)

JUNE = datetime(2027, 6, 3, 9, tzinfo=UTC)
OPEN, SEEN_TO, OVER = Urgency.OPEN, Urgency.SEEN_TO, Urgency.OVER


def test_the_months_follow_the_finnish_calendar():
    late = datetime(2027, 5, 31, 21, 30, tzinfo=UTC)
    assert coming_months(late)[0] == date(2027, 6, 1), "midnight has passed in Finland"
    months = coming_months(JUNE)
    assert (len(months), months[7], months[-1]) == (MONTHS, date(2028, 1, 1), date(2029, 5, 1))
    assert (past_months(JUNE)[0], past_months(JUNE)[-1]) == (date(2025, 7, 1), date(2027, 6, 1))


def test_a_month_begins_at_midnight_in_winter_and_in_summer():
    edges = bounds(coming_months(JUNE))
    assert (len(edges), edges[0]) == (MONTHS + 1, datetime(2027, 5, 31, 21, tzinfo=UTC))
    assert edges[7] == datetime(2027, 12, 31, 22, tzinfo=UTC)
    assert edges[-1] == datetime(2029, 5, 31, 21, tzinfo=UTC)


def group(status, urgency=OPEN, count=1, **changes):
    return StatusGroup(status, urgency, count, "key", **{"month": 3, "first_end": JUNE, **changes})


ORDER = {"month": None, "first_end": None}
CASES = {
    "nothing": ((), {}),
    "valid": ((group(State.VALID, count=2),), {"in_force": 2, "next_end": JUNE}),
    "its end is soon": ((group(State.ENDS_SOON, count=2),), {"states": {State.ENDS_SOON: 2}, "in_force": 2}),
    "renewed": ((group(State.RENEWED, SEEN_TO, 2),), {"in_force": 2, "replaced": 2, "next_end": None}),
    "expired, and nothing replaced it": (
        (group(State.EXPIRED, count=2, lately=True),),
        {"states": {State.EXPIRED: 2}, "in_force": 0, "ended": 2, "next_end": None},
    ),
    "expired and let end": ((group(State.EXPIRED, OVER, 2, lately=True),), {"states": {}, "ended": 2}),
    "expired long ago": ((group(State.EXPIRED, OVER, 2),), {"ended": 0}),
    "expired and replaced": ((group(State.EXPIRED, OVER, 2, lately=True, followed=True),), {"ended": 0}),
    "revoked": (
        (group(State.REVOKED, count=2, lately=True),),
        {"states": {State.REVOKED: 2}, "ended": 2, "ends": (0,) * MONTHS},
    ),
    "an order": ((group(State.IDS_SENT, **ORDER),), {"states": {State.IDS_SENT: 1}, "in_force": 0}),
    "the only certificate": ((group(State.VALID), group(State.EXPIRED, OVER)), {"only": ("key", False)}),
    "the only order": ((group(State.IDS_SENT, **ORDER),), {"only": ("key", True)}),
    "a certificate and an order": ((group(State.VALID), group(State.IDS_SENT, **ORDER)), {"only": None}),
    "two certificates": ((group(State.VALID, count=2),), {"only": None}),
}


@pytest.mark.parametrize(("groups", "expected"), CASES.values(), ids=CASES)
def test_totals(groups, expected):
    found = add_up(groups)
    assert {name: getattr(found, name) for name in expected} == expected
    if not groups:
        assert found == NO_CERTIFICATES


def test_each_bar_counts_what_the_list_of_its_month_shows():
    groups = [
        group(State.VALID, month=0, count=2),
        group(State.EXPIRED, month=0),
        group(State.RENEWED, SEEN_TO, month=MONTHS - 1),
        group(State.REVOKED, month=1),
        group(State.EXPIRED, OVER, month=1),
        group(State.EXPIRED, month=-1),
        group(State.VALID, month=MONTHS),
    ]
    ends = add_up(groups).ends
    assert (ends[0], ends[1], ends[-1], sum(ends)) == (3, 0, 1, 4)
