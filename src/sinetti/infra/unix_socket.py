"""Listening Unix sockets, and systemd: notifications, watchdog and journal.

A proxy beside the service connects to the socket. Any package may use this module. A notification is sent only if
systemd started the service and requested it.
"""

import logging
import os
import socket
import stat
from pathlib import Path
from typing import TextIO

from sinetti.infra import environment

_OF_GROUP_AND_OWNER = 0o117


def listen_on_path(path: Path, backlog: int) -> socket.socket:
    """Listen on a path, for a proxy on the same machine.

    An existing socket without a listener, as after a crash, is removed first. The proxy's user belongs to the group of
    the service; no other user reaches the socket. `backlog` is the number of waiting connections. Raises OSError if
    the path cannot be used.
    """
    opened = socket.socket(socket.AF_UNIX)
    try:
        _clear(path)
        before = os.umask(_OF_GROUP_AND_OWNER)
        try:
            opened.bind(str(path))
        finally:
            os.umask(before)
        opened.listen(backlog)
    except OSError:
        opened.close()
        raise
    return opened


def _clear(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if stat.S_ISSOCK(path.stat().st_mode):
                path.unlink()
            return
    raise OSError("something listens there")


_log = logging.getLogger(__name__)


def sd_notify(state: str) -> None:
    """Send a state such as READY=1; do nothing without a receiver."""
    address = environment.variable("NOTIFY_SOCKET")
    if address is None:
        return
    # A leading @ denotes an abstract name of Linux, which begins with a zero octet.
    place = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.sendto(state.encode(), place)
    except OSError as away:
        _log.warning("the service manager was not notified (%s): %s", state, away.strerror)


def watchdog_seconds(longest: float) -> float:
    """Return the seconds between two WATCHDOG=1, `longest` at most.

    That is half of the unit's WatchdogSec, as sd_watchdog_enabled(3) recommends.
    """
    limit = environment.variable("WATCHDOG_USEC") or ""
    return min(longest, int(limit) / 2_000_000) if limit.isdecimal() else longest


def is_journal(stream: TextIO) -> bool:
    """Return True if the stream goes to systemd's journal (systemd.exec(5))."""
    named = environment.variable("JOURNAL_STREAM")
    if named is None:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{status.st_dev}:{status.st_ino}"
