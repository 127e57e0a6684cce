"""Graceful shutdown of a process that leaves its port to others.

It accepts no new connections, and stays for the clients that are connected.
"""

import asyncio
import os
import socket
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from sinetti.infra.clock import monotonic_seconds
from sinetti.server import listener
from sinetti.server.graceful_shutdown import has_connections, place, stop_accepting

LOOPBACK = "127.0.0.1"
HANGS = 60.0
"""Seconds that only a wait without an end exceeds."""


@pytest.fixture
def listening():
    with closing(socket.create_server((LOOPBACK, 0))) as one:
        yield one


def test_it_takes_nobody_more_under_any_number(listening, tmp_path):
    other = listening.dup()
    with (tmp_path / "a").open("wb") as file, closing(other), closing(socket.create_server((LOOPBACK, 0))) as beside:
        address = listening.getsockname()
        before = set(Path("/proc/net/unix").read_text().splitlines())
        stop_accepting(listening)
        new = [line for line in Path("/proc/net/unix").read_text().splitlines() if line not in before]
        for one in (listening, other):
            with pytest.raises(BlockingIOError):
                one.accept()
        # No process has the socket open any more here, where no parent keeps it.
        with closing(socket.socket()) as caller:
            assert caller.connect_ex(address) != 0
        with closing(socket.create_connection(beside.getsockname())), closing(beside.accept()[0]):
            file.write(b"as before")
        names = [line.split()[-1] for line in new if "nothing" in line]
        assert names
        assert not any(name.startswith("@") or os.path.exists(name) for name in names), "nobody can call it"  # noqa: PTH110


def test_who_is_connected_is_counted_and_who_listens_is_not(listening, tmp_path):
    at = place(listening)
    assert not has_connections({at})
    with closing(socket.create_connection(listening.getsockname())) as caller:
        assert not has_connections({at}), "it is not accepted yet, and the other end is not ours"
        with closing(listening.accept()[0]):
            assert has_connections({at})
        assert not has_connections({at})
        assert caller.getpeername()[1] == at
    with closing(socket.socket(socket.AF_UNIX)) as unix, closing(socket.socket(socket.AF_UNIX)) as caller:
        unix.bind(str(tmp_path / "s"))
        unix.listen()
        caller.connect(str(tmp_path / "s"))
        assert not has_connections({place(unix)})
        with closing(unix.accept()[0]):
            assert has_connections({str(tmp_path / "s")})


@pytest.mark.parametrize(("busy", "retires"), [(False, 600.0), (True, 0.6)], ids=["silent", "at work"])
def test_how_long_it_stays_for_those_who_are_connected(busy, retires, listening, monkeypatch):
    monkeypatch.setattr(listener, "ARRIVES_WITHIN", 0.2)
    monkeypatch.setattr(listener, "RETIRE_WITHIN", retires)
    retired = []
    edge = SimpleNamespace(busy=busy, retire=lambda: retired.append(True))

    async def retire():
        asked = asyncio.Event()
        asked.set()
        await listener._retire((SimpleNamespace(socket=listening, edge=edge),), asked)

    with closing(socket.create_connection(listening.getsockname())), closing(listening.accept()[0]):
        begun = monotonic_seconds()
        asyncio.run(retire())
        assert (0.6 if busy else 0.2) <= monotonic_seconds() - begun < HANGS
    assert retired == [True]
    monkeypatch.setattr(listener, "ARRIVES_WITHIN", 600.0)
    monkeypatch.setattr(listener, "RETIRE_WITHIN", 600.0)
    begun = monotonic_seconds()
    asyncio.run(retire())
    assert monotonic_seconds() - begun < HANGS, "no connection is open"
