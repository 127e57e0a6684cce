"""Leaving a port to other processes: no connection is taken any more, and those that are here are finished.

The HTTP server either takes connections or closes them all. What it listens on is known by its number, though: when
something else lies there, which nobody knows and nobody calls, it goes on with what it has. The socket itself stays
open in the parent and in the processes that have taken over, so that whoever waits there meets one of those.

The process's own open files, looked at where the HTTP server does not say what it holds (Linux: /proc/self/fd).
"""

import os
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from tempfile import TemporaryDirectory


def open_fds() -> list[int]:
    """Give the numbers of all open files."""
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - names alone are wanted


def with_socket(handle: int, do: Callable[[socket.socket], None]) -> None:
    """Do something with an open file of somebody else's, if it is a socket; it is neither copied nor closed.

    A copy that was closed again could be of a database's file by then, whose locks the system would take away.
    """
    with suppress(OSError):
        ours = socket.socket(fileno=handle)
        try:
            do(ours)
        finally:
            ours.detach()


def stop_accepting(listening: socket.socket) -> None:
    """Take no connection from this socket any more, under whatever numbers this process has it."""
    with socket.socket(socket.AF_UNIX) as nothing:
        # Nobody finds a socket whose folder only we may look into, and whose name is gone.
        with TemporaryDirectory(prefix="sinetti-") as folder:
            nothing.bind(f"{folder}/nothing")
            nothing.listen(0)
        nothing.settimeout(0)
        ours = os.fstat(listening.fileno())
        for handle in open_fds():
            if _is(handle, ours):
                os.dup2(nothing.fileno(), handle, inheritable=False)


def has_connections(places: Collection[object]) -> bool:
    """Whether this process has a connection that somebody made to one of these places."""
    found: list[int] = []

    def ask(ours: socket.socket) -> None:
        if place(ours) in places and not ours.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            found.append(ours.fileno())

    for handle in open_fds():
        with_socket(handle, ask)
        if found:
            return True
    return False


def place(ours: socket.socket) -> object:
    """Give the port of a socket, or the path of a Unix socket."""
    name = ours.getsockname()
    return name[1] if isinstance(name, tuple) else name


def _is(handle: int, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file)
    except OSError:
        return False
