"""Status feed: a reader takes any octets in any parts, and only wakes by them."""

from collections.abc import Mapping

from fuzz.target import Target, must
from sinetti.wire.json_api.status_events import (
    HEARTBEAT,
    RESET,
    FeedParser,
    InvalidFeed,
    StatusEvent,
    StatusEventKind,
    format_event,
)

_PART, _LONGEST = 7, 4000


def check(octets: bytes) -> None:
    """Read the octets at once and in parts, and write what was read."""
    whole, parts = _read([octets]), _read([octets[at : at + _PART] for at in range(0, len(octets), _PART)])
    shortest = min(len(whole), len(parts))
    must(whole[:shortest] == parts[:shortest], "the parts in which octets arrive change no event")
    for event in whole:
        if event is not None:
            written = format_event(1, event)
            is_long = len(written) > _LONGEST
            must(is_long or list(FeedParser().feed(written)) == [event], "what was read can be written and read")


def _read(parts: list[bytes]) -> list[StatusEvent | None]:
    found: list[StatusEvent | None] = []
    parser = FeedParser()
    try:
        for part in parts:
            found += parser.feed(part)
    except InvalidFeed:
        pass
    must(parser.last_id is None or parser.last_id.isdigit(), "an id can stand in a header")
    return found


def _seeds() -> Mapping[str, bytes]:
    events = (
        StatusEvent(StatusEventKind.REVOCATION, "Issuing", 6, "0a1b"),
        StatusEvent(StatusEventKind.LIST, "Issuing", 7),
        StatusEvent(StatusEventKind.TRUST, "distrust", 2),
        RESET,
    )
    octets = [format_event(number, event) for number, event in enumerate(events)]
    return {
        "all": HEARTBEAT + b"".join(octets),
        "dos": octets[0].replace(b"\n", b"\r\n"),
        "wrong": octets[1][:-5] + b"\n\n",
    }


TARGET = Target("status-feed", check, _seeds, longest=6000)
