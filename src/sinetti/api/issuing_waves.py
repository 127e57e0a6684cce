"""Waves of enrolments and renewals, which one thread takes together."""

from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial

from sinetti.api.soap import PATH, SoapEndpoint
from sinetti.server.asgi import AsgiApp, enter_request
from sinetti.server.http import Request, Response
from sinetti.server.wave_lane import WaitingRequest, WaveLane
from sinetti.services.waves import WaveMember, run_wave
from sinetti.wire.soap.operations import Operation

LARGEST = 32 * 1024
"""Most octets of a request in a wave.

The others wait until it has been read. Real ones have 3 to 8 kB.
"""

_ELEMENTS = tuple(operation.request.encode() for operation in (Operation.NEW, Operation.RENEW))


def mount_issuing_waves(app: AsgiApp, endpoint: SoapEndpoint, leave: Callable[[], None]) -> None:
    """Have an endpoint's requests answered in waves.

    `leave` closes the resources of a thread.
    """
    app.mount_waves(WaveLane(_is_taken, partial(_answer, endpoint, app), leave))


def _is_taken(request: Request) -> bool:
    """Return True if a request seems to be one of a kind that waves take.

    Every other request takes the same steps alone, so an error here costs time and nothing else.
    """
    is_for_endpoint = request.method == "POST" and request.path.rstrip("/") == PATH
    return is_for_endpoint and len(request.body) <= LARGEST and _element(request.body) is not None


def _element(body: bytes) -> bytes | None:
    return next((element for element in _ELEMENTS if element in body), None)


def _answer(endpoint: SoapEndpoint, app: AsgiApp, waiting: Sequence[WaitingRequest]) -> None:
    """Answer requests; those of one kind, whose steps are the same, are a wave."""
    waves: dict[bytes | None, list[WaitingRequest]] = {}
    for one in waiting:
        waves.setdefault(_element(one.request.body), []).append(one)
    for wave in waves.values():
        run_wave([_member(request, endpoint, app) for request in wave], endpoint.ctx)
        # Requests that left the wave do this for the connections of other threads.
        endpoint.ctx.db.refresh()


def _member(waiting: WaitingRequest, endpoint: SoapEndpoint, app: AsgiApp) -> WaveMember[Response]:
    request, context = waiting.request, copy_context()
    context.run(enter_request, request)
    return WaveMember(endpoint.answer(request), context, waiting.end, partial(_go_on, app, len(request.body)))


def _go_on(app: AsgiApp, octets: int, work: Callable[[], None]) -> None:
    app.pool.submit(work, octets)
