"""Listening: several doors of one process, each on a socket of its own, until told to stop.

The server's certificate and key: read into memory, tried, and handed to processes, so that one pair is one pair.

Files on a disk change one after the other. What is served is the copy that was tried: a process that is started later
has the same, whatever lies on the disk by then.
"""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from sinetti.infra.clock import monotonic_seconds
from sinetti.server.addresses import BACKLOG, listen
from sinetti.server.asgi import AsgiApp
from sinetti.server.graceful_shutdown import has_connections, place, stop_accepting
from sinetti.server.http import Request, Response, text_response

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
    """Serve until SIGTERM or SIGINT; `ready` is called once the servers run.

    The process is to end soon after.

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


_LOOPBACK = "127.0.0.1"
_TRIED_WITHIN = 10


class InvalidKeyPair(ValueError):
    """Files that are no certificate and its key, or such as the server cannot use; the sentence says so."""


def load_key_pair(certificate: Path, key: Path) -> TlsFiles:
    """Read PEM files into files of memory (memfd), and try them with the real server.

    Raises InvalidKeyPair.
    """
    copies = []
    for path in (certificate, key):
        try:
            octets = _octets(path)
        except OSError as bad:
            sentence = f"{path} cannot be read ({bad.strerror or bad})"
            raise InvalidKeyPair(sentence) from None
        copies.append(_in_memory(octets))
    pair = TlsFiles(*copies)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key, password="")
    except (OSError, ValueError):
        release(pair)
        sentence = f"{certificate} and {key} are no certificate and its key: PEM, the key without a passphrase"
        raise InvalidKeyPair(sentence) from None
    if not _serves(pair):
        release(pair)
        sentence = f"{certificate} and {key}: no TLS server could be started with them; take ECDSA P-256 or RSA 2048"
        raise InvalidKeyPair(sentence)
    return pair


def release(pair: TlsFiles) -> None:
    """Let go of a pair that no process will be started with any more."""
    for path in (pair.certificate, pair.key):
        os.close(int(path.name))


def _octets(path: Path) -> bytes:
    """Read a file; something that may never end, as a pipe, is not waited for."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            sentence = "it is no file"
            raise OSError(sentence)
        return file.read()


def _in_memory(octets: bytes) -> Path:
    handle = os.memfd_create("sinetti-tls")
    with open(handle, "wb", closefd=False) as file:
        file.write(octets)
    return Path(f"/proc/self/fd/{handle}")


def _serves(pair: TlsFiles) -> bool:
    """Whether the server shakes hands with this pair: in a process of its own, since it aborts where it cannot."""
    with listen(_LOOPBACK, 0) as listening:
        pid = os.fork()
        if pid == 0:
            _be_tried(pair, listening)
        host, port = listening.getsockname()
    try:
        return _shakes_hands(host, port)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _shakes_hands(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    # Only whether there is a handshake is asked here; who vouches for the certificate is the callers' concern.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), _TRIED_WITHIN) as plainly, context.wrap_socket(plainly):
            return True
    except OSError:
        return False


def _be_tried(pair: TlsFiles, listening: socket.socket) -> NoReturn:
    try:
        # Forgotten by a parent that was killed meanwhile, it would hold the parent's pipes open.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(2 * _TRIED_WITHIN)
        # The server's native part says in its own words why it cannot: our sentence follows.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        logging.disable()
        serve((Listener(AsgiApp(_nothing), listening, pair),), lambda: None)
    finally:
        os._exit(1)


def _nothing(_request: Request) -> Response:
    return text_response(404, "There is nothing here.")
