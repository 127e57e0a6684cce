"""Isolation: the test run reaches only this machine, and a warning fails it."""

import socket
import urllib.request
import warnings

import pytest

OUTSIDE = {
    "by name": "http://www.example.org/",
    "by number": "http://192.0.2.1/",
    "IPv6": "http://[2001:db8::1]/",
}


@pytest.mark.parametrize("address", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_outside_is_reached(address):
    with pytest.raises(AssertionError, match="loopback"):
        urllib.request.urlopen(address)  # noqa: S310 - it must not get there


def test_nothing_listens_to_the_outside():
    with socket.socket() as listener, pytest.raises(AssertionError, match="loopback"):
        listener.bind(("0.0.0.0", 0))  # noqa: S104 - it must not get there


def test_loopback_is_reached():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(("localhost", listener.getsockname()[1]), timeout=60):
            pass


def test_a_warning_is_an_error():
    with pytest.raises(UserWarning, match="anything"):
        warnings.warn("anything", stacklevel=1)
