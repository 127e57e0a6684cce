"""Server-sent events (HTML Standard, 9.2) for many readers on the event loop.

One thread asks a source for new events. The event loop sends them. The last thousand events are in memory, so a
reader that names the last event that it saw continues there. A reader that is further behind, or names an unknown
event, gets one event that says so.

Memory is bounded: a reader has at most one part of 32 kB in flight, and the limits below hold.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.rate_limits import ConcurrencyLimiter, client_key

POLL_EVERY = 0.1
"""Seconds between two questions to the source."""

HEARTBEAT_EVERY = 10.0
"""Seconds after which an idle reader gets a comment."""

PER_ADDRESS, READERS = 64, 1024
"""Limits of readers: of one address on a node, and of all in one process."""

AT_ONCE, REMEMBERED = 256, 1024
"""Events that one reader gets at a time, and events in memory.

A reader with more to get than AT_ONCE starts anew, which costs it less.
"""

TAKEN_WITHIN = 10.0
"""Seconds in which a reader has to take what it was sent."""

LASTS = 900.0
"""Seconds after which a connection ends.

Its reader comes back, perhaps to another process.
"""

_CURRENT_WITHIN = 5.0
_LAST_ID = b"last-event-id"
_log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
NumberedEvents = Sequence[tuple[int, bytes]]


@dataclass(frozen=True)
class EventSource:
    """Source of events.

    `read` returns events with higher numbers than the argument, at most so many of the newest; it may block. `reset`
    formats the event for a reader that missed some, with the number of the newest. `leave` is called when the thread
    ends.
    """

    read: Callable[[int, int], NumberedEvents]
    reset: Callable[[int], bytes]
    heartbeat: bytes
    content_type: str
    leave: Callable[[], None]


class EventHistory:
    """The last events, by their place since the start of the process."""

    def __init__(self, source: EventSource) -> None:
        """Begin without events."""
        self._source = source
        self._events: list[tuple[int, bytes]] = []
        self._dropped = 0
        self._lock = Lock()

    @property
    def newest(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._events[-1][0] if self._events else 0

    def extend(self, events: NumberedEvents) -> None:
        """Add new events, and forget the oldest."""
        with self._lock:
            self._events += events
            over = max(0, len(self._events) - REMEMBERED)
            del self._events[:over]
            self._dropped += over

    def begin(self, last_seen: bytes | None) -> tuple[int, bytes]:
        """Return the place behind the event with this number, and no octets.

        For an unknown number, returns the place behind the newest event, and the octets that say so.
        """
        with self._lock:
            for place, (number, _) in enumerate(self._events, self._dropped + 1):
                if last_seen == str(number).encode():
                    return place, b""
            return self._end()

    def after(self, place: int) -> tuple[int, bytes]:
        """Return the new place, and the octets of the events behind a place."""
        with self._lock:
            start = place - self._dropped
            if start < 0 or len(self._events) - start > AT_ONCE:
                return self._end()
            return self._dropped + len(self._events), b"".join(octets for _, octets in self._events[start:])

    def _end(self) -> tuple[int, bytes]:
        return self._dropped + len(self._events), self._source.reset(self.newest)


class EventStream:
    """ASGI application that sends the events of a source to its readers."""

    def __init__(
        self, source: EventSource, crowd: ConcurrencyLimiter | None = None, poll_every: float = POLL_EVERY
    ) -> None:
        """Store the source; `crowd` counts the readers of each address."""
        self._source, self._crowd, self._poll_every = source, crowd, poll_every
        self._history = EventHistory(source)
        self._closed = Event()
        self._asked_at = -_CURRENT_WITHIN
        self._is_failing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers: set[asyncio.Event] = set()

    def start(self) -> "EventStream":
        """Ask the source for the events that are there, and start the thread."""
        self.look()
        self._source.leave()
        Thread(target=self._watch, name="events", daemon=True).start()
        return self

    def close(self) -> None:
        """End all connections and the thread; readers go to another process."""
        self._closed.set()
        self._wake()

    def _watch(self) -> None:
        try:
            while not self._closed.is_set():
                self.look()
                self._closed.wait(self._poll_every)
        finally:
            self._source.leave()

    def look(self) -> None:
        """Ask the source once, and wake the readers if there is an event."""
        try:
            pairs = self._source.read(self._history.newest, REMEMBERED)
        except Exception:  # noqa: BLE001 - the thread goes on after any error; the log has the first of a row
            if not self._is_failing:
                _log.exception("events cannot be read; readers get no sign of life until they can")
            self._is_failing = True
            return
        self._is_failing, self._asked_at = False, monotonic_seconds()
        if pairs:
            self._history.extend(pairs)
            self._wake()

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake_readers)

    def _wake_readers(self) -> None:
        for reader in self._readers:
            reader.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        """Answer one request; `caller` is its address, or empty if unknown."""
        if scope["method"] not in {"GET", "HEAD"}:
            await _refuse(send, 405, "Use GET to read the events.", (b"allow", b"GET, HEAD"))
            return
        with self._place(caller) as woken:
            if woken is None:
                text = "There are too many readers of this feed. Try again in a minute, or use one of yours for all."
                await _refuse(send, 503, text, (b"retry-after", b"60"))
                return
            gone = asyncio.ensure_future(_gone(receive))
            try:
                await send(_start(200, self._source.content_type))
                if scope["method"] == "GET":
                    await self._send_events(scope, send, woken, gone)
            except TimeoutError:
                _log.info("a reader of events was cut off, because it did not read")
                return
            finally:
                gone.cancel()
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})

    async def _send_events(self, scope: Scope, send: Send, woken: asyncio.Event, gone: "asyncio.Future[None]") -> None:
        place, octets = self._history.begin(
            next((value.strip() for name, value in scope["headers"] if name.lower() == _LAST_ID), None)
        )
        octets = octets or self._source.heartbeat
        ends_at = monotonic_seconds() + LASTS
        gone.add_done_callback(lambda _gone: woken.set())
        while True:
            woken.clear()
            place, events = self._history.after(place)
            if octets or events:
                part = {"type": "http.response.body", "body": octets + events, "more_body": True}
                await asyncio.wait_for(send(part), TAKEN_WITHIN)
                octets = b""
            if self._closed.is_set() or gone.done() or monotonic_seconds() > ends_at:
                return
            try:
                await asyncio.wait_for(woken.wait(), HEARTBEAT_EVERY)
            except TimeoutError:
                # Without a sign of life, a reader knows that events may be missing.
                is_current = monotonic_seconds() - self._asked_at < _CURRENT_WITHIN
                octets = self._source.heartbeat if is_current else b""

    @contextmanager
    def _place(self, caller: str) -> Iterator[asyncio.Event | None]:
        """Yield the reader's event, or None if there are too many readers."""
        self._loop = asyncio.get_running_loop()
        key = client_key(caller) if caller else None
        if self._closed.is_set() or len(self._readers) >= READERS:
            yield None
            return
        counted = self._crowd if key is not None else None
        if counted is not None and key is not None and not counted.enter(key):
            yield None
            return
        woken = asyncio.Event()
        self._readers.add(woken)
        try:
            yield woken
        finally:
            self._readers.discard(woken)
            if counted is not None and key is not None:
                counted.leave(key)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(status: int, content_type: str, *more: tuple[bytes, bytes]) -> dict[str, Any]:
    headers = [
        (b"server", b""),
        (b"content-type", content_type.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        # nginx passes each part on at once.
        (b"x-accel-buffering", b"no"),
        (b"connection", b"close"),
        *more,
    ]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _refuse(send: Send, status: int, text: str, more: tuple[bytes, bytes]) -> None:
    await send(_start(status, "text/plain; charset=utf-8", more))
    await send({"type": "http.response.body", "body": f"{text}\n".encode()})
