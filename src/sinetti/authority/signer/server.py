"""Server of the signer: one thread, a Unix socket, and the rules.

The requests that have arrived together are decided together, in one transaction of the signer's store. The kernel
tells the user of a caller (SO_PEERCRED, unix(7)).
"""

import logging
import resource
import selectors
import socket
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sinetti.authority.signer.protocol import (
    LARGEST_FRAME,
    Outcome,
    ProtocolError,
    SignerOperation,
    decode_fields,
    decode_tasks,
    encode_frame,
    frame_length,
)
from sinetti.authority.signer.tasks import SigningTask
from sinetti.infra.clock import monotonic_seconds
from sinetti.pki.signers import SignatureRefused, SignerTimeout, SignerUnavailable

MOST_CONNECTIONS = 1024
"""Connections at once; each thread of the service keeps one."""

MOST_WAITING = 2 * LARGEST_FRAME
"""Octets of incomplete requests at once: one list of each of two processes."""

ANSWER_TIMEOUT, REQUEST_TIMEOUT = 1.0, 20.0
"""Seconds to take an answer, or to send a request that was begun.

They count while the signer waits, not while it decides.
"""

_OTHER_FILES = 64
_SMALL = 64 * 1024
_HEAD = 4
_CHUNK = 1024 * 1024
_CREDENTIALS = struct.Struct("3i")
_log = logging.getLogger(__name__)

Results = Sequence[bytes | SignatureRefused]


@dataclass(frozen=True)
class SignerActions:
    """Actions of a signer, as the server calls them.

    `sign` decides tasks together; it raises SignerUnavailable if a key cannot be used. `others` are the further
    operations: each takes fields and returns fields, and raises SignatureRefused or SignerUnavailable.
    """

    sign: Callable[[Sequence[SigningTask], datetime], Results]
    others: Mapping[SignerOperation, Callable[..., list[bytes]]]
    now: Callable[[], datetime]


@dataclass
class _Caller:
    """Connection of a caller, with octets of its next request or of its answer.

    `left` are the seconds until either must be complete.
    """

    connection: socket.socket
    octets: bytearray = field(default_factory=bytearray)
    answer: bytes = b""
    left: float = 0.0

    def take_body(self) -> bytes | None:
        """Return the body of a complete frame, or None. Raises ProtocolError."""
        if len(self.octets) < _HEAD:
            return None
        end = _HEAD + frame_length(self.octets)
        if len(self.octets) < end:
            return None
        body = bytes(self.octets[_HEAD:end])
        del self.octets[:end]
        return body


class SignerServer:
    """Server on a listening socket, for the users with these numbers alone."""

    def __init__(
        self,
        listener: socket.socket,
        users: Collection[int],
        actions: SignerActions,
        answer_timeout: float = ANSWER_TIMEOUT,
        request_timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        """Store the arguments; `run` begins to answer."""
        self._listener, self._users, self._actions = listener, frozenset(users), actions
        self._answer_timeout, self._request_timeout = answer_timeout, request_timeout
        self._selector = selectors.DefaultSelector()
        self._callers: dict[int, _Caller] = {}
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The keys' files, the store and the processes of a token need descriptors, too.
        self._most = MOST_CONNECTIONS if files < 0 else max(1, min(MOST_CONNECTIONS, files - _OTHER_FILES))

    def run(self, *stops: int) -> None:
        """Answer until octets, or their end, arrive at one of these descriptors."""
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ)
        for stop in stops:
            self._selector.register(stop, selectors.EVENT_READ)
        try:
            while True:
                waiting = [caller for caller in self._callers.values() if caller.octets or caller.answer]
                begun = monotonic_seconds()
                ready = [
                    key.fd for key, _ in self._selector.select(min((caller.left for caller in waiting), default=None))
                ]
                waited = monotonic_seconds() - begun
                if not set(stops).isdisjoint(ready):
                    return
                for one in waiting:
                    one.left -= waited
                self._answer_ready(ready)
                for one in [
                    caller for caller in self._callers.values() if (caller.octets or caller.answer) and caller.left <= 0
                ]:
                    _log.warning("a connection was closed: its %s took too long", "answer" if one.answer else "request")
                    self._drop(one)
        finally:
            for caller in list(self._callers.values()):
                self._drop(caller)
            self._selector.close()

    def _answer_ready(self, ready: Sequence[int]) -> None:
        asked: list[tuple[_Caller, bytes]] = []
        for number in ready:
            if number == self._listener.fileno():
                self._accept()
                continue
            caller = self._callers[number]
            if caller.answer:
                self._write(caller)
            elif (body := self._read(caller)) is not None:
                asked.append((caller, body))
        if asked:
            self._answer(asked)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as bad:  # as when the caller left, or the machine has no descriptor
            _log.warning("a connection was not accepted: %s", bad)
            return
        user = peer_user(connection)
        if user not in self._users or len(self._callers) >= self._most:
            why = "there are too many" if user in self._users else "this user may not use the signer"
            _log.error("a connection of user %d was closed: %s", user, why)
            connection.close()
            return
        connection.settimeout(0)
        caller = self._callers[connection.fileno()] = _Caller(connection)
        self._selector.register(caller.connection, selectors.EVENT_READ)

    def _read(self, caller: _Caller) -> bytes | None:
        """Return the body of a request that is complete now.

        Drops a caller that left or erred.
        """
        try:
            octets = caller.connection.recv(_CHUNK)
            if octets:
                if not caller.octets:
                    caller.left = self._request_timeout
                caller.octets += octets
                body = caller.take_body()
                if body is None:
                    self._check_waiting(caller)
                return body
        except BlockingIOError:
            return None
        except (OSError, ProtocolError) as bad:
            _log.warning("a connection was closed: %s", bad)
        self._drop(caller)
        return None

    def _check_waiting(self, caller: _Caller) -> None:
        """Raise ProtocolError if incomplete requests would fill the memory."""
        if len(caller.octets) > _SMALL and sum(len(caller.octets) for caller in self._callers.values()) > MOST_WAITING:
            raise ProtocolError(f"incomplete requests have more than {MOST_WAITING} octets")

    def _drop(self, caller: _Caller) -> None:
        self._callers.pop(caller.connection.fileno(), None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(caller.connection)
        caller.connection.close()

    def _answer(self, asked: Sequence[tuple[_Caller, bytes]]) -> None:
        together: list[tuple[_Caller, list[SigningTask]]] = []
        for caller, body in asked:
            try:
                name, *fields = decode_fields(body)
                operation = SignerOperation(name)
                if operation is SignerOperation.SIGN:
                    together.append((caller, decode_tasks(fields)))
                else:
                    self._send(caller, self._act(operation, fields))
            except (ProtocolError, ValueError, KeyError, TypeError) as bad:
                _log.error("a request that the service never makes: %s", bad)
                self._drop(caller)
            except Exception:  # noqa: BLE001 - a caller's octets must not end the signer
                _log.exception("a request could not be answered")
                self._drop(caller)
        self._sign_together(together)

    def _sign_together(self, together: Sequence[tuple[_Caller, list[SigningTask]]]) -> None:
        """Sign the tasks of all callers; apart if one needs a key that cannot be used."""
        tasks = [task for _, signing_tasks in together for task in signing_tasks]
        if not tasks:
            return
        results: list[bytes | SignatureRefused | SignerUnavailable]
        try:
            results = list(self._actions.sign(tasks, self._actions.now()))
        except SignerUnavailable as away:
            if len(together) > 1 and not isinstance(away, SignerTimeout):  # which each would wait for
                for request in together:
                    self._sign_together([request])
                return
            results = [away] * len(tasks)
        except Exception:  # noqa: BLE001 - a caller's octets must not end the signer
            _log.exception("a request could not be decided")
            for caller, _ in together:
                self._drop(caller)
            return
        for caller, signing_tasks in together:
            mine, results = results[: len(signing_tasks)], results[len(signing_tasks) :]
            self._send(caller, [field for result in mine for field in _outcome(result)])

    def _act(self, operation: SignerOperation, fields: list[bytes]) -> list[bytes]:
        try:
            return [Outcome.DONE.value, *self._actions.others[operation](*fields)]
        except (SignatureRefused, SignerUnavailable) as bad:
            return list(_outcome(bad))
        except OSError as bad:  # a full disk, as when a key is made
            return list(_outcome(SignerUnavailable(f"the signer's folder cannot be used now: {bad.strerror or bad}")))

    def _send(self, caller: _Caller, fields: Sequence[bytes]) -> None:
        caller.answer, caller.left = encode_frame(fields), self._answer_timeout
        self._write(caller)

    def _write(self, caller: _Caller) -> None:
        """Send as much of an answer as the kernel takes now."""
        try:
            caller.answer = caller.answer[caller.connection.send(caller.answer) :]
        except BlockingIOError:
            pass
        except OSError as gone:
            _log.warning("an answer was not taken: %s", gone)
            self._drop(caller)
            return
        self._selector.modify(caller.connection, selectors.EVENT_WRITE if caller.answer else selectors.EVENT_READ)


def _outcome(result: bytes | SignatureRefused | SignerUnavailable) -> tuple[bytes, bytes]:
    if isinstance(result, SignatureRefused):
        return Outcome.REFUSED.value, str(result).encode()
    if isinstance(result, SignerUnavailable):
        return Outcome.UNAVAILABLE.value, str(result).encode()
    return Outcome.DONE.value, result


def peer_user(connection: socket.socket) -> int:
    """Return the number of the user at the other end of a Unix socket."""
    octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(octets)
    return int(user)
