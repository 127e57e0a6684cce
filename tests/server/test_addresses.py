"""Listening addresses: notation, locality, equality, and addresses in use."""

import errno
import socket
from contextlib import closing
from pathlib import Path

import pytest

from sinetti.server import addresses
from sinetti.server.addresses import (
    AddressInUse,
    InvalidAddress,
    ListenAddress,
    listen,
    listen_per_worker,
    parse_address,
)

WRITTEN = {
    "IPv4": ("127.0.0.1:8443", ListenAddress("127.0.0.1", 8443)),
    "IPv6": ("[::1]:8443", ListenAddress("::1", 8443)),
    "a name that everybody has": ("localhost:80", ListenAddress("127.0.0.1", 80)),
    "any port": ("0.0.0.0:0", ListenAddress("0.0.0.0", 0)),  # noqa: S104 - it is only read
    "a Unix socket": ("unix:/run/sinetti/soap.sock", ListenAddress(path=Path("/run/sinetti/soap.sock"))),
}


@pytest.mark.parametrize(("text", "address"), WRITTEN.values(), ids=WRITTEN)
def test_read(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "8443", "127.0.0.1", "host:80", "127.0.0.1:65536", "127.0.0.1:-1", "unix:a", "unix:"]
)
def test_what_names_no_address(text):
    with pytest.raises(InvalidAddress):
        parse_address(text)


PAIRS = {
    "the same": ("127.0.0.1:80", "127.0.0.1:80", True),
    "any address is that one too": ("127.0.0.1:80", "0.0.0.0:80", True),
    "another port": ("127.0.0.1:80", "127.0.0.1:81", False),
    "free ports are never one": ("127.0.0.1:0", "127.0.0.1:0", False),
    "one socket": ("unix:/a", "unix:/a", True),
    "a socket and a port": ("unix:/a", "127.0.0.1:80", False),
}


@pytest.mark.parametrize(("one", "other", "same"), PAIRS.values(), ids=PAIRS)
def test_what_is_one(one, other, same):
    assert (
        parse_address(one).overlaps(parse_address(other)) is parse_address(other).overlaps(parse_address(one)) is same
    )


def test_which_only_this_machine_reaches():
    local = ("127.0.0.1:1", "[::1]:1", "unix:/a")
    assert [parse_address(text).is_local for text in (*local, "0.0.0.0:1", "192.0.2.1:1")] == [True] * 3 + [False] * 2


def test_two_addresses_with_a_free_port_get_two():
    one, first = listen_per_worker(ListenAddress("127.0.0.1", 0), 2)
    two, second = listen_per_worker(ListenAddress("127.0.0.1", 0), 2)
    for opened in (*first, *second):
        opened.close()
    assert 0 != one.port != two.port != 0


def test_what_others_listen_on_is_taken_even_where_the_system_would_share_it():
    _, opened = listen_per_worker(ListenAddress("127.0.0.1", 0), 2)
    address = ListenAddress("127.0.0.1", opened[0].getsockname()[1])
    with pytest.raises(AddressInUse, match="stop the program"):
        listen_per_worker(address, 2)
    with pytest.raises(AddressInUse, match="stop the program"):
        listen(address.host, address.port)
    for one in opened:
        one.close()


def test_a_path_that_somebody_listens_on_or_that_is_no_socket(tmp_path):
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(AddressInUse, match="something listens there"):
            listen_per_worker(ListenAddress(path=path), 2)
    path.unlink()
    path.write_text("a file")
    with pytest.raises(AddressInUse, match="already in use"):
        listen_per_worker(ListenAddress(path=path), 2)
    assert path.read_text() == "a file"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="NOT TESTED: this system has no TCP_USER_TIMEOUT")
@pytest.mark.parametrize("shared", [False, True])
def test_who_never_reads_an_answer_is_given_up(shared, monkeypatch):
    monkeypatch.setattr(addresses, "TAKEN_WITHIN", 0.5)
    if shared:
        address, (listening,) = listen_per_worker(ListenAddress("127.0.0.1"), 1)
        port = address.port
    else:
        listening = listen("127.0.0.1", 0)
        port = listening.getsockname()[1]
    with closing(listening), closing(socket.create_connection(("127.0.0.1", port))):
        accepted, _ = listening.accept()
        with closing(accepted):
            accepted.settimeout(60)
            with pytest.raises(OSError, match="timed out") as failed:
                accepted.sendall(bytes(1 << 26))
            assert failed.value.errno == errno.ETIMEDOUT, "by the system, not by the test"
