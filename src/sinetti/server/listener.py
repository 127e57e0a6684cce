"""HTTP listener: several endpoints of one process, each on a separate socket.

It serves until a signal stops it. The server's certificate and key are read into memory, tested, and passed to
processes. Files on the disk change one after the other, so a pair could be mixed. All processes use the tested copy,
even those that start later, and the files on the disk no longer matter.
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
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
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
"""Seconds for open requests to finish after a stop signal."""

RETIRE, ARRIVES_WITHIN, RETIRE_WITHIN = signal.SIGUSR1, 10.0, 40.0
"""Signal of a handover, and time limits after it in seconds.

Other processes have then taken over. The limits are for open connections: for a request to arrive, and for its answer
(asgi.RequestLimits).
"""

HEAD_WITHIN = 5.0
"""Seconds for a request's head to arrive, and for an idle connection."""

CONNECTIONS = 4096
"""Largest number of open connections of a process on one socket.

It applies if the limit of open files is at least three times as high.
"""

PER_ADDRESS = 4
"""Divisor for the share of one address in those connections.

Above that share, its silent connections are closed.
"""

_LOOKS_EVERY = 0.05
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TlsFiles:
    """Server certificate and key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Listener:
    """Endpoint on one listening socket; plain http if `tls` is None."""

    edge: AsgiApp
    socket: socket.socket
    tls: TlsFiles | None = None


def connections() -> int:
    """Return the limit of open connections of this process on one socket."""
    return min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 3)


_kept: list[asyncio.AbstractEventLoop] = []


def serve(listeners: tuple[Listener, ...], ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; the process must end soon after.

    `ready` is called once the servers run. On SIGUSR1 the process retires: it accepts no more connections, and serves
    until the open ones are answered and closed.

    The event loop stays open, and so do its signal handlers: a second signal does not interrupt the shutdown. The loop
    is kept until the process ends, because a loop that another thread discards cannot remove its handlers.
    """
    loop = asyncio.new_event_loop()
    _kept.append(loop)
    loop.run_until_complete(_serve(listeners, ready))


class ServerStopped(Exception):
    """HTTP server that ended without a signal."""


async def _serve(listeners: tuple[Listener, ...], ready: Callable[[], None]) -> None:
    stop_requested, retired = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop_requested.set)
    loop.add_signal_handler(RETIRE, retired.set)
    servers = [_GranianServer(listener) for listener in listeners]
    running = [asyncio.create_task(server.serve()) for server in servers]
    waiting = [asyncio.create_task(_retire(listeners, retired)), asyncio.create_task(stop_requested.wait())]
    try:
        await _until_running(servers, running)
        ready()
        await asyncio.wait({*waiting, *running}, return_when=asyncio.FIRST_COMPLETED)
        if not any(task.done() for task in waiting):
            raise ServerStopped("the HTTP server stopped unexpectedly")
    finally:
        for task in waiting:
            task.cancel()
        for listener in listeners:
            listener.edge.end_events()
        for server in servers:
            server.stop()  # type: ignore[no-untyped-call] # granian leaves it untyped
        _, late = await asyncio.wait(running, timeout=STOP_WITHIN)
        if late:
            # The server would print a traceback, because its own future is cancelled.
            loop.set_exception_handler(lambda _loop, context: _log.info("while stopping: %s", context["message"]))
        for task in late:
            task.cancel()


async def _retire(listeners: tuple[Listener, ...], retired: asyncio.Event) -> None:
    """Wait for the handover, then finish the open connections."""
    await retired.wait()
    places = {place(listener.socket) for listener in listeners}
    for listener in listeners:
        stop_accepting(listener.socket)
        listener.edge.retire()
    begun = monotonic_seconds()
    while has_connections(places):
        waited = monotonic_seconds() - begun
        if waited > RETIRE_WITHIN or (
            waited > ARRIVES_WITHIN and not any(listener.edge.busy for listener in listeners)
        ):
            return
        await asyncio.sleep(_LOOKS_EVERY)


class _GranianServer(Server):
    """granian's embedded server, on a socket that the caller created."""

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
            # Set here, because granian resolves paths, and resolved paths of memory files do not exist.
            self.ssl_ctx = context

    def _init_shared_socket(self) -> None:
        holder: Any = SocketHolder  # granian has no annotations here: handle, is it a Unix socket, backlog
        self._shd = holder(self._listening.fileno(), self._listening.family == socket.AF_UNIX, BACKLOG)


async def _until_running(servers: list[_GranianServer], running: list["asyncio.Task[None]"]) -> None:
    while not all(server.wrks for server in servers):
        for task in running:
            if task.done():
                task.result()
                raise ServerStopped("the HTTP server did not start")
        await asyncio.sleep(0)


_LOOPBACK = "127.0.0.1"
_TRIED_WITHIN = 10


class InvalidKeyPair(ValueError):
    """Files that are no certificate with its key, or that the server cannot use.

    The text says which.
    """


def load_key_pair(certificate: Path, key: Path) -> TlsFiles:
    """Read PEM files into memory files (memfd), and test them with the real server.

    Raises InvalidKeyPair.
    """
    read = check_key_pair(certificate, key)
    pair = TlsFiles(_in_memory(read.certificate), _in_memory(read.key))
    if not _serves(pair):
        release(pair)
        raise InvalidKeyPair(
            f"{certificate} and {key}: the TLS server cannot start with them; use ECDSA P-256 or RSA 2048"
        )
    return pair


@dataclass(frozen=True)
class KeyPairOctets:
    """Content of two PEM files that belong together.

    `begins` and `ends` are the validity of the certificate (UTC).
    """

    certificate: bytes
    key: bytes = field(repr=False)
    begins: datetime
    ends: datetime


def check_key_pair(certificate: Path, key: Path) -> KeyPairOctets:
    """Read PEM files, and check that the key is that of the first certificate.

    Raises InvalidKeyPair.
    """
    chain, private = (_read(path) for path in (certificate, key))
    try:
        first = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise InvalidKeyPair(
            f"{certificate} contains no certificate in PEM: give the server's certificate, then its chain"
        ) from None
    try:
        public = load_pem_private_key(private, None).public_key()
    except TypeError:
        raise InvalidKeyPair(f"{key} is encrypted: give the key without a pass-phrase, mode 0600") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidKeyPair(
            f"{key} contains no private key in PEM: give the key of the certificate in {certificate}"
        ) from None
    if public != first.public_key():
        raise InvalidKeyPair(
            f"the private key in {key} does not match the first certificate in {certificate}: give the key for which "
            "that certificate was issued"
        )
    return KeyPairOctets(chain, private, first.not_valid_before_utc, first.not_valid_after_utc)


def _read(path: Path) -> bytes:
    try:
        return _octets(path)
    except OSError as bad:
        raise InvalidKeyPair(f"{path} cannot be read ({bad.strerror or bad})") from None


def release(pair: TlsFiles) -> None:
    """Close the memory files of a pair that no further process will use."""
    for path in (pair.certificate, pair.key):
        os.close(int(path.name))


def _octets(path: Path) -> bytes:
    """Read a regular file; for a pipe, raise OSError instead of waiting."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a regular file")
        return file.read()


def _in_memory(octets: bytes) -> Path:
    handle = os.memfd_create("sinetti-tls")
    with open(handle, "wb", closefd=False) as file:
        file.write(octets)
    return Path(f"/proc/self/fd/{handle}")


def _serves(pair: TlsFiles) -> bool:
    """Return whether the server completes a handshake with this pair.

    The test runs in a child process, because the server aborts on an unusable pair.
    """
    with listen(_LOOPBACK, 0) as listening:
        pid = os.fork()
        if pid == 0:
            _be_tried(pair, listening)
        host, port = listening.getsockname()
    try:
        context = ssl.create_default_context()
        # Only the handshake is tested here; the callers check the certificate's issuer.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with socket.create_connection((host, port), _TRIED_WITHIN) as plainly, context.wrap_socket(plainly):
                return True
        except OSError:
            return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _be_tried(pair: TlsFiles, listening: socket.socket) -> NoReturn:
    try:
        # Without the alarm, a child of a killed parent would keep the parent's pipes open.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(2 * _TRIED_WITHIN)
        # The server's native part prints its own error, which is hidden; InvalidKeyPair follows.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
        logging.disable()
        serve((Listener(AsgiApp(_nothing), listening, pair),), lambda: None)
    finally:
        os._exit(1)


def _nothing(_request: Request) -> Response:
    return text_response(404, "There is no page at this address.")
