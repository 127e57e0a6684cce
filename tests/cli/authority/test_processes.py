"""Processes of a serving node.

The tests cover a worker that dies, a parent that dies, a stop, and a second signal.
"""

import os
import signal
import socket
import sys
from contextlib import closing
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from sinetti.authority.bootstrap import open_authority
from sinetti.authority.data_directory import DataDirectory, DirectoryKind
from sinetti.authority.node_reload import ReloadRefused, reread_node
from sinetti.authority.processes import NodeReload, NodeRuntime, ServeOptions, database_connections, proxy_fault
from sinetti.authority.serve_record import ServeRecorder
from sinetti.infra.clock import monotonic_seconds
from sinetti.server.addresses import AddressInUse, ListenAddress, check_available
from sinetti.server.graceful_shutdown import open_fds
from sinetti.server.listener import load_key_pair
from sinetti.server.rate_limits import ProxyWatch
from sinetti.settings.optional_parts import PartOff
from tests.support.programs import STOPS_WITHIN, fetched
from tests.support.registers import all_connections_closed
from tests.support.serving import lives, serving, tls_pair, until

TWO = ("--workers", "2")


@pytest.fixture
def root(sqlite_operator):
    sqlite_operator.found()
    return sqlite_operator.root


def connected(address):
    parts = urlsplit(address)
    return closing(socket.create_connection((parts.hostname, parts.port), 60))


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
    """The bound for N workers is max(8, 40 / N) and 7 each, and two for the keeper."""
    assert {workers: database_connections(workers) for workers in (1, 2, 4, 8)} == {1: 49, 2: 56, 4: 70, 8: 122}


def node_of(folder, files, workers=2):
    """Return what a reload needs of a node."""
    return SimpleNamespace(
        plan=ServeOptions(ListenAddress(), ListenAddress(), workers),
        people=None,
        tls=load_key_pair(*files),
        authority=SimpleNamespace(folder=DataDirectory(folder)),
    )


def rows(specs):
    """Return the rows of the workers in the table of connections."""
    return {spec.run.args[-1] for spec in specs if spec.name.startswith("worker")}


def test_the_node_in_use_stays_however_many_exchanges_fail(tmp_path):
    files = tls_pair(tmp_path)
    recorder = ServeRecorder(DataDirectory(tmp_path))
    reload = NodeReload(node_of(tmp_path, files), lambda _node: node_of(tmp_path, files), recorder)
    reload.first()
    served = reload.node
    for _ in range(6):
        reload().over(False)
    assert reload.node is served
    assert served.tls.key.read_bytes() == files[1].read_bytes()
    opened = len(open_fds())
    for _ in range(6):
        before, exchange = rows(reload.first()), reload()
        assert not before & rows(exchange.roles)
        exchange.over(True)
        assert rows(reload.first()) == rows(exchange.roles)
    assert len(open_fds()) == opened, "those of before are let go"


FAILURES = {
    "of a file": (
        ReloadRefused("notices.toml: help is missing"),
        "SIGHUP: notices.toml: help is missing; the settings",
    ),
    "of the program": (RuntimeError("x"), "SIGHUP: an internal error, which is in the log; the settings"),
}


@pytest.mark.parametrize(("bad", "line"), FAILURES.values(), ids=FAILURES)
def test_after_any_error_the_former_processes_stay(tmp_path, caplog, bad, line):
    def fail(_node):
        raise bad

    recorder = ServeRecorder(DataDirectory(tmp_path))
    assert NodeReload(SimpleNamespace(), fail, recorder)() is None
    assert line in caplog.text
    assert ("Traceback" in caplog.text) is isinstance(bad, RuntimeError)


@pytest.fixture
def node(root, monkeypatch):
    """Return a node as `run_node` makes it, without processes."""
    with all_connections_closed():
        authority = open_authority(root, DirectoryKind.AUTHORITY)
        plan = ServeOptions(ListenAddress("127.0.0.1", 0), ListenAddress("127.0.0.1", 0), 1)
        yield NodeRuntime(authority, plan, (), (), None, None, None)


def reread(node, root):
    return reread_node(node, lambda: open_authority(root, DirectoryKind.AUTHORITY))


def change(root, **values):
    path = root / "authority.toml"
    lines = [line for line in path.read_text().splitlines() if line.partition(" =")[0] not in values]
    path.write_text("\n".join([*lines, *(f"{name} = {value}" for name, value in values.items())]) + "\n")


def test_a_node_takes_new_settings(node, root):
    change(root, documentation_url='"https://docs.example/"')
    new = reread(node, root)
    assert new.authority.settings.documentation_url == "https://docs.example/"
    assert (new.plan, new.people, new.tls) == (node.plan, None, None)


NOT_TAKEN = {
    "another database": ({"database_url": '"sqlite:////x"'}, "database_url has changed, .* restart it"),
    "another place of journals": ({"journal": '"/x"'}, "journal has changed"),
    "a wrong setting": ({"base_url": "1"}, "base_url: write an address"),
    "an optional part that would be left out": ({"documentation_url": "1"}, "documentation_url is left out"),
}


@pytest.mark.parametrize(("values", "sentence"), NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_settings_that_a_node_does_not_take(node, root, values, sentence):
    change(root, **values)
    with pytest.raises(ReloadRefused, match=sentence):
        reread(node, root)


def test_a_key_that_does_not_open_any_more(node, root):
    (root / "keys" / "DataProvidersTestIssuingCAv1.pem").write_text("x")
    with pytest.raises(ReloadRefused, match="an issuing key cannot be used"):
        reread(node, root)


NOTICES = """
people_address = "http://127.0.0.1:1"
service = "Sinetti"
help = {fi = "apua", sv = "hjälp", en = "help"}
mail = {server = "smtp://127.0.0.1:1", from = "notices@pki.example"}
"""


def test_pages_begin_with_their_settings_and_keep_their_sockets(node, root, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)  # the process that tries a pair closes it by its number
    files = tls_pair(tmp_path)
    people = ListenAddress("127.0.0.1", 0)
    off = (PartOff("pages", "notices.toml is missing"),)
    authority = replace(node.authority, left_out=off)
    node = replace(node, authority=authority, plan=replace(node.plan, people=people, pair=files))
    without = reread(node, root)
    assert (without.people, [one.part for one in without.authority.left_out]) == (None, ["pages"])
    (root / "notices.toml").write_text(NOTICES)
    begun = reread(without, root)
    assert begun.authority.left_out == ()
    (root / "notices.toml").write_text(NOTICES.replace('"Sinetti"', '"Other"'))
    again = reread(begun, root)
    assert again.people.sockets == begun.people.sockets
    assert (begun.people.room.terms.service, again.people.room.terms.service) == ("Sinetti", "Other")
    opened = len(open_fds())
    (root / "notices.toml").write_text("x")
    with pytest.raises(ReloadRefused, match=r"notices.toml is not valid TOML"):
        reread(again, root)
    assert len(open_fds()) == opened, "the pair that was read is let go"
    for one in begun.people.sockets:
        one.close()


def test_a_proxy_without_its_header_is_a_warning():
    watch = ProxyWatch()
    assert proxy_fault(watch) is None
    watch.note(monotonic_seconds())
    assert "let it write that header itself" in proxy_fault(watch)
