"""Listening: several doors of one process, each on a socket of its own, until told to stop."""

import asyncio
import logging
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.addresses import BACKLOG
from sinetti.server.asgi import AsgiApp
from sinetti.server.graceful_shutdown import has_connections, place, stop_accepting

STOP_WITHIN = 3.0
"""Seconds that requests in flight have when the process is told to stop."""

RETIRE, ARRIVES_WITHIN, RETIRE_WITHIN = signal.SIGUSR1, 10.0, 40.0
"""Told so, others have taken over: the seconds in which a request of those who are connected may arrive, and in which
it is answered (edge.Limits)."""

HEAD_WITHIN = 5.0
"""Seconds that a request's head has to arrive; as long a connection may say nothing before or between requests."""

CONNECTIONS = 4096
"""Connections that a process has open at once on one socket, if it may open as many files three times over."""

PER_ADDRESS = 4
"""One part in so many of those connections is what one address may have before the silent ones are ended."""

_LOOKS_EVERY = 0.05
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The server's own certificate and key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listener:
    """One door on one socket that listens already; plain http where `tls` is None."""

    edge: AsgiApp
    socket: socket.socket
    tls: TlsFiles | None = None


def connections() -> int:
    """How many connections this process may have open at once on one socket."""
    return min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)


_kept: list[asyncio.AbstractEventLoop] = []


def serve(listeners: tuple[Listener, ...], ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once the servers run. The process is to end soon after.

    On SIGUSR1 it retires: it takes no more connections, and serves until those that it has are answered and closed.

    The loop is not closed: its signal handlers stay, so that a second signal ends nothing that is being finished. It is
    kept to the end of the process: thrown away by another thread, it could not take its handlers back.
    """
    loop = asyncio.new_event_loop()
    _kept.append(loop)
    loop.run_until_complete(_serve(listeners, ready))


class ServerStopped(Exception):
    """A server ended though nobody told it to."""


async def _serve(listeners: tuple[Listener, ...], ready: Callable[[], None]) -> None:
    told, retired = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    loop.add_signal_handler(RETIRE, retired.set)
    servers = [_GranianServer(listener) for listener in listeners]
    running = [asyncio.create_task(server.serve()) for server in servers]
    waiting = [asyncio.create_task(_retire(listeners, retired)), asyncio.create_task(told.wait())]
    try:
        await _until_running(servers, running)
        ready()
        await asyncio.wait({*waiting, *running}, return_when=asyncio.FIRST_COMPLETED)
        if not any(task.done() for task in waiting):
            sentence = "the HTTP server ended by itself"
            raise ServerStopped(sentence)
    finally:
        for task in waiting:
            task.cancel()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call] # granian leaves it untyped
        _, late = await asyncio.wait(running, timeout=STOP_WITHIN)
        if late:
            # The server then finds its own future cancelled and would print a traceback about that.
            loop.set_exception_handler(lambda _loop, context: _log.info("while stopping: %s", context["message"]))
        for task in late:
            task.cancel()


async def _retire(listeners: tuple[Listener, ...], retired: asyncio.Event) -> None:
    """Wait until others have taken over; then take nobody in, and wait until all who are connected are gone."""
    await retired.wait()
    places = {place(listener.socket) for listener in listeners}
    for listener in listeners:
        stop_accepting(listener.socket)
        listener.edge.retire()
    begun = monotonic_seconds()
    while has_connections(places):
        waited = monotonic_seconds() - begun
        if waited > RETIRE_WITHIN or (waited > ARRIVES_WITHIN and not any(one.edge.busy for one in listeners)):
            return
        await asyncio.sleep(_LOOKS_EVERY)


class _GranianServer(Server):
    """granian's embedded server, on a socket that somebody else made."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(
            listener.edge,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=int(HEAD_WITHIN * 1000)),
            websockets=False,
            log_enabled=False,
            backlog=BACKLOG,
            backpressure=connections(),
        )
        self._listening = listener.socket
        if listener.tls is not None:
            pair = (str(listener.tls.certificate), str(listener.tls.key))
            context: Any = (True, *pair, None, str(SSLProtocols.tls12), None, [], False)
            # Set here, not by granian, which resolves paths: those of memory files do not lead anywhere then.
            self.ssl_ctx = context

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder  # granian describes no arguments: handle, whether a Unix socket, backlog
        self._shd = holder(self._listening.fileno(), self._listening.family == socket.AF_UNIX, BACKLOG)


async def _until_running(servers: list[_GranianServer], running: list["asyncio.Task[None]"]) -> None:
    while not all(server.wrks for server in servers):
        for task in running:
            if task.done():
                task.result()
                sentence = "the HTTP server did not start"
                raise ServerStopped(sentence)
        await asyncio.sleep(0)
