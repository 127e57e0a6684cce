"""Waves of renewals: requests that one thread takes through the steps of issuing together."""

from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial

from sinetti.api.soap import PATH, SoapEndpoint
from sinetti.server.asgi import AsgiApp, enter_request
from sinetti.server.http import Request
from sinetti.server.wave_lane import WaitingRequest, WaveLane
from sinetti.services.waves import WaveMember, run_wave
from sinetti.wire.soap.operations import Operation

_ELEMENT = Operation.RENEW.request.encode()


def mount_renewal_waves(app: AsgiApp, endpoint: SoapEndpoint, leave: Callable[[], None]) -> None:
    """Have renewals of an endpoint answered in waves; `leave` closes the resources of a thread."""
    app.mount_waves(WaveLane(_is_renewal, partial(_answer, endpoint, app), leave))


def _is_renewal(request: Request) -> bool:
    """Return True if a request seems to be a renewal.

    Every other request takes the same steps alone, so an error here costs time and nothing else.
    """
    return request.method == "POST" and request.path.rstrip("/") == PATH and _ELEMENT in request.body


def _answer(endpoint: SoapEndpoint, app: AsgiApp, wave: Sequence[WaitingRequest]) -> None:
    members = []
    for one in wave:
        context = copy_context()
        context.run(enter_request, one.request)
        work = endpoint.answer(one.request)
        members.append(WaveMember(work, context, one.end, partial(_go_on, app, len(one.request.body))))
    if members:
        run_wave(members, endpoint.ctx)


def _go_on(app: AsgiApp, octets: int, work: Callable[[], None]) -> None:
    app.pool.submit(work, octets)
