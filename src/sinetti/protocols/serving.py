"""Listening: several doors of one process, each on an address of its own, until told to stop."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server

from sinetti.protocols.edge import Edge

STOP_WITHIN = 3.0
"""Seconds that requests in flight have when the process is told to stop."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tls:
    """The server's own certificate and key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Listener:
    """One door on one address; plain http where `tls` is None."""

    edge: Edge
    host: str
    port: int
    tls: Tls | None = None


class AddressTaken(OSError):
    """Something else listens on this address already."""


def probe(host: str, port: int) -> int:
    """Return the port if it can be bound (a free one for 0); raise AddressTaken otherwise."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as taken:
            sentence = (
                f"{host} port {port} cannot be listened on ({taken.strerror}): stop what uses it, or choose another"
            )
            raise AddressTaken(sentence) from taken
        return int(trial.getsockname()[1])


def serve(listeners: tuple[Listener, ...], ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is called once every address takes connections."""
    asyncio.run(_serve(listeners, ready))


async def _serve(listeners: tuple[Listener, ...], ready: Callable[[], None]) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    servers = [_server(listener) for listener in listeners]
    running = [asyncio.create_task(server.serve()) for server in servers]
    waiting = asyncio.create_task(told.wait())
    try:
        await _until_listening(listeners, running)
        ready()
        await asyncio.wait({waiting, *running}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call] # granian leaves it untyped
        _, late = await asyncio.wait(running, timeout=STOP_WITHIN)
        if late:
            # The server then finds its own future cancelled and would print a traceback about that.
            loop.set_exception_handler(lambda _loop, context: _log.info("while stopping: %s", context["message"]))
        for task in late:
            task.cancel()


def _server(listener: Listener) -> Server:
    return Server(
        listener.edge,
        address=listener.host,
        port=listener.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        ssl_cert=listener.tls.certificate if listener.tls else None,
        ssl_key=listener.tls.key if listener.tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )


async def _until_listening(listeners: tuple[Listener, ...], running: list["asyncio.Task[None]"]) -> None:
    for listener in listeners:
        while True:
            if any(task.done() for task in running):
                sentence = f"{listener.host} port {listener.port} could not be listened on"
                raise AddressTaken(sentence)
            try:
                _, writer = await asyncio.open_connection(listener.host, listener.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                break
