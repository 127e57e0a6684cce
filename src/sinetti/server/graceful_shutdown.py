"""Handover of a port to other processes, without loss of open connections.

The HTTP server can only accept connections or close all of them. But it knows its listening socket by number. This
module puts a private, unused socket in its place, and the server continues with its open connections. The original
socket stays open in the parent and in the processes that took over, so waiting connections reach one of those.

The HTTP server does not list its connections. They are found among the process's open files (Linux: /proc/self/fd).
"""

import os
import socket
from collections.abc import Callable, Collection
from contextlib import suppress
from tempfile import TemporaryDirectory


def open_fds() -> list[int]:
    """Return the numbers of all open files."""
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - only names are needed


def with_socket(handle: int, do: Callable[[socket.socket], None]) -> None:
    """Call `do` with an open file of another owner, if it is a socket.

    The file is neither copied nor closed. By the time a copy is closed, its number could be that of a database file,
    and the system would release the file's locks.
    """
    with suppress(OSError):
        ours = socket.socket(fileno=handle)
        try:
            do(ours)
        finally:
            ours.detach()


def stop_accepting(listening: socket.socket) -> None:
    """Accept no more connections from this socket, under any number in this process."""
    with socket.socket(socket.AF_UNIX) as nothing:
        # No client can find this socket: its folder is private, and its name is removed.
        with TemporaryDirectory(prefix="sinetti-") as folder:
            nothing.bind(f"{folder}/nothing")
            nothing.listen(0)
        nothing.settimeout(0)
        ours = os.fstat(listening.fileno())
        for handle in open_fds():
            if _is(handle, ours):
                os.dup2(nothing.fileno(), handle, inheritable=False)


def has_connections(places: Collection[object]) -> bool:
    """Return whether this process has a client connection to one of these places."""
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
    """Return the port of a socket, or the path of a Unix socket."""
    name = ours.getsockname()
    return name[1] if isinstance(name, tuple) else name


def _is(handle: int, file: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file)
    except OSError:
        return False
