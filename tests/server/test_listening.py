"""Edge under the real server, over sockets.

The cases are chunked, large, slow, broken off and concurrent requests, and a stop.
"""

import signal
import socket
from contextlib import ExitStack, closing

import pytest

from sinetti.api.soap import PATH
from sinetti.infra.clock import monotonic_seconds
from sinetti.server.addresses import AddressInUse, check_available
from tests.api import messages
from tests.api.listening import LOOPBACK, STOP_WITHIN, listening
from tests.support import golden

LIMIT = 128 * 1024
PATIENCE = 60.0
"""Seconds that a test waits for octets: half of what the patient endpoint waits for a sender that stalls."""

GOOD = messages.enveloped(
    messages.element("GetCertificateRequest", {"Environment": "TEST", "CustomerId": "0123456-7", "RetrievalId": "x"})
)


def connected(port: int) -> socket.socket:
    return socket.create_connection((LOOPBACK, port), PATIENCE)


def head(size: int | None, *more: str, method: str = "POST", path: str = PATH) -> bytes:
    length = "Transfer-Encoding: chunked" if size is None else f"Content-Length: {size}"
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: text/xml; charset=utf-8", length, *more]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(octets: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(octets), octets)


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one answer: status, headers (lower-case names), body."""
    with connection.makefile("rb") as reader:
        status = int(reader.readline().split()[1])
        headers = {}
        while (line := reader.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, reader.read(int(headers["content-length"]))


def exchange(port: int, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
    with closing(connected(port)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        given = answer(connection)
        if given[1].get("connection") == "close":
            assert connection.recv(1) == b"", "closed, as it says"
        return given


def test_a_body_in_one_piece(service):
    status, headers, body = exchange(service.soap, head(len(GOOD)), GOOD)
    assert (status, headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert b"PKI020" in body
    assert len(headers["x-request-id"]) == 32


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_chunked_body(size, service):
    chunks = [chunk(GOOD[at : at + size]) for at in range(0, len(GOOD), size)]
    status, _, body = exchange(service.soap, head(None), *chunks, b"0\r\n\r\n")
    assert status == 200
    assert b"PKI020" in body


def test_a_chunked_body_in_single_octets_of_the_wire(service):
    wire = head(None) + chunk(GOOD[:50]) + chunk(GOOD[50:]) + b"0\r\n\r\n"
    status, _, body = exchange(service.soap, *(wire[at : at + 1] for at in range(len(wire))))
    assert status == 200
    assert b"PKI020" in body


def test_several_messages_on_one_connection(service):
    with closing(connected(service.soap)) as connection:
        for _ in range(3):
            connection.sendall(head(len(GOOD)) + GOOD)
            assert answer(connection)[0] == 200


def test_a_sender_that_asks_first_is_told_to_go_on(service):
    """As .NET does: Expect: 100-continue."""
    with closing(connected(service.soap)) as connection:
        connection.sendall(head(len(GOOD), "Expect: 100-continue"))
        assert connection.recv(64).startswith(b"HTTP/1.1 100")
        connection.sendall(GOOD)
        assert answer(connection)[0] == 200


def test_exactly_the_limit_and_one_octet_more(service):
    padded = GOOD + b" " * (LIMIT - len(GOOD))
    assert exchange(service.soap, head(LIMIT), padded)[0] == 200
    assert exchange(service.soap, head(LIMIT + 1), padded + b" ")[0] == 413
    assert exchange(service.soap, head(None), chunk(padded), chunk(b" "), b"0\r\n\r\n")[0] == 413


@pytest.mark.parametrize("size", [LIMIT + 1, 600_000, 1024 * 1024])
def test_too_large_is_read_so_that_the_sender_can_read_the_answer(size, service):
    """The sender writes all of it before it reads a single octet."""
    status, headers, body = exchange(service.soap, head(size), bytes(size))
    assert (status, headers["connection"]) == (413, "close")
    assert str(LIMIT).encode() in body


def test_an_attribute_of_10_megabytes(service):
    """The service does not read it to its end.

    The sender gets an answer, or finds the connection closed.
    """
    begun = monotonic_seconds()
    with closing(connected(service.soap)) as connection:
        connection.sendall(head(10_000_000) + b'<a b="')
        try:
            for _ in range(1000):
                connection.sendall(b"x" * 9_999)
            got = connection.recv(12)
        except ConnectionError:
            got = b""
    assert got in {b"", b"HTTP/1.1 413"}
    assert monotonic_seconds() - begun < PATIENCE
    assert exchange(service.soap, head(len(GOOD)), GOOD)[0] == 200


def test_a_slow_sender(service):
    status, headers, _ = exchange(service.impatient, head(len(GOOD)), GOOD[:20])
    assert (status, headers["connection"]) == (408, "close")


def test_a_sender_of_drops(service):
    """An octet now and then is no way around the deadline."""
    with closing(connected(service.impatient)) as connection:
        connection.settimeout(0.1)
        connection.sendall(head(len(GOOD)))
        begun, got = monotonic_seconds(), b""
        while not got and monotonic_seconds() - begun < PATIENCE:
            connection.sendall(b"<")
            try:
                got = connection.recv(12)
            except TimeoutError:
                continue
    assert got == b"HTTP/1.1 408"


def test_senders_that_go_away(service):
    for octets in (
        b"",
        b"POST",
        head(len(GOOD)),
        head(len(GOOD)) + GOOD[:30],
        head(len(GOOD)) + GOOD,
        head(None) + b"5\r\nab",
    ):
        connected_once = connected(service.soap)
        connected_once.sendall(octets)
        connected_once.close()
    assert exchange(service.soap, head(len(GOOD)), GOOD)[0] == 200


BROKEN = {
    "a chunk whose size is no number": (head(None), b"zz\r\nabc\r\n0\r\n\r\n"),
    "two lengths": (head(len(GOOD), "Content-Length: 5"), GOOD),
}


@pytest.mark.parametrize("pieces", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_http(pieces, service):
    assert exchange(service.soap, *pieces)[0] == 400


def test_a_body_that_ends_too_soon(service):
    """The sender says that no more comes, before all has come."""
    with closing(connected(service.soap)) as connection:
        connection.sendall(head(len(GOOD)) + GOOD[:30])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(12) in {b"HTTP/1.1 400", b""}


STALLS = {
    "in the head": b"POST /2017/10",
    "before the body": head(len(GOOD)),
    "in the body": head(len(GOOD)) + GOOD[:30],
}


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_forty_stalled_senders_do_not_hold_up_the_next(stall, service):
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(closing(connected(service.soap))).sendall(stall)
        assert exchange(service.soap, head(len(GOOD)), GOOD)[0] == 200


def test_what_is_no_http(service):
    with closing(connected(service.soap)) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xa5 this is TLS or worse\r\n\r\n")
        assert connection.recv(12) in {b"HTTP/1.1 400", b""}
    assert exchange(service.soap, head(len(GOOD)), GOOD)[0] == 200


def test_a_head_request_has_no_body(service):
    with closing(connected(service.soap)) as connection:
        for _ in range(2):  # on one connection: a stray body would spoil the second
            connection.sendall(head(0, method="HEAD"))
            with connection.makefile("rb") as reader:
                assert reader.readline().split()[1] == b"200"
                length = 0
                while (line := reader.readline().strip()) != b"":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split()[1])
        assert length > 0


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", PATH, 405), ("POST", "/", 404), ("GET", "/2017", 404)])
def test_what_is_not_there(method, path, status, service):
    assert exchange(service.soap, head(0, method=method, path=path))[0] == status


def test_a_door_that_breaks_tells_nothing_of_itself(service):
    status, headers, body = exchange(service.broken, head(0))
    assert status == 500
    assert headers["x-request-id"].encode() in body
    assert b"secret" not in body
    assert b"Traceback" not in body


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_whatever_stalls_or_hangs(number, tmp_path):
    with listening(tmp_path) as opened, ExitStack() as stack:
        for stall in STALLS.values():
            stack.enter_context(closing(connected(opened.soap))).sendall(stall)
        for _ in range(20):
            stack.enter_context(closing(connected(opened.stuck))).sendall(head(len(GOOD)) + GOOD)
        assert opened.process.stdout.readline() == "stuck\n"
        opened.process.send_signal(number)
        assert opened.process.wait(STOP_WITHIN) == 0
    assert (tmp_path / "errors").read_text() == "", "without a word"


def test_what_was_asked_before_the_end_is_answered(tmp_path):
    with listening(tmp_path) as opened, closing(connected(opened.slow)) as connection:
        connection.sendall(head(len(GOOD)) + GOOD)
        assert opened.process.stdout.readline() == "slow\n"
        opened.process.send_signal(signal.SIGTERM)
        assert answer(connection)[2] == b"done"
        assert opened.process.wait(STOP_WITHIN) == 0


def test_a_head_that_never_ends(service):
    with closing(connected(service.soap)) as connection:
        begun = monotonic_seconds()
        try:
            connection.sendall(b"POST / HTTP/1.1\r\n")
            for number in range(20_000):
                connection.sendall(b"X-%d: %b\r\n" % (number, b"x" * 500))
            got = connection.recv(12)
        except ConnectionError:
            got = b""
        assert got[:10] in {b"", b"HTTP/1.1 4"}
        assert monotonic_seconds() - begun < PATIENCE
    assert exchange(service.soap, head(len(GOOD)), GOOD)[0] == 200


def test_an_address_that_is_taken(service):
    attempts = {"a port": lambda: check_available(LOOPBACK, service.soap)}
    said = golden.refusals(attempts, AddressInUse, PORT=service.soap)
    golden.check("sentences/serve/address-in-use", {"en.txt": said})
