"""Endpoints that hang, for example where a signer or a database does.

Other requests are answered, or get the answer to come again.
"""

import asyncio
from threading import Event, current_thread

from sinetti.infra.clock import monotonic_seconds
from sinetti.server import thread_pool
from sinetti.server.asgi import AsgiApp, RequestLimits
from sinetti.server.http import Request, Response
from tests.api.drafts import get_draft, new_draft
from tests.api.edges import Sent, sent_through

SOON = 60.0
"""Seconds within which everything here is long over."""


class Stuck:
    """Endpoint that hangs on the body `hang` until it is let go."""

    def __init__(self) -> None:
        """Hang from the beginning."""
        self.over = Event()
        self.begun = 0
        self.done: list[bytes] = []

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if request.body == b"hang":
            self.begun += 1
            assert self.over.wait(SOON)
        self.done.append(request.body)
        return Response(200, "text/plain", b"done")


def asked_beside(door: Stuck, edge: AsgiApp, hanging: int) -> tuple[Sent | None, list[Sent | None]]:
    """Send a harmless request while others hang; return its answer and theirs."""

    async def ask() -> tuple[Sent | None, list[Sent | None]]:
        stuck = [asyncio.create_task(sent_through(edge, [b"hang"])) for _ in range(hanging)]
        await happened(lambda: door.begun == hanging)
        harmless = await sent_through(edge, [b"harmless"])
        door.over.set()
        return harmless, [await one for one in stuck]

    return asyncio.run(ask())


def test_while_some_hang_the_others_are_answered():
    door = Stuck()
    harmless, others = asked_beside(door, AsgiApp(door, RequestLimits(answering=SOON)), 31)
    assert harmless is not None
    assert harmless.status == 200
    assert door.done[0] == b"harmless", "before any of those that hang"
    assert {one.status for one in others if one is not None} == {200}


def test_when_all_hang_the_next_waits_and_is_then_told_to_come_again():
    door = Stuck()
    edge = AsgiApp(door, RequestLimits(answering=1.0), threads=2)
    harmless, _ = asked_beside(door, edge, 2)
    assert harmless is not None
    assert (harmless.status, harmless.headers["retry-after"]) == (503, "15")

    async def later() -> Sent | None:
        return await sent_through(edge, [b"later"])

    sent = asyncio.run(later())
    assert sent is not None
    assert sent.status == 200
    assert b"harmless" not in door.done, "what nobody waits for any more is not begun"


def test_a_fetch_is_answered_while_the_signer_hangs(counter):
    """Nine that wait for the CA's key, one more than there once were threads."""
    fetching, *signing = [get_draft(counter), *[new_draft(counter) for _ in range(9)]]
    edge = AsgiApp(counter.door)

    async def ask() -> tuple[Sent | None, list[Sent | None]]:
        with counter.scene.signer.stalled() as stall:
            stuck = [asyncio.create_task(sent_through(edge, [draft.body()])) for draft in signing]
            assert await asyncio.to_thread(stall.somebody_waits.wait, SOON)
            fetched = await sent_through(edge, [fetching.body()])
            assert not any(one.done() for one in stuck)
        return fetched, [await one for one in stuck]

    fetched, others = asyncio.run(ask())
    for sent in (fetched, *others):
        assert sent is not None
        assert counter.judged(Response(sent.status, sent.headers["content-type"], sent.body)).status == "OK"


def test_another_thread_takes_the_place_of_one_that_has_read_much(monkeypatch):
    monkeypatch.setattr(thread_pool, "OCTETS_OF_A_LIFE", 10)
    lived, left = [], []

    def door(_request: Request) -> Response:
        lived.append(current_thread())
        return Response(200, "text/plain", b"done")

    def leave() -> None:
        left.append(current_thread())
        raise OSError

    edge = AsgiApp(door, threads=1, leave=leave)

    async def ask() -> list[Sent | None]:
        one_after_the_other = [await sent_through(edge, [b"1234"]) for _ in range(9)]
        return one_after_the_other + await asyncio.gather(*(sent_through(edge, [b"1234"]) for _ in range(9)))

    assert all(one is not None and one.status == 200 for one in asyncio.run(ask()))
    assert all(lived.count(one) == 3 for one in left[:-1])
    assert len(left) >= 5, "each says goodbye once, and what it could not close holds up nobody"


async def happened(look):
    """Wait until `look` returns True."""
    end = monotonic_seconds() + SOON
    while not look():
        assert monotonic_seconds() < end
        await asyncio.sleep(0.01)


def test_while_it_retires_each_thread_leaves_whenever_it_has_nothing_to_do():
    door, left = Stuck(), []
    edge = AsgiApp(door, threads=4, leave=lambda: left.append(current_thread()))

    async def ask() -> int:
        stuck = [asyncio.create_task(sent_through(edge, [b"hang"])) for _ in range(4)]
        await happened(lambda: door.begun == 4)
        door.over.set()
        for one in stuck:
            await one
        door.over.clear()
        hanging = asyncio.create_task(sent_through(edge, [b"hang"]))
        await happened(lambda: door.begun == 5)
        assert left == []
        edge.retire()
        await happened(lambda: len(set(left)) == 3)
        idle = set(left)
        answered = await sent_through(edge, [b"harmless"])
        assert answered is not None
        assert answered.headers["connection"] == "close"
        door.over.set()
        await hanging
        await happened(lambda: set(left) - idle)
        return len(set(left))

    assert asyncio.run(ask()) == 4
