"""Listening on a path of this machine, for a proxy beside the service; any room may use it."""

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
