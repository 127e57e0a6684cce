"""Ends connections that say nothing where one address has too many, since nobody can count them at the door.

The HTTP server takes every connection, and tells of one only once a request's head is there: thousands that stay silent
from one address would use up what a worker may have open, and others would wait for seconds. So a thread looks at the
process's own sockets, and what it ends is what the sender could have ended as well: nothing of it has been answered.
"""

import logging
import socket
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from threading import Event, Thread

from sinetti.server.graceful_shutdown import open_fds, with_socket
from sinetti.server.rate_limits import Admission, Peer, client_key

LOOKS_EVERY = 0.25
"""Seconds between two looks.

One at 4,096 connections takes 25 ms (measured), one at a few takes none.
"""

SILENT = "too-many-connections-from-address"
"""Why connections were ended, as the log calls it."""

_FAMILIES = {socket.AF_INET, socket.AF_INET6}
_log = logging.getLogger(__name__)


class IdleConnectionReaper:
    """Looks at the connections to some ports; of one address so many may be open, those with a request inside first."""

    def __init__(self, ports: Collection[int], most: int, admissions: Sequence[Admission]) -> None:
        """Take who is inside from `admissions`; the first of them says who is counted, and writes the log."""
        self._ports, self._most, self._admissions = frozenset(ports), most, admissions
        self.over = Event()
        self._look = 0
        self._since: dict[tuple[int, Peer], int] = {}

    def watch(self) -> None:
        """Look, in a thread of its own, until `over` is set or the process ends."""
        Thread(target=self._watch, name="doorkeeper", daemon=True).start()

    def _watch(self) -> None:
        while not self.over.wait(LOOKS_EVERY):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - without it the service would go on unguarded, and nobody would know
                _log.exception("a look at the connections failed")

    def look(self) -> int:
        """Look now; gives how many connections were ended."""
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
        """End what is too much of one address: of those that are silent the oldest."""
        silent = [one for one in connections if not any(one[1] in admission.peers for admission in self._admissions)]
        silent.sort(key=self._since.__getitem__)
        over = silent[: len(connections) - self._most]
        for handle, peer in over:
            with_socket(handle, partial(_shut, peer))
        address = connections[0][1][0]
        sentence = f"{address}: of {len(connections)} connections {len(over)} that said nothing were ended"
        self._admissions[0].say(sentence, {"reason": SILENT, "address": address})
        return len(over)


def _connection(handle: int, ports: Collection[int]) -> Iterator[tuple[int, Peer]]:
    """The port and the peer of a connection to one of the ports; nothing for any other open file."""
    found: list[tuple[int, Peer]] = []

    def ask(ours: socket.socket) -> None:
        if ours.family in _FAMILIES and (port := ours.getsockname()[1]) in ports:
            found.append((port, _peer(ours)))

    with_socket(handle, ask)
    yield from found


def _shut(peer: Peer, ours: socket.socket) -> None:
    # Asked again: since the look, this handle may have become another connection's.
    if _peer(ours) == peer:
        ours.shutdown(socket.SHUT_RDWR)


def _peer(ours: socket.socket) -> Peer:
    address, port = ours.getpeername()[:2]
    return address.partition("%")[0], port
