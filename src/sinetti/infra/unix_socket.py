"""Listening on a path of this machine, for a proxy beside the service; any room may use it.

Tells systemd how the service is doing (sd_notify(3)), where it was started by it and wants to know.
"""

import logging
import os
import socket
import stat
from pathlib import Path

_OF_GROUP_AND_OWNER = 0o117


def listen_on_path(path: Path, backlog: int) -> socket.socket:
    """Listen on a path; a socket there that nobody listens on, as after a crash, is taken away first. Raises OSError.

    The proxy's user belongs to the group of ours: nobody else reaches the socket. `backlog`: connections that wait.
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
    """Send a state such as READY=1; nothing where nobody waits for it."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # An address that begins with @ is one of Linux's abstract names, which really begin with a zero octet.
    place = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.sendto(state.encode(), place)
    except OSError as away:
        _log.warning("the service manager was not told %s: %s", state, away.strerror)
