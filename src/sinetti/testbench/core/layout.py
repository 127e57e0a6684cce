"""Files of a bench beside those of an authority, and its loopback names.

The files hold its ports, its clock, its TLS certificate and its lock.

The check of the Host header refuses pages from elsewhere: their requests do not name loopback, even with DNS
rebinding.
"""

import fcntl
import json
import re
import secrets
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from sinetti.authority.data_directory import DataDirectory, FolderDamaged
from sinetti.infra.urls import is_loopback
from sinetti.server.addresses import AddressInUse, listen
from sinetti.testbench.core.clock import BenchClock
from sinetti.testbench.core.server_certificate import ServerFiles

LOOPBACK = "127.0.0.1"
LOCALHOST = "localhost"
"""Host name of pages for people.

Passkeys are for names, never for addresses (WebAuthn, 5.1.3). Browsers try ::1, on which no process listens, and then
127.0.0.1.
"""
_OWN = ("control", "status", "people")
"""Ports that the user does not choose."""

_LOWEST_PORT, _HIGHEST_PORT = 20_000, 32_000
"""Range of the bench's ports.

It is below the ports that systems lend to outgoing connections. One of those could hold a bench's port at its restart.
"""


@dataclass(frozen=True)
class Ports:
    """The ports of a bench, chosen once: they stand in its certificates."""

    soap: int
    control: int
    status: int
    people: int


class OpenPorts:
    """Listening sockets of a bench, opened when its ports are chosen.

    Another program could otherwise take a port while the bench is made. Leaving the context closes the sockets that
    were not taken.
    """

    def __init__(self) -> None:
        self._sockets: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, end: BaseException | None, at: TracebackType | None) -> None:
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()

    def open(self, port: int) -> int:
        """Listen on a port, unless it is open already, and return it. Raises AddressInUse."""
        if port not in self._sockets:
            self._sockets[port] = listen(LOOPBACK, port)
        return port

    def open_free(self, others: Collection[int] = ()) -> int:
        """Listen on a free port that is not one of the others, and return it."""
        while True:
            port = _LOWEST_PORT + secrets.randbelow(_HIGHEST_PORT - _LOWEST_PORT)
            if port not in self._sockets and port not in others:
                with suppress(AddressInUse):
                    return self.open(port)

    def take(self, port: int) -> socket.socket:
        """Return the socket of an open port, which the caller closes."""
        return self._sockets.pop(port)


def new_ports(soap: int, opened: OpenPorts) -> Ports:
    """Choose and open ports that are free.

    `soap` is the SOAP port, or 0 for any free port. Raises AddressInUse if that port is taken.
    """
    first = opened.open(soap) if soap else opened.open_free()
    return Ports(first, *(opened.open_free() for _ in _OWN))


def write_ports(folder: DataDirectory, ports: Ports) -> None:
    """Store the ports: all of them are written, or the old ones stay."""
    partial = folder.root / "ports.new"
    partial.write_text(json.dumps(asdict(ports)), encoding="ascii")
    partial.replace(_ports_file(folder))


def load_ports(folder: DataDirectory, soap: int, opened: OpenPorts) -> Ports:
    """Return the bench's ports, which are open now.

    `soap` is another SOAP port, which is stored, or 0 for the stored one. Raises FolderDamaged if the stored ports
    cannot be read, and AddressInUse if a port is taken.
    """
    path = _ports_file(folder)
    try:
        written = json.loads(folder.read(path))
        # A bench from before the pages for people chooses their port now; no certificate contains it.
        kept = Ports(**{"people": opened.open_free(written.values()), **written})
        damaged = len({kept.control, kept.status, kept.people}) < len(_OWN)
    except (ValueError, TypeError, AttributeError):
        damaged = True
    if damaged:
        raise FolderDamaged(f"{path} is damaged: start a new bench in another folder")
    ports = replace(kept, soap=soap or kept.soap)
    if ports.soap in (ports.control, ports.status, ports.people):
        raise AddressInUse(f"port {ports.soap} is used by another address of this bench: choose another port")
    for port in astuple(ports):
        opened.open(port)
    if asdict(ports) != written:
        write_ports(folder, ports)
    return ports


def server_files(folder: DataDirectory) -> ServerFiles:
    """Return the paths of the TLS certificate, its key and the CA to trust."""
    return ServerFiles(folder.root / "server.pem", folder.secrets / "server.pem", folder.trust / "server.pem")


def bench_clock(folder: DataDirectory) -> BenchClock:
    """Return the clock of this folder."""
    return BenchClock(folder.root / "clock")


@contextmanager
def exclusive(folder: DataDirectory) -> Iterator[None]:
    """Lock the bench while the block runs, and release it however the block ends.

    Raises FolderDamaged if the bench runs already.
    """
    path = folder.root / "lock"
    try:
        file = path.open("w", encoding="ascii")
    except OSError as closed:
        raise FolderDamaged(
            f"{path} cannot be written ({closed.strerror}): name a folder that belongs to you"
        ) from closed
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            raise FolderDamaged(
                f"a bench is already running in {folder.root}: stop it, or name another folder"
            ) from taken
        yield


def _ports_file(folder: DataDirectory) -> Path:
    return folder.root / "ports.json"


_HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def is_loopback_host(host: str) -> bool:
    """Return True if a Host header names loopback."""
    named = _HOST.fullmatch(host)
    if named is None:
        return False
    return is_loopback(named["name"].strip("[]").casefold())
