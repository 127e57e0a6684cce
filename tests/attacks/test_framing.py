"""Framing of messages over real sockets.

The cases are compression, chunks, wrong sizes and two sizes at once. Slow senders: tests/cli/authority/test_traffic.py
and tests/server/test_listening.py.
"""

import gzip
import re
import socket
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from sinetti.infra.clock import utc_now
from tests.api import messages
from tests.attacks.busy import Busy
from tests.attacks.test_parsers import MEBIBYTES, SECONDS
from tests.server.test_listening import chunk
from tests.support.programs import running
from tests.support.relying import material
from tests.support.relying_doors import gateway_running

SOON = 60.0
"""Seconds to wait for a silent endpoint."""

GET = messages.element("GetCertificateRequest", {"Environment": "TEST", "CustomerId": "0123456-7", "RetrievalId": "x"})
GOOD = messages.enveloped(GET)
BOMB = gzip.compress(bytes(100_000_000), 9, mtime=0)
HIDDEN = b"POST /hidden HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
_PEER = 3 * 4
"""Octets of a struct ucred."""


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """Yield the real servers with the processes behind them.

    They are a bench's SOAP endpoint, its deliveries and a gateway.
    """
    folder = tmp_path_factory.mktemp("framing")
    made = material(utc_now()).written(folder / "m")
    with running(folder / "bench", "--http") as bench, gateway_running(made) as place:
        pid = bench.ready["pid"]
        yield {
            "soap": SimpleNamespace(
                path=urlsplit(bench.ready["soap_url"]).path,
                pid=pid,
                place=at(bench, "soap_url"),
                others=[at(bench, name) for name in ("control_url", "people_url")],
            ),
            "deliveries": SimpleNamespace(path="/deliveries", pid=pid, place=at(bench, "status_url")),
            "gateway": SimpleNamespace(path="/verify", pid=listener(place), place=str(place)),
        }


def at(bench, name):
    parts = urlsplit(bench.ready[name])
    return parts.hostname, parts.port


def listener(place):
    """Return the process that listens on a Unix socket (SO_PEERCRED, unix(7))."""
    with closing(connected(str(place))) as one:
        return int.from_bytes(one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER)[:4], "little")


def connected(place):
    opened = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
    opened.settimeout(SOON)
    opened.connect(place)
    return opened


def exchanged(door, headers, body):
    """Send octets; return what the endpoint sent until it answered or closed."""
    lines = [f"POST {door.path} HTTP/1.1", "Host: localhost", "Delivery-Id: 1", "Content-Type: text/xml", *headers]
    got = b""
    with closing(connected(door.place)) as one:
        try:
            one.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            while not whole(got) or b"connection: close" in got.lower():
                piece = one.recv(65_536)
                if not piece:
                    break
                got += piece
        except ConnectionError:
            pass  # the connection closed before everything was sent
    return got


def whole(got):
    head, end, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and length is not None and len(body) >= int(length[1])


def statuses(got):
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d\d\d)", got)]


def memory(pid, name):
    """Return one value of a process's status in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def cheaply(door, headers, body):
    """Send octets and check the cost of the call; return the answer.

    The quickest of three calls counts, since the machine may be busy.
    """
    Path(f"/proc/{door.pid}/clear_refs").write_text("5")
    before = memory(door.pid, "VmRSS")
    for _ in range(3):
        busy = Busy(door.pid)
        got = exchanged(door, headers, body)
        took = busy.seconds()
        if took < SECONDS:
            break
    assert took < SECONDS
    assert memory(door.pid, "VmHWM") - before < MEBIBYTES
    return got


CHUNKED = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
READ, REFUSED, COMPRESSED, TOO_LARGE = "read", 400, 415, 413


def length(size=None):
    return f"Content-Length: {len(GOOD) if size is None else size}"


def sized(size):
    """Return a chunk with these octets as its size."""
    return size + b"\r\n" + GOOD + b"\r\n" + END


SIZE = b"%x" % len(GOOD)
CASES = {
    "as it should be": ([length()], GOOD, READ),
    "as it should be, in chunks": ([CHUNKED], chunk(GOOD) + END, READ),
    "gzip": ([length(len(gzip.compress(GOOD, mtime=0))), "Content-Encoding: gzip"], gzip.compress(GOOD, mtime=0), 415),
    "100 MB in gzip": ([length(len(BOMB)), "Content-Encoding: gzip"], BOMB, COMPRESSED),
    "gzip that is none": ([length(), "Content-Encoding: gzip"], GOOD, COMPRESSED),
    "gzip within identity": ([length(), "Content-Encoding: identity", "Content-Encoding: gzip"], GOOD, COMPRESSED),
    "deflate": ([length(), "Content-Encoding: deflate"], GOOD, COMPRESSED),
    "a coding of nobody": ([length(), "Content-Encoding: x"], GOOD, COMPRESSED),
    "identity": ([length(), "Content-Encoding: identity"], GOOD, READ),
    "the charset": ([length(), "Content-Encoding: UTF-8"], GOOD, READ),
    "the charset of another": ([length(), "Content-Encoding: UTF-16"], GOOD, COMPRESSED),
    "chunks said to be gzip at last": (["Transfer-Encoding: chunked, gzip"], chunk(GOOD) + END, REFUSED),
    "chunks of nobody": (["Transfer-Encoding: xchunked"], chunk(GOOD) + END, REFUSED),
    "identity as a transfer": (["Transfer-Encoding: identity"], GOOD, REFUSED),
    "a blank before the colon": (["Transfer-Encoding : chunked"], chunk(GOOD) + END, REFUSED),
    "a folded header": (["X: y\r\n Transfer-Encoding: chunked", length()], GOOD, REFUSED),
    "an extension of a chunk": ([CHUNKED], sized(SIZE + b";a=b"), READ),
    "an extension of a megabyte": ([CHUNKED], sized(SIZE + b";a=" + b"x" * 1_000_000), REFUSED),
    "many extensions": (
        [CHUNKED], b"".join(b"1;" + b"x" * 1000 + b"\r\n%c\r\n" % one for one in GOOD) + END, REFUSED,
    ),
    "a size beyond 64 bits": ([CHUNKED], sized(b"F" * 17), REFUSED),
    "a negative size": ([CHUNKED], sized(b"-1"), REFUSED),
    "a size with 0x": ([CHUNKED], sized(b"0x" + SIZE), REFUSED),
    "a size with underscores": ([CHUNKED], sized(b"_".join([SIZE[:1], SIZE[1:]])), REFUSED),
    "a blank before the size": ([CHUNKED], sized(b" " + SIZE), REFUSED),
    "a size that is too small": ([CHUNKED], sized(b"%x" % (len(GOOD) - 5)), REFUSED),
    "no line end after a chunk": ([CHUNKED], SIZE + b"\r\n" + GOOD + END, REFUSED),
    "LF alone": ([CHUNKED], (SIZE + b"\n" + GOOD + b"\n0\n\n"), REFUSED),
    "trailers": ([CHUNKED], chunk(GOOD) + b"0\r\nSOAPAction: renewCertificate\r\nContent-Length: 3\r\n\r\n", READ),
    "a megabyte of trailers": ([CHUNKED], chunk(GOOD) + b"0\r\n" + b"X: y\r\n" * 170_000 + b"\r\n", REFUSED),
    "two sizes": ([length(), length(5)], GOOD, REFUSED),
    "two sizes in one": ([f"Content-Length: {len(GOOD)}, {len(GOOD)}"], GOOD, REFUSED),
    "a size of -1": ([length(-1)], GOOD, REFUSED),
    "a size with a plus": ([f"Content-Length: +{len(GOOD)}"], GOOD, REFUSED),
    "a size in hex": ([f"Content-Length: {len(GOOD):#x}"], GOOD, REFUSED),
    "a size beyond 64 bits in a header": ([length(2**64)], GOOD, REFUSED),
    "a size of 2^63": ([length(2**63 - 1)], GOOD, TOO_LARGE),
    "a size of 10 GB": ([length(10_000_000_000)], GOOD, TOO_LARGE),
    "a thousand headers": ([length(), *(f"X{one}: y" for one in range(1000))], GOOD, 431),
    "a header of a megabyte": ([length(), "X: " + "y" * 1_000_000], GOOD, 431),
}  # fmt: skip


@pytest.mark.parametrize(("headers", "body", "expected"), CASES.values(), ids=CASES)
def test_framing(headers, body, expected, doors):
    read = {"soap": 200, "gateway": 422, "deliveries": 422}
    for name, door in doors.items():
        got = cheaply(door, headers, body)
        if expected == READ:
            assert statuses(got) == [read[name]]
        else:
            # A client that is cut off while it sends may read only the end of the connection.
            much = len(body) + sum(map(len, headers)) > 100_000
            assert statuses(got) == [expected] or (much and not got)
            assert b"PKI" not in got


HOSTS = {
    "none": ("1.1", (), {400}),
    "none in HTTP/1.0": ("1.0", (), {200, 302, 400, 403, 404}),
    "one": ("1.1", ("localhost",), {200, 302, 403, 404}),
    "two": ("1.1", ("localhost", "localhost"), {400}),
    "two in HTTP/1.0": ("1.0", ("localhost", "other"), {400}),
}


@pytest.mark.parametrize(("version", "hosts", "expected"), HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("path", ["/", "/status/feed"])
def test_a_request_has_one_host_on_every_port(version, hosts, expected, path, doors):
    for place in [*(door.place for door in doors.values()), *doors["soap"].others]:
        lines = [f"GET {path} HTTP/{version}", *(f"Host: {one}" for one in hosts), "", ""]
        with closing(connected(place)) as one:
            one.sendall("\r\n".join(lines).encode())
            got = one.recv(65_536)
        assert int(got.split()[1]) in expected, (place, got)


def test_chunks_and_a_size_at_once_are_one_message_and_its_connection_ends(doors):
    """The chunks count (RFC 9112, 6.3).

    The octets behind them, a second message by the size, are never read as one.
    """
    for one in doors.values():
        for headers in ([CHUNKED, length(5)], [length(5), CHUNKED]):
            got = cheaply(one, headers, chunk(GOOD) + END + HIDDEN)
            assert len(statuses(got)) == 1
            assert b"connection: close" in got.lower()
