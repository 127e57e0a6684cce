"""Limits of 24 hours: counts, the next possible time, and mailboxes."""

from datetime import UTC, datetime, timedelta

import pytest

from sinetti.domain.daily_limits import (
    NEVER,
    WINDOW,
    DailyLimits,
    LimitKind,
    LimitReached,
    again_at,
    count_key,
    counted,
    mailbox,
)

NOW = datetime(2027, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def seconds(*instants):
    return [int(one.timestamp()) for one in instants]


COUNTED = {
    "a moment ago": (NOW - SECOND, True),
    "in this very second": (NOW, True),
    "one second less than 24 hours ago": (NOW - WINDOW + SECOND, True),
    "24 hours ago to the second": (NOW - WINDOW, False),
    "by a clock that was somewhat ahead": (NOW + timedelta(minutes=59), True),
    "by a clock that was a year ahead": (NOW + timedelta(days=365), False),
}


@pytest.mark.parametrize(("at", "counts"), COUNTED.values(), ids=COUNTED)
def test_what_counts(at, counts):
    assert bool(counted(seconds(at), NOW)) is counts


AGAIN = {
    "nothing yet": ((), 2, 1, None),
    "one below the limit": (seconds(NOW - SECOND), 2, 1, None),
    "the limit is reached": (seconds(NOW - 2 * SECOND, NOW - SECOND), 2, 1, NOW - 2 * SECOND + WINDOW),
    "two more wait for two": (seconds(NOW - 2 * SECOND, NOW - SECOND), 2, 2, NOW - SECOND + WINDOW),
    "a limit that was lowered": (seconds(NOW - 2 * SECOND, NOW - SECOND), 1, 1, NOW - SECOND + WINDOW),
    "more at once than there may be, after others": (seconds(NOW), 2, 3, NEVER),
    "more at once than there may be": ((), 2, 3, NEVER),
}


@pytest.mark.parametrize(("counts", "limit", "amount", "expected"), AGAIN.values(), ids=AGAIN)
def test_when_more_are_possible(counts, limit, amount, expected):
    assert again_at(counts, limit, amount) == expected


MAILBOXES = {
    "as it is": ("a@b.example", "a@b.example"),
    "in capitals, with spaces": (" A@B.Example ", "a@b.example"),
    "with a tag": ("a+b+c@d.example", "a@d.example"),
    "of a domain in letters of a language": ("a@B\u00fccher.example", "a@xn--bcher-kva.example"),
    "of the same domain as DNS has it": ("a@XN--bcher-kva.example", "a@xn--bcher-kva.example"),
    "of a domain with the dot of the root": ("a@d.example.", "a@d.example"),
    "of what is no domain": ("a@d..example", "a@d..example"),
    "full-width letters": ("\uff41@b.example", "a@b.example"),
    "nothing but a tag": ("+b@c.example", "+b@c.example"),
}


@pytest.mark.parametrize(("address", "expected"), MAILBOXES.values(), ids=MAILBOXES)
def test_one_mailbox(address, expected):
    assert mailbox(address) == expected


def test_keys_differ_by_what_is_counted_and_name_no_one():
    keys = {count_key(what, "a@b.example") for what in LimitKind}
    assert len(keys) == len(LimitKind)
    assert all(len(one) == 64 and "b.example" not in one for one in keys)


def test_the_usual_limits():
    assert [DailyLimits().of(what) for what in LimitKind] == [20, 50, 1000]
    assert str(LimitReached(LimitKind.LETTERS, 20, NOW)) == "20 letters in 24 hours, the next at 2027-03-02T12:00:00Z"
