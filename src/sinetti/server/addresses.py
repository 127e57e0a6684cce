"""Listen addresses: an IP address with a port, or the path of a Unix socket.

They are parsed, probed and bound before anything is served.
"""

import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from time import sleep

from sinetti.infra.unix_socket import listen_on_path

BACKLOG = 1024
"""Length of the system's queue of connections that wait for a worker."""

FREED_WITHIN = 1.0
"""Seconds to wait for an address to become free.

The workers of a parent that was killed end within milliseconds.
"""

TAKEN_WITHIN = 20.0
"""Seconds until a connection with unacknowledged data is closed.

This is TCP_USER_TIMEOUT, for readers that do not take their answer.
"""

_HIGHEST_PORT = 65_535
_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
_LOOPBACK = "127.0.0.1"
_UNIX = "unix:"
_TRIED_EVERY = 0.05


class AddressInUse(OSError):
    """Address that is in use, or that does not belong to this machine."""


class InvalidAddress(ValueError):
    """Text that is no address to listen on."""


@dataclass(frozen=True)
class ListenAddress:
    """IP address and port (0: any free port), or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @property
    def is_local(self) -> bool:
        """True if only this machine can connect."""
        return self.path is not None or ip_address(self.host).is_loopback

    def url(self, scheme: str) -> str:
        """Return the address as a URL for people."""
        if self.path is not None:
            return f"{scheme}+unix:{self.path}"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def overlaps(self, other: "ListenAddress") -> bool:
        """Return whether both addresses share a port and an IP address.

        The system would then distribute connections between the two.
        """
        if self.path is not None or other.path is not None:
            return self.path == other.path
        address, two = ip_address(self.host), ip_address(other.host)
        return self.port == other.port != 0 and (address == two or address.is_unspecified or two.is_unspecified)


def parse_address(text: str) -> ListenAddress:
    """Parse IP:PORT or unix:/PATH. Raises InvalidAddress."""
    if text.startswith(_UNIX):
        path = Path(text.removeprefix(_UNIX))
        if not path.is_absolute():
            raise InvalidAddress(text)
        return ListenAddress(path=path)
    host, _, port = text.rpartition(":")
    host = _LOOPBACK if host == "localhost" else host.strip("[]")
    try:
        ip_address(host)
        fits = port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT
    except ValueError:
        fits = False
    if not fits:
        raise InvalidAddress(text)
    return ListenAddress(host, int(port))


def check_available(host: str, port: int) -> int:
    """Return the port if it can be bound (a free port for 0).

    Raises AddressInUse otherwise.
    """
    with _bound(host, port) as trial:
        return int(trial.getsockname()[1])


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port for this process only. Raises AddressInUse."""
    opened = _bound(host, port)
    opened.listen(BACKLOG)
    return opened


def listen_per_worker(address: ListenAddress, sockets: int) -> tuple[ListenAddress, tuple[socket.socket, ...]]:
    """Open one listening socket for each worker.

    Returns the actual address, with its port, and the sockets. Raises AddressInUse if the address is taken.

    The system distributes connections over the sockets of a port (SO_REUSEPORT), and each worker has one of them. They
    stay open in the parent, so that the successor of a dead worker answers its waiting connections. A Unix socket
    exists only once.
    """
    if address.path is not None:
        return address, (_listen_unix(address.path),) * sockets
    with _free_soon(address.host, address.port) as trial:
        port = int(trial.getsockname()[1])
    # The probe above detects other programs; with SO_REUSEPORT, another program of this user would go unnoticed.
    opened = tuple(_bound(address.host, port, shared=True) for _ in range(sockets))
    for listener in opened:
        listener.listen(BACKLOG)
    return ListenAddress(address.host, port), opened


def _free_soon(host: str, port: int) -> socket.socket:
    for _ in range(int(FREED_WITHIN / _TRIED_EVERY)):
        with suppress(AddressInUse):
            return _bound(host, port)
        sleep(_TRIED_EVERY)
    return _bound(host, port)


def _bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if _USER_TIMEOUT is not None:
        # Accepted connections inherit this, so that a client that never reads its answer cannot hold its connection.
        opened.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, int(TAKEN_WITHIN * 1000))
    if shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind((host, port))
    except OSError as taken:
        opened.close()
        raise AddressInUse(
            f"cannot listen on {host} port {port} ({taken.strerror}): stop the program that uses it, or "
            "choose another port"
        ) from taken
    return opened


def _listen_unix(path: Path) -> socket.socket:
    try:
        return listen_on_path(path, BACKLOG)
    except OSError as failed:
        why = failed.strerror or failed
        raise AddressInUse(
            f"cannot listen on {path} ({why}): stop the program that uses it, or choose another path"
        ) from failed
