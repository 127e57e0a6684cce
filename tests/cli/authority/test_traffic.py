"""Callers of a serving node.

The tests cover TLS and the exchange of its certificate, stalled senders, limits, a proxy, health and log.
"""

import json
import os
import resource
import select
import signal
import socket
import ssl
import stat
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection, RemoteDisconnected
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from sinetti.infra.clock import utc_now
from tests.support.programs import Holder, codes, fetched, new_key, ran
from tests.support.serving import SOON, lives, serving, tls_pair, until

PATH = "/2017/10/CertificateServices"
TWO = ("--workers", "2")


@pytest.fixture
def root(sqlite_operator):
    sqlite_operator.found()
    return sqlite_operator.root


def place(address):
    parts = urlsplit(address)
    return parts.hostname, parts.port


def head(length, *more):
    lines = [f"POST {PATH} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def any_server():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connected(address, context=None):
    plain = socket.create_connection(place(address), SOON)
    return closing(context.wrap_socket(plain) if context else plain)


def serial(address):
    """Return the serial of the TLS certificate that a new connection receives."""
    with connected(address, any_server()) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True)).serial_number


def test_eight_kept_connections_are_spread_over_two_workers_and_many_more_are_welcome(root):
    with serving(root, *TWO, "--log", "json") as served:
        shares = []
        for round_number in range(5):
            with ExitStack() as stack:
                for _ in range(8):
                    connection = stack.enter_context(closing(HTTPConnection(*place(served.soap), timeout=SOON)))
                    connection.request("GET", f"{PATH}?wsdl")
                    assert connection.getresponse().read()
            until(lambda told=8 * (round_number + 1): len(answered(served)) == told)
            pids = [event["pid"] for event in answered(served)[-8:]]
            shares.append(min(pids.count(pid) for pid in served.children()[:2]))
        # A share below two of eight has a chance of seven in a hundred. Five in a row: one in half a million.
        assert max(shares) >= 2
        assert {called(served.soap)[0] for _ in range(250)} == {200}, "loopback is free unless limits are set"
        served.stop()


def answered(served):
    return [event for event in served.events() if event["event"] == "answered"]


@pytest.mark.parametrize(("version", "taken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_versions_of_tls(version, taken, shared_tls):
    context = any_server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1") if version == "TLSv1_1" else ExitStack():
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    try:
        with connected(shared_tls.soap, context) as connection:
            spoken = connection.version()
    except ssl.SSLError:
        spoken = None
    assert spoken == (version.replace("_", ".") if taken else None)


@pytest.fixture(scope="module")
def shared_tls(tmp_path_factory):
    """Yield a node with TLS, whose authority was founded with only a folder."""
    with founded_apart(tmp_path_factory.mktemp("apart")) as (root, folder):
        certificate, key = tls_pair(folder)
        with serving(root, *TWO, "--tls-certificate", certificate, "--tls-key", key) as served:
            yield served


@contextmanager
def founded_apart(folder):
    """Found an authority with the real command, in a process of its own."""
    root = folder / "authority"
    words = ("--environment", "TEST", "--base-url", "http://pki.example", "--soap-url", "https://soap.example")
    done = ran("authority", "init", "--dir", root, *words)
    assert done.returncode == 0, done.stderr
    yield root, folder


def test_the_pair_is_exchanged_on_sighup_and_nobody_is_turned_away(root, tmp_path):
    certificate, key = tls_pair(tmp_path, 1)
    with serving(root, *TWO, "--tls-certificate", certificate, "--tls-key", key) as served:
        first = served.children()[:2]
        with all_the_time(served.soap) as failures, ExitStack() as stack:
            kept, begun, silent = (stack.enter_context(connected(served.soap, any_server())) for _ in range(3))
            assert asked(kept).status == 200
            begun.sendall(head(4) + b"<a")
            tls_pair(tmp_path, 2)
            served.process.send_signal(signal.SIGHUP)
            until(lambda: "have taken over" in served.log)
            # The parent signals the former workers at that moment, and they react a moment later.
            until(lambda: {serial(served.soap) for _ in range(20)} == {2})
            assert any(lives(one) for one in first), "somebody is connected"
            begun.sendall(b"/>")
            fault = answered_on(begun)
            assert (fault.status, fault.getheader("Connection")) == (500, "close"), "<a/> is no envelope"
            for connection in (silent, kept):
                answer = asked(connection)
                assert (answer.status, answer.getheader("Connection")) == (200, "close")
                assert connection.recv(1) == b""
            until(lambda: not any(lives(pid) for pid in first))
        assert failures == []
        served.stop()


def test_a_worker_of_before_is_told_to_stop_with_all_others(root, tmp_path):
    certificate, key = tls_pair(tmp_path, 1)
    with serving(root, *TWO, "--tls-certificate", certificate, "--tls-key", key) as served:
        first = served.children()[:2]
        with connected(served.soap, any_server()) as begun:
            begun.sendall(head(4) + b"<a")
            served.process.send_signal(signal.SIGHUP)
            until(lambda: "have taken over" in served.log)
            assert any(lives(pid) for pid in first)
            served.stop()


def test_a_wrong_pair_changes_nothing(root, tmp_path):
    certificate, key = tls_pair(tmp_path, 1)
    with serving(root, *TWO, "--tls-certificate", certificate, "--tls-key", key) as served:
        first = served.children()
        wrong = key.read_bytes()
        tls_pair(tmp_path, 2)
        key.write_bytes(wrong)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "the settings in use stay" in served.log)
        assert served.log.count("SIGHUP") == 1, "one line"
        assert (serial(served.soap), served.children()) == (1, first)
        certificate.unlink()
        os.mkfifo(certificate)
        served.process.send_signal(signal.SIGHUP)
        until(lambda: "it is not a regular file" in served.log)
        os.kill(first[0], signal.SIGKILL)
        until(lambda: "it is restarted" in served.log and len(served.children()) == 3)
        assert {serial(served.soap) for _ in range(10)} == {1}, "one that is started later has the old pair too"
        served.stop()


def test_over_a_unix_socket_too_nobody_is_turned_away(root, tmp_path):
    certificate, key = tls_pair(tmp_path, 1)
    doors = ("--bind", f"unix:{tmp_path}/soap", "--behind-proxy", "--status-bind", "127.0.0.1:0")
    with (
        serving(root, *TWO, *doors, "--tls-certificate", certificate, "--tls-key", key) as served,
        socket.socket(socket.AF_UNIX) as plain,
    ):
        first = served.children()[:2]
        plain.settimeout(SOON)
        plain.connect(f"{tmp_path}/soap")
        with closing(any_server().wrap_socket(plain)) as kept:
            assert asked(kept).status == 200
            served.process.send_signal(signal.SIGHUP)
            until(lambda: "have taken over" in served.log)
            until(lambda: sum(map(lives, first)) == 1)
            assert asked(kept).getheader("Connection") == "close"
        until(lambda: not any(map(lives, first)))
        served.stop()


def asked(connection):
    """Request the WSDL on an open connection; return the response, read in full."""
    connection.sendall(f"GET {PATH}?wsdl HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return answered_on(connection)


def answered_on(connection):
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer


@contextmanager
def all_the_time(address):
    """Call in four threads while the block lasts, and yield the failures."""
    over, failures = Event(), []
    callers = [Thread(target=calling, args=(address, over, failures)) for _ in range(4)]
    for caller in callers:
        caller.start()
    try:
        yield failures
    finally:
        over.set()
        for caller in callers:
            caller.join()


def calling(address, over, failures):
    """Call repeatedly, each time on a connection of its own."""
    while not over.wait(0.01):
        connection = HTTPSConnection(*place(address), timeout=SOON, context=any_server())
        try:
            connection.request("GET", f"{PATH}?wsdl")
            if connection.getresponse().status != 200:
                failures.append("status")
        except (OSError, RemoteDisconnected) as failed:
            failures.append(repr(failed))
        finally:
            connection.close()


STALLS = {
    "under the handshake": (False, b""),
    "in the head": (True, b"POST /2017/10"),
    "in the body": (True, head(100) + b"<a"),
}


def test_fifty_stalled_senders_of_each_kind_hold_nobody_up_and_none_stays(shared_tls):
    with ExitStack() as stack:
        stalled = []
        for shaken, octets in STALLS.values():
            for _ in range(50):
                stalled.append(stack.enter_context(connected(shared_tls.soap, any_server() if shaken else None)))
                stalled[-1].sendall(octets)
        caller = HTTPSConnection(*place(shared_tls.soap), timeout=SOON, context=any_server())
        stack.enter_context(closing(caller)).request("GET", f"{PATH}?wsdl")
        assert caller.getresponse().status == 200
        assert len(select.select(stalled, [], [], 0)[0]) < len(stalled), "answered while others stall"
        for connection in stalled[50:]:
            ended(connection)


def ended(connection):
    """Wait until the other side has closed a connection."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        return


def test_limits_per_address_hold_over_all_workers(root):
    with serving(root, *TWO, "--rate-per-address", 20, "--connections-per-address", 3) as served, ExitStack() as stack:

        def one_more_is_turned_away():
            # Stalled connections meet the call itself, and may be refused for it: so one more each time.
            stack.enter_context(connected(served.soap)).sendall(head(100) + b"<a")
            return called(served.soap) == (503, "5")

        until(one_more_is_turned_away)
        stack.close()
        until(lambda: called(served.soap)[0] == 200)
        got = {called(served.soap, forwarded=f"192.0.2.{number}") for number in range(100)}
        assert got == {(200, None), (503, "1")}, "what a caller writes about itself counts for nothing"
        assert called(served.status, path="/healthz")[0] == 200, "the status address has no such limits"
        until(lambda: "too-many-requests-from-address" in served.log)
        served.stop()


@pytest.fixture
def many_files():
    """Raise this process's limit of open files to its maximum, and yield it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_silent_connections_of_one_address_are_ended_where_they_are_too_many(root, many_files):
    most = min(4096, many_files // 3) // 4
    limited = ("--workers", "1", "--rate-per-address", "1000")
    with serving(root, *limited, "--log", "json") as served, ExitStack() as stack:
        begun = stack.enter_context(connected(served.soap))
        begun.sendall(head(2) + b"<")
        for _ in range(most + 50):
            stack.enter_context(connected(served.soap))
        until(lambda: "too-many-connections-from-address" in served.log)
        assert called(served.soap)[0] == 200
        begun.sendall(b"a")
        assert begun.recv(12) == b"HTTP/1.1 500", "answered, if only that this is no request"
        served.stop()


def called(address, *, path=f"{PATH}?wsdl", forwarded=None):
    with closing(HTTPConnection(*place(address), timeout=SOON)) as connection:
        connection.request("GET", path, headers={"X-Forwarded-For": forwarded} if forwarded else {})
        reply = connection.getresponse()
        reply.read()
        return reply.status, reply.headers.get("retry-after")


class UnixConnection(HTTPConnection):
    """HTTP connection over a Unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def through_socket(path, forwarded):
    with closing(UnixConnection(str(path), timeout=SOON)) as connection:
        connection.request("GET", f"{PATH}?wsdl", headers={"Host": "localhost", "X-Forwarded-For": forwarded})
        reply = connection.getresponse()
        return reply.status, len(reply.read()) > 0


def test_a_unix_socket_behind_a_proxy_also_after_a_crash(root, tmp_path):
    path = tmp_path / "soap.sock"
    options = (
        "--bind",
        f"unix:{path}",
        "--status-bind",
        "127.0.0.1:0",
        "--behind-proxy",
        "--rate-per-address",
        1,
        *TWO,
    )
    with serving(root, *options) as served:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        told = [through_socket(path, "192.0.2.9")[0] for _ in range(3)]
        assert told == [200, 200, 503], "the caller is whom the proxy names last"
        assert through_socket(path, "192.0.2.9, 192.0.2.10")[0] == 200
        served.process.kill()
    assert path.exists()
    with serving(root, *options) as served:
        assert through_socket(path, "192.0.2.9") == (200, True)
        served.stop()


REFUSED = {
    "a proxy from afar": (("--bind", "192.0.2.1:1", "--behind-proxy"), "any other caller could forge"),
    "a socket without a proxy": (("--bind", "unix:/run/a"), "needs --behind-proxy"),
    "a relative path": (("--bind", "unix:a", "--behind-proxy"), "unix:/PATH"),
    "one socket for both": (
        ("--bind", "unix:/run/a", "--status-bind", "unix:/run/a", "--behind-proxy"),
        "give each its own",
    ),
    "a rate below nothing": (("--rate-per-address", "-1"), "0 for no limit"),
    "too many at once": (("--connections-per-address", "65536"), "from 0 to 65535"),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED)
def test_options_that_are_refused(options, said, sqlite_operator):
    assert said in sqlite_operator.refused(2, "serve", *options)


def test_health_tells_what_is_wrong(root):
    with serving(root, "--workers", "1") as served:
        journal = root.with_name("authority-journal")
        journal.rename(root.with_name("elsewhere"))
        journal.write_text("no folder")
        assert called(served.status, path="/healthz")[0] == 200
        assert ready(served) == (503, ["journal"])
        journal.unlink()
        assert ready(served) == (503, ["journal"]), "none is begun anew in its place"
        root.with_name("elsewhere").rename(journal)
        until(lambda: ready(served) == (200, []))
        served.stop()


def ready(served):
    with closing(HTTPConnection(*place(served.status), timeout=SOON)) as connection:
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        told = json.loads(reply.read())
        assert set(told) == {"ready", "checks", "warnings"}
        return reply.status, [name for name, sentence in told["checks"].items() if sentence]


def test_the_log_has_one_line_of_json_per_event_and_nobodys_secret(sqlite_operator):
    operator = sqlite_operator
    operator.found()
    operator.add()
    ids = operator.order()
    with serving(operator.root, *TWO) as served:
        one, key = Holder(served.soap, operator.root / "trust" / "services.pem", now=utc_now()), new_key()
        wrong = {**ids, "transfer_password": "Wr0ngWr0ngWr0ng1"}
        assert codes(one.new(wrong, key)) == ["PKI004"]
        accepted = one.new(ids, key)
        certificate = one.fetched(accepted)
        assert codes(one.renew(key, certificate, new_key())) == ["PKI034"]
        secrets = [ids["transfer_id"], ids["transfer_password"], wrong["transfer_password"], accepted.retrieval_id]
        secrets += ["0123456-7", "Malliyritys", "The Contact", "contact@customer.example", "127.0.0.1:5"]
        for path in (
            f"/{ids['transfer_id']}",
            f"{PATH}/?id={ids['transfer_id']}",
            f"{PATH}/{ids['transfer_password']}",
        ):
            called(served.soap, path=path, forwarded="198.51.100.77")
            called(served.status, path=path)
        with pytest.raises(OSError, match="HTTP Error 500"):
            fetched(served.soap, f"<a>{ids['transfer_password']}</a>".encode())
        until(lambda: len([event for event in served.events() if event["event"] == "answered"]) == 11)
        served.stop()
    events = served.events()
    assert not [secret for secret in [*secrets, "198.51.100.77", "PRIVATE KEY"] if secret in served.log]
    assert all({"time", "level", "component", "event", "pid"} <= set(event) for event in events)
    told = [event for event in events if event["event"] == "answered"]
    assert all(len(event["request_id"]) == 32 and event["duration_ms"] >= 0 for event in told)
    # A line is written after its response was sent, so lines of two workers may be out of order.
    asked = [(event["operation"], event.get("reason", ""), event["status"]) for event in told if "operation" in event]
    assert sorted(asked) == [
        ("get", "", 200),
        ("new", "", 200),
        ("new", "transfer-ids-wrong", 200),
        ("renew", "too-early", 200),
    ]
    assert {event.get("path", "") for event in told} <= {"", PATH, f"{PATH}/"}
