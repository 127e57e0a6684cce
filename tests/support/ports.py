"""Ports of loopback for programs that cannot choose one themselves, or whose address others must know first."""

import socket
from contextlib import closing, suppress
from random import SystemRandom

_CHANCE = SystemRandom()
RANGE = range(10_000, 20_000)
"""Below the ports that the system gives to clients and to servers that ask for any port."""


def reserve_ports(count: int) -> list[int]:
    """Return free ports that no other process of any test run on this machine is given until this one ends.

    The name of a Unix socket, which one process alone can have, reserves each port. The kernel releases it.
    """
    reserved: list[int] = []
    while len(reserved) < count:
        port = _CHANCE.choice(RANGE)
        with closing(socket.socket(socket.AF_UNIX)) as reservation, suppress(OSError):
            reservation.bind(f"\0sinetti-tests-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
            reservation.detach()  # open, and therefore reserved, until this process ends
            reserved.append(port)
    return reserved
