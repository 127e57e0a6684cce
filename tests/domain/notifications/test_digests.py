"""Recipients and instants of digests: the tables of docs/operators/digests.md.

A digest's recipients are the people who have to act on a certificate.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from sinetti.domain.certificates.display_status import SEVERITIES, DisplayStatus
from sinetti.domain.notifications.digests import (
    DigestCertificate,
    DigestItemKind,
    DigestSection,
    Successor,
    digest_slot,
    item_kind,
    item_severity,
    next_day,
    next_week,
    section,
    week_begins,
)
from tests.house.tree import DOCS, rows

NOW = datetime(2027, 3, 3, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LATE, EARLY = DigestCertificate(NOW + 14 * DAY), DigestCertificate(NOW + 14 * DAY + SECOND)
ENDED = DigestCertificate(NOW - SECOND)

CASES = {
    "somebody has to renew": (EARLY, DigestItemKind.RENEW),
    "its last second": (DigestCertificate(NOW), DigestItemKind.RENEW),
    "the second after it": (ENDED, DigestItemKind.ENDED),
    "fetched, whatever else": (
        replace(ENDED, successor=Successor.FETCHED, revoked=True, approved=False, reached=False),
        DigestItemKind.DONE,
    ),
    "renewed, and nobody fetched": (
        replace(EARLY, successor=Successor.WAITING, by_renewal=True),
        DigestItemKind.RETRIEVE,
    ),
    "renewed in time, and nobody fetched until the end": (
        replace(ENDED, successor=Successor.WAITING),
        DigestItemKind.RETRIEVE,
    ),
    "a replacement is ordered, early": (replace(EARLY, ordered_until=NOW), DigestItemKind.REPLACEMENT_ORDERED),
    "a replacement is ordered, late": (replace(LATE, ordered_until=NOW), DigestItemKind.USE_TRANSFER_IDS),
    "its transfer ids are too old": (replace(EARLY, ordered_until=NOW - SECOND), DigestItemKind.RENEW),
    "a replacement is ordered after the end": (
        replace(ENDED, ordered_until=NOW + DAY),
        DigestItemKind.USE_TRANSFER_IDS,
    ),
    "revoked, a replacement is ordered": (
        replace(EARLY, revoked=True, ordered_until=NOW + DAY),
        DigestItemKind.REPLACEMENT_ORDERED,
    ),
    "revoked": (replace(EARLY, revoked=True, by_renewal=True), DigestItemKind.REVOKED),
    "revoked, and ended since": (replace(ENDED, revoked=True), DigestItemKind.ENDED),
    "no longer approved": (replace(EARLY, approved=False, by_renewal=True), DigestItemKind.NOT_APPROVED),
    "renewed by a program before, early": (
        replace(EARLY, by_renewal=True, reached=False),
        DigestItemKind.RENEWS_ITSELF,
    ),
    "renewed by a program before, late": (replace(LATE, by_renewal=True), DigestItemKind.RENEW),
    "no person is reached": (replace(LATE, reached=False), DigestItemKind.UNREACHABLE),
    "nobody is reached, but the firm reads this": (replace(LATE, reached=False, firms=True), DigestItemKind.RENEW),
}


@pytest.mark.parametrize("kind", list(DigestItemKind))
def test_an_entry_has_the_severity_of_the_state_on_pages(kind):
    states = {
        DigestItemKind.DONE: DisplayStatus.RENEWED,
        DigestItemKind.RETRIEVE: DisplayStatus.NEW_WAITS,
        DigestItemKind.ENDED: DisplayStatus.EXPIRED,
        DigestItemKind.REVOKED: DisplayStatus.REVOKED,
    }
    assert item_severity(kind, ends_soon=True) is SEVERITIES[states.get(kind, DisplayStatus.ENDS_SOON)]
    assert item_severity(kind, ends_soon=False) is SEVERITIES[states.get(kind, DisplayStatus.RENEWAL_OPEN)]


@pytest.mark.parametrize(("watched", "what"), CASES.values(), ids=CASES)
def test_matter(watched, what):
    assert item_kind(watched, NOW) is what


def test_every_matter_has_a_case():
    assert {what for _, what in CASES.values()} == set(DigestItemKind)


def test_the_page_has_the_matters_in_their_order_and_their_parts():
    page = [(cells[0].strip("`"), cells[2], cells[3]) for cells in rows(DOCS / "operators" / "digests.md", "matter")]
    ours = [(one.value, section(one, firms=True).value, section(one, firms=False).value) for one in DigestItemKind]
    never = {DigestItemKind.UNREACHABLE: "–"}
    assert page == [(name, never.get(name, firms), client) for name, firms, client in ours]


def test_the_order_of_the_table_is_that_of_the_rule():
    """Each matter wins over all that stand below it.

    Everything holds of the first certificate, and less of each next one.
    """
    worst = DigestCertificate(
        NOW - SECOND, Successor.FETCHED, NOW + DAY, revoked=True, approved=False, by_renewal=True, reached=False
    )
    going = [
        worst,
        replace(worst, successor=Successor.WAITING),
        replace(worst, successor=Successor.NONE, not_after=NOW + 60 * DAY),
        replace(worst, successor=Successor.NONE),
        replace(worst, successor=Successor.NONE, ordered_until=None),
        replace(worst, successor=Successor.NONE, ordered_until=None, not_after=NOW + 60 * DAY),
    ]
    found = [item_kind(one, NOW) for one in going]
    going.append(replace(going[-1], revoked=False))
    going.append(replace(going[-1], approved=True))
    going.append(replace(going[-1], by_renewal=False))
    going.append(replace(going[-1], reached=True))
    found += [item_kind(one, NOW) for one in going[6:]]
    assert found == list(DigestItemKind)


def test_of_a_short_life_less_has_to_be_left_to_be_in_time():
    week = DigestCertificate(NOW + timedelta(hours=40), by_renewal=True, life=timedelta(days=7))
    assert item_kind(week, NOW) is DigestItemKind.RENEWS_ITSELF
    assert item_kind(replace(week, life=timedelta(days=730)), NOW) is DigestItemKind.RENEW


HOLIDAYS = {date(2026, 12, 24), date(2026, 12, 25), date(2027, 3, 26), date(2027, 3, 29)}


def day_off(day):
    return day in HOLIDAYS


def utc(*when):
    return datetime(*when, tzinfo=UTC)


LEAVES = {
    "Monday at 8:00 in winter": (utc(2027, 3, 1, 6), (1, 1, 26)),
    "Monday, one second earlier": (utc(2027, 3, 1, 5, 59, 59), None),
    "Monday in the afternoon": (utc(2027, 3, 1, 13), (1, 1, 26)),
    "Monday evening": (utc(2027, 3, 1, 14, 1), None),
    "Friday": (utc(2027, 3, 5, 8), (5, 1, 4)),
    "Saturday": (utc(2027, 3, 6, 8), None),
    "Easter Monday": (utc(2027, 3, 29, 8), None),
    "the Tuesday after, in summer time": (utc(2027, 3, 30, 5), (30, 30, 25)),
    "the Wednesday after": (utc(2027, 3, 31, 5), (31, 30, 30)),
}


@pytest.mark.parametrize(("now", "leaves"), LEAVES.values(), ids=LEAVES)
def test_leaving(now, leaves):
    """The slot has its day, the week's first working day and the working day before.

    All are at 8:00 Finnish time.
    """
    found = digest_slot(now, day_off)
    assert (found is None) == (leaves is None)
    if found is not None:
        assert (found.day.day, found.week_days[0].day, found.before.day) == leaves
        assert found.week_days[-1] == found.day
        assert found.at <= now < found.at + timedelta(hours=9)
        assert found.week_at.date() == found.week_days[0]


NEXT = {
    "at the instant itself: the next one": (utc(2027, 3, 1, 6), utc(2027, 3, 2, 6), utc(2027, 3, 8, 6)),
    "a second before": (utc(2027, 3, 1, 5, 59, 59), utc(2027, 3, 1, 6), utc(2027, 3, 1, 6)),
    "on Friday, Monday": (utc(2027, 3, 5, 12), utc(2027, 3, 8, 6), utc(2027, 3, 8, 6)),
    "over Easter and into summer time": (utc(2027, 3, 25, 12), utc(2027, 3, 30, 5), utc(2027, 3, 30, 5)),
    "in a week that began after Monday": (utc(2027, 3, 30, 5), utc(2027, 3, 31, 5), utc(2027, 4, 5, 5)),
    "late at night it is tomorrow in Finland": (utc(2027, 3, 1, 23), utc(2027, 3, 2, 6), utc(2027, 3, 8, 6)),
}


@pytest.mark.parametrize(("after", "day", "week"), NEXT.values(), ids=NEXT)
def test_next(after, day, week):
    assert next_day(after, day_off) == day
    assert next_week(after, day_off) == week


def test_a_week_of_days_off_begins_with_the_next():
    assert week_begins(date(2027, 3, 1), lambda day: day < date(2027, 3, 8)) == date(2027, 3, 8)


def test_the_parts_are_three():
    assert [one.value for one in DigestSection] == ["needs-you", "needs-client", "by-itself"]
