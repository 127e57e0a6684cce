"""Protocol, server and client of the signer, over a real Unix socket."""

import os
import resource
import select
import socket
import struct
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread

import pytest

from sinetti.authority.signer import client as signer_client
from sinetti.authority.signer.client import SignerClient
from sinetti.authority.signer.protocol import (
    LARGEST_FRAME,
    MOST_FIELDS,
    Outcome,
    ProtocolError,
    SignerOperation,
    decode_fields,
    decode_tasks,
    encode_frame,
    encode_tasks,
    frame_length,
)
from sinetti.authority.signer.server import SignerActions, SignerServer
from sinetti.authority.signer.tasks import ConsistencyProof, SigningTask, TaskKind
from sinetti.infra.unix_socket import listen_on_path
from sinetti.pki.signers import ActApproval, SignatureProof, SignatureRefused, SignerTimeout, SignerUnavailable
from tests.support.authority import NOW

TASKS = {
    "plain": SigningTask(TaskKind.LIST, "issuing", b"octets"),
    "empty octets": SigningTask(TaskKind.ANSWER, "answers-1", b""),
    "with the proof of a renewal": SigningTask(
        TaskKind.CERTIFICATE, "issuing", b"tbs", SignatureProof(b"der", b"info", b"value", b"digested")
    ),
    "with an empty consistency proof": SigningTask(TaskKind.CHECKPOINT, "log", b"1", consistency=ConsistencyProof()),
    "with hashes": SigningTask(TaskKind.CHECKPOINT, "log", b"9", consistency=ConsistencyProof((b"a" * 32, b"b" * 32))),
    "with an approval": SigningTask(TaskKind.CHECKPOINT, "log", b"k", approval=ActApproval(b"{}", (b"one", b"two"))),
}

ME = os.getuid()
AWAY = "the token is away"

BODIES = {
    "nothing": b"",
    "half a length": b"\0\0",
    "a length beyond the end": struct.pack(">I", 5) + b"four",
    "octets after the last field": encode_frame([b"one"])[4:] + b"\0",
    "too many fields": struct.pack(">I", 0) * (MOST_FIELDS + 1),
}

BAD_TASKS = {
    "too few fields": [b"list", b"issuing", b"octets", b"0", b"0"],
    "an unknown kind": [b"ca", b"issuing", b"octets", b"0", b"0", b"0"],
    "a key that is no text": [b"list", b"\xff", b"octets", b"0", b"0", b"0"],
    "a count that is no number": [b"list", b"issuing", b"octets", b"-1", b"0", b"0"],
    "a count beyond the end": [b"list", b"issuing", b"octets", b"0", b"0", b"1"],
    "half a proof": [b"certificate", b"issuing", b"octets", b"2", b"0", b"0", b"der", b"info"],
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_tasks_survive_the_wire(task):
    assert decode_tasks(encode_tasks([task, TASKS["plain"]])) == [task, TASKS["plain"]]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_fields_is_refused(body):
    with pytest.raises(ProtocolError):
        decode_fields(body)


@pytest.mark.parametrize("fields", BAD_TASKS.values(), ids=BAD_TASKS)
def test_fields_that_are_no_tasks_are_refused(fields):
    with pytest.raises(ProtocolError):
        decode_tasks(fields)


def test_a_frame_that_is_too_long_is_refused():
    with pytest.raises(ProtocolError):
        frame_length(struct.pack(">I", LARGEST_FRAME + 1))


def signed(tasks, _now):
    results = []
    for task in tasks:
        if task.key == "away":
            raise SignerUnavailable(AWAY)
        if task.key == "foreign":
            results.append(SignatureRefused("the octets are of another CA"))
        else:
            results.append(b"signature of " + task.octets)
    return results


def refused(*_fields):
    sentence = "no key is made"
    raise SignatureRefused(sentence)


@contextmanager
def serving(path, users=(ME,), sign=signed, **limits):
    listener, (stop, stopping) = listen_on_path(path, 8), socket.socketpair()
    others = {SignerOperation.MAKE: refused, SignerOperation.STATUS: lambda *fields: [b"well", *fields]}
    server = SignerServer(listener, users, SignerActions(sign, others, lambda: NOW), **limits)
    thread = Thread(target=server.run, args=(stop.fileno(),))
    thread.start()
    try:
        yield
    finally:
        stopping.send(b"x")
        thread.join(60)
        for one in (listener, stop, stopping):
            one.close()
        assert not thread.is_alive()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "signer.sock"


def test_signatures_come_back_in_their_order(path):
    with serving(path):
        client = SignerClient(path)
        found = client.sign([SigningTask(TaskKind.LIST, "issuing", b"%d" % number) for number in range(5)])
        assert found == [b"signature of %d" % number for number in range(5)]
        assert client.sign([SigningTask(TaskKind.LIST, "issuing", b"again")]) == [b"signature of again"]
        client.close()


def test_a_refusal_is_an_answer_and_a_missing_key_an_error(path):
    with serving(path):
        client = SignerClient(path)
        first, second = client.sign([TASKS["plain"], SigningTask(TaskKind.LIST, "foreign", b"")])
        assert first == b"signature of octets"
        assert isinstance(second, SignatureRefused)
        with pytest.raises(SignerUnavailable, match="the token is away"):
            client.sign([SigningTask(TaskKind.LIST, "away", b"")])
        with pytest.raises(SignatureRefused, match="no key is made"):
            client.call(SignerOperation.MAKE, b"label")
        assert client.call(SignerOperation.STATUS, b"now") == [b"well", b"now"]
        client.close()


def test_many_threads_get_their_own_signatures(path):
    wrong = []
    with serving(path):
        client = SignerClient(path)

        def ask(name):
            for number in range(50):
                octets = b"%s %d" % (name, number)
                if client.sign([SigningTask(TaskKind.LIST, "issuing", octets)]) != [b"signature of " + octets]:
                    wrong.append(octets)

        threads = [Thread(target=ask, args=(b"%d" % number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        client.close()
    assert wrong == []


def test_requests_that_wait_together_are_decided_together(path):
    sizes = []

    def counted(tasks, now):
        sizes.append(len(tasks))
        return signed(tasks, now)

    octets = encode_frame([SignerOperation.SIGN.value, *encode_tasks([TASKS["plain"]])])
    listener = listen_on_path(path, 8)
    callers = [socket.socket(socket.AF_UNIX) for _ in range(4)]
    for one in callers:
        one.connect(str(path))
    stop, stopping = socket.socketpair()
    server = SignerServer(listener, {os.getuid()}, SignerActions(counted, {}, lambda: NOW))
    thread = Thread(target=server.run, args=(stop.fileno(),))
    thread.start()
    for one in callers:
        one.sendall(octets)
    for one in callers:
        one.settimeout(60)
        assert decode_fields(one.recv(4096)[4:])[0] == Outcome.DONE.value
        one.close()
    stopping.send(b"x")
    thread.join(60)
    for one in (listener, stop, stopping):
        one.close()
    assert sum(sizes) == 4


def frame_of(key):
    return encode_frame([SignerOperation.SIGN.value, *encode_tasks([SigningTask(TaskKind.LIST, key, b"octets")])])


def outcome_of(caller):
    return decode_fields(caller.recv(4096)[4:])[0]


@pytest.mark.parametrize(("key", "spared"), [("away", True), ("hanging", False)])
def test_a_key_that_is_away_stops_other_callers_only_if_each_would_wait_for_it(path, key, spared):
    sizes, begun, opened = [], Event(), Event()

    def sign(tasks, now):
        sizes.append(len(tasks))
        if tasks[0].key == "gate":
            begun.set()
            assert opened.wait(60)
        if any(task.key == "hanging" for task in tasks):
            raise SignerTimeout(AWAY)
        return signed(tasks, now)

    with serving(path, sign=sign), ExitStack() as ends:
        callers = [ends.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3)]
        for one in callers:
            one.settimeout(60)
            one.connect(str(path))
            one.sendall(frame_of("issuing"))
            assert outcome_of(one) == Outcome.DONE.value  # so it was accepted
        callers[0].sendall(frame_of("gate"))
        assert begun.wait(60)
        callers[1].sendall(frame_of(key))
        callers[2].sendall(frame_of("issuing"))
        opened.set()
        assert [outcome_of(one) for one in callers] == [
            Outcome.DONE.value,
            Outcome.UNAVAILABLE.value,
            Outcome.DONE.value if spared else Outcome.UNAVAILABLE.value,
        ]
    assert sizes[3:] == ([1, 2, 1, 1] if spared else [1, 2])


def test_more_connections_than_descriptors_do_not_end_the_signer(path):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, limits[1]))
    program = (
        "import resource, socket, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (300, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "callers = [socket.socket(socket.AF_UNIX) for _ in range(180)]\n"
        "for one in callers: one.connect(sys.argv[1])\n"
        "print('connected', flush=True)\n"
        "sys.stdin.read()\n"
    )
    try:
        with serving(path):
            command = [sys.executable, "-c", program, str(path)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
                assert other.stdout.readline() == b"connected\n"
                other.stdin.close()
                other.wait(60)
            client = SignerClient(path)
            assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
            client.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_incomplete_requests_do_not_fill_the_memory(path, monkeypatch):
    monkeypatch.setattr("sinetti.authority.signer.server.MOST_WAITING", 1_000_000)
    with serving(path):
        callers = [socket.socket(socket.AF_UNIX) for _ in range(20)]
        for one in callers:
            one.connect(str(path))
            one.settimeout(60)
            with suppress(OSError):
                one.sendall(struct.pack(">I", LARGEST_FRAME) + bytes(200_000))
        ends = [has_ended(one) for one in callers[-14:]]
        client = SignerClient(path)
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()
        assert all(ends)
        for one in callers:
            one.close()


LARGE = 4 * 1024 * 1024
"""Octets of an answer that no socket's buffer takes."""


@contextmanager
def connected(path, octets):
    """Yield a connection that has sent these octets."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(60)
        one.connect(str(path))
        one.sendall(octets)
        yield one


def asking_much(path):
    """Return a context with a caller that does not read its large answer."""
    return connected(path, encode_frame([SignerOperation.STATUS.value, bytes(LARGE)]))


def wait_for_end(connection):
    """Wait until the signer has closed a connection, and read nothing."""
    poll = select.poll()
    poll.register(connection, 0)
    assert poll.poll(20_000)


def test_callers_that_do_not_read_delay_no_other_and_get_their_answers_whole(path):
    with serving(path, answer_timeout=3600), ExitStack() as ends:
        slow = [ends.enter_context(asking_much(path)) for _ in range(14)]
        client = SignerClient(path)
        for _ in range(3):
            assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()
        for one in slow:
            whole = bytearray()
            while len(whole) < 4 + 4 + 4 + 4 + 4 + LARGE and (octets := one.recv(1_000_000)):
                whole += octets
            assert decode_fields(whole[4:]) == [Outcome.DONE.value, b"well", bytes(LARGE)]
            one.sendall(frame_of("issuing"))
            assert outcome_of(one) == Outcome.DONE.value


def test_a_caller_that_does_not_read_is_closed_after_a_while(path, caplog):
    with serving(path, answer_timeout=0.05), asking_much(path) as slow:
        client = SignerClient(path)
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        wait_for_end(slow)
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]  # one that waits for its next request stays
        client.close()
    assert "its answer took too long" in caplog.text


@pytest.mark.parametrize("octets", [b"\0", encode_frame([b"sign", b"octets"])[:-1]], ids=["a head", "a body"])
def test_a_request_that_does_not_end_is_closed_after_a_while(path, caplog, octets):
    with serving(path, request_timeout=0.05), connected(path, octets) as slow:
        wait_for_end(slow)
        client = SignerClient(path)
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()
    assert "its request took too long" in caplog.text


def test_a_caller_that_leaves_before_its_answer_ends_only_itself(path):
    with serving(path, answer_timeout=3600):
        with asking_much(path):
            pass
        client = SignerClient(path)
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()


def has_ended(connection):
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        return True


FAULTS = {"a full disk": OSError(28, "No space left on device"), "an error of the program": AttributeError("name")}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_operation_that_fails_does_not_end_the_signer(path, fault, monkeypatch):
    def fail(*_fields):
        raise fault

    monkeypatch.setitem(globals(), "refused", fail)
    with serving(path):
        client = SignerClient(path)
        with pytest.raises(SignerUnavailable, match=r"No space left|ended a connection"):
            client.call(SignerOperation.MAKE, b"label")
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()


def test_another_user_is_not_heard(path):
    with serving(path, users=(os.getuid() + 1,)), pytest.raises(SignerUnavailable, match="its log says why"):
        SignerClient(path).sign([TASKS["plain"]])


def test_a_socket_of_another_group(path, monkeypatch):
    class Closed(socket.socket):
        def connect(self, _address):
            raise PermissionError

    monkeypatch.setattr(signer_client.socket, "socket", Closed)
    with pytest.raises(SignerUnavailable, match="run the signer with the group of the service"):
        SignerClient(path).sign([TASKS["plain"]])


def test_a_signer_that_is_not_there(path):
    with pytest.raises(SignerUnavailable, match="start sinetti authority signer"):
        SignerClient(path).sign([TASKS["plain"]])


def test_a_connection_that_a_restart_ended_is_opened_again(path):
    client = SignerClient(path)
    with serving(path):
        client.sign([TASKS["plain"]])
    with serving(path):
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()


def test_a_signer_that_hangs_is_given_up(path, monkeypatch):
    monkeypatch.setattr(signer_client, "REQUEST_TIMEOUT", 0.1)
    listener = listen_on_path(path, 8)
    with pytest.raises(SignerUnavailable, match="did not answer"):
        SignerClient(path).sign([TASKS["plain"]])
    listener.close()


def test_octets_of_a_stranger_end_the_connection_alone(path):
    frames = {
        "no operation": encode_frame([b"open"]),
        "no fields": encode_frame([]),
        "too long": struct.pack(">I", LARGEST_FRAME + 1),
        "no tasks": encode_frame([SignerOperation.SIGN.value, b"one"]),
    }
    with serving(path):
        for frame in frames.values():
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(str(path))
                one.settimeout(60)
                one.sendall(frame)
                assert one.recv(1) == b""
        client = SignerClient(path)
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()


def test_an_answer_in_another_form_is_of_another_version(path):
    def none(_tasks, _now):
        return []

    with serving(path, sign=none):
        client = SignerClient(path)
        with pytest.raises(SignerUnavailable):
            client.sign([TASKS["plain"]])
        client.close()


def test_an_error_of_the_rules_ends_the_connection_alone(path):
    def broken(tasks, _now):
        if tasks[0].key == "broken":
            raise ZeroDivisionError
        return signed(tasks, _now)

    with serving(path, sign=broken):
        client = SignerClient(path)
        with pytest.raises(SignerUnavailable, match="ended a connection"):
            client.sign([SigningTask(TaskKind.LIST, "broken", b"")])
        assert client.sign([TASKS["plain"]]) == [b"signature of octets"]
        client.close()
