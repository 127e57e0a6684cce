"""The server's certificate and key: read into memory, tried, and handed to processes, so that one pair is one pair.

Files on a disk change one after the other. What is served is the copy that was tried: a process that is started later
has the same, whatever lies on the disk by then.
"""

import contextlib
import logging
import os
import signal
import socket
import ssl
import stat
import sys
from pathlib import Path
from typing import NoReturn

from sinetti.server.addresses import listen
from sinetti.server.asgi import AsgiApp
from sinetti.server.http import Request, Response, text_response
from sinetti.server.listener import Listener, TlsFiles, serve

_LOOPBACK = "127.0.0.1"
_TRIED_WITHIN = 10


class InvalidKeyPair(ValueError):
    """Files that are no certificate and its key, or such as the server cannot use; the sentence says so."""


def load_key_pair(certificate: Path, key: Path) -> TlsFiles:
    """Read PEM files into files of memory (memfd), and try them with the real server. Raises InvalidKeyPair."""
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
