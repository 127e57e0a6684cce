"""Timely reports of approaching expiry."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.operations.monitoring import ListEnd, list_alarms

END = datetime(2036, 3, 2, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)

LISTS = {
    "a second before sixty days": (END - 60 * DAY - SECOND, END, False),
    "sixty days before its end": (END - 60 * DAY, END, True),
    "no list at all": (END, None, True),
}


@pytest.mark.parametrize(("now", "ends", "told"), LISTS.values(), ids=LISTS)
def test_lists(now, ends, told):
    one = ListEnd("SomeCAv1", ends)
    assert list_alarms([one], now) == ((one,) if told else ())
