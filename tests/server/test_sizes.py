"""Size limits of pages.

Only pages with lists take large bodies, and only a few of these at once.
"""

import asyncio

import pytest

from sinetti.server.asgi import AsgiApp, RequestLimits
from sinetti.server.http import Request, Response
from sinetti.server.wsgi_adapter import portal_limits
from tests.api.edges import STALLED, Sent, sent_through, through

KIB = 1024
PAGES = portal_limits("https://people.example/service")


def taking(request: Request) -> Response:
    return Response(200, "text/plain", str(len(request.body)).encode())


SIZES = {
    "a form": ("/m/token", 16 * KIB, True),
    "more than a form": ("/m/token", 16 * KIB + 1, False),
    "a pasted request": ("/fetch", 64 * KIB, True),
    "more than that": ("/fetch", 64 * KIB + 1, False),
    "hundreds of certificates": ("/settings/orders/replace", 256 * KIB, True),
    "a name that only begins so": ("/settingsx", 17 * KIB, False),
    "a list of organisations": ("/staff/organisations/load", 6 * KIB * KIB, True),
    "more than that list": ("/staff/organisations/load", 6 * KIB * KIB + 1, False),
    "with the path that the proxy leaves": ("/service/fetch", 64 * KIB, True),
}


@pytest.mark.parametrize(("path", "size", "taken"), SIZES.values(), ids=SIZES)
def test_how_much_a_page_takes(path, size, taken):
    sent = through(AsgiApp(taking, PAGES), [bytes(size)], path=path)
    assert sent.status == (200 if taken else 413)


def test_whoever_asks_for_a_page_sends_little():
    assert through(AsgiApp(taking, PAGES), [bytes(17 * KIB)], path="/staff/x", method="GET").status == 413


def test_large_ones_are_few_at_once():
    limits = RequestLimits(body=1, paths=(("/large", RequestLimits(body=9, at_once=1, collecting=0.1)),))
    edge = AsgiApp(taking, limits)

    async def at_once() -> list[Sent | None]:
        slow = sent_through(edge, [b"12", STALLED], path="/large")
        both = await asyncio.gather(slow, sent_through(edge, [b"123"], path="/large"))
        return [*both, await sent_through(edge, [b"123"], path="/large")]

    assert [one.status for one in asyncio.run(at_once())] == [408, 503, 200]
