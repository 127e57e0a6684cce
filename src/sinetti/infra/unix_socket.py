"""Listening Unix sockets, and notifications to systemd (sd_notify(3)).

A proxy beside the service connects to the socket. Any package may use this module. A notification is sent only if
systemd started the service and requested it.
"""

import logging
import os
import socket
import stat
from pathlib import Path

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
    sentence = "something listens there"
    raise OSError(sentence)


_log = logging.getLogger(__name__)


def sd_notify(state: str) -> None:
    """Send a state such as READY=1; do nothing without a receiver."""
    address = environment.variable("NOTIFY_SOCKET")
    if address is None:
        return
    # A leading @ denotes an abstract name of Linux, which begins with a zero octet.
    place = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(state.encode(), place)
    except OSError as away:
        _log.warning("the service manager was not notified (%s): %s", state, away.strerror)
