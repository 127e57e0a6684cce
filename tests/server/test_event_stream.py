"""Streams of events: resumed, bounded, alive, and ended on request."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from sinetti.server import event_stream
from sinetti.server.asgi import AsgiApp
from sinetti.server.event_stream import AT_ONCE, REMEMBERED, EventHistory, EventSource, EventStream
from sinetti.server.http import text_response
from sinetti.server.rate_limits import Admission, ConcurrencyLimiter
from tests.support.serving import until

SOON = 60.0


@dataclass
class Register:
    """Source whose events are a list, and which can be away."""

    numbers: list[int] = field(default_factory=list)
    is_away: bool = False
    left: int = 0
    gone: Event = field(default_factory=Event)

    def read(self, after, most):
        if self.is_away:
            raise OSError
        return [(number, b"%d;" % number) for number in self.numbers if number > after][-most:]

    def leave(self):
        self.left += 1
        if self.left == 2:
            self.gone.set()

    @property
    def source(self):
        return EventSource(self.read, lambda number: b"reset %d;" % number, b":;", "text/event-stream", self.leave)


class Reader:
    """Reader of a stream in the test's own loop."""

    def __init__(self, edge, *, last=None, address="192.0.2.1", method="GET", stuck=False):
        self.headers = [] if last is None else [(b"last-event-id", str(last).encode())]
        self.scope = {
            "type": "http",
            "http_version": "1.0",
            "method": method,
            "path": "/feed",
            "client": (address, "9"),
        }
        self.edge, self.stuck, self.status, self.got, self.ended = edge, stuck, None, b"", False
        self.names, self.goes, self.changed = {}, asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(edge({**self.scope, "headers": self.headers}, self.receive, self.send))

    async def receive(self):
        await self.goes.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if "status" in message:
            self.status, self.names = message["status"], dict(message["headers"])
        elif self.stuck:
            await asyncio.Event().wait()
        else:
            self.got += message["body"]
            self.ended = not message.get("more_body", False)
        self.changed.set()

    async def until(self, wanted):
        """Wait until exactly these octets have arrived."""
        async with asyncio.timeout(SOON):
            while self.got != wanted:
                assert wanted.startswith(self.got), self.got
                self.changed.clear()
                await self.changed.wait()

    async def end(self):
        await asyncio.wait_for(self.task, SOON)
        return self.got


@asynccontextmanager
async def served(register, crowd=None):
    """Yield an application with a stream, and the stream; no thread asks the source."""
    stream = EventStream(register.source, crowd)
    stream.look()
    edge = AsgiApp(lambda _request: text_response(200, "page"), admission=Admission())
    edge.mount_events("/feed", stream)
    try:
        yield edge, stream
    finally:
        edge.end_events()


def test_a_reader_gets_what_is_new():
    async def act():
        register = Register([1])
        async with served(register) as (edge, stream):
            reader = Reader(edge)
            await reader.until(b"reset 1;")
            register.numbers += [3, 4]
            stream.look()
            await reader.until(b"reset 1;3;4;")
            assert not edge.busy
            edge.end_events()
            await reader.end()
            assert (reader.status, reader.ended) == (200, True)
            assert reader.names[b"content-type"] == b"text/event-stream"
            assert reader.names[b"x-accel-buffering"] == b"no"

    asyncio.run(act())


RESUMED = {
    "the newest": (4, b":;"),
    "an earlier one": (2, b":;3;4;"),
    "one that never was": (99, b"reset 4;"),
    "one that was forgotten": (0, b"reset 4;"),
    "no number": ("x", b"reset 4;"),
}


@pytest.mark.parametrize(("last", "wanted"), RESUMED.values(), ids=RESUMED)
def test_a_reader_continues_behind_the_event_that_it_names(last, wanted):
    async def act():
        async with served(Register([2, 3, 4])) as (edge, _):
            await Reader(edge, last=last).until(wanted)

    asyncio.run(act())


def test_a_reader_that_is_far_behind_starts_anew():
    history = EventHistory(Register().source)
    place, _ = history.begin(None)
    history.extend([(number, b"%d;" % number) for number in range(1, AT_ONCE + 1)])
    assert history.after(place)[1].startswith(b"1;2;")
    history.extend([(AT_ONCE + 1, b"x;")])
    assert history.after(place) == (AT_ONCE + 1, b"reset %d;" % (AT_ONCE + 1))
    history.extend([(number, b"") for number in range(AT_ONCE + 2, AT_ONCE + REMEMBERED + 2)])
    assert history.begin(b"%d" % AT_ONCE)[1].startswith(b"reset")
    assert history.after(AT_ONCE)[1].startswith(b"reset")


def test_a_heartbeat_shows_that_the_source_answers(monkeypatch, caplog):
    monkeypatch.setattr(event_stream, "HEARTBEAT_EVERY", 0.05)

    async def act():
        register = Register()
        async with served(register) as (edge, stream):
            reader = Reader(edge)
            await reader.until(b"reset 0;:;")
            register.is_away = True
            stream.look()
            stream.look()
            stream._asked_at -= event_stream._CURRENT_WITHIN
            silent = Reader(edge, last=0)
            await asyncio.sleep(0.15)
            assert silent.got == b"reset 0;"

    with caplog.at_level(logging.ERROR):
        asyncio.run(act())
    assert len(caplog.records) == 1


def test_as_many_readers_as_the_limits_allow(monkeypatch):
    monkeypatch.setattr(event_stream, "READERS", 4)

    async def act():
        async with served(Register(), ConcurrencyLimiter(2, 1)) as (edge, _):
            readers = [Reader(edge) for _ in range(3)]
            assert b"too many readers" in await readers[2].end()
            assert (readers[2].status, readers[2].names[b"retry-after"]) == (503, b"60")
            others = [Reader(edge, address=address) for address in ("192.0.2.2", "", "192.0.2.3")]
            assert b"too many readers" in await others[2].end()
            readers[0].goes.set()
            await readers[0].end()
            await Reader(edge).until(b"reset 0;")

    asyncio.run(act())


def test_a_reader_that_does_not_read_is_cut_off(monkeypatch):
    monkeypatch.setattr(event_stream, "TAKEN_WITHIN", 0.05)

    async def act():
        async with served(Register(), crowd := ConcurrencyLimiter(1, 1)) as (edge, stream):
            reader = Reader(edge, stuck=True)
            await reader.end()
            assert (reader.status, reader.got, stream._readers) == (200, b"", set())
            assert crowd.enter(b"\xc0\x00\x02\x01")

    asyncio.run(act())


def test_a_connection_ends_after_its_time(monkeypatch):
    monkeypatch.setattr(event_stream, "LASTS", -1.0)

    async def act():
        async with served(Register([5])) as (edge, _):
            reader = Reader(edge)
            assert (await reader.end(), reader.ended) == (b"reset 5;", True)

    asyncio.run(act())


def test_other_methods():
    async def act():
        async with served(Register([5])) as (edge, _):
            head, post = Reader(edge, method="HEAD"), Reader(edge, method="POST")
            assert (await head.end(), head.status) == (b"", 200)
            await post.end()
            assert (post.status, post.names[b"allow"]) == (405, b"GET, HEAD")

    asyncio.run(act())


def test_after_the_end_there_is_no_stream():
    async def act():
        async with served(Register()) as (edge, _):
            edge.retire()
            reader = Reader(edge)
            await reader.end()
            assert reader.status == 503

    asyncio.run(act())


def test_the_thread_asks_until_the_end():
    async def act():
        register = Register()
        stream = EventStream(register.source, poll_every=0.01).start()
        edge = AsgiApp(lambda _request: text_response(200, "page"))
        edge.mount_events("/feed", stream)
        reader = Reader(edge)
        await reader.until(b"reset 0;")
        register.numbers.append(7)
        await reader.until(b"reset 0;7;")
        edge.end_events()
        await reader.end()
        assert await asyncio.to_thread(register.gone.wait, SOON)

    asyncio.run(act())


def memory(process):
    """Return the resident memory of a process in MB."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.long
def test_readers_that_never_read_take_no_memory(tmp_path):
    """Ten of them over the real server, which could send each 50 MB a second."""
    log = tmp_path / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.server.event_server"], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            port = int(process.stdout.readline())
            before = memory(process)
            with ExitStack() as stack:
                for _ in range(10):
                    reader = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), SOON)))
                    reader.sendall(b"GET /feed HTTP/1.1\r\nHost: localhost\r\n\r\n")
                until(lambda: log.read_text().count("cut off") == 10)
            assert memory(process) - before < 30
            with closing(socket.create_connection(("127.0.0.1", port), SOON)) as reader:
                reader.sendall(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert reader.recv(12) == b"HTTP/1.1 200"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(SOON) == 0
