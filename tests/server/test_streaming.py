"""Streamed answers: made while they are sent, within deadlines.

An answer that is cut off does not look complete.
"""

import asyncio
from threading import Event, get_ident

import pytest

from sinetti.server.asgi import AsgiApp, RequestLimits
from sinetti.server.http import BodyStream, Request, Response
from sinetti.server.wsgi_adapter import WsgiEndpoint

SHORT = RequestLimits(answering=0.2, streaming=0.5)
SOON = 60.0


def scope_of(method="GET", path="/x"):
    """Return the scope of a request of HTTP/1.0, which needs no Host."""
    return {
        "type": "http", "http_version": "1.0", "method": method, "path": path, "query_string": b"", "headers": [],
    }  # fmt: skip


class Streaming:
    """Endpoint whose answer comes in parts; `closed` counts its closings."""

    def __init__(self, parts) -> None:
        self.parts, self.closed, self.over = parts, 0, Event()

    def __call__(self, _request):
        return Response(200, "text/csv", b"", parts=BodyStream(iter(self.parts), self.close))

    def close(self) -> None:
        self.closed += 1
        self.over.set()


def received(goes=None):
    """Return a sender that goes away when `goes` is set, if it ever is."""
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        if messages:
            return messages.pop()
        await (goes or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    return receive


def asked(door, limits=SHORT, method="GET", taken=None):
    """Return the sent messages and the error; `taken` waits as a slow reader does."""
    sent, edge = [], AsgiApp(door, limits)

    receive = received()

    async def send(message):
        sent.append(message)
        if taken is not None and message.get("more_body"):
            await taken()

    async def ask():
        try:
            await edge(scope_of(method=method), receive, send)
        except Exception as failed:  # noqa: BLE001 - any error is returned
            return failed
        return None

    failed = asyncio.run(ask())
    assert door.over.wait(SOON)
    assert not edge.busy
    return sent, failed


def test_parts_go_on_as_they_are_made():
    door = Streaming([b"one", b"two"])
    (start, *parts), failed = asked(door)
    assert failed is None
    assert [(one["body"], one.get("more_body", False)) for one in parts] == [
        (b"one", True),
        (b"two", True),
        (b"", False),
    ]
    names = {name for name, _ in start["headers"]}
    assert b"content-length" not in names
    assert {b"x-request-id", b"x-content-type-options"} <= names
    assert door.closed == 1


def test_no_part_is_made_for_who_wants_the_head_alone():
    door = Streaming(pytest.fail("made") for _ in range(1))
    (_, last), failed = asked(door, method="HEAD")
    assert (last["body"], failed, door.closed) == (b"", None, 1)


def broken():
    yield b"one"
    reason = "the register is away"
    raise OSError(reason)


def stuck(over):
    yield b"one"
    over.wait(SOON)


def endless():
    while True:
        yield b"x"


def test_what_cannot_be_made_is_cut_off():
    door = Streaming(broken())
    sent, failed = asked(door)
    assert isinstance(failed, OSError)
    assert [one.get("more_body") for one in sent] == [None, True]
    assert door.closed == 1


def test_what_takes_too_long_to_make_is_cut_off_and_closed_when_it_is_done():
    over = Event()
    door = Streaming(stuck(over))
    closed, parts = [], door.parts
    door.close = lambda: (closed.append(list(parts)), door.over.set())

    async def let_go():
        over.set()

    sent, failed = asked_beside(door, let_go)
    assert isinstance(failed, TimeoutError)
    assert [one.get("more_body") for one in sent] == [None, True]
    assert closed == [[]]


def test_a_part_still_being_made_when_the_loop_ends_is_closed_after():
    over = Event()
    door = Streaming(stuck(over))
    edge = AsgiApp(door, SHORT)

    async def send(_message):
        pass

    with pytest.raises(TimeoutError):
        asyncio.run(edge(scope_of(), received(), send))
    assert not door.closed
    over.set()
    assert door.over.wait(SOON)


def asked_beside(door, after):
    """Return the sent messages and the error of a request that fails.

    After the failure, the same loop runs `after`.
    """
    sent, edge = [], AsgiApp(door, SHORT)

    receive = received()

    async def send(message):
        sent.append(message)

    async def ask():
        failed = None
        try:
            await edge(scope_of(), receive, send)
        except TimeoutError as late:
            failed = late
        assert not door.over.is_set()
        await after()
        assert await asyncio.to_thread(door.over.wait, SOON)
        return failed

    return sent, asyncio.run(ask())


SLOW = {
    "who takes no part": (lambda: asyncio.sleep(2 * SOON), 1),
    "who takes each, but never ends": (lambda: asyncio.sleep(0.01), 3),
}


@pytest.mark.parametrize(("taken", "least"), SLOW.values(), ids=SLOW)
def test_slow_readers_are_cut_off(taken, least):
    door = Streaming(endless())
    sent, failed = asked(door, taken=taken)
    assert isinstance(failed, TimeoutError)
    assert len(sent) - 1 >= least
    assert all(one.get("more_body") for one in sent[1:])
    assert door.closed == 1


def test_who_reads_many_slowly_keeps_others_from_no_page():
    """Clients at many addresses read more answers slowly than `waiting` admits."""
    limits, page, late = RequestLimits(waiting=2, streams=3), Response(200, "text/html", b"page"), Streaming([b"one"])
    doors = [*(Streaming(endless()) for _ in range(3)), late]
    given = iter(doors)

    async def ask():
        goes, statuses = asyncio.Event(), []
        edge = AsgiApp(lambda request: page if request.path == "/" else next(given)(request), limits)

        async def answer(path, reads, begun=None):
            async def send(message):
                if "status" in message:
                    statuses.append(message["status"])
                    if begun is not None:
                        begun.set()
                elif reads is not None:
                    await reads.wait()

            await edge(scope_of(path=path), received(goes), send)

        slow = []
        for _ in range(3):
            begun = asyncio.Event()
            slow.append(asyncio.create_task(answer("/list.csv", goes, begun)))
            await asyncio.wait_for(begun.wait(), SOON)
        await asyncio.wait_for(answer("/", None), SOON)
        await asyncio.wait_for(answer("/list.csv", None), SOON)
        assert edge.busy
        goes.set()
        await asyncio.wait_for(asyncio.gather(*slow), SOON)
        assert not edge.busy
        return statuses

    assert asyncio.run(ask()) == [200, 200, 200, 200, 503]
    assert all(one.over.wait(SOON) for one in doors)


def test_for_who_has_gone_away_no_more_is_made():
    door, sent = Streaming(endless()), []

    async def ask():
        goes = asyncio.Event()

        async def send(message):
            sent.append(message)
            if len(sent) == 3:
                goes.set()
            await asyncio.sleep(0)

        await asyncio.wait_for(AsgiApp(door, RequestLimits())(scope_of(), received(goes), send), SOON)

    asyncio.run(ask())
    assert door.over.wait(SOON)
    assert 3 <= len(sent) < 10
    assert all(one.get("more_body", True) for one in sent[1:])
    assert door.closed == 1


def test_an_application_that_streams_goes_on_in_parts():
    threads = []

    class Streamed:
        streaming = True

        def __iter__(self):
            threads.append(get_ident())
            yield b"a"
            yield b"b"

        def close(self):
            threads.append("closed")

    def application(_environ, start_response):
        start_response("200 OK", [("Content-Type", "text/csv"), ("Content-Disposition", "attachment")])
        return Streamed()

    request = Request("GET", "/x", "", {"host": "a"}, "0" * 32, b"")
    reply = WsgiEndpoint(application, "https://a.example")(request)
    assert (reply.body, reply.content_type, reply.headers["content-disposition"]) == (b"", "text/csv", "attachment")
    assert threads == []
    assert list(reply.parts.octets) == [b"a", b"b"]
    reply.parts.close()
    assert threads[-1] == "closed"
