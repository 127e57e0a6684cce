"""The ports of a bench: chosen once, and open from then on."""

import socket

import pytest

from sinetti.authority.data_directory import DataDirectory
from sinetti.server.addresses import AddressInUse, check_available
from sinetti.testbench.core.layout import LOOPBACK, OpenPorts, load_ports, new_ports, write_ports


@pytest.fixture
def opened():
    with OpenPorts() as ports:
        yield ports


def in_use(port):
    try:
        check_available(LOOPBACK, port)
    except AddressInUse:
        return True
    return False


def numbers(ports):
    return (ports.soap, ports.control, ports.status, ports.people)


def test_no_other_program_takes_a_port_while_the_bench_is_made(opened):
    chosen = new_ports(0, opened)
    assert len(set(numbers(chosen))) == 4
    assert all(map(in_use, numbers(chosen)))


def test_the_sockets_of_the_choice_are_those_that_are_served(opened, tmp_path):
    folder = DataDirectory(tmp_path)
    chosen = new_ports(0, opened)
    write_ports(folder, chosen)
    assert load_ports(folder, 0, opened) == chosen
    with opened.take(chosen.soap) as served, socket.create_connection((LOOPBACK, chosen.soap), timeout=60) as client:
        assert served.accept()[1] == client.getsockname()


def test_sockets_that_were_not_taken_are_closed():
    with OpenPorts() as opened:
        chosen = new_ports(0, opened)
        taken = opened.take(chosen.soap)
    with taken:
        assert [in_use(port) for port in numbers(chosen)] == [True, False, False, False]


def test_a_port_of_another_program_is_refused(opened):
    with OpenPorts() as another:
        taken = new_ports(0, another).soap
        with pytest.raises(AddressInUse, match=str(taken)):
            new_ports(taken, opened)
