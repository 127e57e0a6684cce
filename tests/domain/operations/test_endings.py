"""Timely reports of approaching expiry."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.operations.monitoring import IssuingEnd, ListEnd, issuing_ca_alarms, list_alarms

END = datetime(2036, 3, 2, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
STOP = END - 730 * DAY

ISSUING = {
    "a second before three years": (END - 1095 * DAY - SECOND, STOP, False),
    "three years before its end": (END - 1095 * DAY, STOP, True),
    "when it has stopped": (STOP + SECOND, STOP, True),
    "when it has ended": (END + SECOND, STOP, True),
    "when it stops more than three years before its end": (END - 1460 * DAY, END - 1460 * DAY, True),
    "a second before that": (END - 1460 * DAY - SECOND, END - 1460 * DAY, False),
}


@pytest.mark.parametrize(("now", "stops", "told"), ISSUING.values(), ids=ISSUING)
def test_issuing_cas(now, stops, told):
    one = IssuingEnd("SomeCAv1", stops, END)
    assert issuing_ca_alarms([one], now) == ((one,) if told else ())


LISTS = {
    "a second before sixty days": (END - 60 * DAY - SECOND, END, False),
    "sixty days before its end": (END - 60 * DAY, END, True),
    "no list at all": (END, None, True),
}


@pytest.mark.parametrize(("now", "ends", "told"), LISTS.values(), ids=LISTS)
def test_lists(now, ends, told):
    one = ListEnd("SomeCAv1", ends)
    assert list_alarms([one], now) == ((one,) if told else ())
