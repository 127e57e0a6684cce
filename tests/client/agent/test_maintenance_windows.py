"""Maintenance windows in Finnish time, over midnight and both clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sinetti.client.agent.schedule import next_open
from sinetti.client.model import MaintenanceWindow

HELSINKI = ZoneInfo("Europe/Helsinki")
WORKDAYS, WEEKEND, SUNDAY, ALL = frozenset(range(5)), frozenset({5, 6}), frozenset({6}), frozenset(range(7))
NIGHTS = MaintenanceWindow(WORKDAYS, time(18), time(6))
WHOLE_WEEKEND = MaintenanceWindow(WEEKEND, time(0), time(0))


def local(day, hour, minute=0, month=6, fold=0):
    return datetime(2027, month, day, hour, minute, tzinfo=HELSINKI, fold=fold).astimezone(UTC)


CASES = {
    # 7 June 2027 is a Monday.
    "without windows it is always open": ((), local(7, 12), local(7, 12)),
    "the first second of a window": ((NIGHTS,), local(7, 18), local(7, 18)),
    "a minute before it": ((NIGHTS,), local(7, 17, 59), local(7, 18)),
    "after midnight the window of the day before is open": ((NIGHTS,), local(8, 5, 59), local(8, 5, 59)),
    "its end is outside": ((NIGHTS,), local(8, 6), local(8, 18)),
    "Friday's night ends on Saturday": ((NIGHTS,), local(12, 3), local(12, 3)),
    "the next one after it is on Monday": ((NIGHTS,), local(12, 6), local(14, 18)),
    "Monday morning has no window of Sunday": ((NIGHTS,), local(14, 3), local(14, 18)),
    "of several the first counts": ((NIGHTS, WHOLE_WEEKEND), local(12, 6), local(12, 6)),
    "equal times are the whole day": ((WHOLE_WEEKEND,), local(13, 23, 59), local(13, 23, 59)),
    "and end with it": ((WHOLE_WEEKEND,), local(14, 0), local(19, 0)),
    # 28 March 2027: from 3:00 to 4:00 the clock is put forward. 31 October: back from 4:00 to 3:00.
    "an hour that is skipped is the one after it": (
        (MaintenanceWindow(SUNDAY, time(3, 15), time(3, 45)),),
        local(28, 2, month=3),
        local(28, 4, 15, month=3),
    ),
    "a window that comes to nothing is left out": (
        (MaintenanceWindow(SUNDAY, time(3, 15), time(4, 5)),),
        local(28, 2, month=3),
        local(4, 3, 15, month=4),
    ),
    "an hour that comes twice is open both times": (
        (MaintenanceWindow(SUNDAY, time(3), time(3, 30)),),
        local(31, 3, 20, month=10, fold=1),
        local(31, 3, 20, month=10, fold=1),
    ),
    "and ends when its end comes for the second time": (
        (MaintenanceWindow(SUNDAY, time(3), time(3, 30)),),
        local(31, 3, 30, month=10, fold=1),
        local(7, 3, month=11),
    ),
}


@pytest.mark.parametrize(("windows", "at", "opens"), CASES.values(), ids=CASES)
def test_the_next_open_instant(windows, at, opens):
    assert next_open(windows, HELSINKI, at) == opens


windows = some.builds(MaintenanceWindow, some.frozensets(some.integers(0, 6), min_size=1), some.times(), some.times())
instants = some.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=some.just(UTC))


@given(some.lists(windows, min_size=1, max_size=3), instants)
def test_it_is_open_then_and_not_before(wanted, at):
    opens = next_open(wanted, HELSINKI, at)
    assert at <= opens <= at + timedelta(days=15)
    assert next_open(wanted, HELSINKI, opens) == opens, "it is open then"
    between = at + (opens - at) / 2
    assert next_open(wanted, HELSINKI, between) == max(at, opens), "and nowhere on the way"


@given(some.lists(windows, min_size=1, max_size=3), instants, some.timedeltas(timedelta(), timedelta(days=9)))
def test_who_asks_later_is_told_no_earlier(wanted, at, later):
    assert next_open(wanted, HELSINKI, at) <= next_open(wanted, HELSINKI, at + later)
