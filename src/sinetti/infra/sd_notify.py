"""Tells systemd how the service is doing (sd_notify(3)), where it was started by it and wants to know."""

import logging
import os
import socket

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
