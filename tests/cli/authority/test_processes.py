"""Processes of a serving node.

The tests cover a worker that dies, a parent that dies, a stop, and a second signal.
"""

import os
import signal
import socket
from contextlib import closing
from functools import partial
from urllib.parse import urlsplit

import pytest

from sinetti.authority.processes import STATUS_THREADS, _Pairs, soap_threads
from sinetti.server.addresses import AddressInUse, check_available
from sinetti.server.graceful_shutdown import open_fds
from tests.support.programs import STOPS_WITHIN, fetched
from tests.support.serving import lives, serving, tls_pair, until

TWO = ("--workers", "2")


@pytest.fixture
def root(sqlite_operator):
    sqlite_operator.found()
    return sqlite_operator.root


def connected(address):
    parts = urlsplit(address)
    return closing(socket.create_connection((parts.hostname, parts.port), 30))


def head(address, *more):
    return "\r\n".join([f"POST {urlsplit(address).path} HTTP/1.1", "Host: localhost", *more, "", ""]).encode()


def replaced(served, victim):
    return victim not in served.children() and len(served.children()) == 3


def is_free(address):
    """Return True if the next process can listen at the address.

    A process whose first thread has ended may still be closing its sockets.
    """
    parts = urlsplit(address)
    try:
        return check_available(parts.hostname, parts.port) == parts.port
    except AddressInUse:
        return False


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_turned_away(root):
    with serving(root, *TWO) as served:
        before = served.children()
        assert len(before) == 3, "two workers and the keeper"
        for victim in before:
            os.kill(victim, signal.SIGKILL)
            assert fetched(f"{served.soap}?wsdl"), "what waits for the one that died is answered by the next"
            until(partial(replaced, served, victim))
        assert not set(before) & set(served.children())
        until(lambda: "was ended by signal 9: it is restarted in 0.1 s" in served.log)
        served.stop()


def test_workers_end_with_their_parent_however_that_ends(root):
    with serving(root, *TWO) as served, connected(served.soap) as stalled:
        stalled.sendall(head(served.soap, "Content-Length: 100"))
        children = served.children()
        served.process.kill()
        served.process.wait()
        until(lambda: not any(lives(child) for child in children))
        until(lambda: is_free(served.soap))


def test_what_has_begun_is_answered_and_further_signals_harm_nothing(root):
    with serving(root, *TWO) as served, connected(served.soap) as begun:
        begun.sendall(head(served.soap, "Content-Length: 10", "Content-Type: text/xml", "Expect: 100-continue"))
        assert begun.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n", "a worker has it, and reads"
        begun.sendall(b"<a/>")
        children = served.children()
        # A terminal signals the whole group, and more than once.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            os.killpg(served.process.pid, number)
        begun.sendall(b"      ")
        assert begun.recv(12) == b"HTTP/1.1 500", "a Fault: that was no envelope"
        assert served.process.wait(STOPS_WITHIN) == 0
        assert not any(lives(child) for child in children)
        assert "Traceback" not in served.log


@pytest.mark.parametrize("workers", [0, 65, -1])
def test_how_many_workers_there_may_be(workers, sqlite_operator):
    assert "from 1 to 64" in sqlite_operator.refused(2, "serve", "--workers", workers)


def test_connections_to_the_database_are_bounded_as_the_page_says():
    """The bound for N workers is max(8, 64 / N) and 4 each, and one for the keeper."""
    bound = {workers: workers * (soap_threads(workers) + STATUS_THREADS) + 1 for workers in (1, 2, 4, 8)}
    assert bound == {1: 69, 2: 73, 4: 81, 8: 97}


def test_the_pair_in_use_stays_however_many_exchanges_fail(tmp_path):
    files = tls_pair(tmp_path)
    pairs = _Pairs(files)
    served = pairs.tls
    for _ in range(12):
        pairs.over(pairs.read_again(), taken=False)
    assert pairs.tls == served
    assert served.key.read_bytes() == files[1].read_bytes()
    opened = len(open_fds())
    rows = []
    for _ in range(12):
        pair = pairs.read_again()
        rows.append({pairs.row(2, 0), pairs.row(2, 1)})
        pairs.over(pair, taken=True)
        assert pairs.tls == pair
        assert pairs.row(2, 0) in rows[-1]
    assert all(len(row) == 2 for row in rows)
    assert len(open_fds()) == opened, "those of before are let go"
