"""Sightings as JSON: written and read by both ends, and rejections."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sinetti.domain.usage import MOST_SIGHTINGS, Observation, TrustListNumbers
from sinetti.wire.json_api.usage_reports import InvalidUsageReport, UsageMessage, parse, render

SHA = "ab" * 32
SEEN = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
MAX_BODY = 128 * 1024


def body(*rows, **more):
    return json.dumps({"sightings": list(rows), **more}).encode()


def row(seen="2027-03-01T12:00:00Z", sha256=SHA, **more):
    return {"sha256": sha256, "seen": seen, **more}


def test_what_one_end_writes_the_other_reads():
    there = SEEN.astimezone(timezone(timedelta(hours=2)))
    assert (
        render([Observation(SHA, there)])
        == b'{"sightings":[{"sha256":"%s","seen":"2027-03-01T12:00:00Z"}]}' % SHA.encode()
    )
    assert parse(render([Observation(SHA, there)])).sightings == (Observation(SHA, SEEN),)
    assert parse(render([])).sightings == ()


def test_a_year_of_three_digits_is_read_as_it_was_written():
    early = Observation(SHA, datetime(1, 1, 1, tzinfo=UTC))
    assert parse(render([early])).sightings == (early,)


def test_the_most_that_goes_into_one_message():
    full = render([Observation(SHA, SEEN)] * MOST_SIGHTINGS)
    assert len(full) < MAX_BODY
    assert len(parse(full).sightings) == MOST_SIGHTINGS
    with pytest.raises(ValueError, match="at most 1000"):
        render([Observation(SHA, SEEN)] * (MOST_SIGHTINGS + 1))


@pytest.mark.parametrize("seen", ["2027-03-01T14:00:00+02:00", "2027-03-01T12:00:00.999Z", "2027-03-01T12:00:00-00:00"])
def test_other_spellings_of_the_same_second(seen):
    assert parse(body(row(seen))).sightings == (Observation(SHA, SEEN),)


REFUSED = {
    "not JSON": (b"{", "not JSON"),
    "no UTF-8": (b'{"sightings": ["\xff"]}', "not JSON"),
    "nested too deeply": (b"[" * 100_000, "not JSON"),
    "a list": (b"[]", "nothing else"),
    "another member": (body(at=1), "nothing else"),
    "no list of sightings": (b'{"sightings": {}}', "nothing else"),
    "too many": (body(*[row()] * (MOST_SIGHTINGS + 1)), "not 1001"),
    "a sighting that is a text": (body("x"), r"sightings\[0\] must have"),
    "a member too many": (body(row(), row(serial="1")), r"sightings\[1\] must have"),
    "a member too few": (body({"sha256": SHA}), r"sightings\[0\] must have"),
    "capitals": (body(row(sha256=SHA.upper())), "lower-case hex"),
    "a number as digest": (body(row(sha256=1)), "lower-case hex"),
    "no zone": (body(row("2027-03-01T12:00:00")), "RFC 3339"),
    "no time": (body(row("2027-03-01")), "RFC 3339"),
    "a day that is none": (body(row("2027-02-30T12:00:00Z")), "RFC 3339"),
    "before all calendars": (body(row("0001-01-01T00:00:00+10:00")), "RFC 3339"),
    "a number as time": (body(row(1)), "RFC 3339"),
}


@pytest.mark.parametrize(("octets", "why"), REFUSED.values(), ids=REFUSED)
def test_refused(octets, why):
    with pytest.raises(InvalidUsageReport, match=why):
        parse(octets)


def test_numbers_of_trust_lists_come_along():
    numbers = TrustListNumbers(3, 1790000000)
    assert parse(render([], numbers)) == UsageMessage((), numbers)
    assert parse(render([])).trust_lists is None


WRONG_NUMBERS = {
    "no object": [1, 2],
    "one number": {"anchors": 1},
    "a number more": {"anchors": 1, "distrust": 1, "other": 1},
    "a text": {"anchors": "1", "distrust": 1},
    "a truth value": {"anchors": True, "distrust": 1},
    "below zero": {"anchors": -1, "distrust": 1},
    "too large": {"anchors": 1 << 63, "distrust": 1},
}


@pytest.mark.parametrize("numbers", WRONG_NUMBERS.values(), ids=WRONG_NUMBERS)
def test_wrong_numbers_of_trust_lists(numbers):
    with pytest.raises(InvalidUsageReport, match="trust_lists must have"):
        parse(json.dumps({"sightings": [], "trust_lists": numbers}).encode())
