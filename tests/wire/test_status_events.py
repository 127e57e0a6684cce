"""Octets of the status feed: written, and read again in any parts."""

import pytest

from sinetti.wire.json_api.status_events import (
    HEARTBEAT,
    RESET,
    FeedParser,
    InvalidFeed,
    StatusEvent,
    StatusEventKind,
    format_event,
)

EVENTS = [
    StatusEvent(StatusEventKind.REVOCATION, "issuing", 6, "0a1b"),
    StatusEvent(StatusEventKind.LIST, "issuing", 7),
    StatusEvent(StatusEventKind.TRUST, "distrust", 2),
    RESET,
]


def test_the_octets_of_an_event():
    assert format_event(5, EVENTS[0]) == (
        b'id: 5\nevent: revocation\ndata: {"ca": "issuing", "list": 6, "serial": "0a1b"}\n\n'
    )
    assert format_event(6, RESET) == b"id: 6\nevent: reset\ndata: {}\n\n"


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_what_was_written_is_read_in_any_parts(size):
    octets = HEARTBEAT + b"".join(format_event(number, event) for number, event in enumerate(EVENTS, 8))
    parser, found = FeedParser(), []
    for start in range(0, len(octets), size):
        found += parser.feed(octets[start : start + size])
    assert found == [None, *EVENTS]
    assert parser.last_id == "11"


FOREIGN = {
    "an unknown kind": (b"event: weather\ndata: {}\n\n", []),
    "a kind without data": (b"event: list\n\n", []),
    "data without a kind": (b"data: {}\n\n", []),
    "an empty event": (b"\n\n", []),
    "lines that end as in DOS": (b'event: trust\r\ndata: {"kind":"anchors","number":1}\r\n\r\n', ["trust"]),
    "no JSON": (b"event: list\ndata: {\n\n", ["reset"]),
    "JSON that is too deep": (b"event: list\ndata: " + b"[" * 4000 + b"\n\n", ["reset"]),
    "JSON that is no object": (b"event: list\ndata: []\n\n", ["reset"]),
    "a subject of another type": (b'event: list\ndata: {"ca": 1, "number": 1}\n\n', ["reset"]),
    "a number of another type": (b'event: list\ndata: {"ca": "a", "number": true}\n\n', ["reset"]),
    "a revocation without a serial": (b'event: revocation\ndata: {"ca": "a", "list": 1}\n\n', ["reset"]),
    "octets that are no UTF-8": (b"event: list\xff\ndata: {}\n\n", []),
}


@pytest.mark.parametrize(("octets", "kinds"), FOREIGN.values(), ids=FOREIGN)
def test_other_octets(octets, kinds):
    assert [one and str(one.kind) for one in FeedParser().feed(octets)] == kinds


IDS = {
    "a number": (b"12", "12"),
    "no number": (b"x", None),
    "a number that is too long": (b"1" * 21, None),
    "digits of another script": ("\u0661".encode(), None),
}


@pytest.mark.parametrize(("given", "wanted"), IDS.values(), ids=IDS)
def test_only_a_number_is_an_id(given, wanted):
    parser = FeedParser()
    assert list(parser.feed(b"id: " + given + b"\n\n")) == []
    assert parser.last_id == wanted


def test_an_event_that_broke_off_is_not_completed_by_another_connection():
    parser = FeedParser()
    assert list(parser.feed(b"event: trust\ndata: {")) == []
    parser.begin()
    assert list(parser.feed(format_event(3, EVENTS[1]))) == [EVENTS[1]]


TOO_LONG = {
    "a line": b"x" * 5000,
    "an event": b"event: list\n" + b"".join(b"%d: %b\n" % (n, b"x" * 400) for n in range(20)),
    "long names": b"".join(b"%d%b\n" % (n, b"x" * 4000) for n in range(3)),
    "many fields": b"".join(b"%d\n" % n for n in range(5000)),
}


@pytest.mark.parametrize("octets", TOO_LONG.values(), ids=TOO_LONG)
def test_what_is_too_long_ends_the_feed(octets):
    with pytest.raises(InvalidFeed):
        list(FeedParser().feed(octets))
