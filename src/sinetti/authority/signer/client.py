"""Client of the signer: the service's side of the socket.

A request may be sent twice: the signer returns a stored signature for the same octets.
"""

import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

from sinetti.authority.signer.protocol import (
    Outcome,
    ProtocolError,
    SignerOperation,
    decode_fields,
    encode_frame,
    encode_tasks,
    frame_length,
)
from sinetti.authority.signer.tasks import SigningTask
from sinetti.pki.signers import SignatureRefused, SignerTimeout, SignerUnavailable, count_failure, measured

REQUEST_TIMEOUT = 20.0
"""Seconds for one request; a list with a million entries takes some of them."""

_HEAD = 4


class SignerClient:
    """Connections of one process to a signer. Several threads may use it."""

    def __init__(self, path: Path) -> None:
        """Store the path of the socket; the first request connects."""
        self._path, self._lock = path, Lock()
        self._idle: list[socket.socket] = []
        self._process = os.getpid()

    def sign(self, tasks: Sequence[SigningTask]) -> list[bytes | SignatureRefused]:
        """Return the signatures of tasks, or why one was refused.

        Raises SignerUnavailable if the signer or one of its keys cannot be used now.
        """
        with measured("signer"):
            fields = self._request([SignerOperation.SIGN.value, *encode_tasks(tasks)])
            if len(fields) != 2 * len(tasks):
                raise self._misunderstood()
        results = [_result(*fields[at : at + 2]) for at in range(0, len(fields), 2)]
        for refused in results:
            if isinstance(refused, SignatureRefused):
                count_failure(refused)
        return results

    def call(self, operation: SignerOperation, *fields: bytes) -> list[bytes]:
        """Return the fields of another operation's answer.

        Raises SignatureRefused and SignerUnavailable.
        """
        outcome, *rest = self._request([operation.value, *fields])
        if outcome == Outcome.DONE.value:
            return rest
        refused = _result(outcome, *rest[:1])
        raise refused if isinstance(refused, SignatureRefused) else self._misunderstood()

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for listener in idle:
            listener.close()

    def _request(self, fields: Sequence[bytes]) -> list[bytes]:
        octets = encode_frame(fields)
        try:
            return decode_fields(self._exchange(octets))
        except ProtocolError:
            raise self._misunderstood() from None

    def _exchange(self, octets: bytes) -> bytes:
        """Send a request and return the body of its answer.

        A connection that ended since its last use, as after a restart of the signer, is opened again.
        """
        connection = self._take()
        if connection is not None:
            with suppress(ConnectionError):
                return self._talk(connection, octets)
        try:
            return self._talk(self._connect(), octets)
        except ConnectionError as gone:
            raise SignerUnavailable(f"the signer at {self._path} ended a connection: its log says why") from gone

    def _take(self) -> socket.socket | None:
        with self._lock:
            if self._process != os.getpid():  # the parent's connections, which a fork copied
                self._idle, self._process = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _connect(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX)
        try:
            # The kernel waits in a full queue; with a time limit of Python's, connect would fail at once.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(REQUEST_TIMEOUT), 0))
            opened.connect(str(self._path))
            opened.settimeout(REQUEST_TIMEOUT)
        except PermissionError as refused:
            opened.close()
            raise SignerUnavailable(
                f"this user may not open {self._path}: run the signer with the group of the service"
            ) from refused
        except OSError as away:
            opened.close()
            raise SignerUnavailable(
                f"the signer at {self._path} does not answer ({away.strerror or away}): start sinetti authority signer"
            ) from away
        return opened

    def _talk(self, connection: socket.socket, octets: bytes) -> bytes:
        """Send a request and return the body of the answer.

        Raises ConnectionError if the connection has ended, and SignerUnavailable if it is too slow.
        """
        try:
            connection.sendall(octets)
            length = frame_length(_received(connection, _HEAD))
            body = _received(connection, length)
        except TimeoutError as late:
            connection.close()
            raise SignerTimeout(f"the signer at {self._path} did not answer within {REQUEST_TIMEOUT:.0f} s") from late
        except (OSError, ProtocolError):
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return body

    def _misunderstood(self) -> SignerUnavailable:
        sentence = f"the signer at {self._path} has another version: run both with the same version of Sinetti"
        return SignerUnavailable(sentence)


def _received(connection: socket.socket, count: int) -> bytes:
    found = bytearray(count)
    view, at = memoryview(found), 0
    while at < count:
        octets = connection.recv_into(view[at:])
        if not octets:
            raise ConnectionResetError
        at += octets
    return bytes(found)


def _result(outcome: bytes, octets: bytes = b"") -> bytes | SignatureRefused:
    if outcome == Outcome.DONE.value:
        return octets
    sentence = octets.decode("utf-8", "replace")
    if outcome == Outcome.REFUSED.value:
        return SignatureRefused(sentence)
    raise SignerUnavailable(sentence)
