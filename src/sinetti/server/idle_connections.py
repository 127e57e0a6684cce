"""Closes idle connections of clients that exceed the per-address limit.

The HTTP server accepts every connection, and reports it only after a request's head. Thousands of silent connections
from one address would use up a worker's limit of open files, and other callers would wait for seconds. So a thread
polls the process's own sockets. Closing a silent connection loses no response, as if the client had closed it.
"""

import logging
import socket
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from threading import Event, Thread

from sinetti.server.graceful_shutdown import open_fds, with_socket
from sinetti.server.rate_limits import Admission, Peer, client_key

LOOKS_EVERY = 0.25
"""Seconds between two checks.

A check takes 25 ms at 4,096 connections (measured), and next to nothing at a few.
"""

SILENT = "too-many-connections-from-address"
"""Reason of closed connections in the log."""

_FAMILIES = {socket.AF_INET, socket.AF_INET6}
_log = logging.getLogger(__name__)


class IdleConnectionReaper:
    """Thread that limits the open connections of one address to some ports.

    Connections with a request in progress take precedence.
    """

    def __init__(self, ports: Collection[int], most: int, admissions: Sequence[Admission]) -> None:
        """Store ports, limit and admissions.

        `admissions` know the requests in progress. The first of them decides which addresses count, and writes the
        log.
        """
        self._ports, self._most, self._admissions = frozenset(ports), most, admissions
        self.over = Event()
        self._look = 0
        self._since: dict[tuple[int, Peer], int] = {}

    def start(self) -> None:
        """Start a thread that checks until `over` is set or the process ends."""
        Thread(target=self._watch, name="doorkeeper", daemon=True).start()

    def _watch(self) -> None:
        while not self.over.wait(LOOKS_EVERY):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - otherwise the thread would end unnoticed, and the limit would not apply
                _log.exception("the check for idle connections failed")

    def look(self) -> int:
        """Check now, and return the number of closed connections."""
        opened = open_fds()
        if len(opened) <= self._most:
            self._since.clear()
            return 0
        self._look += 1
        since, ended = {}, 0
        of: dict[tuple[int, bytes], list[tuple[int, Peer]]] = {}
        for handle in opened:
            for port, peer in _connection(handle, self._ports):
                caller = client_key(peer[0])
                if caller is not None and self._admissions[0].counts(peer[0]):
                    since[handle, peer] = self._since.get((handle, peer), self._look)
                    of.setdefault((port, caller), []).append((handle, peer))
        self._since = since
        for connections in of.values():
            if len(connections) > self._most:
                ended += self._end(connections)
        return ended

    def _end(self, connections: list[tuple[int, Peer]]) -> int:
        """Close the connections of one address above the limit: the oldest silent ones."""
        silent = [
            connection
            for connection in connections
            if not any(connection[1] in admission.peers for admission in self._admissions)
        ]
        silent.sort(key=self._since.__getitem__)
        over = silent[: len(connections) - self._most]
        for handle, peer in over:
            with_socket(handle, partial(_shut, peer))
        address = connections[0][1][0]
        sentence = f"{address}: closed {len(over)} idle connections of {len(connections)}"
        self._admissions[0].say(sentence, {"reason": SILENT, "address": address})
        return len(over)


def _connection(handle: int, ports: Collection[int]) -> Iterator[tuple[int, Peer]]:
    """Yield the port and the peer of a connection to one of the ports.

    Yields nothing for any other open file.
    """
    found: list[tuple[int, Peer]] = []

    def ask(ours: socket.socket) -> None:
        if ours.family in _FAMILIES and (port := ours.getsockname()[1]) in ports:
            found.append((port, _peer(ours)))

    with_socket(handle, ask)
    yield from found


def _shut(peer: Peer, ours: socket.socket) -> None:
    # Checked again, because the handle may belong to another connection by now.
    if _peer(ours) == peer:
        ours.shutdown(socket.SHUT_RDWR)


def _peer(ours: socket.socket) -> Peer:
    address, port = ours.getpeername()[:2]
    return address.partition("%")[0], port
