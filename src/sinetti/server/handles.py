"""The process's own open files, looked at where the HTTP server does not say what it holds (Linux: /proc/self/fd)."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress


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
