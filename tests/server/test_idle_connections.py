"""Limit on connections per client.

The service closes idle connections, the oldest first, and leaves all others alone.
"""

import socket
from contextlib import ExitStack, contextmanager

import pytest

from sinetti.server.idle_connections import IdleConnectionReaper
from sinetti.server.rate_limits import Admission
from tests.support.serving import until

MOST = 3


@contextmanager
def listening(host="127.0.0.1"):
    """Yield a listening socket and its port.

    The connections' other ends stay open here, too.
    """
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        yield listener, listener.getsockname()[1]


@pytest.fixture
def stack():
    with ExitStack() as one:
        yield one


@pytest.fixture
def port(stack):
    listener, port = stack.enter_context(listening())

    def connect(source="127.0.0.1"):
        """Open one more connection; return the caller's end."""
        ours = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)))
        stack.enter_context(listener.accept()[0])
        return ours

    return port, connect


def keeper(port, admission=None):
    return IdleConnectionReaper({port}, MOST, [admission or Admission(counts_loopback=True), Admission()])


def ended(caller):
    caller.setblocking(False)
    try:
        return caller.recv(1) == b""
    except BlockingIOError:
        return False


def test_of_one_address_the_oldest_silent_ones_are_ended(port):
    number, connect = port
    one = keeper(number)
    callers = [connect() for _ in range(MOST)]
    others = [connect("127.0.0.2") for _ in range(MOST)]
    assert one.look() == 0
    callers += [connect() for _ in range(2)]
    assert one.look() == 2
    assert [ended(caller) for caller in callers].count(True) == 2
    assert not any(ended(caller) for caller in callers[MOST:]), "the new ones stay"
    assert not any(ended(caller) for caller in others)


def test_who_has_a_request_inside_stays(port):
    number, connect = port
    admission = Admission(counts_loopback=True)
    one = keeper(number, admission)
    callers = [connect() for _ in range(2 * MOST)]
    with ExitStack() as inside:
        for caller in callers[: MOST + 1]:
            inside.enter_context(admission.admit(caller.getsockname(), []))
        assert one.look() == MOST - 1, "all that were silent, though that is one too few"
        assert [ended(caller) for caller in callers] == [False] * (MOST + 1) + [True] * (MOST - 1)
    assert admission.peers == set()


def test_who_is_not_counted_stays(port):
    number, connect = port
    callers = [connect() for _ in range(2 * MOST)]
    assert keeper(number, Admission()).look() == 0, "loopback, where no limits are set by hand"
    assert keeper(number + 1).look() == 0, "connections to another port"
    assert not any(ended(caller) for caller in callers)


def test_a_slash_64_is_one_address(stack):
    listener, port = stack.enter_context(listening("::1"))
    callers = []
    for _ in range(MOST + 2):
        callers.append(stack.enter_context(socket.create_connection(("::1", port), 60)))
        stack.enter_context(listener.accept()[0])
    assert keeper(port).look() == 2
    assert [ended(caller) for caller in callers].count(True) == 2


def test_other_open_files_are_left_alone_and_few_are_not_looked_at(port, tmp_path, stack):
    number, connect = port
    both = socket.socketpair()
    for one in both:
        stack.enter_context(one)
    file = stack.enter_context((tmp_path / "file").open("w"))
    callers = [connect() for _ in range(MOST + 1)]
    assert IdleConnectionReaper({number}, 100_000, [Admission(counts_loopback=True)]).look() == 0
    assert keeper(number).look() == 1
    both[0].sendall(b"x")
    assert both[1].recv(1) == b"x"
    assert file.write("x") == 1
    assert [ended(caller) for caller in callers].count(True) == 1


def test_it_is_told_in_the_log_with_the_address_and_a_look_that_fails_is_told_too(port, caplog, monkeypatch):
    number, connect = port
    one = keeper(number)
    for _ in range(MOST + 1):
        connect()
    assert one.look() == 1
    (line,) = caplog.records
    assert line.facts == {"reason": "too-many-connections-from-address", "address": "127.0.0.1"}
    monkeypatch.setattr(one, "look", lambda: 1 // 0)
    one.start()
    try:
        until(lambda: "the check for idle connections failed" in caplog.text)
    finally:
        one.over.set()
