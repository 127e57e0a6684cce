"""Events of the status feed as server-sent events (docs/relying/feed.md).

An event is a wake-up. The signed list or answer that its reader then fetches is the truth, so nothing is signed here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

PATH = "/status/feed"
CONTENT_TYPE = "text/event-stream"

HEARTBEAT = b":\n\n"
"""Comment that shows that the feed is alive."""

_LONGEST, _DIGITS = 4096, 20


class StatusEventKind(StrEnum):
    """Kind of an event; RESET is never stored."""

    REVOCATION = "revocation"
    LIST = "list"
    TRUST = "trust"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """One event: a revocation, a new list of a CA, or a new trust list.

    `subject` is the name of the CA as in the addresses of its lists; for a trust list, `anchors` or `distrust`.
    `number` is that of the list. For a revocation it is the CA's last number before it: a list with a higher number
    has the revocation. RESET has neither: events were missed, so the reader fetches everything.
    """

    kind: StatusEventKind
    subject: str = ""
    number: int = 0
    serial: str = ""


RESET = StatusEvent(StatusEventKind.RESET)


class InvalidFeed(ValueError):
    """Octets that are no feed of status events."""


def format_event(number: int, event: StatusEvent) -> bytes:
    """Return the octets of an event with its own number."""
    data: dict[StatusEventKind, dict[str, str | int]] = {
        StatusEventKind.REVOCATION: {"ca": event.subject, "list": event.number, "serial": event.serial},
        StatusEventKind.LIST: {"ca": event.subject, "number": event.number},
        StatusEventKind.TRUST: {"kind": event.subject, "number": event.number},
        StatusEventKind.RESET: {},
    }
    return f"id: {number}\nevent: {event.kind}\ndata: {json.dumps(data[event.kind])}\n\n".encode()


class FeedParser:
    """Reader of a feed that arrives in parts (HTML Standard, 9.2.6).

    `last_id` is the id of the last event. An event of an unknown kind is ignored. One of a known kind with wrong data
    counts as RESET, so that the reader fetches everything.
    """

    def __init__(self) -> None:
        """Begin before the first octet."""
        self.last_id: str | None = None
        self._rest = b""
        self._fields: dict[str, str] = {}

    def begin(self) -> None:
        """Drop what is incomplete, as at the beginning of another connection."""
        self._rest, self._fields = b"", {}

    def feed(self, octets: bytes) -> Iterator[StatusEvent | None]:
        """Yield the events that these octets complete, and None for each comment.

        Raises InvalidFeed for an event that is too long.
        """
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "replace")
            if text.startswith(":"):
                yield None
            elif text:
                self._take(text)
            elif (event := self._completed()) is not None:
                yield event
        self._check_length(len(self._rest))

    def _take(self, text: str) -> None:
        name, _, value = text.partition(":")
        self._fields[name] = value.removeprefix(" ")
        self._check_length(sum(len(name) + len(value) for name, value in self._fields.items()))

    def _check_length(self, length: int) -> None:
        if length > _LONGEST:
            raise InvalidFeed("the feed has a line or an event that is too long")

    def _completed(self) -> StatusEvent | None:
        fields, self._fields = self._fields, {}
        number = fields.get("id", "")
        if number.isascii() and number.isdigit() and len(number) <= _DIGITS:
            self.last_id = number
        if "data" not in fields or fields.get("event") not in set(StatusEventKind):
            return None
        return _parsed(StatusEventKind(fields["event"]), fields["data"])


def _parsed(kind: StatusEventKind, text: str) -> StatusEvent:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return RESET
    if kind is StatusEventKind.RESET or not isinstance(data, Mapping):
        return RESET
    subject = data.get("kind" if kind is StatusEventKind.TRUST else "ca")
    is_revocation = kind is StatusEventKind.REVOCATION
    number, serial = data.get("list" if is_revocation else "number"), data.get("serial") if is_revocation else ""
    if isinstance(subject, str) and type(number) is int and isinstance(serial, str):
        return StatusEvent(kind, subject, number, serial)
    return RESET
