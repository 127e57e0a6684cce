"""`sinetti log witness`: cosign the checkpoints of logs that only grow.

The protocol is C2SP tlog-witness.
"""

import argparse
import hashlib
import socket
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sinetti.cli.client import common
from sinetti.cli.core import output
from sinetti.cli.core.argparse_i18n import Commands
from sinetti.client.messages.error_reasons import translate_reason
from sinetti.client.messages.messages import make_message
from sinetti.client.results import ExitCode, UsageError
from sinetti.i18n.translate import gettext_noop
from sinetti.infra import clock
from sinetti.infra.atomic_files import PRIVATE, write_atomic, write_new
from sinetti.infra.urls import ONE_HOST, has_one_host
from sinetti.wire.transparency.notes import COSIGNATURE, NoteError, NoteSigner, VerifierKey, is_key_name
from sinetti.wire.transparency.witness import WitnessAnswer, decide_cosignature, read_origin

EXAMPLE = (
    "example:\n  sinetti log witness --dir /var/lib/witness --name witness.example \\\n"
    "    --log pki.example/log+1a2b3c4d+AVJ…\n\nThe first start makes the key of the witness in DIR. Keep DIR on "
    "a local disk,\nand give its verifier key to the operators of the logs. Put a proxy with TLS in front."
    "\n\nexit codes: 0 stopped · 2 usage error, or address in use · 5 DIR cannot be used"
)
BAD_LOG = gettext_noop("--log {text} is not the verifier key of a log ({why}).")
TWO_KEYS = gettext_noop("--log names the log {origin} twice. Give one key for each log, after a change the new one.")
BAD_NAME = gettext_noop("--name {text} cannot be used: give a name without spaces and without +.")
BAD_BIND = gettext_noop("--bind {text} cannot be used: {why}. Give HOST:PORT of an address of this computer.")
LISTENING = gettext_noop("The witness {key} listens on {address}.")
_LARGEST = 64 * 1024
_WITHIN = 10.0
"""Seconds that a connection may last, as a log waits for its answer."""

_MOST_AT_ONCE = 32
"""Connections at a time. A further one is closed at once."""


def register(subparsers: Commands) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser(
        "witness",
        help="cosign the checkpoints of logs that only grow",
        description="Serves POST /add-checkpoint: cosigns a checkpoint of a known log if it continues the last one.",
        epilog=EXAMPLE,
    )
    parser.add_argument("--dir", metavar="DIR", type=Path, required=True, help="folder for the key and the checkpoints")
    parser.add_argument("--name", metavar="NAME", required=True, help="name of the witness, such as its host name")
    parser.add_argument(
        "--log", metavar="VERIFIERKEY", action="append", required=True, help="key of a log: NAME+ID+KEY; repeatable"
    )
    parser.add_argument("--bind", metavar="HOST:PORT", default="127.0.0.1:8099", help="address to listen on")
    common.add_common(parser)
    parser.set_defaults(run=run)


def run(parsed: argparse.Namespace) -> ExitCode:
    """Serve until the process is stopped."""
    console = common.console_of(parsed)
    if not is_key_name(parsed.name):
        raise UsageError(BAD_NAME, text=parsed.name)
    logs: dict[str, VerifierKey] = {}
    for verifier_key in map(_log_key, parsed.log):
        if verifier_key.name in logs:
            raise UsageError(TWO_KEYS, origin=verifier_key.name)
        logs[verifier_key.name] = verifier_key
    witness = Witness(parsed.dir, parsed.name, logs)
    host, _, port = parsed.bind.rpartition(":")
    try:
        server = _Server((host.strip("[]"), int(port)), witness)
    except (OSError, ValueError, OverflowError) as bad:
        raise UsageError(BAD_BIND, text=parsed.bind, why=translate_reason(bad)) from bad
    address = f"http://{host}:{server.server_address[1]}"
    console.tell(make_message(LISTENING, key=str(witness.signer.verifier), address=address))
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
    return ExitCode.DONE


def _log_key(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text)
    except NoteError as bad:
        raise UsageError(BAD_LOG, text=text, why=str(bad)) from bad


class Witness:
    """Key and state of a witness in a folder: the note cosigned last for each log."""

    def __init__(self, folder: Path, name: str, logs: dict[str, VerifierKey]) -> None:
        """Load the key, or make it. Raises OSError and ValueError."""
        self._folder, self._logs, self._one = folder, logs, Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "witness.pem"
        if not path.exists():
            key = Ed25519PrivateKey.generate()
            with suppress(FileExistsError):
                write_new(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        loaded = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise TypeError(f"{path} is not an Ed25519 key")
        self.signer = NoteSigner(name, loaded, COSIGNATURE)

    def answer(self, body: bytes) -> WitnessAnswer:
        """Answer one request. The new head is on disk before the cosignature leaves."""
        with self._one:
            origin = read_origin(body)
            path = self._folder / f"{hashlib.sha256((origin or '').encode()).hexdigest()}.checkpoint"
            stored = path.read_bytes() if origin in self._logs and path.exists() else None
            answer = decide_cosignature(body, self._logs, stored, self.signer, clock.utc_now())
            if answer.head is not None:
                write_atomic(path, answer.head, PRIVATE)
            if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                output.print_error(f"{path}: {answer.body}")
            return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _MOST_AT_ONCE

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        self._ends: dict[socket.socket, float] = {}
        super().__init__(address, _Handler)

    def verify_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> bool:
        """Return False while there are as many connections as there may be."""
        del client_address
        if not isinstance(request, socket.socket) or len(self._ends) >= _MOST_AT_ONCE:
            return False
        self._ends[request] = clock.monotonic_seconds() + _WITHIN
        return True

    def service_actions(self) -> None:
        """End connections that last too long, also those that send an octet now and then."""
        for request in [listener for listener, end in tuple(self._ends.items()) if end < clock.monotonic_seconds()]:
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """End a connection; another may come."""
        if isinstance(request, socket.socket):
            self._ends.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the parent's signature
        """Log an error, unless the caller or the time limit ended the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    timeout = _WITHIN
    server: _Server

    def do_POST(self) -> None:
        """Answer `add-checkpoint`."""
        length = self.headers.get("Content-Length", "")
        if not has_one_host(self.request_version[5:], self.headers.get_all("Host", [])):
            self._send(WitnessAnswer(400, f"{ONE_HOST}\n"))
        elif not self.path.endswith("/add-checkpoint"):
            self._send(WitnessAnswer(404, "POST /add-checkpoint\n"))
        elif not (length.isascii() and length.isdecimal()) or int(length) > _LARGEST:
            self._send(WitnessAnswer(413, "the body is too long, or its length is missing\n"))
        else:
            self._send(self.server.witness.answer(self.rfile.read(int(length))))

    def _send(self, answer: WitnessAnswer) -> None:
        octets = answer.body.encode()
        # Without the header `Server`, which would name Python and its version.
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the parent's signature
        """Log nothing about callers."""
