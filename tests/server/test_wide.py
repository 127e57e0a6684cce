"""Larger requests to one address, accepted by POST alone and a few at once."""

import asyncio

from django.urls import resolve

from sinetti.api.soap import PATH
from sinetti.server.asgi import AsgiApp, RequestLimits
from sinetti.server.http import Response
from sinetti.server.wsgi_adapter import portal_limits
from tests.api.edges import STALLED, sent_through, through

WIDE = RequestLimits(body=1000, discarded=2000, collecting=0.2, at_once=1)


def edge(**wide):
    """Return an edge that answers with the number of received octets."""
    limits = RequestLimits(body=10, discarded=20, paths=tuple(wide.items()))
    return AsgiApp(lambda request: Response(200, "text/plain", str(len(request.body)).encode()), limits)


def test_more_is_taken_there_alone():
    assert through(edge(**{PATH: WIDE}), [b"x" * 1000]).body == b"1000"
    assert through(edge(**{PATH: WIDE}), [b"x" * 1001]).status == 413
    assert through(edge(), [b"x" * 11]).status == 413
    assert through(edge(**{PATH: WIDE}), [b"x" * 11], method="GET").status == 413


def test_a_few_at_once():
    door = edge(**{PATH: WIDE})

    async def two():
        return await asyncio.gather(sent_through(door, [STALLED]), sent_through(door, [b"x"]))

    assert [one.status for one in asyncio.run(two())] == [408, 503]
    assert through(door, [b"x"]).status == 200, "what was given up counts no more"


def test_the_pages_that_take_more_are_there():
    limits = portal_limits("https://people.example/before").paths
    assert all(resolve(path) for path, one in limits if one.at_once and not path.startswith("/before"))
